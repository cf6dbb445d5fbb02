"""
Which call a piece of sound belongs to, written into the sound.

Six digits of base 8, each one of eight tones: four say which call, one which of its
turns, the last is a checksum. All tones are multiples of 50 Hz between 950 and 3300:
they get through μ-law and both resamplers, repeat every 20 ms, and a window of 40 ms
separates them sharply. The caller's digits are shifted against the bot's, so that no
echo gate takes one for the other.

    caller: voice + tones of its call ─→ server ─→ StepFun reads them out of the turn,
    caller's ear reads them from every 40 ms ←─ server ←─ and speaks with them

A caller who gets any piece of another call's sound reads its number there; one whose
own sound goes to another session makes that one answer with the wrong number.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.framing import PCM_HZ, ULAW_FRAME, ULAW_HZ
from voicebot.audio.g711 import pcm16_rms, pcm16_to_ulaw, ulaw_to_pcm16

BASE: Final = 8
DIGITS: Final = 4
CALLS: Final = BASE**DIGITS
"""So many calls can be told apart."""

TURNS: Final = BASE

STEP_HZ: Final = 50
FIRST_HZ: Final = 950
GROUPS: Final = DIGITS + 2
SHIFT: Final = 3
"""Of the caller's digits against the bot's."""

BOT_PEAK: Final = 260.0
"""Of each tone; all six together have -39 dBov: an ear hears them, softly."""

CALLER_SHARE: Final = 0.12
"""Of each tone in the level of the voice around it: no detector takes that for more."""

FAINT: Final = 60.0
"""A tone with a lower peak is none."""

CLEAR: Final = 2.0
"""So much louder than the second of its group must a tone be."""

PING_HZ: Final = 3350
PING_PEAK: Final = 6000.0
PING_FAINT: Final = 2000.0
PING_MS: Final = 40
PING_AT_MS: Final = 800
"""Into a turn: long after the caller was noticed."""

WINDOW: Final = 2 * ULAW_FRAME
_HANN: Final = (np.hanning(WINDOW + 1)[:-1] * 4 / WINDOW).astype(np.float32)
"""Scaled so that what is found is the peak of a tone."""
_BINS: Final = (
    (FIRST_HZ + STEP_HZ * np.arange(GROUPS * BASE)) * WINDOW // ULAW_HZ
).reshape(GROUPS, BASE)

Samples = NDArray[np.float64]
Peaks = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose sound it is."""

    call: int
    """0 to CALLS - 1."""

    turn: int
    """0 to TURNS - 1; the caller's has always 0."""


def mark_bot(pcm16: bytes, mark: Mark) -> bytes:
    """Write a mark into all of an answer, 24 kHz pcm16, its pauses too."""
    samples = np.frombuffer(pcm16, "<i2").astype(np.int32)
    period = np.rint(_tones(_digits(mark), PCM_HZ) * BOT_PEAK).astype(np.int32)
    samples += np.resize(period, len(samples))
    return np.clip(samples, -32768, 32767).astype("<i2").tobytes()


def mark_caller(ulaw: bytes, call: int) -> tuple[bytes, bytes | None]:
    """
    Write a call's number, and a ping, into a turn of its caller.

    Returns:
        The turn; and the frame of it that holds the beginning of the ping, or None if
        the turn is too short to have one.
    """
    whole = ulaw + b"\xff" * (-len(ulaw) % ULAW_FRAME)
    samples = np.frombuffer(ulaw_to_pcm16(whole), "<i2").astype(np.float64)
    frames = samples.reshape(-1, ULAW_FRAME)
    level = np.sqrt((frames**2).mean(axis=1, keepdims=True)) * CALLER_SHARE
    digits = [(digit + SHIFT) % BASE for digit in _digits(Mark(call, 0))]
    marked = (frames + level * _tones(digits, ULAW_HZ)).ravel()
    ping = slice(PING_AT_MS * 8, (PING_AT_MS + PING_MS) * 8)
    has_ping = len(marked) >= ping.stop + ULAW_FRAME
    if has_ping:
        times_s = np.arange(ping.stop - ping.start) / ULAW_HZ
        marked[ping] += PING_PEAK * np.sin(2 * np.pi * PING_HZ * times_s)
    turn = pcm16_to_ulaw(_pcm16(marked))
    return turn, turn[ping.start : ping.start + ULAW_FRAME] if has_ping else None


def read_caller(pcm16: bytes) -> int | None:
    """
    Read which call a turn of the caller's is of.

    The tones are in step in all of it while the voice isn't: the mean of its periods
    has hardly anything else. A frame that is lost or doubled doesn't matter.

    Args:
        pcm16: what arrived at 24 kHz, with any silence around it.
    """
    period = PCM_HZ // STEP_HZ
    samples = np.frombuffer(pcm16, "<i2").astype(np.float64)
    whole = len(samples) // period * period
    if not whole:
        return None
    mean = samples[:whole].reshape(-1, period).mean(axis=0)
    peaks = np.abs(np.fft.rfft(mean)) * 2 / period
    first = FIRST_HZ // STEP_HZ
    found = peaks[first : first + GROUPS * BASE].reshape(GROUPS, BASE)
    digits = _loudest(found[None], faint=1.0)[0]
    mark = _mark([(int(digit) - SHIFT) % BASE for digit in digits if digit >= 0])
    return None if mark is None or mark.turn else mark.call


def read_bot(ulaw: bytes) -> list[Mark | bool]:
    """
    Read the marks at a caller's ear.

    Args:
        ulaw: n + 1 frames of 20 ms.

    Returns:
        For each two that follow upon each other, n of them: the mark; True if there
        are tones but no mark that can be read, as where one ends; False if there are
        none.
    """
    count = len(ulaw) // ULAW_FRAME - 1
    if ulaw == ulaw[:1] * len(ulaw):
        return [False] * count  # silence
    samples = np.frombuffer(ulaw_to_pcm16(ulaw), "<i2").astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::ULAW_FRAME]
    found = np.abs(np.fft.rfft(windows * _HANN, axis=1)[:, _BINS])
    digits = _loudest(found, faint=FAINT)
    toned = (found.max(axis=2) > FAINT).sum(axis=1) > GROUPS // 2
    marks: list[Mark | bool] = []
    for row, has_tones in zip(digits.tolist(), toned.tolist(), strict=True):
        mark = _mark([digit for digit in row if digit >= 0])
        marks.append(mark if mark is not None and has_tones else has_tones)
    return marks


def has_ping(pcm16: bytes) -> bool:
    """Whether the caller's ping, or a part of 10 ms of it, is in 24 kHz pcm16."""
    block = PCM_HZ // 100
    # No tone has more energy than all that is there: most appends need no closer look.
    if (pcm16_rms(pcm16) + 1) ** 2 * len(pcm16) // 2 < PING_FAINT**2 / 2 * block:
        return False
    samples = np.frombuffer(pcm16, "<i2").astype(np.float64)
    blocks = samples[: len(samples) // block * block].reshape(-1, block)
    peaks = np.abs(blocks @ _ping_wave(block)) * 2 / block
    return bool((peaks > PING_FAINT).any())


@cache
def _ping_wave(block: int) -> NDArray[np.complex128]:
    return np.asarray(np.exp(-2j * np.pi * PING_HZ * np.arange(block) / PCM_HZ))


def _digits(mark: Mark) -> list[int]:
    digits = [mark.call // BASE**place % BASE for place in range(DIGITS)]
    digits.append(mark.turn)
    return [*digits, sum(digits) % BASE]


def _mark(digits: list[int]) -> Mark | None:
    if len(digits) < GROUPS or sum(digits[:-1]) % BASE != digits[-1]:
        return None
    call = sum(digit * BASE**place for place, digit in enumerate(digits[:DIGITS]))
    return Mark(call, digits[DIGITS])


def _tones(digits: list[int], rate_hz: int) -> Samples:
    """One period, 20 ms, of peak 1 for each digit."""
    times_s = np.arange(rate_hz // STEP_HZ) / rate_hz
    tones_hz = [
        FIRST_HZ + STEP_HZ * (BASE * group + digit)
        for group, digit in enumerate(digits)
    ]
    # Phases that add up to no peak.
    waves = [
        np.sin(2 * np.pi * hz * times_s + np.pi * n * n / GROUPS)
        for n, hz in enumerate(tones_hz)
    ]
    return np.asarray(sum(waves), np.float64)


def _loudest(peaks: Peaks, *, faint: float) -> NDArray[np.int64]:
    """Of shape (n, groups, BASE): the digit of each group, -1 where none is clear."""
    order = np.partition(peaks, (-2, -1), axis=2)
    clear = (order[:, :, -1] > faint) & (order[:, :, -1] > CLEAR * order[:, :, -2])
    return np.where(clear, peaks.argmax(axis=2), -1)


def _pcm16(samples: Samples) -> bytes:
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()
