"""What is done when the model fails in a call."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from voicebot.dialplan.actions import Action
from voicebot.dialplan.section import Section
from voicebot.dialplan.values import duration

Engine: TypeAlias = Literal["realtime", "cascade"]


class Fallback(Section):
    """
    What is done when the model fails, one after the other: it is asked again, another
    session takes the conversation up, then one of the other engine, and if none does,
    `do`.
    """

    no_answer_after_s: Annotated[float, duration("2s", "20s", "s")] = Field(
        6.0, alias="no_answer_after"
    )
    """An answer that has not begun by then is asked for again; the second time, the
    model is lost."""

    attempts: Annotated[int, Field(ge=0, le=3, strict=True)] = 1
    """How many new sessions are tried when the model is lost; the first that opens goes
    on with the conversation."""

    within_s: Annotated[float, duration("1s", "10s", "s")] = Field(4.0, alias="within")
    """How long that may take, all attempts together."""

    engine: Literal["cascade"] | None = None
    """With what the call goes on when no session of the realtime model could be had."""

    do: Action | None = None
    """What is done when the model stays lost; without it, an apology ends the call."""
