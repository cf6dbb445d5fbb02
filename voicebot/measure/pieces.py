"""
Whose bytes the ear got: found by comparing them with what the model said.

The bytes of an answer reach the ear as they are, so that this is exact; but where the
bot faded out, they are found by their wave.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from voicebot.audio.framing import ULAW_HZ, ulaw_bytes
from voicebot.measure.sound import Samples, from_ulaw

PROBE: Final = ulaw_bytes(5)
STEP: Final = ulaw_bytes(1)
NEAR: Final = ulaw_bytes(25)
ALIKE: Final = 0.7


class Played(Protocol):
    """Audio that the ear got without a hole in it: `sim.twilio.playout.Segment`."""

    @property
    def at_s(self) -> float: ...

    @property
    def ulaw(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one answer as it reached the ear."""

    at_s: float
    answer: int | None
    """Which one; None if it is of none: faded, or mixed."""
    start: int
    """Its first byte's place in the answer. Of no answer: where it would be."""
    size: int

    @property
    def end_s(self) -> float:
        return self.at_s + self.size / ULAW_HZ

    @property
    def end(self) -> int:
        return self.start + self.size


def pieces(heard: Sequence[Played], answers: Sequence[bytes]) -> list[Piece]:
    """
    Tell which bytes of which answer reached the ear, and when.

    Args:
        heard: what the ear got, oldest first.
        answers: all answers, whole, in μ-law, no two stretches of 5 ms alike.
    """
    found: list[Piece] = []
    expected = (0, 0)
    for segment in heard:
        at = 0
        while at < len(segment.ulaw):
            answer, start, size = _match(segment.ulaw, at, answers, expected)
            when = segment.at_s + at / ULAW_HZ
            last = found[-1] if found else None
            same = last is not None and last.answer == answer and last.end == start
            if last and same and abs(last.end_s - when) < 1e-6:
                found[-1] = Piece(last.at_s, answer, last.start, last.size + size)
            else:
                found.append(Piece(when, answer, start, size))
            at += size
            expected = (expected[0] if answer is None else answer, start + size)
    return [
        _placed(piece, before, heard, answers) if piece.answer is None else piece
        for before, piece in zip([None, *found], found, strict=False)
    ]


def _placed(
    piece: Piece,
    before: Piece | None,
    heard: Sequence[Played],
    answers: Sequence[bytes],
) -> Piece:
    """Find where in the answer before it a faded piece is from, as its wave tells."""
    if before is None or before.answer is None:
        return piece
    whole = answers[before.answer]
    first = max(0, piece.start - NEAR)
    around = from_ulaw(whole[first : piece.start + NEAR + piece.size])
    faded = _samples(piece, heard)
    if len(around) < len(faded) or not len(faded):
        return piece
    # It was faded out, evenly or nearly so: vowels are alike, fades of them less.
    fade = np.linspace(1.0, 0.0, len(faded))
    products = np.correlate(around, faded * fade, "valid")
    power = np.correlate(around * around, fade * fade, "valid") * (faded @ faded)
    alike = products / np.sqrt(np.maximum(power, 1.0))
    best = int(alike.argmax())
    if alike[best] < ALIKE:
        return piece
    return replace(piece, start=first + best)


def _samples(piece: Piece, heard: Sequence[Played]) -> Samples:
    """What was heard in a piece."""
    for segment in heard:
        at = round((piece.at_s - segment.at_s) * ULAW_HZ)
        if 0 <= at < len(segment.ulaw):
            return from_ulaw(segment.ulaw[at : at + piece.size])
    return np.zeros(0)


def _match(
    ulaw: bytes, at: int, answers: Sequence[bytes], expected: tuple[int, int]
) -> tuple[int | None, int, int]:
    """Find whose bytes begin here: (answer or None, place in it, how many)."""
    which, place = expected
    probe = ulaw[at : at + PROBE]
    if which < len(answers) and answers[which][place : place + len(probe)] == probe:
        return which, place, _alike(ulaw, at, answers[which], place)
    if len(probe) == PROBE:
        for number, whole in enumerate(answers):
            if (found := whole.find(probe)) >= 0:
                return number, found, _alike(ulaw, at, whole, found)
    return None, place, min(STEP, len(ulaw) - at)


def _alike(ulaw: bytes, at: int, whole: bytes, place: int) -> int:
    """How many bytes are the same from here on."""
    count = min(len(ulaw) - at, len(whole) - place)
    here = np.frombuffer(ulaw, np.uint8, count, at)
    there = np.frombuffer(whole, np.uint8, count, place)
    differ = (here != there).nonzero()[0]
    return int(differ[0]) if len(differ) else count
