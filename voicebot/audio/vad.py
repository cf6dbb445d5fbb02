"""
Does the caller speak? The first stage: cheap, on every frame, rather too eager.

A frame is speech if WebRTC's detector says so, it is loud enough, and it isn't a
tone, which that detector takes for speech: key presses, ringback, busy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import webrtcvad

from voicebot.audio.framing import ULAW_FRAME, ULAW_HZ, Framer
from voicebot.audio.g711 import ulaw_to_pcm16
from voicebot.audio.level import FLOOR_DBOV, pcm16_dbov

MODE: Final = 3  # the strictest of 0 to 3; the others fire on white noise
WINDOW: Final = np.hanning(ULAW_FRAME + 1)[:-1]

# Bins are 50 Hz wide. The window spreads a sine over 2 to either side of its peak.
PEAK_BINS: Final = 2
HUM_BINS: Final = 2  # 0 and 50 Hz: offset and hum, of which no telephone has speech

# How little beside its two highest peaks makes a frame a tone. The two-tone signals
# of the phone network leave 0.1 %, and 0.5 % with noise 25 dB below them. So do 10 %
# of the frames with speech in 100 recorded prompts, which costs no prompt more than
# 220 ms until it is noticed (half of them 60 ms); at 2 % it would be 480 ms.
TONE_REST: Final = 0.005


@dataclass(frozen=True, slots=True)
class VadFrame:
    """What was found in 20 ms of the caller's line."""

    speech: bool
    """Whether 3 of the last 4 frames, this one included, sounded like speech."""

    dbov: float
    """The level of this frame: see `level.dbov`."""


class Vad:
    """One caller's line. How it is cut into chunks doesn't change the verdicts."""

    def __init__(self, *, min_dbov: float = -45.0) -> None:
        self._min_dbov = min_dbov
        self._framer = Framer(ULAW_FRAME)
        self._is_speech: Callable[[bytes, int], bool] = webrtcvad.Vad(MODE).is_speech
        self._votes = 0  # one bit a frame, the newest lowest

    def push(self, ulaw: bytes, gate_dbov: float = FLOOR_DBOV) -> list[VadFrame]:
        """
        Judge a chunk.

        Args:
            ulaw: G.711 μ-law at 8 kHz; any bytes.
            gate_dbov: what a frame must exceed besides `min_dbov`, as the bot's own
                echo may be that loud: see `EchoGate`.

        Returns:
            One verdict for each frame of 20 ms that is whole by now, oldest first.
        """
        gate_dbov = max(gate_dbov, self._min_dbov)
        return [self._judge(frame, gate_dbov) for frame in self._framer.push(ulaw)]

    def _judge(self, frame: bytes, gate_dbov: float) -> VadFrame:
        pcm = ulaw_to_pcm16(frame)
        dbov = pcm16_dbov(pcm)
        # Asked even if the frame is too soft: it learns the noise of the line.
        vote = self._is_speech(pcm, ULAW_HZ) and dbov > gate_dbov and not is_tone(pcm)
        self._votes = (self._votes << 1 | vote) & 0b1111
        return VadFrame(self._votes.bit_count() >= 3, dbov)


def is_tone(pcm: bytes) -> bool:
    """
    Say whether one or two sines, or an offset, are all that a frame holds.

    Args:
        pcm: signed 16-bit samples at 8 kHz, 20 ms.
    """
    spectrum = np.fft.rfft(np.frombuffer(pcm, np.int16) * WINDOW)
    parts = spectrum.view(np.float64)  # the same memory: real, imaginary, real ..
    total = parts.dot(parts)
    parts[: 2 * HUM_BINS] = 0
    magnitudes = np.abs(spectrum)
    for _ in range(2):
        peak = int(magnitudes.argmax())
        low, high = max(peak - PEAK_BINS, 0), peak + PEAK_BINS + 1
        magnitudes[low:high] = 0
        parts[2 * low : 2 * high] = 0
    return bool(parts.dot(parts) <= TONE_REST * total)
