"""
Everybody does anything at any time: is what was given up ever heard?

Each answer of the bot is one byte value, so that the far end can tell whose it plays.
All that chance decides in a call follows from its seed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count as counted
from math import inf
from random import Random
from typing import Final

from voicebot.audio.framing import (
    ULAW_FRAME,
    ULAW_HZ,
    ULAW_SILENCE,
    ulaw_bytes,
    ulaw_ms,
)
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import (
    Action,
    AskForReply,
    AskToSay,
    BotAudio,
    BotText,
    CallerAudio,
    CallerKey,
    CallerText,
    CancelReply,
    ClearCaller,
    DeadlineReached,
    Event,
    MarkCaller,
    MarkReturned,
    ModelRefused,
    NoteTurn,
    Phase,
    PlayToCaller,
    ReplyDone,
    ReplyStarted,
    ServerSpeechStarted,
    ServerSpeechStopped,
    SessionReady,
    TurnCommitted,
)
from voicebot.measure.clock import Posts
from voicebot.measure.weather import (
    CODES,
    GREETING,
    GREETING_CODE,
    WEATHERS,
    Weather,
    frames,
    late,
    settings,
    spoken,
    voice,
    voices,
    weather,
)
from voicebot.sim.twilio.playout import Playout

CLEARS: Final = 25  # in each call, if it comes to so many
JITTER_S: Final = 0.01
SIZES: Final = (1, 7, 480, 4800, 9600, 19_200, 46_081)  # of a piece of an answer


@dataclass(frozen=True, slots=True)
class Stormed:
    """What many such calls came to."""

    calls: int
    interleavings: int
    """Each is all that happened from one `clear` to the next."""
    given_up: int
    """Answers that were cut off, cancelled, or over."""
    stale: int
    """Frames of an answer that were sent, or heard, after it had been given up."""
    seed: int | None
    """Of the first call with such a frame: it is made again from this."""
    heard_off_ms: float
    """The call log is off by no more about how much of an answer was heard."""


def storms(
    count: int,
    seed: int = 1,
    weathers: Sequence[Weather] = WEATHERS,
    advance: Callable[[int], None] = lambda clears: None,
) -> Stormed:
    """
    Make calls of all kinds in turn, until there were so many interleavings.

    Args:
        seed: of the first call; each call's is one more than that of the one before.
        weathers: make only calls of these kinds.
        advance: told after each call how many interleavings it had.
    """
    calls = clears = given_up = stale = 0
    found: int | None = None
    off_ms = 0.0
    for each in counted(seed):
        if clears >= count:
            break
        if weather(each) not in weathers:
            continue
        storm = Storm(each)
        storm.run()
        calls += 1
        clears += storm.clears
        given_up += len(storm.silent_from)
        stale += storm.stale
        off_ms = max(off_ms, storm.heard_off_ms)
        if storm.stale and found is None:
            found = each
        advance(storm.clears)
    return Stormed(calls, clears, given_up, stale, found, off_ms)


class Storm:
    """
    One call.

    Attributes:
        clears: how many were sent.
        silent_from: answer that was given up -> nothing of it may be heard later.
        stale: frames for which that doesn't hold.
        heard_off_ms: the call log's largest error about what was heard of an answer;
            0 if marks don't tell, or words were said twice.
    """

    def __init__(self, seed: int) -> None:
        self.clears = self.stale = 0
        self.heard_off_ms = 0.0
        self.silent_from: dict[str, float] = {}
        self._weather = weather(seed)
        self._random = random = Random(seed)
        self._now = 50.0
        self._bridge = Bridge(settings(self._weather, random), self._now)
        self._playout = Playout()
        self._there_s, self._back_s = random.uniform(0, 0.12), random.uniform(0, 0.12)
        self._mail: Posts[Action | str] = Posts()
        """On its way: to the far end, or a mark's name on its way back."""
        self._arrives_at = 0.0  # the last of it over there: nothing overtakes
        self._cleared_at: float | None = None
        """When the last clear takes effect; None if audio was sent after it."""
        self._marks: list[str] = []  # that came back
        self._responses: list[str] = []
        self._given: Counter[str] = Counter()  # bytes of each response
        self._asked = self._items = 0
        self._heard_ms: dict[str, int] = {}  # of each answer, as noted

    def run(self) -> None:
        """Play it to its end."""
        random = self._random
        self._take(self._bridge.start(self._now))
        self._give(SessionReady())
        while self.clears < CLEARS and len(self._responses) < len(CODES):
            random.choices(STEPS, LIKELY[self._bridge.phase])[0](self)
            self._wait(random.choice([0.0, 0.0, 0.02, 0.09, 0.3]))
        for name in self._responses:
            self._piece(name, 9600)
        self._wait(1.0)
        self._judge()

    # ---- what may happen ---------------------------------------------------------

    def start_reply(self) -> None:
        unasked = 0.8 if self._weather.owner == "server" else 0.1
        if self._asked or self._random.random() < unasked:
            self._asked = max(0, self._asked - 1)
            self._responses.append(f"r{len(self._responses)}")
            self._give(ReplyStarted(self._responses[-1]))
            self.speak()

    def speak(self) -> None:
        """The newest response goes on, in a piece of any size."""
        if self._responses:
            self._piece(self._responses[-1], self._random.choice(SIZES))

    def speak_late(self) -> None:
        """A piece of an older response comes, or of the newest after its cancel."""
        if self._responses:
            name = self._random.choice(self._responses[-4:])
            self._piece(name, self._random.choice(SIZES))

    def end_reply(self) -> None:
        if self._responses:
            self._give(ReplyDone(self._random.choice(self._responses[-2:])))

    def interrupt(self) -> None:
        if self._weather.owner == "server" and self._random.random() < 0.5:
            self._give(ServerSpeechStarted())
        elif self._random.random() < 0.05:
            self._give(CallerKey("5"))
        else:
            size = ULAW_FRAME * self._random.randrange(8, 24)
            self._pass(size / ULAW_HZ)
            self._give(CallerAudio(voice()[:size]))

    def stop_speaking(self) -> None:
        if self._weather.owner == "server" and self._random.random() < 0.7:
            self._give(ServerSpeechStopped())
        else:
            self._pass(0.3)
            self._give(CallerAudio(ULAW_SILENCE * ulaw_bytes(300)))

    def model_says(self) -> None:
        self._items += 1
        said = f"i{max(1, self._items - self._random.randrange(3))}"
        says: list[Event] = [
            TurnCommitted(f"i{self._items}"),
            CallerText(said, self._random.choice(["what was that", "mm-hm", ""])),
            ModelRefused("no_speech"),
            ModelRefused("ongoing_response"),
        ]
        says += [BotText(name, "words ") for name in self._responses[-3:]]
        self._give(self._random.choice(says))

    def mark_again(self) -> None:
        """A mark comes back that did before."""
        if self._marks:
            self._give(MarkReturned(self._random.choice(self._marks[-20:])))

    # ---- the wiring --------------------------------------------------------------

    @staticmethod
    def _code(name: str) -> int:
        return GREETING_CODE if name == GREETING else CODES[int(name[1:]) % len(CODES)]

    def _piece(self, name: str, size: int) -> None:
        odd = self._given[name] % 2  # half a sample was given: begin with the rest
        self._given[name] += size
        self._give(BotAudio(name, spoken(self._code(name), odd + size)[odd:]))

    def _wait(self, seconds: float) -> None:
        """Time passes, with what comes by itself."""
        until = self._now + seconds
        while self._now < until:
            self._pass(min(0.09, until - self._now))

    def _pass(self, seconds: float) -> None:
        until = self._now + seconds
        while True:
            post_at = self._mail.next_at()
            mark_at = self._playout.next_deadline()
            mark_at = inf if mark_at is None else mark_at
            if min(post_at, mark_at) > until:
                break
            self._now = max(self._now, min(post_at, mark_at))
            if mark_at <= post_at:
                self._bring(self._playout.advance(self._now))
            else:
                self._deliver(self._mail.take())
        self._now = until
        deadline = self._bridge.next_deadline()
        if deadline is not None and deadline <= self._now:
            self._give(DeadlineReached())

    def _deliver(self, post: Action | str) -> None:
        match post:
            case str(name):
                self._marks.append(name)
                self._give(MarkReturned(name))
            case PlayToCaller(ulaw):
                self._playout.media(ulaw, self._now)
            case MarkCaller(name):
                self._playout.mark(name, self._now)
            case ClearCaller():
                self._bring(self._playout.clear(self._now))
            case _:
                pass

    def _bring(self, names: Iterable[str]) -> None:
        """The far end sends marks back."""
        marks, random = self._weather.marks, self._random
        for name in names:
            if marks == "never" or (marks == "lost" and random.random() < 0.5):
                continue
            late_s = random.choice([0.0, 0.5]) if marks == "late" else 0.0
            self._mail.send(self._now + self._back_s + late_s, name)

    def _give(self, event: Event) -> None:
        self._take(self._bridge.handle(event, self._now))

    def _take(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case PlayToCaller(ulaw):
                    self._send(action)
                    self._cleared_at = None
                    dead = {self._code(name) for name in self.silent_from}
                    self.stale += frames(
                        end - start for code, start, end in voices(ulaw) if code in dead
                    )
                case MarkCaller():
                    self._send(action)
                case ClearCaller():
                    self._send(action)
                    self.clears += 1
                    self._cleared_at = self._arrives_at
                case NoteTurn(who="bot", response_id=str(name)):
                    self._give_up(name)
                    self._heard_ms[name] = action.heard_ms
                case CancelReply():
                    self._give_up(self._responses[-1])
                case AskForReply() | AskToSay():
                    self._asked += 1
                case _:
                    pass

    def _send(self, action: Action) -> None:
        at = self._now + self._there_s + self._random.uniform(0, JITTER_S)
        self._arrives_at = max(at, self._arrives_at)
        self._mail.send(self._arrives_at, action)

    def _give_up(self, name: str) -> None:
        """From when the last `clear` before takes effect on; if one is needed now."""
        # If none was sent, all is heard: what a clear sent now would come too late for.
        heard_by = self._now + self._there_s + JITTER_S
        silent_from = heard_by if self._cleared_at is None else self._cleared_at
        self.silent_from.setdefault(name, silent_from)

    def _judge(self) -> None:
        heard = self._playout.heard(self._now)
        silent_from = {self._code(name): at for name, at in self.silent_from.items()}
        self.stale += frames(late(heard, silent_from))
        marks, mode = self._weather.marks, self._weather.mode
        if mode == "stop" and marks in ("in time", "never"):
            played = Counter(b"".join(segment.ulaw for segment in heard))
            for name, heard_ms in self._heard_ms.items():
                off_ms = abs(heard_ms - ulaw_ms(played[self._code(name)]))
                self.heard_off_ms = max(self.heard_off_ms, off_ms)


STEPS: Final = (
    Storm.start_reply,
    Storm.speak,
    Storm.speak_late,
    Storm.end_reply,
    Storm.interrupt,
    Storm.stop_speaking,
    Storm.model_says,
    Storm.mark_again,
)
# How likely each is. Most answers are interrupted.
LIKELY: Final = {
    Phase.LISTENING: (6, 4, 2, 1, 4, 1, 2, 1),
    Phase.CALLER: (2, 1, 1, 2, 1, 14, 2, 1),
    Phase.WAITING: (8, 8, 2, 5, 1, 1, 3, 1),
    Phase.SPEAKING: (1, 3, 2, 1, 6, 1, 2, 1),
    Phase.TENTATIVE: (1, 2, 1, 1, 3, 5, 5, 1),
}
