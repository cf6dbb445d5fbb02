"""
How a realtime server hears: speech that we know is sent as a telephone would, and
the server's own VAD says where it heard it. That tells at which rate it listens. The
same is said into the answer, to see whether the server stops by itself.

Two answers begin, and are cut off: what was made of them is billed.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from voicebot.doctor.talk import Script, Talk
from voicebot.stepfun.realtime import commands, events
from voicebot.stepfun.realtime.commands import ServerVad, SessionConfig
from voicebot.stepfun.realtime.events import ResponseStatus

ANSWER_S: Final = 5.0
RATE_HZ: Final = 24_000
BYTES_PER_MS: Final = 48
FRAME_MS: Final = 20
LEAD_MS: Final = 1000
"""Silence before the speech: a server that counts otherwise is off by more."""

SILENCE_MS: Final = 500
AFTER_MS: Final = 4000
"""Silence behind it. At 8000 Hz, the server's half second of it would be over."""

INTO_ANSWER_MS: Final = 1000
"""How much of its answer is let be, before something is said into it."""

COUNT: Final = "Whatever you hear, count aloud from one to forty, and say nothing else."

VAD: Final = ServerVad(0, SILENCE_MS, 1000)
RATES_HZ: Final = (8000, 16_000, 24_000, 48_000)
SLACK: Final = 0.25
"""By how much a position may be off, as a share, until it means nothing."""

WORD: Final = re.compile(r"[a-z']+")


@dataclass(slots=True)
class HearingSeen:
    """What was seen; None: there was no answer, or none that tells."""

    speech_ms: int
    """How long the speech is that was sent."""

    words: str
    """What is said in it."""

    start_ms: int | None = None
    """Where the server heard it begin, on its own clock of audio."""

    end_ms: int | None = None
    """Where it heard it end: at the end of the silence that it waits for."""

    onset_s: float | None = None
    """From the speech's beginning to the news of it."""

    stopped_after_s: float | None = None
    """From its end to the news of that."""

    transcript: str | None = None
    answers: bool = False
    """It began to answer, unasked."""

    turns: int = 0
    stops: bool | None = None
    """It stops its answer when somebody speaks into it."""

    stopped_s: float | None = None
    """How long after it told that somebody does, the answer was over."""

    tokens: Counter[str] = field(default_factory=Counter)
    """What was billed, by `input` and `output`."""

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing more to wait for."""
        return self.answers and None not in (self.end_ms, self.transcript)

    def rate_hz(self) -> int | None:
        """Say at which rate the server listens: that which fits best, if one fits."""
        sent_ms = LEAD_MS + self.speech_ms
        if self.end_ms is None:
            return None
        heard_ms = self.end_ms - SILENCE_MS
        best = min(RATES_HZ, key=lambda hz: abs(sent_ms * RATE_HZ / hz - heard_ms))
        off = abs(heard_ms * best / RATE_HZ / sent_ms - 1)
        return best if off <= SLACK else None

    def understood(self) -> float | None:
        """Say which share of the words is in the transcript."""
        if self.transcript is None:
            return None
        wanted = WORD.findall(self.words.casefold())
        got = set(WORD.findall(self.transcript.casefold()))
        return sum(word in got for word in wanted) / len(wanted)


def look_at_hearing(
    seen: HearingSeen, pcm16: bytes, voice: str, now: float
) -> Script[None]:
    """
    Let the server hear something.

    Args:
        pcm16: the speech, 24 kHz: whole frames of 20 ms.
    """
    talk = Talk(now, seen.tokens)
    yield from talk.wait_for(events.SessionCreated, ANSWER_S)
    config = SessionConfig(COUNT, voice, VAD)
    kinds = (events.SessionUpdated, events.ServerError)
    yield from talk.wait_for(kinds, ANSWER_S, talk.session.configure(config))
    began_at = talk.now

    def note(event: events.ServerEvent) -> None:
        _note(seen, event, talk.now - began_at)

    def is_done(sent_ms: int) -> bool:
        return sent_ms >= LEAD_MS + seen.speech_ms and seen.is_complete

    sound = _silence(LEAD_MS) + pcm16 + _silence(AFTER_MS)
    yield from _send(talk, sound, note, is_done)
    if seen.answers:
        yield from _interrupt(seen, talk, pcm16)
    yield from talk.listen(ANSWER_S, commands.cancel_response(), until=_is_over)


def _interrupt(seen: HearingSeen, talk: Talk, pcm16: bytes) -> Script[None]:
    """Speak into the answer, and see what becomes of it."""
    yield from _send(talk, _silence(INTO_ANSWER_MS), lambda _: None, lambda _: False)
    answer = talk.session.active_response
    told_at: float | None = None

    def note(event: events.ServerEvent) -> None:
        nonlocal told_at
        match event:
            case events.SpeechStarted() if told_at is None:
                told_at = talk.now
            case events.ResponseDone(response_id, status) if response_id == answer:
                if status is not ResponseStatus.COMPLETED:
                    # It may be over before it is told why.
                    seen.stops = True
                    seen.stopped_s = 0.0 if told_at is None else talk.now - told_at
            case _:
                pass

    def is_done(_: int) -> bool:
        return talk.session.active_response != answer

    if answer is None:
        return  # it is over: there is nothing to interrupt
    yield from _send(talk, pcm16 + _silence(AFTER_MS), note, is_done)
    if told_at is not None and talk.session.active_response == answer:
        seen.stops = False


def _send(
    talk: Talk,
    pcm16: bytes,
    note: Callable[[events.ServerEvent], None],
    is_done: Callable[[int], bool],
) -> Script[None]:
    """
    Send sound as a telephone does, a frame whenever one is due.

    Args:
        note: takes each event that comes meanwhile.
        is_done: says after so many milliseconds whether the rest may be left out.
    """
    began_at = talk.now
    size = FRAME_MS * BYTES_PER_MS
    for number in range(1, len(pcm16) // size + 1):
        frame = commands.append(pcm16[(number - 1) * size : number * size])
        due_s = began_at + number * FRAME_MS / 1000 - talk.now

        def noted(event: events.ServerEvent) -> bool:
            note(event)
            return False

        yield from talk.listen(max(0.0, due_s), frame, until=noted)
        if is_done(number * FRAME_MS):
            return


def _silence(milliseconds: int) -> bytes:
    return bytes(milliseconds * BYTES_PER_MS)


def _note(seen: HearingSeen, event: events.ServerEvent, at_s: float) -> None:
    match event:
        case events.SpeechStarted(_, start_ms) if seen.turns == 0:
            seen.turns = 1
            seen.start_ms = start_ms
            seen.onset_s = at_s - LEAD_MS / 1000
        case events.SpeechStarted():
            seen.turns += 1
            seen.end_ms = None  # that was a pause between two words
        case events.SpeechStopped(_, end_ms):
            seen.end_ms = end_ms
            seen.stopped_after_s = at_s - (LEAD_MS + seen.speech_ms) / 1000
        case events.UserTranscript(_, text):
            seen.transcript = f"{seen.transcript or ''} {text}".strip()
        case events.ResponseCreated():
            seen.answers = True
        case _:
            pass


def _is_over(event: events.ServerEvent) -> bool:
    return isinstance(event, events.ResponseDone | events.ServerError)
