"""What a caller notices of the bot's voice, frame by frame."""

from typing import Final

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME, ULAW_SILENCE
from voicebot.audio.level import dbov

AUDIBLE_DBOV: Final = -45.0
"""Speech on a line is some 20 dB louder, comfort noise some 15 dB softer."""

PAUSE_MS: Final = 300
"""Quiet for less than this is a pause inside an utterance."""

SILENT_FRAME: Final = ULAW_SILENCE * ULAW_FRAME


def is_audible(ulaw: bytes) -> bool:
    """Whether a person would notice that somebody speaks in this frame."""
    return ulaw != SILENT_FRAME and dbov(ulaw) > AUDIBLE_DBOV


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
