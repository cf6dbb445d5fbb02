"""What `dialplan.yaml` says, checked, and all files together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from voicebot.dialplan.persona import Persona
from voicebot.dialplan.section import Section
from voicebot.dialplan.values import (
    Callee,
    Caller,
    Label,
    Language,
    Line,
    Phone,
    Speech,
    filled,
    first_version,
    listed,
)


class Number(Section):
    """One of our phone numbers."""

    e164: Phone
    display_name: Line


class Match(Section):
    """Which calls a route is for; an empty tuple stands for any."""

    to: Annotated[tuple[Callee, ...], BeforeValidator(listed)] = Field(
        (), max_length=100
    )
    from_: Annotated[tuple[Caller, ...], BeforeValidator(listed)] = Field(
        (), alias="from", max_length=2000
    )


class Answer(Section):
    """A persona answers."""

    persona: Label


class Reject(Section):
    """The call is not answered, and costs nothing."""

    reject: Literal["busy", "rejected"]


class Message(Section):
    """A text that Twilio speaks."""

    text: Speech
    language: Language


class Say(Section):
    """Twilio speaks a message and hangs up; no model is involved."""

    message: Message


Action = Answer | Reject | Say
ACTIONS: Final = ("persona", "reject", "message")


def _which(given: object) -> str | None:
    """Name the only action that is given."""
    match given:
        case dict() if len(given) == 1:
            (name,) = given
        case Answer() | Reject() | Say():
            (name,) = type(given).model_fields
        case _:
            return None
    return f"<{name}>" if name in ACTIONS else None


class Route(Section):
    """What is done with some calls; the first route that matches wins."""

    name: Line
    match: Match = Match()
    do: Annotated[
        Annotated[Answer, Tag("<persona>")]
        | Annotated[Reject, Tag("<reject>")]
        | Annotated[Say, Tag("<message>")],
        Discriminator(
            _which,
            custom_error_type="do",
            custom_error_message="expected exactly one of persona, reject and message",
        ),
    ]


class DialplanFile(Section):
    """`dialplan.yaml` by itself."""

    version: Annotated[int, BeforeValidator(first_version)]
    numbers: dict[Label, Number] = {}
    routes: Annotated[tuple[Route, ...], Field(max_length=500), BeforeValidator(filled)]


@dataclass(frozen=True, slots=True)
class Dialplan:
    """All files together, and all references between them good."""

    numbers: Mapping[str, Number]
    routes: tuple[Route, ...]
    personas: Mapping[str, Persona]

    revision: str
    """A short hash of the files: a call's record says which plan it ran on."""
