"""What the model may ask for. Whether it is done, `flow.policy` decides."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Label, Line, Speech

Use = Literal[
    "transfer",
    "hangup",
    "take_message",
    "collect_digits",
    "set_var",
    "goto_stage",
    "send_sms",
]
Reason = Literal["user_farewell", "silence", "limit"]

# The key that a kind of tool needs, and no other may have; hangup's has a default.
OWN: Final = {
    "transfer": "targets",
    "hangup": "requires_any",
    "collect_digits": "menu",
    "set_var": "vars",
    "goto_stage": "stages",
    "send_sms": "text",
}

Labels = Annotated[tuple[Label, ...], Field(max_length=20)]


class Tool(Section):
    """One thing that the model can ask for, by its name."""

    kind: Literal["builtin"] = "builtin"
    """There is no other kind yet."""

    use: Use
    """What it does."""

    description: Line | None = None
    """What the model is told about it; without this, what it does."""

    targets: Labels = ()
    """Where it may transfer to: targets of the dialplan."""

    requires_any: Annotated[tuple[Reason, ...], Field(max_length=3)] = (
        "user_farewell",
        "silence",
        "limit",
    )
    """Hanging up needs one of these: the caller took leave, says nothing, or the call
    is near its end."""

    menu: Label | None = None
    """The menu that collects the digits."""

    vars: Labels = ()
    """What it may set."""

    stages: Labels = ()
    """Where it may go to."""

    requires: Labels = ()
    """Tools that must have been done before."""

    confirm: Speech | None = None
    """What the caller must have said yes to, in the turn before."""

    text: Speech | None = None
    """What the text message says; the model can't change it."""

    to: Label | None = None
    """Who gets the text message: `caller`, or a target that has a number."""

    max_calls: Annotated[int, Field(ge=1, le=20, strict=True)] = 5
    """How often in one call; `send_sms`: once, if this isn't given."""

    @model_validator(mode="before")
    @classmethod
    def _has_what_it_needs(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        use = given.get("use")
        if use == "send_sms":
            given = {"max_calls": 1, **given}
        elif use in OWN | {"take_message": ""} and "to" in given:
            raise _refused("expected {key} only with use: {kind}", "to", "send_sms")
        for kind, key in OWN.items():
            if use == kind and key not in given and kind != "hangup":
                raise _refused("expected {key}, which use: {kind} needs", key, kind)
            if use != kind and use in OWN | {"take_message": ""} and key in given:
                raise _refused("expected {key} only with use: {kind}", key, kind)
        return given


def _refused(message: str, key: str, kind: str) -> PydanticCustomError:
    return PydanticCustomError("tool", message, {"key": key, "kind": kind})
