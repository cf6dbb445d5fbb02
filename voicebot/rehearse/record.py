"""What is known of a rehearsed call when it is over."""

from dataclasses import dataclass, field

from voicebot.bridge.model import NoteDecision, NoteTurn
from voicebot.dialplan.testing import Fault, Step
from voicebot.flow.model import NoteEvent
from voicebot.rehearse.caller import Deed
from voicebot.rehearse.voice import Spoken
from voicebot.sim.stepfun.mind import Utterance
from voicebot.sim.twilio.playout import Segment


@dataclass(slots=True)
class Record:
    """
    What happened. Times are seconds since the call began, at the caller's ear.

    Attributes:
        said: all that the bot had to say: our own words, then the model's answers.
        heard: what of the bot's side reached the ear.
        steps: the test's; those that were begun are in `deeds`.
        stream_ends: when each stream was over; the call may have gone on elsewhere.
        revision: of the dialplan.
        start_stage: of the persona, if it has stages.
        ending: why the call ended, in the words of the call log; None: it went on.
        turns, decisions: the call log's, by number, as they were in the end.
        history: the conversation as the model has it.
        events: what the flow noted, and when.
        rang: targets that were rung: when, which, and what they did.
        values: of the persona's variables, those that are set, in the end.
        lines: of the log.
        happened: faults, when they came.
    """

    steps: tuple[Step, ...]
    revision: str = ""
    said: list[Spoken] = field(default_factory=list)
    heard: list[Segment] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    turns: dict[int, NoteTurn] = field(default_factory=dict)
    decisions: dict[int, NoteDecision] = field(default_factory=dict)
    history: list[Utterance] = field(default_factory=list)
    events: list[tuple[float, NoteEvent]] = field(default_factory=list)
    rang: list[tuple[float, str, str]] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    happened: list[tuple[float, Fault]] = field(default_factory=list)
    start_stage: str | None = None
    stream_ends: list[float] = field(default_factory=list)
    ending: str | None = None
    ended_at: float = 0.0
