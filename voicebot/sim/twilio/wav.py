"""Reads a caller's voice from WAV files, and writes what was said on the line."""

import wave
from pathlib import Path

import numpy as np
import soundfile

from voicebot.audio.framing import PCM_HZ, ULAW_HZ
from voicebot.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16
from voicebot.audio.resample import Pcm24ToUlaw
from voicebot.errors import ConfigError
from voicebot.sim.twilio.files import cannot_read

MAX_S = 120


def read_voice(path: Path) -> bytes:
    """
    Read an utterance as μ-law, 8000 Hz, mono.

    Raises:
        ConfigError: the file can't be read, or isn't mono at 8000 or 24000 Hz.
    """
    try:
        with path.open("rb") as raw, soundfile.SoundFile(raw) as file:
            rate_hz, channels = file.samplerate, file.channels
            if rate_hz not in (ULAW_HZ, PCM_HZ) or channels != 1:
                raise ConfigError(
                    f"{path}: expected mono at 8000 or 24000 Hz, "
                    f"got {channels} channels at {rate_hz} Hz"
                )
            samples = file.read(MAX_S * rate_hz, dtype="int16")
    except OSError as exc:
        raise cannot_read(path, exc) from None
    except soundfile.LibsndfileError:
        raise ConfigError(f"{path}: is not a WAV file") from None
    pcm = np.asarray(samples, "<i2").tobytes()
    return pcm16_to_ulaw(pcm) if rate_hz == ULAW_HZ else pcm24_to_ulaw(pcm)


def pcm24_to_ulaw(pcm16: bytes) -> bytes:
    """Convert a whole utterance from 24 kHz pcm16."""
    return Pcm24ToUlaw().push(pcm16)


def write_stereo(path: Path, ulaw: bytes) -> None:
    """
    Write two channels, 16 bit, that every player can play.

    Args:
        ulaw: interleaved, one byte a sample and channel, as `Tape.stereo` gives it.

    Raises:
        ConfigError: the file can't be written.
    """
    try:
        with path.open("wb") as raw, wave.open(raw) as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(ULAW_HZ)
            file.writeframes(ulaw_to_pcm16(ulaw))
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from None
