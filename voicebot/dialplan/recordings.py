"""Greetings that an operator has recorded: files, read and checked, not yet decoded."""

import wave
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

from voicebot.dialplan.beside import read_beside
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.source import Node, Problem

ULAW_HZ: Final = 8000
MAX_BYTES: Final = 8 * 1024 * 1024
MAX_S: Final = 60.0
RATES_HZ: Final = range(8000, 96_001)
EXPECTED_WAV: Final = "expected 16-bit mono PCM of 8000 to 96000 Hz"


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording of one voice."""

    encoding: Literal["ulaw", "pcm16"]
    """G.711 μ-law, or signed 16-bit little-endian."""
    rate_hz: int
    data: bytes = field(repr=False)


def clip_of(
    folder: Path, root: Node, persona: Persona, files: dict[Path, bytes]
) -> Clip | Problem | None:
    """
    Read the recording of a persona's greeting, if there is one.

    Args:
        folder: of the dialplan; recordings are below it.
        root: the tree of the persona.
        files: gets the content, so that the plan's revision knows it.
    """
    name, node = persona.greeting.audio, root.find("greeting", "audio")
    if name is None or node is None:
        return None

    def wrong(message: str) -> Problem:
        return node.problem("greeting.audio", message)

    data = read_beside(folder, name, MAX_BYTES)
    if isinstance(data, str):
        return wrong(data)
    files[folder / name] = data
    found = read_clip(Path(name).suffix, data)
    return found if isinstance(found, Clip) else wrong(f"{name!r}: {found}")


def read_clip(suffix: str, data: bytes) -> Clip | str:
    """
    Take what a file holds for a recording; what is wrong with it, if it is none.

    Args:
        suffix: of its name, such as `.wav`.
    """
    if len(data) > MAX_BYTES:
        return f"expected at most {MAX_BYTES // 2**20} MiB"
    match suffix.lower():
        case ".ulaw":
            found: Clip | str = Clip("ulaw", ULAW_HZ, data)
            samples = len(data)
        case ".wav":
            found = _wav(data)
            samples = len(found.data) // 2 if isinstance(found, Clip) else 0
        case other:
            return f"expected a .wav or .ulaw file, got {other or 'none'}"
    if isinstance(found, str):
        return found
    if not 0 < samples <= MAX_S * found.rate_hz:
        return f"expected up to {MAX_S:g} s of audio, got {samples / found.rate_hz:g} s"
    return found


def _wav(data: bytes) -> Clip | str:
    try:
        with wave.open(BytesIO(data)) as file:
            channels, width = file.getnchannels(), file.getsampwidth()
            rate_hz, pcm16 = file.getframerate(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as exc:
        return f"{EXPECTED_WAV}, got {str(exc) or 'a file that ends too soon'}"
    if (channels, width) != (1, 2) or rate_hz not in RATES_HZ:
        return (
            f"{EXPECTED_WAV}, got {8 * width}-bit of {channels} channels, {rate_hz} Hz"
        )
    return Clip("pcm16", rate_hz, pcm16[: len(pcm16) & ~1])
