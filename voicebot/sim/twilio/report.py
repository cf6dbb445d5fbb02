"""What came of a simulated call."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from voicebot.sim.twilio.stream import StreamWarning
from voicebot.sim.twilio.tape import Tape, Turn


class Outcome(StrEnum):
    """How far the call came."""

    COMPLETED = "completed"  # it was answered, and it ended
    REJECTED = "rejected"  # the bot said <Reject>
    REFUSED = "refused"  # the voice webhook failed, or was no TwiML
    BROKEN = "broken"  # a later webhook failed, or was no TwiML
    GAVE_UP = "gave-up"  # the caller lost its patience with the bot
    TOO_LONG = "too-long"  # nobody hung up


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One request to the bot."""

    what: str
    """`voice`, `action`, `redirect`, `stream-started`, `upgrade`, `status` …"""

    status: int
    """Of its answer; 0 if none came."""

    listens: bool = True
    """Whether there was anybody to connect to."""


@dataclass(frozen=True, slots=True)
class Underrun:
    """A hole in the bot's speech, because audio came too late."""

    at_s: float
    ms: float


@dataclass(slots=True)
class Tally:
    """What is counted while the call runs."""

    http: list[HttpAnswer]
    stream_sids: list[str]
    stream_urls: list[str]
    warnings: list[StreamWarning]
    underruns: list[Underrun]
    said: list[str]
    dialled: list[str]
    whispered: list[str] = field(default_factory=list)
    messages: int = 0
    marks_sent: int = 0
    marks_played: int = 0
    marks_cleared: int = 0


@dataclass(frozen=True, slots=True)
class CallReport:
    """
    A call, as the caller and Twilio's debugger saw it.

    Times are seconds from the beginning of the tape, which is when the first stream
    was connected.
    """

    outcome: Outcome
    ended_by: str
    """`caller`, `bot`, `rest` or `twilio`."""

    ending: str
    """In words; a number of Twilio's first if it had one to say."""

    call_sid: str
    duration_s: float
    tape: Tape
    tally: Tally

    @property
    def turns(self) -> list[Turn]:
        return self.tape.turns()

    @property
    def greeting_delay_s(self) -> float | None:
        return self.tape.greeting_delay_s()

    @property
    def warnings(self) -> list[StreamWarning]:
        return self.tally.warnings

    @property
    def underruns(self) -> list[Underrun]:
        return self.tally.underruns

    @property
    def heard_nothing(self) -> bool:
        """Whether neither the bot, nor `<Say>`, nor a transfer reached the ear."""
        tally = self.tally
        return self.greeting_delay_s is None and not (tally.said or tally.dialled)

    def http_status(self, what: str) -> int | None:
        """The first answer to such a request; None if none was made."""
        statuses = (each.status for each in self.tally.http if each.what == what)
        return next(statuses, None)

    def summary(self) -> dict[str, Any]:
        """Everything but the audio and the numbers dialled, for JSON."""
        return {
            "outcome": str(self.outcome),
            "ended_by": self.ended_by,
            "ending": self.ending,
            "call_sid": self.call_sid,
            "stream_sids": self.tally.stream_sids,
            "duration_s": round(self.duration_s, 3),
            "greeting_delay_s": self.greeting_delay_s,
            "said": self.tally.said,
            "turns": [_turn(turn) for turn in self.turns],
            "underruns": [
                {"at_s": round(hole.at_s, 3), "ms": round(hole.ms, 1)}
                for hole in self.underruns
            ],
            "marks": {
                "sent": self.tally.marks_sent,
                "played": self.tally.marks_played,
                "cleared": self.tally.marks_cleared,
            },
            "warnings": [
                {"code": warning.code, "text": warning.text}
                for warning in self.warnings
            ],
            "http": [
                {"what": each.what, "status": each.status} for each in self.tally.http
            ],
        }


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "label": turn.label,
        "started_s": turn.started_s,
        "ended_s": turn.ended_s,
        "reply_gap_s": turn.reply_gap_s,
        "barge_in_stop_s": turn.barge_in_stop_s,
    }
