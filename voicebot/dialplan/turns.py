"""When a caller's turn is over, and what happens when they interrupt."""

from typing import Annotated, Literal

from pydantic import Field

from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Line, duration

Profile = Literal["normal", "patient", "digits", "yes_no"]


class Question(Section):
    """What the bot says when it asks for something of another kind."""

    says: Line
    """A phrase that such an answer has in it."""

    profile: Profile
    """The profile of the caller's next turn."""


class Listening(Section):
    """When the caller's turn is over (local VAD)."""

    profile: Profile = "normal"
    """How long a pause ends the caller's turn (`vad: local`)."""

    end_silence_ms: Annotated[int, duration("200ms", "3s", "ms")] | None = Field(
        None, alias="end_silence"
    )
    """That pause, where `listening.profile` holds; else it is the profile's."""

    pace: Literal["adaptive", "fixed"] = "adaptive"
    """Whether that pause follows the caller's pace."""

    questions: tuple[Question, ...] = ()
    """Answers of the bot's after which another profile holds, for one turn."""

    max_turn_s: Annotated[float, duration("5s", "5m", "s")] = Field(
        30.0, alias="max_turn"
    )
    """No turn of the caller is longer (`vad: local`)."""


class BargeIn(Section):
    """What happens when the caller speaks while the bot does."""

    mode: Literal["pause", "stop", "never"] = "pause"
    """Pause, and go on if nothing was meant by it; stop for good; or go on."""

    min_ms: Annotated[int, duration("0ms", "3s", "ms", bare=True)] = 100
    """Clear speech that makes the bot pause or stop; what is less clear must last
    longer."""

    confirm_ms: Annotated[int, duration("100ms", "5s", "ms", bare=True)] = 600
    """Speech this long is an interruption, whatever its words (`pause`); not below
    `min_ms`."""

    decide_ms: Annotated[int, duration("100ms", "2s", "ms", bare=True)] = 800
    """How long a paused bot waits for the words of what was shorter (`pause`)."""

    min_words: Annotated[int, Field(ge=1, le=5, strict=True)] = 1
    """So many words are an interruption, backchannel not counted; a Chinese character
    is a word (`pause`)."""

    backchannel: tuple[Line, ...] = ()
    """What callers say to show that they listen: the bot goes on (`pause`)."""

    stop_words: tuple[Line, ...] = ()
    """What is an interruption however short (`pause`)."""

    stop: Literal["immediate", "fade", "word"] = "fade"
    """How the bot falls silent; `word`: at the end of a word, if one is near."""

    dtmf: Literal["always", "never"] = "always"
    """Whether a key that the caller presses stops it, whatever the mode."""
