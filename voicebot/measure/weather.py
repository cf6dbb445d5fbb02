"""What the bot and its caller are in a storm, and how the bot is told at the ear."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import inf
from random import Random
from typing import Final, Literal

import numpy as np

from voicebot.audio.framing import ULAW_FRAME, ULAW_HZ, ulaw_bytes
from voicebot.audio.g711 import ulaw_to_pcm16
from voicebot.bridge.settings import BargeIn, Listening, Prompt, Settings
from voicebot.measure.corpus import load
from voicebot.measure.sound import gain, to_ulaw
from voicebot.sim.twilio.playout import Segment

# Softer than -16 dBov: loud enough to be a voice, too soft to drown the caller's.
CODES: Final = bytes(range(0xB0, 0xEE))
GREETING: Final = "prompt:greeting"
GREETING_CODE: Final = 0xEF

SURE: Final = ulaw_bytes(5)
"""Whose voice it is shows after 4 ms: so long a resampler swings."""
SLACK_S: Final = 1 / ULAW_HZ


@dataclass(frozen=True, slots=True)
class Weather:
    """What kind of call it is."""

    owner: Literal["local", "server"]
    marks: Literal["in time", "late", "lost", "never"]
    mode: Literal["stop", "pause"]


WEATHERS: Final = tuple(
    Weather(owner, marks, mode)
    for mode in ("stop", "pause")
    for marks in ("in time", "late", "lost", "never")
    for owner in ("local", "server")
)


def weather(seed: int) -> Weather:
    """The kind of the call that follows from a seed."""
    return WEATHERS[seed % len(WEATHERS)]


def settings(wanted: Weather, random: Random) -> Settings:
    """Of a call in which only what somebody does ends anything."""
    greeting = Prompt("Hello", bytes([GREETING_CODE]) * ULAW_HZ)
    return Settings(
        owner=wanted.owner,
        greeting=random.choice([greeting, Prompt("Hello"), Prompt("")]),
        barge_in=BargeIn(
            wanted.mode,
            min_ms=100,
            backchannel=("mm-hm",),
            stop=random.choice(["immediate", "fade", "word"]),
        ),
        listening=Listening(end_silence_ms=200),
        idle_s=1e6,
        no_media_s=1e6,
        duration_s=1e6,
        stall_s=1e5,
    )


def spoken(code: int, size: int) -> bytes:
    """So many bytes of an answer, 24 kHz."""
    return (ulaw_to_pcm16(bytes([code])) * (size // 2 + 1))[:size]


@cache
def voice() -> bytes:
    """Half a second of a caller: a clear voice."""
    clip = load().named("allison_hello")
    first = ulaw_bytes(clip.onset_ms)
    return to_ulaw(clip.samples[first : first + ulaw_bytes(500)] * gain(2.0))


def voices(ulaw: bytes) -> list[tuple[int, int, int]]:
    """Whose voices these are: (code, from, to), where one was sure."""
    codes = np.frombuffer(ulaw, np.uint8)
    edges = np.flatnonzero(np.diff(codes)) + 1
    bounds = [0, *edges.tolist(), len(codes)]
    return [
        (ulaw[start], start, end)
        for start, end in zip(bounds, bounds[1:], strict=False)
        if end - start >= SURE
    ]


def late(heard: Iterable[Segment], silent_from: dict[int, float]) -> list[int]:
    """
    Find what was heard too late.

    Args:
        heard: the bot at the ear.
        silent_from: code -> when it had to be silent, in seconds.

    Returns:
        How many bytes of each such stretch were too late.
    """
    found = []
    for segment in heard:
        for code, start, end in voices(segment.ulaw):
            over_at = silent_from.get(code, inf) + SLACK_S
            if segment.at_s + end / ULAW_HZ > over_at:
                began_at = max(segment.at_s + start / ULAW_HZ, over_at)
                found.append(round((segment.at_s - began_at) * ULAW_HZ) + end)
    return found


def frames(sizes: Iterable[int]) -> int:
    """How many frames these are, none of them in two of these stretches."""
    return sum(-(-size // ULAW_FRAME) for size in sizes)
