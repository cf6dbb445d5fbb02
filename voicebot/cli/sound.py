"""Samples that a command makes into a file."""

import io
import wave


def as_wav(pcm16: bytes, rate_hz: int) -> bytes:
    """Make a WAV file of samples: signed 16-bit little-endian, mono."""
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setparams((1, 2, rate_hz, 0, "NONE", "not compressed"))
        output.writeframes(pcm16)
    return file.getvalue()
