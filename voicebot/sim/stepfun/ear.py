"""Turn detection by energy, as StepFun's server_vad does it."""

from dataclasses import dataclass

import numpy as np

from voicebot.audio.g711 import pcm16_rms

RATE_HZ = 24000
BYTES_PER_MS = 48
WINDOW_MS = 20
WINDOW_BYTES = WINDOW_MS * BYTES_PER_MS

# A louder sound that is shorter than this is a click, not a voice.
VOICE_MS = 80
# A word that hasn't become a voice within this gap is forgotten.
GAP_MS = 300
# In a turn without VAD: below this loudness there is nothing to understand.
FAINT = 60.0


@dataclass(frozen=True, slots=True)
class TurnDetection:
    """The members of turn_detection, with the documented defaults."""

    prefix_padding_ms: int = 500
    silence_duration_ms: int = 100
    energy_awakeness_threshold: int = 2500


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    end_ms: int
    pcm16: bytes
    """The turn, with its prefix padding and its closing silence."""


class Ear:
    """
    Cuts 24 kHz audio into turns.

    A 20 ms window is loud if the root mean square of its samples is above the
    threshold. Positions are milliseconds of audio since the session began.

    Source:
        StepFun: Realtime guide, turn_detection. That the threshold is compared
        with the root mean square is our guess: the guide only calls it energy.
    """

    def __init__(self, turns: TurnDetection, *, onset_s: float, at_ms: int) -> None:
        self._turns = turns
        self._onset_ms = round(1000 * onset_s)
        self._heard_ms = at_ms
        self._rest = b""
        self.forget()

    def forget(self) -> None:
        """Drop what was heard, even a turn that has begun."""
        self._kept: list[bytes] = []
        self._rest = b""
        self._loud_from_ms: int | None = None
        self._loud_until_ms = 0
        self._loud_ms = 0
        self._speaking = False

    def hear(self, pcm16: bytes) -> list[SpeechStarted | SpeechStopped]:
        """Take in some audio, of any length, and say what it made certain."""
        audio = self._rest + pcm16
        whole = len(audio) - len(audio) % WINDOW_BYTES
        self._rest = audio[whole:]
        found: list[SpeechStarted | SpeechStopped] = []
        for at in range(0, whole, WINDOW_BYTES):
            found += self._window(audio[at : at + WINDOW_BYTES])
        return found

    def _window(self, window: bytes) -> list[SpeechStarted | SpeechStopped]:
        start_ms = self._heard_ms
        self._heard_ms += WINDOW_MS
        self._kept.append(window)
        if loudness(window) > self._turns.energy_awakeness_threshold:
            if self._loud_from_ms is None:
                self._loud_from_ms = start_ms
                self._trim()
            self._loud_ms += WINDOW_MS
            self._loud_until_ms = self._heard_ms
        if self._loud_from_ms is None:
            self._trim()
            return []
        return [*self._started(self._loud_from_ms), *self._stopped()]

    def _started(self, loud_from_ms: int) -> list[SpeechStarted | SpeechStopped]:
        if self._speaking:
            return []
        if self._loud_ms < VOICE_MS:
            if self._heard_ms - self._loud_until_ms >= GAP_MS:
                self._loud_from_ms, self._loud_ms = None, 0
            return []
        if self._heard_ms - loud_from_ms < self._onset_ms:
            return []
        self._speaking = True
        padding_ms = self._turns.prefix_padding_ms
        return [SpeechStarted(max(0, loud_from_ms - padding_ms))]

    def _stopped(self) -> list[SpeechStarted | SpeechStopped]:
        quiet_ms = self._heard_ms - self._loud_until_ms
        # At least a window: with 0 every word would be cut into windows.
        if not self._speaking or quiet_ms < max(
            WINDOW_MS, self._turns.silence_duration_ms
        ):
            return []
        turn = SpeechStopped(self._heard_ms, b"".join(self._kept))
        rest = self._rest
        self.forget()
        self._rest = rest
        return [turn]

    def _trim(self) -> None:
        """Keep the padding that precedes the newest window, and that window."""
        keep = self._turns.prefix_padding_ms // WINDOW_MS + 1
        del self._kept[:-keep]


def taken_at(rate_hz: int, pcm16: bytes) -> bytes:
    """What 24 kHz samples are to an ear that takes them for samples of another rate."""
    if rate_hz == RATE_HZ:
        return pcm16
    samples = np.frombuffer(pcm16, "<i2")
    count = len(samples) * RATE_HZ // rate_hz
    return samples[np.arange(count) * rate_hz // RATE_HZ].tobytes()


def loudness(pcm16: bytes) -> int:
    """Root mean square of the samples, 0 to 32768, rounded down; of nothing, 0."""
    return pcm16_rms(pcm16)


def has_speech(pcm16: bytes) -> bool:
    """Whether a committed buffer is loud anywhere, in windows of 20 ms."""
    samples = np.frombuffer(pcm16, "<i2").astype(np.float32)
    windows = samples[: len(samples) // 480 * 480].reshape(-1, 480)
    return bool(len(windows)) and bool(
        np.sqrt(np.mean(windows * windows, axis=1)).max() > FAINT
    )
