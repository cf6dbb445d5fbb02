"""
How a realtime server hears: speech that we know is sent as a telephone would, and
the server's own VAD says where it heard it. That tells at which rate it listens.

One answer begins, and is cut off: what was made of it is billed.
"""

import re
from dataclasses import dataclass
from typing import Final

from voicebot.doctor.talk import Script, Talk
from voicebot.stepfun.realtime import commands, events
from voicebot.stepfun.realtime.commands import ServerVad, SessionConfig

ANSWER_S: Final = 5.0
RATE_HZ: Final = 24_000
BYTES_PER_MS: Final = 48
FRAME_MS: Final = 20
LEAD_MS: Final = 1000
"""Silence before the speech: a server that counts otherwise is off by more."""

SILENCE_MS: Final = 500
AFTER_MS: Final = 4000
"""Silence behind it. At 8000 Hz, the server's half second of it would be over."""

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
    talk = Talk(now)
    yield from talk.wait_for(events.SessionCreated, ANSWER_S)
    config = SessionConfig("Answer in one word.", voice, VAD)
    kinds = (events.SessionUpdated, events.ServerError)
    yield from talk.wait_for(kinds, ANSWER_S, talk.session.configure(config))
    sound = bytes(LEAD_MS * BYTES_PER_MS) + pcm16 + bytes(AFTER_MS * BYTES_PER_MS)
    began_at = talk.now
    size = FRAME_MS * BYTES_PER_MS
    for number in range(len(sound) // size):
        frame = commands.append(sound[number * size : (number + 1) * size])
        # Until the next frame is due, as Twilio sends them.
        due_s = began_at + (number + 1) * FRAME_MS / 1000 - talk.now
        for one in (yield from talk.listen(max(0.0, due_s), frame)):
            _note(seen, one.event, one.at - began_at)
        is_sent = (number + 1) * FRAME_MS >= LEAD_MS + seen.speech_ms
        if is_sent and seen.is_complete:
            break
    yield from talk.listen(ANSWER_S, commands.cancel_response(), until=_is_over)


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
