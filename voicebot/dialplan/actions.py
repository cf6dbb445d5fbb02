"""What is done when a key is pressed, a phrase is said, or nothing is."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Label, Line, Speech, as_text

# Those that need nothing but their name.
WORDS: Final = ("goodbye", "hangup", "replay")


CALLER: Final = "caller"
"""Who gets a text message, if it isn't a target."""
ToolUse = Annotated[
    dict[
        Label,
        dict[str, Annotated[str, BeforeValidator(as_text), Field(max_length=200)]],
    ],
    Field(min_length=1, max_length=1),
]


def _named(given: object) -> object:
    """Take a name for a tool without arguments."""
    return {given: {}} if isinstance(given, str) else given


class Voicemail(Section):
    """The caller leaves a message; how is the dialplan's matter."""


class Sms(Section):
    """A text message, as it is written."""

    text: Speech
    """What it says."""

    to: Label = CALLER
    """Who gets it: `caller`, or a target of the dialplan that has a number."""


class Action(Section):
    """Exactly one of these. `goodbye`, `hangup` and `replay` stand by themselves."""

    say: Speech | None = None
    """Words of ours; then whatever was going on goes on."""

    must_hear: Speech | None = None
    """The same, and nothing that the caller says or presses cuts it short."""

    menu: Label | None = None
    """A menu of `menus` that has `keys`."""

    gather: Label | None = None
    """One that collects digits."""

    transfer: Label | None = None
    """A target of the dialplan: the call is announced, then put through."""

    voicemail: Voicemail | None = None
    """The caller leaves a message; nothing can be set here."""

    send_sms: Sms | None = None
    """A text message is sent, once a call; then whatever was going on goes on."""

    set_: dict[Label, Line] | None = Field(None, alias="set", min_length=1)
    """Variables and what they become."""

    goto: Label | None = None
    """A stage."""

    tool: Annotated[ToolUse, BeforeValidator(_named)] | None = None
    """An `http` tool and its arguments, or its name alone; the model is told what came
    of it, and answers."""

    goodbye: Literal[True] | None = None
    """Say goodbye, then hang up."""

    hangup: Literal[True] | None = None
    """Hang up without a word."""

    replay: Literal[True] | None = None
    """Say the menu's prompt once more; only within a menu."""

    @model_validator(mode="before")
    @classmethod
    def _exactly_one(cls, given: Any) -> Any:
        if isinstance(given, str) and given in WORDS:
            return {given: True}
        if isinstance(given, dict) and len(given) == 1:
            if None in given.values():
                (name,) = given
                message = "expected something behind {name}; " + (
                    "or {name} without braces" if name in WORDS else "see its key"
                )
                raise PydanticCustomError("action", message, {"name": name})
            return given
        message = "expected exactly one of {names}"
        raise PydanticCustomError("action", message, {"names": ", ".join(NAMES)})

    @property
    def name(self) -> str:
        """Which it is."""
        (field,) = self.model_fields_set
        return field.rstrip("_")


NAMES: Final = tuple(field.alias or name for name, field in Action.model_fields.items())
