"""A call with nobody on it but a test: the clock is a number, the line is a model."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from tests.audio.signals import speech
from tests.bridge.playout import FarEnd
from voicebot.audio.g711 import ulaw_to_pcm16
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import (
    Action,
    AskForReply,
    BotAudio,
    BotText,
    CallerAudio,
    DeadlineReached,
    Ending,
    EndRequested,
    Event,
    HangUp,
    MarkReturned,
    NoteTurn,
    PeerLost,
    PlayToCaller,
    ReplyDone,
    ReplyStarted,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionReady,
    TurnCommitted,
)
from voicebot.bridge.settings import BargeIn, Prompt, Settings

A = TypeVar("A", bound=Action)

FRAME_S = 0.02
SILENCE = b"\xff" * 160
VOICE = speech(seconds=8.0, level_dbov=-20.0)
# Less than a word, without a gap in it.
SYLLABLE = (VOICE[:1000] + VOICE[2000:3000])[:1440]
BOT_VOICE = speech(seconds=8.0, level_dbov=-20.0)

GREETING = Prompt("Good morning!", BOT_VOICE[: 8 * 2000])
GOODBYE = Prompt("Goodbye!", BOT_VOICE[: 8 * 800])
APOLOGY = Prompt("Sorry, we have a problem.", BOT_VOICE[: 8 * 1200])

# The bot stops for good, at once: what is said of stopping is simpler so. Pausing, the
# default, has its own tests (test_tentative).
STOP = BargeIn("stop")
PLAIN = Settings(barge_in=STOP)
BUSINESS = Settings(barge_in=STOP, goodbye=GOODBYE, apology=APOLOGY, farewells=("bye",))
PHASES = ("listening", "caller", "waiting", "speaking", "tentative", "closing")


def pcm(ms: int) -> bytes:
    """So many ms of the model's voice: 24 kHz, 48 bytes a millisecond."""
    wave = ulaw_to_pcm16(BOT_VOICE[: 8 * ms])
    return b"".join(3 * wave[at : at + 2] for at in range(0, len(wave), 2))


class Call:
    """
    A call from its start on.

    Every method takes the time that what it does would take, and obeys deadlines,
    plays to the far end and brings its marks back in the meantime.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        ready: bool = True,
        began_at: float = 100.0,
        far_end: FarEnd | None = None,
        marks: bool = True,
        listen: Callable[[bytes], float] | None = None,
        bridge: Callable[..., Bridge] = Bridge,
    ) -> None:
        self.now = began_at
        self.log: list[tuple[float, Action]] = []
        self.far_end = far_end or FarEnd()
        self._marks = marks
        self.bridge = bridge(settings or PLAIN, self.now, listen)
        self._note(self.bridge.start(self.now))
        if ready:
            self.give(SessionReady())

    @property
    def phase(self) -> str:
        return self.bridge.phase.value

    def give(self, *events: Event) -> list[Action]:
        """Events that come now, one after the other; what they led to."""
        actions: list[Action] = []
        for event in events:
            actions += self._note(self.bridge.handle(event, self.now))
        return actions

    def wait(self, seconds: float, *, line: bool = True) -> list[Action]:
        """Time passes, and the caller is silent; without a line, nothing comes."""
        if not line:
            return self._pass_until(self.now + seconds)
        return self.hear(SILENCE * round(seconds / FRAME_S))

    def hear(self, ulaw: bytes) -> list[Action]:
        """The caller's line carries this, 50 frames a second."""
        before = len(self.log)
        for at in range(0, len(ulaw), 160):
            self._pass_until(self.now + FRAME_S)
            self.give(CallerAudio(ulaw[at : at + 160]))
        return [action for _, action in self.log[before:]]

    def say(self, seconds: float) -> list[Action]:
        """The caller speaks."""
        return self.hear(VOICE[: round(seconds / FRAME_S) * 160])

    def turn(self, item_id: str = "i1", seconds: float = 1.0) -> list[Action]:
        """The caller speaks, then waits for an answer (turn owner `local`)."""
        before = len(self.log)
        self.say(seconds)
        while AskForReply not in {type(action) for _, action in self.log[before:]}:
            self.wait(FRAME_S)
        self.give(TurnCommitted(item_id))
        return [action for _, action in self.log[before:]]

    def answer(
        self, response_id: str = "r1", ms: int = 2000, *, done: bool = True
    ) -> None:
        """The model answers, all at once."""
        self.give(ReplyStarted(response_id), BotText(response_id, "Yes, of course."))
        self.give(BotAudio(response_id, pcm(ms)))
        if done:
            self.give(ReplyDone(response_id))

    def took(self, kind: type[A], since: float = 0.0) -> list[A]:
        """The actions of this kind since then, in order."""
        return [each for at, each in self.log if isinstance(each, kind) and at >= since]

    def notes(self) -> dict[int, NoteTurn]:
        """The call log: the last note of each turn."""
        return {note.seq: note for note in self.took(NoteTurn)}

    @property
    def ending(self) -> str | None:
        ended = [action.ending.value for action in self.took(HangUp)]
        assert len(ended) <= 1
        return ended[0] if ended else None

    def _pass_until(self, until: float) -> list[Action]:
        before = len(self.log)
        while self.bridge.phase != "ended":
            due = [
                at
                for at in (self.bridge.next_deadline(), self._next_mark())
                if at is not None and at <= until
            ]
            if not due:
                break
            self.now = max(self.now, min(due))
            if self._marks:
                self.give(*map(MarkReturned, self.far_end.marks_back(self.now)))
            deadline = self.bridge.next_deadline()
            if deadline is not None and deadline <= self.now:
                self.give(DeadlineReached())
        self.now = max(self.now, until)
        return [action for _, action in self.log[before:]]

    def _next_mark(self) -> float | None:
        return self.far_end.next_mark() if self._marks else None

    def _note(self, actions: Iterable[Action]) -> list[Action]:
        actions = list(actions)
        for action in actions:
            assert self.ending is None, "an action after HangUp"
            self.log.append((self.now, action))
            self.far_end.send(action, self.now)
        return actions

    def played_ms(self) -> float:
        return sum(len(play.ulaw) for play in self.took(PlayToCaller)) / 8


def kinds(actions: Iterable[Action]) -> list[str]:
    """Their names, in order; the journal's are left out."""
    named = [type(action).__name__ for action in actions]
    return [name for name in named if name not in ("NoteDecision", "NoteHeard")]


def in_phase(phase: str, **wants: Any) -> Call:
    """A call that has come to that phase."""
    if phase == "tentative":
        wants = {"barge_in": BargeIn("pause", stop="immediate"), **wants}
    call = Call(replace(BUSINESS, **wants))
    server = wants.get("owner") == "server"
    call.wait(0.5)
    if phase == "caller":
        call.say(0.6)
    elif phase in ("waiting", "speaking", "tentative") and server:
        call.give(ServerSpeechStarted(), ServerSpeechStopped(), TurnCommitted("i1"))
    elif phase in ("waiting", "speaking", "tentative"):
        call.turn("i1")
    if phase in ("speaking", "tentative"):
        call.answer("r1", ms=3000)
        call.wait(0.56)  # so that nothing is sent at this very moment
        if phase == "tentative":
            call.hear(SYLLABLE)
            while call.phase != phase:
                call.wait(FRAME_S)
    elif phase == "closing":
        call.give(EndRequested(Ending.DRAIN))
        call.wait(0.1)
    elif phase == "ended":
        call.give(PeerLost(Ending.CALLER_HANGUP))
    assert call.phase == phase
    return call
