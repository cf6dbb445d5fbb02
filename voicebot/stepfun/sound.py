"""
Audio as StepFun sends it: of which kind it is, and the samples in it.

Asked for `pcm` it is documented to send samples and nothing around them. But pages and
clients tell of a WAV header in every piece, and of another format than was asked for.
Taken for samples, both are noise in a caller's ear.

Source: StepFun API reference "Stream audio" (api-reference/audio/ws-audio) and
"Preview a voice" (api-reference/audio/voices-preview); Microsoft and IBM, "Multimedia
Programming Interface and Data Specifications 1.0", for WAV.
"""

from struct import unpack_from
from typing import Final, Literal

from voicebot.errors import RemoteProtocolError

Kind = Literal["wav", "mp3", "flac", "opus"]

# What a file begins with. MP3 may begin with a tag, or with a frame at once.
MAGIC: Final[tuple[tuple[bytes, Kind], ...]] = (
    (b"ID3", "mp3"),
    (b"fLaC", "flac"),
    (b"OggS", "opus"),
)
FRAME_SYNC: Final = 0xFFE0  # the first eleven bits of an MP3 frame
PCM: Final = 1  # WAV's format tag of plain samples
HEADER_BYTES: Final = 12  # RIFF, a size, WAVE
CHUNK_BYTES: Final = 8  # a name, a size


def kind_of(data: bytes) -> Kind | None:
    """Tell what kind of file this is by its beginning; None if by none."""
    sure = _marked(data)
    if sure is None and len(data) >= 2:
        (first,) = unpack_from(">H", data)
        return "mp3" if first & FRAME_SYNC == FRAME_SYNC else None
    return sure


class Pcm16Reader:
    """
    Reads samples out of pieces of audio: signed 16-bit little-endian, mono.

    A WAV header is taken off, of each piece that has one; half a sample at the end of
    a piece waits for its other half.

    Args:
        rate_hz: which the samples must have.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._half = b""

    def feed(self, piece: bytes) -> bytes:
        """
        Return the whole samples that are there now.

        Raises:
            RemoteProtocolError: it is a file of another kind, or its header tells of
                another rate, more than one channel, or other samples.
        """
        if kind := _marked(piece):
            if kind != "wav":
                raise RemoteProtocolError(f"audio: expected pcm, got {kind}")
            # A file of its own: half a sample before it stays half.
            piece, self._half = _samples(piece, self._rate_hz), b""
        piece = self._half + piece
        whole = len(piece) & ~1
        self._half = piece[whole:]
        return piece[:whole]


def _marked(data: bytes) -> Kind | None:
    """Tell the kind of what can't be plain samples."""
    if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
        return "wav"
    return next((kind for magic, kind in MAGIC if data.startswith(magic)), None)


def _samples(wav: bytes, rate_hz: int) -> bytes:
    """Return the samples of a WAV file, or of the beginning of one."""
    at, checked = HEADER_BYTES, False
    while len(wav) >= at + CHUNK_BYTES:
        name, size = unpack_from("<4sI", wav, at)
        at += CHUNK_BYTES
        if name == b"data" and checked:
            # One that is made while it is sent can't know its size, and says 0, or -1.
            return wav[at : at + size] if 0 < size <= len(wav) - at else wav[at:]
        if name == b"fmt ":
            _check(wav[at : at + size], rate_hz)
            checked = True
        at += size + size % 2
    raise RemoteProtocolError(
        f"audio: expected samples behind a WAV header, got {len(wav)} bytes without"
    )


def _check(form: bytes, rate_hz: int) -> None:
    if len(form) < 16:
        raise RemoteProtocolError(
            f"audio: expected a WAV format of 16 bytes or more, got {len(form)}"
        )
    got = unpack_from("<HHIIHH", form)
    tag, channels, rate, _, _, bits = got
    if (tag, channels, rate, bits) != (PCM, 1, rate_hz, 16):
        raise RemoteProtocolError(
            f"audio: expected one channel of 16-bit samples at {rate_hz} Hz,"
            f" got format {tag}, {channels} channels, {bits} bits at {rate} Hz"
        )
