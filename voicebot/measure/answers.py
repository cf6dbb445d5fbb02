"""What the bot says in a measured call: recorded words, each known to the sample."""

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final

import numpy as np

from voicebot.audio.framing import ulaw_bytes, ulaw_ms
from voicebot.audio.resample import Pcm24ToUlaw
from voicebot.measure.corpus import Clip, load
from voicebot.measure.sound import gain, noise, set_level
from voicebot.sim.stepfun.babble import resample, to_pcm16

LEVEL_DB: Final = 2.0  # on top of the corpus' -22 dBov: -20, as StepFun speaks
# Two answers may have a word in common, and still no bytes: each has its own level.
OWN_DB: Final = 0.13
# So soft that nobody hears it; so that no two pieces of an answer are the same bytes.
DITHER_DBOV: Final = -62.0
FILTER_MS: Final = 2.0  # what the bridge's resampler delays


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    start_ms: float
    """In the answer as the caller would hear it, from its first sample."""
    end_ms: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Something that the bot says."""

    text: str
    pcm16: bytes
    """As the model sends it: 24000 Hz."""
    ulaw: bytes
    """As the caller hears it if nothing interrupts: 8000 Hz."""
    words: tuple[Word, ...]


@cache
def answer(seed: int, count: int) -> Answer:
    """
    Put an answer together: different words in another order for each seed.

    Words are 60 to 200 ms apart; after every fourth there is a pause of 380 ms.
    """
    random = Random(f"answer {seed}")
    clips = list(load().of("bot"))
    chosen = [clips.pop(int(random.random() * len(clips))) for _ in range(count)]
    pieces: list[np.ndarray] = []
    words: list[Word] = []
    at = 0
    for number, clip in enumerate(chosen):
        gap_ms = 380 if number % 4 == 3 else 60 + int(random.random() * 140)
        voice = _voice(clip)
        start_ms = ulaw_ms(at) + FILTER_MS
        words.append(Word(clip.words, start_ms, start_ms + ulaw_ms(len(voice))))
        pieces += [voice, np.zeros(ulaw_bytes(gap_ms))]
        at += len(voice) + ulaw_bytes(gap_ms)
    own_db = (seed % 20) * OWN_DB
    samples = gain(LEVEL_DB - own_db) * np.concatenate(pieces)
    hiss = noise("white", 30, 1000 + seed)[: len(samples)]
    samples += set_level(hiss, DITHER_DBOV)
    pcm16 = to_pcm16(resample(samples, 8000, 24000))
    ulaw = Pcm24ToUlaw().push(pcm16)
    text = ", ".join(word.text for word in words).capitalize() + "."
    return Answer(text, pcm16, ulaw, tuple(words))


def _voice(clip: Clip) -> np.ndarray:
    """The word without the silence around it."""
    first, end = ulaw_bytes(clip.onset_ms), ulaw_bytes(clip.end_ms)
    return clip.samples[first:end]
