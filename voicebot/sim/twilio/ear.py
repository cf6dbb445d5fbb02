"""What a caller notices of the bot's voice, frame by frame."""

from math import log10
from typing import Final

import numpy as np

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME, ULAW_SILENCE
from voicebot.audio.g711 import ulaw_to_pcm16
from voicebot.audio.level import FULL_SCALE, dbov

AUDIBLE_DBOV: Final = -45.0
"""Speech on a line is some 20 dB louder, comfort noise some 15 dB softer."""

PAUSE_MS: Final = 300
"""Quiet for less than this is a pause inside an utterance."""

SILENT_FRAME: Final = ULAW_SILENCE * ULAW_FRAME


def is_audible(ulaw: bytes) -> bool:
    """Whether a person would notice that somebody speaks in this frame."""
    return ulaw != SILENT_FRAME and dbov(ulaw) > AUDIBLE_DBOV


def audible_frames(ulaw: bytes) -> list[bool]:
    """
    Say it of each frame of a recording: a thousand of them in a millisecond.

    Args:
        ulaw: whole frames.
    """
    energies = _ENERGY[np.frombuffer(ulaw, np.uint8)].reshape(-1, ULAW_FRAME).sum(1)
    audible: list[bool] = (energies >= _AUDIBLE**2 * ULAW_FRAME).tolist()
    return audible


# The level is that of a whole root mean square, as `dbov` has it.
_AUDIBLE: Final = next(
    rms for rms in range(1, 32768) if 20 * log10(rms / FULL_SCALE) > AUDIBLE_DBOV
)
_ENERGY: Final = (
    np.frombuffer(ulaw_to_pcm16(bytes(range(256))), "<i2").astype(np.int64) ** 2
)


class Ear:
    """
    Listens to frames of 20 ms; `end_turn` forgets what came before.

    Attributes:
        spoke: whether the bot said anything since the caller's last turn.
        audible_ms: how much of it, pauses not counted.
        quiet_ms: for how long there has been nothing to hear, until now.
        speaking: whether the bot is inside an utterance, its pauses included.
    """

    def __init__(self) -> None:
        self.spoke = False
        self.speaking = False
        self.audible_ms = 0
        self.quiet_ms = 0

    def hear(self, frame: bytes) -> None:
        """Listen to the next 20 ms."""
        if is_audible(frame):
            self.spoke = self.speaking = True
            self.audible_ms += FRAME_MS
            self.quiet_ms = 0
        else:
            self.quiet_ms += FRAME_MS
            self.speaking = self.speaking and self.quiet_ms < PAUSE_MS

    def end_turn(self) -> None:
        """The caller has had its say: from here the bot's answer counts."""
        self.spoke = False
        self.audible_ms = 0
