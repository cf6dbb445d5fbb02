"""
What each step of a call costs: the code that calls run, on the sound of a call.

One minute of a conversation goes through it as fast as it can: no socket, no wait. What
the whole server uses beyond the sum of this is sockets, tasks and the call log.
"""

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import pybase64

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME, ULAW_SILENCE
from voicebot.audio.mixdown import Mixdown
from voicebot.audio.quick import Pcm24ToUlaw, UlawToPcm24, Vad
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import (
    Action,
    AppendAudio,
    AskForReply,
    BotAudio,
    CallerAudio,
    CommitAudio,
    DeadlineReached,
    Event,
    MarkCaller,
    MarkReturned,
    PlayToCaller,
    ReplyDone,
    ReplyStarted,
    SessionReady,
    TurnCommitted,
)
from voicebot.bridge.settings import Settings
from voicebot.runtime.legs import from_stepfun, from_twilio
from voicebot.runtime.neural import load_neural
from voicebot.sim.stepfun.babble import babble
from voicebot.sim.stepfun.wire import base64, frame
from voicebot.sim.twilio.stream import TwilioStream
from voicebot.sim.twilio.wav import read_voice
from voicebot.stepfun.realtime import commands
from voicebot.stepfun.realtime.session import RealtimeSession
from voicebot.twilio.stream import MediaStream

VOICES: Final = Path(__file__).parents[1] / "sim" / "voices"
MINUTE_S: Final = 60
ROUND_S: Final = 12
"""The caller speaks for 3 s, then the bot for 7 s: 58 % of the time."""
SPEAKS_S: Final = 3
ANSWERS_S: Final = 7
NEURAL: Final = "neural detector"
LOOKS: Final = 10_000
DELTA_MS: Final = 200
FRAMES_A_SECOND: Final = 1000 // FRAME_MS


class Step:
    """The processor's time that one step has taken: `with step: ...`, often."""

    def __init__(self) -> None:
        self._began_s = self._seconds = 0.0
        self._times = 0

    def __enter__(self) -> None:
        self._began_s = time.thread_time()

    def __exit__(self, *_: object) -> None:
        self._seconds += time.thread_time() - self._began_s
        self._times += 1

    @property
    def seconds(self) -> float:
        """Without what it takes to look at the clock."""
        return max(0.0, self._seconds - self._times * _look_s())


class Clock:
    """How much of the processor's time each step took: not what others took of it."""

    def __init__(self) -> None:
        self._steps: dict[str, Step] = {}

    def of(self, name: str) -> Step:
        return self._steps.setdefault(name, Step())

    def ms(self, name: str) -> float:
        """For each second of a call."""
        return 1000 * self._steps[name].seconds / MINUTE_S

    def all_ms(self) -> dict[str, float]:
        return {name: self.ms(name) for name in self._steps}


@cache
def _look_s() -> float:
    step = Step()
    for _ in range(LOOKS):
        with step:
            pass
    return step._seconds / LOOKS


def measure_steps() -> dict[str, float]:
    """
    Make the minute once.

    Returns:
        Step -> milliseconds for each second of a call.
    """
    clock = Clock()
    frames = _line()
    actions, heard = _converse(clock, frames)
    _parts(clock, heard, actions)
    spent = clock.all_ms()
    inside = ("voice detection", NEURAL, "8 to 24 kHz", "24 to 8 kHz")
    # They are parts of it; all but the neural detector are measured by themselves.
    spent["bridge"] = max(0.0, spent["bridge"] - sum(spent[each] for each in inside))
    return spent


def _caller(seconds: int) -> list[bytes]:
    """Frames of a line on which somebody speaks every 12 s."""
    voice = read_voice(VOICES / "hello_weasels.wav")[: 8000 * SPEAKS_S]
    line = (voice + ULAW_SILENCE * (8000 * ROUND_S - len(voice))) * (seconds // ROUND_S)
    return [line[at : at + ULAW_FRAME] for at in range(0, len(line), ULAW_FRAME)]


def _line() -> list[bytes]:
    """The same as Twilio's frames."""
    twilio = TwilioStream(
        account_sid="AC", call_sid="CA", stream_sid="MZ", parameters={}
    )
    start = [twilio.start()]
    media = [
        twilio.media(ulaw, number * FRAME_MS)
        for number, ulaw in enumerate(_caller(MINUTE_S))
    ]
    return [each.encode() for each in (*start, *media)]


def _converse(
    clock: Clock, frames: list[bytes]
) -> tuple[list[tuple[float, Action]], list[bytes]]:
    """
    Run the bridge between both protocols.

    Returns:
        Its actions, with their times; and the audio that it got from the caller.
    """
    stream, session = MediaStream(), RealtimeSession()
    stream.receive(frames[0])
    hear = load_neural().listen()

    def listen(ulaw: bytes) -> float:
        with clock.of(NEURAL):
            return hear(ulaw)

    bridge = Bridge(Settings(idle_s=600.0, duration_s=3600.0), 0.0, listen)
    done: list[tuple[float, Action]] = []
    heard: list[bytes] = []
    answers = 0
    marks: list[tuple[float, str]] = []
    deltas: list[tuple[float, bytes]] = []
    ends_at = 0.0

    def give(event: Event, now: float) -> None:
        nonlocal answers, ends_at
        with clock.of("bridge"):
            actions = bridge.handle(event, now)
        for action in actions:
            done.append((now, action))
            if isinstance(action, PlayToCaller):
                with clock.of("to Twilio"):
                    stream.play(action.ulaw)
                ends_at = max(ends_at, now) + len(action.ulaw) / 8000
            elif isinstance(action, MarkCaller):
                with clock.of("to Twilio"):
                    stream.mark(action.name)
                marks.append((ends_at, action.name))
            elif isinstance(action, AppendAudio):
                with clock.of("to StepFun"):
                    commands.append(action.pcm16)
            elif isinstance(action, CommitAudio):
                give(TurnCommitted(f"item {answers}"), now)
            elif isinstance(action, AskForReply):
                answers += 1
                give(ReplyStarted(f"response {answers}"), now)
                deltas.extend(_deltas(answers, now))

    bridge.start(0.0)
    give(SessionReady(), 0.0)
    for number, data in enumerate(frames[1:], 1):
        now = number * FRAME_MS / 1000
        while marks and marks[0][0] <= now:
            give(MarkReturned(marks.pop(0)[1]), now)
        while deltas and deltas[0][0] <= now:
            delta = deltas.pop(0)[1]
            with clock.of("from StepFun"):
                event = session.receive(delta)
            assert event
            translated = from_stepfun(event)
            assert isinstance(translated, BotAudio)
            give(translated, now)
            if not deltas:
                give(ReplyDone(translated.response_id), now)
        deadline = bridge.next_deadline()
        if deadline is not None and deadline <= now:
            give(DeadlineReached(), now)
        with clock.of("from Twilio"):
            message = stream.receive(data)
        assert message
        said = from_twilio(message)
        assert isinstance(said, CallerAudio)
        heard.append(said.ulaw)
        give(said, now)
    return done, heard


def _deltas(answer: int, now: float) -> list[tuple[float, bytes]]:
    """Frames of one answer, as StepFun sends them."""
    size = 48 * DELTA_MS
    voice = (babble("We are open every day from nine to five.") * 4)[
        : 48_000 * ANSWERS_S
    ]
    return [
        (
            now + 0.3 + at / 48_000 / 1.05,
            frame(
                {
                    "type": "response.audio.delta",
                    "response_id": f"response {answer}",
                    "item_id": f"item of response {answer}",
                    "output_index": 0,
                    "content_index": 0,
                    "delta": base64(voice[at : at + size]),
                },
                f"00000000-0000-4000-8000-{at:012}",
            ).encode(),
        )
        for at in range(0, len(voice), size)
    ]


def _parts(
    clock: Clock, heard: list[bytes], actions: list[tuple[float, Action]]
) -> None:
    """What the bridge did inside, done once more by itself."""
    vad, up, down, mix = Vad(), UlawToPcm24(), Pcm24ToUlaw(), Mixdown()
    given = [
        len(each.pcm16) // 6 for _, each in actions if isinstance(each, AppendAudio)
    ]
    line = b"".join(heard)
    said = [each for _, each in actions if isinstance(each, PlayToCaller)]
    with clock.of("voice detection"):
        for ulaw in heard:
            vad.push(ulaw)
    with clock.of("8 to 24 kHz"):
        at = 0
        for size in given:
            up.push(line[at : at + size])
            at += size
    spoken = [
        pybase64.b64decode(delta[delta.rindex(b':"') + 2 : -2])
        for _ in range(MINUTE_S // ROUND_S)
        for _, delta in _deltas(1, 0.0)
    ]
    with clock.of("24 to 8 kHz"):
        for pcm16 in spoken:
            down.push(pcm16)
    with clock.of("recording"):
        for number, ulaw in enumerate(heard):
            mix.caller(ulaw, number * FRAME_MS)
            if number % FRAMES_A_SECOND == 0:
                mix.take(number * FRAME_MS - 1000)
        for play in said:
            mix.bot(play.ulaw, 1000 * play.at)


def best_of(rounds: int, once: Callable[[], dict[str, float]]) -> dict[str, float]:
    """The least of each step: what else the machine did isn't the code's."""
    runs = [once() for _ in range(rounds)]
    return {step: min(run[step] for run in runs) for step in runs[0]}
