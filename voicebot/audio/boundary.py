"""
Where one word of the bot's ends and another begins, by the dips of the level.

Nobody tells when a voice says which word, so it is listened for, and found roughly:
words that run into each other have no dip between them, and a `t` or `k` within a
word has one. Of recorded words, spoken one by one and put 120 ms apart, about five
in six beginnings are found within 40 ms; else a `t` or `k` is taken for one, or none.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.framing import ulaw_bytes
from voicebot.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16
from voicebot.audio.level import FULL_SCALE

STEP: Final = ulaw_bytes(10)

# What a dip is: how far below the loudest tenth of what is around it, and how many
# steps long at least. A pause counts before a weak consonant does, be it farther off.
DIPS: Final = ((32.0, 6), (32.0, 3), (20.0, 4))

SILENCE_DBOV: Final = -58.0
"""What is softer is a dip, whatever is around it."""

AROUND: Final = ulaw_bytes(200)

# The beginning of a word is soft, and is over before it can be told from a dip.
LEAD: Final = ulaw_bytes(20)


def word_start(ulaw: bytes, at: int, reach_ms: int = 500) -> int:
    """
    Find where the word began that is spoken at a position.

    Args:
        ulaw: what the bot says, G.711 μ-law at 8 kHz, from its beginning (which is
            taken for the beginning of a word) or from further back than `reach_ms`.
        at: bytes from there.
        reach_ms: how far back to look.

    Returns:
        A position up to `at`; `at` itself if nothing is spoken there, or if the word
        has no beginning within reach.
    """
    earliest = at - ulaw_bytes(reach_ms)
    for dips in _dips(ulaw, earliest - AROUND, at + AROUND):
        begins, ends = next((dip for dip in reversed(dips) if dip[0] <= at), (-1, -1))
        if at <= ends:
            return at
        if max(earliest, 0) <= ends:
            return max(begins, ends - LEAD, earliest)
    return at if earliest > 0 else 0


def word_end(ulaw: bytes, at: int, reach_ms: int = 250) -> int | None:
    """
    Find where the word ends that is spoken at a position.

    Args:
        ulaw: what the bot says, G.711 μ-law at 8 kHz. Its last byte ends no word: it
            may go on.
        at: bytes from there.
        reach_ms: how far ahead to look.

    Returns:
        A position from `at` on; `at` itself if nothing is spoken there; None if the
        word has no end within reach.
    """
    latest = at + ulaw_bytes(reach_ms)
    for dips in _dips(ulaw, at - AROUND, latest + AROUND):
        begins = next((begins for begins, ends in dips if at <= ends), latest + 1)
        if begins <= latest:
            return max(begins, at)
    return None


def faded(ulaw: bytes, ms: int = 40) -> bytes:
    """
    Let the beginning of a piece die away to silence, by half a cosine.

    Returns:
        The first `ms` milliseconds (all of it, if it is shorter); the last byte is
        silence.
    """
    ulaw = ulaw[: ulaw_bytes(ms)]
    samples = np.frombuffer(ulaw_to_pcm16(ulaw), "<i2")
    gain = (1 + np.cos(np.linspace(0, np.pi, len(samples) + 1)[1:])) / 2
    return pcm16_to_ulaw(np.rint(samples * gain).astype("<i2").tobytes())


def _dips(ulaw: bytes, start: int, end: int) -> Iterator[list[tuple[int, int]]]:
    """Where each kind of dip begins and ends, in order, between two positions."""
    start = max(start, 0) // STEP * STEP
    levels = levels_dbov(ulaw[start:end])
    if not len(levels):
        return
    loud = np.percentile(levels, 90)
    for below_db, least in DIPS:
        quiet = levels < max(loud - below_db, SILENCE_DBOV)
        edges = np.flatnonzero(np.diff(quiet, prepend=False, append=False))
        spans = (start + STEP * edges).reshape(-1, 2).tolist()
        yield [(a, b) for a, b in spans if b - a >= least * STEP]


def levels_dbov(ulaw: bytes) -> NDArray[np.float64]:
    """The level of each whole step, dBov: one number in 10 ms."""
    pcm = ulaw_to_pcm16(ulaw[: len(ulaw) // STEP * STEP])
    samples = np.frombuffer(pcm, "<i2") / FULL_SCALE
    power = np.mean(samples.reshape(-1, STEP) ** 2, axis=1)
    levels: NDArray[np.float64] = 10 * np.log10(power + 1e-10)
    return levels
