"""Voices without an engine: what each says, when each of its words is over."""

import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import Final

import numpy as np

from voicebot.audio.framing import ULAW_HZ, ulaw_bytes
from voicebot.audio.g711 import pcm16_to_ulaw
from voicebot.audio.resample import Pcm24ToUlaw
from voicebot.sim.stepfun.babble import (
    Samples,
    babble,
    from_pcm16,
    resample,
    syllables,
    to_pcm16,
)

# So soft that nobody hears it; so that no two pieces of what is said are the same
# bytes, and it can be told which of them the ear got.
DITHER: Final = 32768 * 10 ** (-60 / 20)


@dataclass(frozen=True, slots=True)
class Syllable:
    """A piece of a text, with the blanks and marks behind it, and when it is said."""

    text: str
    begins_word: bool
    start: int
    """In bytes of μ-law from the beginning."""
    end: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text and its sound."""

    text: str
    ulaw: bytes = field(repr=False)
    """As the caller hears it if nothing interrupts, or as the bot hears the caller."""
    syllables: tuple[Syllable, ...]
    pcm16: bytes = field(default=b"", repr=False)
    """As the model sends it, 24000 Hz; of a prompt and of a caller, nothing."""

    @property
    def length_s(self) -> float:
        return len(self.ulaw) / ULAW_HZ


@lru_cache(512)
def spoken(text: str, take: int = 0) -> Spoken:
    """Speak words of ours, or of the caller's. Each take is the same but in bytes."""
    samples = _voiced(text, take)
    return Spoken(text, pcm16_to_ulaw(to_pcm16(samples)), timed(text))


@lru_cache(512)
def answered(text: str, take: int) -> Spoken:
    """Speak as the model does; no two answers of a call are the same take."""
    samples = _voiced(text, take)
    # To whole tenths of a second: other lengths may have no quick transform.
    padded = np.pad(samples, (0, -len(samples) % ulaw_bytes(100)))
    pcm16 = to_pcm16(resample(padded, ULAW_HZ, 24_000))
    return Spoken(text, Pcm24ToUlaw().push(pcm16), timed(text), pcm16)


def timed(text: str) -> tuple[Syllable, ...]:
    """Say when each syllable of a text is spoken."""
    found: list[Syllable] = []
    pieces = syllables(text)
    ends_ms = accumulate(length for _, length in pieces)
    after_word = False
    for (piece, length_ms), end_ms in zip(pieces, ends_ms, strict=True):
        if not piece[0].isalnum():
            after_word = False
            if found:
                last = found.pop()
                found.append(
                    Syllable(last.text + piece, last.begins_word, last.start, last.end)
                )
            continue
        is_ideograph = "\u4e00" <= piece[0] <= "\u9fff"
        start, end = ulaw_bytes(end_ms - length_ms), ulaw_bytes(end_ms)
        begins_word = is_ideograph or not after_word
        found.append(Syllable(piece, begins_word, start, end))
        after_word = not is_ideograph
    return tuple(found)


def _voiced(text: str, take: int) -> Samples:
    samples = from_pcm16(babble(text, ULAW_HZ))
    seed = zlib.crc32(f"{take} {text}".encode())
    # NumPy's legacy generator: its streams are frozen.
    noise = np.random.RandomState(seed).standard_normal(len(samples))
    return np.asarray(samples + DITHER * noise, np.float64)
