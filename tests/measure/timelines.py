"""A bot's voice that needs no bot: bytes that tell where they are from."""

from dataclasses import dataclass
from random import Random

from voicebot.measure.answers import Word

WORD_MS = 500
GAP_MS = 100


@dataclass(frozen=True)
class Got:
    """What the ear got without a hole in it."""

    at_s: float
    ulaw: bytes


def voice(number: int, words: int = 8) -> bytes:
    """An answer of so many words; no two stretches of it, or of another, are alike."""
    return Random(number).randbytes(8 * (WORD_MS + GAP_MS) * words)


def words(count: int = 8) -> tuple[Word, ...]:
    """Where its words are: each 500 ms, with 100 ms between."""
    step = WORD_MS + GAP_MS
    return tuple(Word(f"word{n}", n * step, n * step + WORD_MS) for n in range(count))


def at(ms: float) -> int:
    """The byte that plays at so many milliseconds."""
    return round(8 * ms)
