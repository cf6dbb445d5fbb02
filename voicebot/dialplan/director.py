"""What a second model may decide: it reads along, and picks a name from a list."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.actions import Action
from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Label, Line, duration

# What the director says when there is nothing to do.
NONE: Final = "none"


class Choice(Section):
    """Something that the director may pick: an action of ours, or a tool."""

    when: Line
    """In plain words, what must be so; the director reads this and decides."""

    do: Action | None = None
    """What is done. Either this or `tool`."""

    tool: Label | None = None
    """One of `tools`, under its conditions: stage, `requires`, `confirm`, and so on."""

    args: Annotated[dict[Label, Line], Field(max_length=5)] = {}
    """What `tool` is given: `target`, `stage`, or `name` and `value`."""

    max_calls: Annotated[int, Field(ge=1, le=20, strict=True)] = 5
    """How often in one call; with `tool`, the tool says so."""

    @model_validator(mode="before")
    @classmethod
    def _one_of(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        if ("do" in given) == ("tool" in given):
            raise PydanticCustomError("choice", "expected either do or tool")
        if "do" in given and "args" in given:
            raise PydanticCustomError("choice", "expected args only with tool")
        if "tool" in given and "max_calls" in given:
            raise PydanticCustomError(
                "choice", "expected max_calls only with do: the tool has its own"
            )
        return given


def _some(choices: object) -> object:
    if choices == {}:
        raise PydanticCustomError("empty", "expected at least one")
    return choices


def _named(choices: dict[str, Choice]) -> dict[str, Choice]:
    if NONE in choices:
        raise PydanticCustomError(
            "none", "expected another name than none: that is no action"
        )
    return choices


class Director(Section):
    """
    A second model that reads what is said, and picks what is to be done.

    It picks names only, what they stand for is written here; and the policy judges it
    as it does the model that talks.
    """

    actions: Annotated[
        dict[Label, Choice],
        Field(max_length=20),
        BeforeValidator(_some),
        AfterValidator(_named),
    ]
    """What it may pick, by name."""

    model: Line = "stepaudio-2.5-chat"
    """StepFun's model for it."""

    timeout_s: Annotated[float, duration("500ms", "10s", "s")] = Field(
        2.0, alias="timeout"
    )
    """What it picks later than this is dropped."""

    turns: Annotated[int, Field(ge=1, le=20, strict=True)] = 6
    """How many of the last turns it reads."""

    max_calls: Annotated[int, Field(ge=1, le=200, strict=True)] = 40
    """How often it is asked in one call: once for each turn of the caller's."""
