"""Cuts the moments of decisions out of a call's recording."""

import asyncio
import io
from pathlib import Path
from typing import TYPE_CHECKING

from voicebot.errors import StoreError

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from voicebot.store.records import Call, Decision

AROUND_MS = 2000


def cut_clips(
    call: "Call", decisions: "list[Decision]", folder: Path
) -> "dict[int, Path]":
    """
    Write what both sides said from 2 s before each decision until 2 s after it.

    A clip that is there already is written anew.

    Returns:
        The clip of each decision by its `seq`; none of one that fell when the
        recording had ended.

    Raises:
        StoreError: there is no recording, or a file cannot be read or written.
    """
    from voicebot.store.recordings import CHANNELS, RATE_HZ, StereoRecording

    stereo = _sound(call)
    clips = {}
    for decision in decisions:
        first_ms = max(0, decision.decided_ms - AROUND_MS)
        first, last = (
            CHANNELS * (ms * RATE_HZ // 1000)
            for ms in (first_ms, decision.decided_ms + AROUND_MS)
        )
        if first >= len(stereo):
            continue
        path = folder / f"{call.call_id}-{decision.seq}.wav"
        _remove(path)
        clip = StereoRecording(path)
        try:
            clip.write(stereo[first:last])
        finally:
            clip.close()
        clips[decision.seq] = path
    return clips


def _sound(call: "Call") -> bytes:
    """Return the caller's and the bot's bytes in turns, whatever it is kept as."""
    import soundfile

    from voicebot.audio.g711 import pcm16_to_ulaw
    from voicebot.config import load_settings
    from voicebot.runtime.housekeeping import archive_of
    from voicebot.store.recordings import CHANNELS, RATE_HZ

    if call.recording is None:
        raise StoreError(f"call {call.call_id}: it wasn't recorded, or that was lost")
    place = call.recording
    data = asyncio.run(archive_of(load_settings()).read(place))
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if (file.channels, file.samplerate) != (CHANNELS, RATE_HZ):
                raise StoreError(
                    f"{place}: expected a recording of ours, stereo, 8000 Hz"
                )
            samples: bytes = file.read(dtype="int16").tobytes()
    except soundfile.LibsndfileError:
        raise StoreError(
            f"{place}: expected a recording, got {len(data)} bytes"
        ) from None
    return pcm16_to_ulaw(samples)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc
