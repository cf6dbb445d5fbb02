"""What is known of a rehearsed call when it is over."""

from dataclasses import dataclass, field

from voicebot.bridge.model import Ending, NoteDecision, NoteTurn
from voicebot.dialplan.testing import Fault, Step
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
        turns, decisions: the call log's, by number, as they were in the end.
        history: the conversation as the model has it.
        lines: of the log.
        happened: faults, when they came.
    """

    steps: tuple[Step, ...]
    said: list[Spoken] = field(default_factory=list)
    heard: list[Segment] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    turns: dict[int, NoteTurn] = field(default_factory=dict)
    decisions: dict[int, NoteDecision] = field(default_factory=dict)
    history: list[Utterance] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    happened: list[tuple[float, Fault]] = field(default_factory=list)
    ending: Ending | None = None
    ended_at: float = 0.0
