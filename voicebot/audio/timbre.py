"""
What 20 ms of the caller's line sound like: a voice, a murmur, a tone, or noise.

It tells what a detector of speech can't. A word has a pitch and, above it, formants
that move. A murmur ("mm-hm", "嗯") has little but the pitch, as the mouth is shut, and
stays as it is for as long. A cough, a breath, a click, a keyboard have no pitch.

The figures of tones, pitch and noise were measured on 99 recorded utterances of 1 to
3 s, most of them of one woman, at -26 dBov in μ-law, and on coughs and murmurs put
together from noise, formants and harmonics. "Noticed" is an utterance from its onset
(-46 dBov) to 180 ms of evidence: frames of speech, a murmur's counted 0.4 and noise
0.2 times.

Those of murmurs, on 469 utterances: 390 prompts of that woman, the interruptions of
our measuring corpus, others read aloud; on 210 murmurs, synthetic, with many pitches
and resonances; and on 125 stretches of "m" and "n" out of those prompts, each held for
360 ms. There, 140 ms of evidence is noticed, and a murmur's frames count 0.25 times.
"""

from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.framing import ULAW_FRAME, ULAW_HZ

WINDOW: Final = np.hanning(ULAW_FRAME + 1)[:-1]

# Bins are 50 Hz wide. The window spreads a sine over 2 to either side of its peak.
PEAK_BINS: Final = 2
RUMBLE_BINS: Final = 2  # 0 and 50 Hz: offset and mains, of which a line has no speech
# Where the bands begin whose powers are compared: 100, 300, 600 Hz, 1, 1.5, 2.2 kHz. So
# wide, as a pitch that glides moves its harmonics from one to the next.
BANDS: Final = np.array([2, 6, 12, 20, 30, 44])
# How much each of them says of an open mouth: above 1 kHz most second formants lie,
# from 600 Hz the first ones of "o" and "a", but also the third harmonic of a woman.
HEIGHTS: Final = np.array([0.0, 0.0, 0.35, 1.0, 1.0, 1.0])

# How little beside its two highest peaks makes a frame a tone. The two-tone signals
# of the phone network leave 0.1 %, and 0.5 % with noise 25 dB below them.
TONE_REST: Final = 0.005

# Of voiced speech 10 % leaves as little, most of it the two lowest harmonics of a
# high voice. Were these tones too, half the utterances would be noticed 30 ms later,
# the slowest tenth 70 ms. No signal of the network has its lower tone below 275 Hz.
PITCH_BIN: Final = 5
HARMONIC_BIN: Final = 14
HARMONIC_SHARE: Final = 0.01  # μ-law leaves 0.02 % beside a single sine

# The pitch of a voice, 71 to 400 Hz, as the samples of one period.
SHORTEST: Final = ULAW_HZ // 400
LONGEST: Final = ULAW_HZ // 71

# How like its last period a sound must be, 0 to 1. Coughs, breaths, hiss and pink
# noise reach 0.44 in one frame of 20; voiced speech 0.76 in 19 of 20, and with white
# or pink noise 5 dB below it still 0.45.
PERIODIC: Final = 0.45
# Rumble is like itself at any short distance. What has a pitch is unlike itself
# somewhere within the period: at most this share of the likeness.
VALLEY: Final = 0.3

# What share of its power is high at most in a murmur, by power over some 60 ms: ours
# have 0.1 to 2.6 %. At 2 % four of the six in our corpus are voices; were all that is
# steady a murmur, half the utterances would be noticed 20 ms later, the slowest
# twentieth 80 ms, as vowels are steady too.
DULL_SHARE: Final = 0.03
MEMORY: Final = 0.7  # of a frame in the next one

# How much its spectrum changes at most in a murmur: dB, the mean over BANDS, from its
# own so far, the level left out. Synthetic ones change by 0.5 (one frame in 20 by
# 1.2), an "m" within words by 1.3 (2.7). At 3 dB half the utterances are noticed 40 ms
# later, the slowest twentieth 80 ms; if any change will do, 60 and 220 ms. At 1.5 dB
# one held "m" in four is noticed too, at 2 dB one in 18, at 3 dB none.
STEADY_DB: Final = 2.0
# A pitch that begins counts as changing: 40 to 60 ms of a murmur are a voice. At 0 dB
# half the utterances are noticed 40 ms later, the slowest twentieth 100 ms; at 6 dB
# two of the six murmurs in our corpus are noticed too.
UNKNOWN_DB: Final = 4.0
CHANGE_MEMORY: Final = 0.6  # so a change remains one for 40 to 100 ms
PROFILE_MEMORY: Final = 0.75
# The share of a band in which no change is heard: μ-law leaves as much noise.
LEAST_SHARE: Final = 3e-4

# The share of the line's own noise that is high: white has 0.8, pink 0.42. Where
# noise makes up this much of a frame's power, and no pitch, the frame is noise.
NOISE_HIGH: Final = 0.5
NOISE_ALONE: Final = 0.3
NOISE_LEARNED: Final = 0.05  # by each such frame
# The level of noise that we are told is rather the lowest of the last seconds. At 1.0
# five of the six murmurs in our corpus are noticed 10 dB above white noise, at 1.15
# four, but none to 200 ms of evidence; at 1.3 none, but half the utterances there are
# noticed 20 ms later, the slowest twentieth 40 ms.
NOISE_MARGIN: Final = 1.15


class Sound(StrEnum):
    """What 20 ms sound like; the values are the letters of a decision's trace."""

    SILENCE = "."
    """Too soft to count."""

    NOISE = "n"
    """Loud without a pitch: cough, breath, click, hiss; also the "s" of a word."""

    HUM = "h"
    """A dull pitch that stays as it is: "mm", "嗯"; rarely the "n" of a word."""

    VOICE = "v"
    """Any other pitch, or one that just began: words, and much of music."""

    TONE = "t"
    """One or two sines: keys, ringback, busy."""


class Shape(NamedTuple):
    """What the spectrum of a frame tells. Powers are in any unit, but the same one."""

    tone: bool
    audible: float
    """The power above 75 Hz."""

    high: float
    """The same, each of BANDS weighed by HEIGHTS."""

    bands: NDArray[np.float64]
    """The power in each of BANDS."""


class Ear:
    """Listens to one line, frame after frame."""

    def __init__(self) -> None:
        self._before = bytes(2 * LONGEST)  # samples
        self._noise_high = NOISE_HIGH
        # Both fade by MEMORY from frame to frame.
        self._high = 0.0
        self._audible = 0.0
        self._profile: NDArray[np.float64] | None = None  # of this pitch so far
        self._change_db = UNKNOWN_DB

    def skip(self, pcm: bytes) -> None:
        """Hear a frame that is too soft to be judged: the next may begin in it."""
        self._hear(pcm)
        self._profile = None

    def judge(self, pcm: bytes, noise_share: float = 0.0) -> Sound:
        """
        Say what a frame sounds like, however soft it is: never SILENCE.

        Args:
            pcm: signed 16-bit samples at 8 kHz, 20 ms.
            noise_share: how much of the frame's power is the line's noise, 0 to 1.
        """
        samples = np.frombuffer(self._before + pcm, np.int16).astype(np.float64)
        self._hear(pcm)
        shape = shape_of(samples[LONGEST:])
        if shape.tone:
            return Sound.TONE
        if not is_periodic(samples):
            self._profile = None
            if noise_share >= NOISE_ALONE:
                high = shape.high / shape.audible
                self._noise_high += NOISE_LEARNED * (high - self._noise_high)
            return Sound.NOISE
        noise = NOISE_MARGIN * noise_share * self._noise_high * shape.audible
        self._high += shape.high - noise
        self._audible += shape.audible
        self._follow(shape, noise_share)
        is_dull = self._high < DULL_SHARE * self._audible
        return Sound.HUM if is_dull and self._change_db < STEADY_DB else Sound.VOICE

    def _hear(self, pcm: bytes) -> None:
        self._before = pcm[-2 * LONGEST :]
        self._high *= MEMORY
        self._audible *= MEMORY

    def _follow(self, shape: Shape, noise_share: float) -> None:
        """Measure how much the spectrum of a pitch changes."""
        profile, self._profile = self._profile, shape.bands
        if profile is None:
            self._change_db = UNKNOWN_DB
            return
        # By power: of a pitch that fades in, its loudest frames tell most.
        self._profile = PROFILE_MEMORY * profile + shape.bands
        least = LEAST_SHARE + noise_share  # noise changes all the time
        now = shape.bands / shape.audible + least
        change = np.log10(now / (profile / np.add.reduce(profile) + least))
        change_db = 10 * float(np.add.reduce(np.abs(change))) / len(BANDS)
        self._change_db += (1 - CHANGE_MEMORY) * (change_db - self._change_db)


def shape_of(frame: NDArray[np.float64]) -> Shape:
    """
    Measure the spectrum of a frame.

    Args:
        frame: samples at 8 kHz, shape (160,).
    """
    spectrum = np.fft.rfft(frame * WINDOW)
    parts = spectrum.view(np.float64)  # the same memory: real, imaginary, real ..
    total = float(parts.dot(parts))
    parts[: 2 * RUMBLE_BINS] = 0
    parts *= parts
    power = parts[::2] + parts[1::2]
    bands = np.add.reduceat(power, BANDS)
    audible = float(np.add.reduce(bands)) + 1  # silence has a share of nothing
    high = float(bands.dot(HEIGHTS))
    first, _ = _cut_peak(power)
    second, strength = _cut_peak(power)
    is_tone = float(np.add.reduce(power)) <= TONE_REST * total and not (
        strength >= HARMONIC_SHARE * total
        and min(first, second) <= PITCH_BIN
        and max(first, second) <= HARMONIC_BIN
    )
    return Shape(is_tone, audible, high, bands)


def _cut_peak(power: NDArray[np.float64]) -> tuple[int, float]:
    """Take the highest peak out of a spectrum; return its bin and its height."""
    peak = int(power.argmax())
    height = float(power[peak])
    power[max(peak - PEAK_BINS, 0) : peak + PEAK_BINS + 1] = 0
    return peak, height


def is_periodic(samples: NDArray[np.float64]) -> bool:
    """
    Say whether 20 ms repeat what came before at the pace of a voice.

    Args:
        samples: shape (LONGEST + 160,): the 20 ms, and the samples before them.
    """
    # One entry a distance: the first LONGEST samples back, the last none.
    likeness = np.correlate(samples, samples[LONGEST:])
    powers = (samples * samples).cumsum()
    energy = powers[ULAW_FRAME - 1 :]
    energy[1:] -= powers[:LONGEST]  # a period is shorter than a frame: no overlap
    likeness /= np.sqrt(energy * energy[-1] + 1)  # silence is like nothing
    peak = int(likeness[: LONGEST - SHORTEST + 1].argmax())
    best = float(likeness[peak])
    least = float(np.minimum.reduce(likeness[peak:]))
    return best >= PERIODIC and least <= VALLEY * best
