"""What of the caller's line the model was given, and what it understands of that."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from voicebot.audio.framing import ulaw_bytes
from voicebot.measure.sound import Samples

Span = tuple[int, int]
"""From and to, in samples of the line since the call began."""

CHUNK: Final = ulaw_bytes(100)
ALIKE: Final = 0.8
FILTER: Final = ulaw_bytes(2)  # what the bridge's resampler delays
WORD_SHARE: Final = 0.6
"""So much of a word must be there to be understood."""


def thinned(pcm16: bytes) -> Samples:
    """24 kHz to the line's 8 kHz: the bridge made it from that, so nothing aliases."""
    return np.frombuffer(pcm16, "<i2")[::3].astype(np.float64)


def spans(item: Samples, line: Samples) -> list[Span]:
    """
    Find which pieces of the line a recording is made of.

    Args:
        item: the recording, 8000 Hz, with the delay of one resampler.
        line: all that the line carried.

    Returns:
        Pieces in the order of the recording, joined where they touch. What is
        digital silence, or nowhere on the line, is left out.
    """
    if len(item) < CHUNK:
        return []
    count = len(item) // CHUNK
    chunks = item[: count * CHUNK].reshape(count, CHUNK)
    power = (chunks * chunks).sum(axis=1)
    found: list[int | None] = [None] * count
    loudest = int(power.argmax())
    at = None if power[loudest] == 0 else _search(chunks[loudest], line)
    if at is None:
        return []
    found[loudest] = at
    for order in (range(loudest + 1, count), range(loudest - 1, -1, -1)):
        step = 1 if order.step > 0 else -1
        last: int = at
        for n in order:
            place: int | None = last + step * CHUNK
            if not _is_at(chunks[n], line, last + step * CHUNK):
                place = _search(chunks[n], line) if power[n] > 0 else None
            found[n] = place
            last = last + step * CHUNK if place is None else place
    rest = len(item) - count * CHUNK
    return _join(found, rest, len(line))


def _is_at(chunk: Samples, line: Samples, at: int) -> bool:
    if at < 0 or at + CHUNK > len(line):
        return False
    there = line[at : at + CHUNK]
    both = float(np.sqrt((chunk @ chunk) * (there @ there)))
    return both > 0 and float(chunk @ there) / both >= ALIKE


def _search(chunk: Samples, line: Samples) -> int | None:
    size = 1 << (len(line) + CHUNK).bit_length()
    spectrum = np.fft.rfft(line, size) * np.conj(np.fft.rfft(chunk, size))
    products = np.fft.irfft(spectrum, size)[: len(line) - CHUNK + 1]
    squares = np.concatenate([[0.0], np.cumsum(line * line)])
    power = np.maximum(squares[CHUNK:] - squares[:-CHUNK], 1.0)
    at = int((products / np.sqrt(power)).argmax())
    return at if _is_at(chunk, line, at) else None


def _join(found: Sequence[int | None], rest: int, end: int) -> list[Span]:
    joined: list[Span] = []
    for n, at in enumerate(found):
        if at is None:
            continue
        # The resampler brings each sample 2 ms after its place in the recording.
        first, last = at - FILTER, at + CHUNK - FILTER
        if n == len(found) - 1:
            last += rest
        first, last = max(0, first + FILTER), min(end, last + FILTER)
        if joined and abs(joined[-1][1] - first) <= 2:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def covered(parts: Sequence[Span], whole: Span) -> int:
    """How many samples of the whole are in the parts, none counted twice."""
    total, upto = 0, whole[0]
    for first, last in sorted(parts):
        first, last = max(first, upto), min(last, whole[1])
        if last > first:
            total += last - first
            upto = last
    return total


def missing_at_start(parts: Sequence[Span], whole: Span) -> int:
    """How many samples from the whole's beginning on are in none of the parts."""
    for first, last in sorted(parts):
        if last > whole[0]:
            return min(max(0, first - whole[0]), whole[1] - whole[0])
    return whole[1] - whole[0]


def understood(words: str, said: Span, parts: Sequence[Span]) -> str:
    """
    The words that were recorded well enough.

    Nobody measured when each was said: the time is shared out by their letters.
    """
    texts = words.split()
    letters = sum(map(len, texts))
    if not letters:
        return ""
    kept: list[str] = []
    at = float(said[0])
    for text in texts:
        ends = at + (said[1] - said[0]) * len(text) / letters
        word = (round(at), round(ends))
        if covered(parts, word) >= WORD_SHARE * (word[1] - word[0]):
            kept.append(text)
        at = ends
    return " ".join(kept)
