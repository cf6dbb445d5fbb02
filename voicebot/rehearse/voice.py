"""Voices without an engine: what each says, when each of its words is over."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate
from typing import Final

import numpy as np

from voicebot.audio.framing import ULAW_HZ, ulaw_bytes
from voicebot.audio.g711 import pcm16_to_ulaw
from voicebot.audio.resample import Pcm24ToUlaw
from voicebot.bridge.words import spoken_lengths
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


# Of the bot's voice: for each unit of a word's length; between ideographs, other
# words, and after a mark.
PACE: Final = ulaw_bytes(120)
SHORT_GAP: Final = ulaw_bytes(90)
GAP: Final = ulaw_bytes(120)
LONG_GAP: Final = ulaw_bytes(320)
SHORTEST: Final = ulaw_bytes(40)
MARKS: Final = frozenset(".,;:!?。，；：？！")


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
def spoken(text: str) -> Spoken:
    """Speak as a caller does."""
    samples = from_pcm16(babble(text, ULAW_HZ))
    return Spoken(text, pcm16_to_ulaw(to_pcm16(_dithered(samples, text))), timed(text))


@lru_cache(512)
def prompted(text: str) -> Spoken:
    """Speak words of ours."""
    samples, syllables = _distinct(text)
    return Spoken(text, pcm16_to_ulaw(to_pcm16(_dithered(samples, text))), syllables)


@lru_cache(512)
def answered(text: str, take: int) -> Spoken:
    """Speak as the model does; no two answers of a call are the same take."""
    samples, syllables = _distinct(text)
    # To whole tenths of a second: other lengths may have no quick transform.
    padded = np.pad(samples, (0, -len(samples) % ulaw_bytes(100)))
    padded = _dithered(padded, f"{take} {text}")
    pcm16 = to_pcm16(resample(padded, ULAW_HZ, 24_000))
    return Spoken(text, Pcm24ToUlaw().push(pcm16), syllables, pcm16)


def timed(text: str) -> tuple[Syllable, ...]:
    """Say when each syllable of a text is spoken by a caller."""
    found: list[Syllable] = []
    pieces = syllables(text)
    ends_ms = accumulate(length for _, length in pieces)
    after_word = False
    for (piece, length_ms), end_ms in zip(pieces, ends_ms, strict=True):
        if not piece[0].isalnum():
            after_word = False
            if found:
                found[-1] = replace(found[-1], text=found[-1].text + piece)
            continue
        is_ideograph = "\u4e00" <= piece[0] <= "\u9fff"
        start, end = ulaw_bytes(end_ms - length_ms), ulaw_bytes(end_ms)
        begins_word = is_ideograph or not after_word
        found.append(Syllable(piece, begins_word, start, end))
        after_word = not is_ideograph
    return tuple(found)


def in_words(syllables: Sequence[Syllable]) -> list[list[Syllable]]:
    """Put together what belongs to one word."""
    words: list[list[Syllable]] = []
    for each in syllables:
        if each.begins_word:
            words.append([])
        words[-1].append(each)
    return words


def _distinct(text: str) -> tuple[Samples, tuple[Syllable, ...]]:
    """Speak each word apart, and as long as its letters let expect, as a voice does."""
    sound: list[Samples] = [np.zeros(0)]
    found: list[Syllable] = []
    at = 0
    for word in in_words(timed(text)):  # an ideograph is one
        written = "".join(each.text for each in word)
        length = sum(spoken_lengths(written)) * PACE
        natural = word[-1].end - word[0].start
        for each in word:
            size = max(SHORTEST, round((each.end - each.start) / natural * length))
            voiced = from_pcm16(babble(re.sub(r"[\W_]", "", each.text), ULAW_HZ))
            sound.append(np.resize(voiced, size))
            found.append(replace(each, start=at, end=at + size))
            at += size
        pause = SHORT_GAP if written[-1] >= "\u4e00" else GAP
        if set(written) & MARKS:
            pause = LONG_GAP
        sound.append(np.zeros(pause))
        at += pause
    return np.concatenate(sound), tuple(found)


def _dithered(samples: Samples, seed: str) -> Samples:
    # NumPy's legacy generator: its streams are frozen.
    random = np.random.RandomState(zlib.crc32(seed.encode()))
    noise = random.standard_normal(len(samples))
    return np.asarray(samples + DITHER * noise, np.float64)
