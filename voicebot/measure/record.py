"""What is known of a measured call when it is over."""

from dataclasses import dataclass, field

from voicebot.audio.framing import ULAW_HZ
from voicebot.bridge.model import NoteDecision, NoteTurn
from voicebot.measure.answers import Answer
from voicebot.measure.hearing import Span
from voicebot.measure.scenario import Scenario
from voicebot.sim.twilio.playout import Segment


@dataclass(frozen=True, slots=True)
class Network:
    """How far away everybody is."""

    twilio_ms: float = 5.0
    """One way, between Twilio and us; up to `jitter_ms` more."""
    jitter_ms: float = 10.0
    model_ms: float = 40.0
    """One way, between us and StepFun."""
    carrier_ms: float = 60.0
    """From Twilio's buffer to the ear. Not counted as ours, as nobody can clear it."""


@dataclass(slots=True)
class Record:
    """
    What happened in a call. Times are seconds since it began.

    Attributes:
        neural: whether the bridge had the neural VAD.
        heard: the bot at the ear.
        arrived: (when, answer, bytes at 8 kHz so far) as the bridge got them.
        sent: what the bridge let the caller hear, when it did so.
        given: the pieces of the line that are in the model's items.
        stimulus_at: when the stimulus began; None if it never came to it.
        thinking: answer -> from the request for it to its first audio, in seconds.
        responses: the model's id of each answer.
    """

    scenario: Scenario
    carrier_s: float
    neural: bool = False
    answers: list[Answer] = field(default_factory=list)
    heard: list[Segment] = field(default_factory=list)
    arrived: list[tuple[float, int, int]] = field(default_factory=list)
    sent: list[tuple[float, bytes]] = field(default_factory=list)
    given: list[Span] = field(default_factory=list)
    notes: list[tuple[float, NoteTurn]] = field(default_factory=list)
    decisions: dict[int, NoteDecision] = field(default_factory=dict)
    responses: dict[str, int] = field(default_factory=dict)
    thinking: dict[int, float] = field(default_factory=dict)
    stimulus_at: float | None = None
    ended_at: float = 0.0
    hung_up: bool = False

    @property
    def onset_at(self) -> float | None:
        """When the caller's voice began."""
        at = self.stimulus_at
        return None if at is None else at + self.scenario.stimulus.onset_ms / 1000

    @property
    def done_at(self) -> float | None:
        """When it ended."""
        at = self.stimulus_at
        return None if at is None else at + self.scenario.stimulus.end_ms / 1000

    @property
    def said(self) -> Span | None:
        """The caller's words, as a piece of the line."""
        if self.onset_at is None or self.done_at is None:
            return None
        return round(self.onset_at * ULAW_HZ), round(self.done_at * ULAW_HZ)
