"""
What was cut is never heard again, in whatever order the world replies.

Each answer is one byte value, so that the far end can tell whose voice it plays.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bridge.calls import SILENCE, VOICE
from tests.bridge.playout import FarEnd
from voicebot.audio.g711 import ulaw_to_pcm16
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import (
    Action,
    AskForReply,
    AskToSay,
    BotAudio,
    BotText,
    CallerAudio,
    CallerText,
    CancelReply,
    ClearCaller,
    DeadlineReached,
    Event,
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
from voicebot.bridge.settings import Prompt, Settings

# It is the other tests that cover the lines; here, tracing would double the time.
pytestmark = pytest.mark.no_cover

MARKS = ["in time", "late", "lost", "never"]

CUTS = 25  # in each call; an interleaving is what happens from one cut to the next
CALLS = {"local": 30, "server": 95}
INTERLEAVINGS: dict[Literal["local", "server"], int] = {"local": 300, "server": 2200}

# Softer than -16 dBov: loud enough to be a voice, too soft to drown the caller's.
CODES = bytes(range(0xB0, 0xEE))
GREETING_CODE = 0xEF
SECONDS = {code: ulaw_to_pcm16(bytes([code])) * 48_000 for code in CODES}
BURST = VOICE[: 8 * 480]


def voices(ulaw: bytes) -> set[int]:
    """Whose voice this is; the first 4 ms of a voice are not told apart."""
    return {code for code in set(ulaw) if ulaw.count(code) >= 40}


class Storm:
    """One call, in which everybody does anything at any time."""

    def __init__(
        self, random: Random, owner: Literal["local", "server"], marks: str
    ) -> None:
        self.random, self.owner, self.marks = random, owner, marks
        greeting = Prompt("Hello", bytes([GREETING_CODE]) * 8000)
        self.bridge = Bridge(
            Settings(
                owner=owner,
                greeting=random.choice([greeting, Prompt("Hello"), Prompt("")]),
                barge_in_min_ms=100,
                end_silence_ms=200,
                idle_s=1e6,
                no_media_s=1e6,
                duration_s=1e6,
                stall_s=1e5,
            ),
            now=50.0,
        )
        self.now = 50.0
        self.far = FarEnd(random.uniform(0, 0.12), random.uniform(0, 0.12))
        self.late: list[tuple[float, str]] = []
        self.responses: list[str] = []
        self.given: Counter[str] = Counter()  # bytes of each response
        self.asked = 0
        self.items = 0
        self.dead: set[str] = set()
        self.heard_ms: dict[str, float] = {}
        self.sent: set[int] = set()
        self.cuts: list[tuple[float, set[int]]] = []
        """When each took effect over there, and what had been sent before it."""

    def run(self) -> None:
        self.take(self.bridge.start(self.now))
        self.give(SessionReady())
        while len(self.cuts) < CUTS and len(self.responses) < len(CODES):
            speaking = self.bridge.phase is Phase.SPEAKING
            weights = SPEAKING if speaking else SILENT
            self.random.choices(STEPS, weights)[0](self)
            self.quiet(self.random.choice([0.0, 0.0, 0.02, 0.1, 0.4]))
        for name in self.responses:
            self.give(BotAudio(name, SECONDS[self.code(name)][:9600]))
        self.quiet(1.0)
        self.judge()

    # ---- what may happen ---------------------------------------------------------

    def start_reply(self) -> None:
        if self.asked or self.random.random() < (
            0.8 if self.owner == "server" else 0.1
        ):
            self.asked = max(0, self.asked - 1)
            self.responses.append(f"r{len(self.responses)}")
            self.give(ReplyStarted(self.responses[-1]))
            self.speak()

    def speak(self) -> None:
        """The newest response goes on, in a piece of any size."""
        if self.responses:
            self.piece(self.responses[-1])

    def speak_late(self) -> None:
        """A piece of an older response comes, or of the newest after its cancel."""
        if self.responses:
            self.piece(self.random.choice(self.responses[-4:]))

    def end_reply(self) -> None:
        if self.responses:
            self.give(ReplyDone(self.random.choice(self.responses[-2:])))

    def interrupt(self) -> None:
        if self.owner == "server" and self.random.random() < 0.5:
            self.give(ServerSpeechStarted())
        else:
            size = 8 * 20 * self.random.randrange(8, 24)
            self.pass_time(size / 8000)
            self.give(CallerAudio(BURST[:size]))

    def stop_speaking(self) -> None:
        if self.owner == "server" and self.random.random() < 0.7:
            self.give(ServerSpeechStopped())
        else:
            self.pass_time(0.3)
            self.give(CallerAudio(SILENCE * 15))

    def model_says(self) -> None:
        self.items += 1
        says: list[Event] = [
            TurnCommitted(f"i{self.items}"),
            CallerText(f"i{self.random.randint(1, self.items)}", "words"),
            ModelRefused("no_speech"),
            ModelRefused("ongoing_response"),
        ]
        says += [BotText(name, "words ") for name in self.responses[-3:]]
        self.give(self.random.choice(says))

    def mark_again(self) -> None:
        generation = self.bridge._speech.ledger.generation
        number = self.random.randint(1, 400)
        self.late.append((self.now, f"g{max(0, generation - 1)}.{number}"))

    # ---- the wiring --------------------------------------------------------------

    def code(self, name: str) -> int:
        return CODES[int(name[1:]) % len(CODES)]

    def piece(self, name: str) -> None:
        size = self.random.choice([1, 7, 480, 4800, 9600, 19_200, 46_081])
        start = self.given[name] % 2
        self.given[name] += size
        self.give(BotAudio(name, SECONDS[self.code(name)][start : start + size]))

    def quiet(self, seconds: float) -> None:
        """Time passes, with what comes by itself."""
        until = self.now + seconds
        while self.now < until:
            self.pass_time(min(0.09, until - self.now))

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while (at := self.far.next_mark()) is not None and at <= until:
            self.now = max(self.now, at)
            for name in self.far.marks_back(at):
                self.bring(name)
        self.now = until
        due = [name for at, name in self.late if at <= self.now]
        self.late = [mark for mark in self.late if mark[0] > self.now]
        self.give(*map(MarkReturned, due))
        deadline = self.bridge.next_deadline()
        if deadline is not None and deadline <= self.now:
            self.give(DeadlineReached())

    def bring(self, mark: str) -> None:
        if self.marks == "late":
            self.late.append((self.now + self.random.choice([0.0, 0.5]), mark))
        elif self.marks == "in time" or (
            self.marks == "lost" and self.random.random() < 0.5
        ):
            self.give(MarkReturned(mark))

    def give(self, *events: Event) -> None:
        for event in events:
            self.take(self.bridge.handle(event, self.now))

    def take(self, actions: list[Action]) -> None:
        for action in actions:
            self.far.send(action, self.now, self.random.uniform(0, 0.01))
            match action:
                case PlayToCaller(ulaw):
                    self.sent |= voices(ulaw)
                    codes = {self.code(name) for name in self.dead}
                    assert not voices(ulaw) & codes, "audio of a dead answer left"
                case ClearCaller():
                    self.cuts.append((self.far.cleared[-1][0], set(self.sent)))
                case NoteTurn(who="bot", response_id=str(name)) if name in self.given:
                    self.dead.add(name)
                    self.heard_ms[name] = action.heard_ms
                case CancelReply():
                    self.dead.add(self.responses[-1])
                case AskForReply() | AskToSay():
                    self.asked += 1
                case _:
                    pass

    def judge(self) -> None:
        played: Counter[int] = Counter()
        for start, ulaw in self.far.played:
            heard = voices(ulaw)
            for at, before in self.cuts:
                assert start <= at or not heard & before, "stale audio was heard"
            played.update(ulaw)
        if self.marks in ("in time", "never"):
            for name, heard_ms in self.heard_ms.items():
                assert abs(heard_ms - played[self.code(name)] / 8) <= 60


STEPS = [
    Storm.start_reply,
    Storm.speak,
    Storm.speak_late,
    Storm.end_reply,
    Storm.interrupt,
    Storm.stop_speaking,
    Storm.model_says,
    Storm.mark_again,
]
# How likely each is: while the bot speaks, and else. Most calls are interrupted.
SPEAKING = [1, 3, 2, 1, 6, 1, 2, 1]
SILENT = [8, 6, 2, 1, 1, 4, 2, 1]


@contextmanager
def untraced() -> Iterator[None]:
    """Measuring coverage takes six times as long as this, and learns nothing here."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


def test_there_are_10_000_interleavings() -> None:
    assert len(MARKS) * sum(INTERLEAVINGS.values()) >= 10_000


@pytest.mark.parametrize("owner", INTERLEAVINGS)
@pytest.mark.parametrize("marks", MARKS)
def test_nothing_that_was_cut_is_ever_heard(
    owner: Literal["local", "server"], marks: str
) -> None:
    cuts = 0

    @given(st.integers(0, 2**64))
    @settings(max_examples=CALLS[owner], deadline=None)
    def storm(seed: int) -> None:
        nonlocal cuts
        call = Storm(Random(seed), owner, marks)
        call.run()
        cuts += len(call.cuts)

    with untraced():
        storm()
    assert cuts >= INTERLEAVINGS[owner]
