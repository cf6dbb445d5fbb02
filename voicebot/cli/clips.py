"""Cuts the moments of decisions out of a call's recording."""

from pathlib import Path
from struct import unpack_from
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
    """Return the caller's and the bot's bytes in turns, as the recording has them."""
    from voicebot.store.recordings import CHANNELS, HEADER, MULAW, RATE_HZ

    if call.recording is None:
        raise StoreError(f"call {call.call_id}: it wasn't recorded, or that was lost")
    path = Path(call.recording)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise StoreError(f"{path}: the recording is gone") from None
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc
    if len(data) < HEADER.size:
        raise StoreError(f"{path}: expected a recording, got {len(data)} bytes")
    # Its form, channels and rate; all else follows from these.
    if unpack_from("<HHI", data, 20) != (MULAW, CHANNELS, RATE_HZ):
        raise StoreError(f"{path}: expected a recording of ours, stereo μ-law, 8000 Hz")
    sound = data[HEADER.size :]
    return sound[: len(sound) - len(sound) % CHANNELS]  # of a process that was killed


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc
