"""
Silence in a recording, where something private was said.

Nobody tells when a word was spoken, only when the turn was. So time is shared out among
the words, over what of the turn has sound, and a margin is silenced around them.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil, floor
from pathlib import Path
from typing import Final, Literal

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME, ULAW_SILENCE, ulaw_bytes
from voicebot.audio.level import dbov
from voicebot.errors import StoreError
from voicebot.store.recordings import CHANNELS, HEADER, MULAW, RATE_HZ
from voicebot.store.records import Private, Record, Silenced
from voicebot.store.spoken_digits import plain

Channel = Literal[0, 1]
CALLER: Final[Channel] = 0
BOT: Final[Channel] = 1

MARGIN_MS: Final = 400
MARGIN_SHARE: Final = 0.12
"""How far off the shares may be: a moment, and a part of the turn."""

EDGE_MS: Final = 300
"""What is said at the edge of a turn may lie outside of it by so much."""

PAUSE_MS: Final = 200
QUIET_DB: Final = 25.0
"""What is so far below the loudest frame of a turn is a pause."""

# How long it takes to say a character, in syllables.
SYLLABLE: Final = 1.0
LETTER: Final = 0.35
PAUSE: Final = 0.5

BLOCK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a turn: 0 is where its words begin, 1 where they end."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Mute:
    """What is to be silenced of a turn. Times are ms from the start of the stream."""

    channel: Channel
    started_ms: int
    ended_ms: int
    shares: tuple[Share, ...]


def since(mutes: Iterable[Mute], start_ms: int) -> tuple[Mute, ...]:
    """
    Return what is to be silenced in the recording of a later stream of the call.

    Args:
        start_ms: how long the call was when that stream began.
    """
    return tuple(
        replace(
            each,
            started_ms=each.started_ms - start_ms,
            ended_ms=each.ended_ms - start_ms,
        )
        for each in mutes
        if each.started_ms >= start_ms
    )


def mutes_in(records: Iterable[Record]) -> tuple[Mute, ...]:
    """
    Return what is to be silenced of a call.

    Args:
        records: what happened in it, in order.
    """
    last = {each.seq: each for each in records if isinstance(each, Private)}
    return tuple(
        Mute(
            each.channel,
            each.started_ms,
            each.ended_ms,
            tuple(Share(start, end) for start, end in each.shares),
        )
        for _, each in sorted(last.items())
        if each.shares
    )


def noted_in(records: Iterable[Record], began_ms: int) -> "tuple[Silence, ...]":
    """
    Return what was noted to be silenced in a recording.

    Args:
        records: what happened in its call.
        began_ms: which one it is.
    """
    return tuple(
        Silence(BOT if channel else CALLER, start_ms, end_ms)
        for each in records
        if isinstance(each, Silenced) and each.began_ms == began_ms
        for channel, start_ms, end_ms in each.spans
    )


def unnoted_in(records: Sequence[Record], began_ms: int) -> tuple[Mute, ...]:
    """
    Return what is to be silenced in a recording, and wasn't noted to be.

    Args:
        records: what happened in its call, in order.
        began_ms: which one it is, by how long the call was when it began.
    """
    noted = [
        index
        for index, each in enumerate(records, 1)
        if isinstance(each, Silenced) and each.began_ms == began_ms
    ]
    return since(mutes_in(records[max(noted, default=0) :]), began_ms)


def note_of(call_id: str, began_ms: int, where: "Iterable[Silence]") -> Silenced:
    """Return what is to be noted before a recording is silenced."""
    spans = [[each.channel, each.start_ms, each.end_ms] for each in where]
    return Silenced(call_id, began_ms, spans)


def shares(text: str, spans: Iterable[tuple[int, int]]) -> tuple[Share, ...]:
    """
    Return the share of a turn's time that some of its characters take.

    Args:
        spans: of the first character, and of the one behind the last.
    """
    until = [0.0]
    for character in plain(text):
        until.append(until[-1] + _length(character))
    whole = until[-1]
    if not whole:
        return ()
    return tuple(
        Share(until[start] / whole, until[min(end, len(text))] / whole)
        for start, end in spans
        if start < len(text)
    )


def _length(character: str) -> float:
    if character.isspace():
        return 0.0
    if "a" <= character <= "z":
        return LETTER
    return SYLLABLE if character.isalnum() else PAUSE


def mute_spans(
    started_ms: float,
    ended_ms: float,
    said: Sequence[Share],
    levels: Sequence[float] | None = None,
) -> list[tuple[int, int]]:
    """
    Say what to silence, generously: whole milliseconds, in order, without overlaps.

    Args:
        said: what is private in the turn.
        levels: how loud it is, dBov for each 20 ms from `started_ms` on. With them,
            pauses don't count as speech, and a margin ends at a pause at the latest
            if what lies beyond isn't private; without them, it is wider.
    """
    length_ms = ended_ms - started_ms
    voiced = _voiced(levels or ())
    margin_ms = MARGIN_MS + MARGIN_SHARE * length_ms
    found: list[tuple[int, int]] = []
    for share in sorted(said, key=lambda share: share.start):
        first = started_ms + _place(share.start, length_ms, voiced, late=False)
        last = started_ms + _place(share.end, length_ms, voiced, late=True)
        first -= margin_ms if share.start > 0 else EDGE_MS
        last += margin_ms if share.end < 1 else EDGE_MS
        start = max(0, floor(max(first, started_ms - EDGE_MS)))
        end = max(start, ceil(min(last, ended_ms + EDGE_MS)))
        if found and start <= found[-1][1]:
            start, before = found.pop()
            end = max(end, before)
        found.append((start, end))
    return found


def _voiced(levels: Sequence[float]) -> list[int]:
    """The frames of a turn that aren't a pause, by their number."""
    loudest = max(levels, default=0.0)
    return [n for n, level in enumerate(levels) if level > loudest - QUIET_DB]


def _place(
    share: float, length_ms: float, voiced: Sequence[int], *, late: bool
) -> float:
    """Where a share of the words is, in ms from the start of the turn."""
    if not voiced:
        return share * length_ms
    exact = share * len(voiced)
    # Between two words there may be a pause: what begins does so after it.
    index = ceil(exact) - 1 if late else floor(exact)
    frame = voiced[min(max(index, 0), len(voiced) - 1)]
    return float(min((frame + late) * FRAME_MS, length_ms))


@dataclass(frozen=True, slots=True)
class Silence:
    """What is to be silent in a recording, in ms from its beginning."""

    channel: Channel
    start_ms: int
    end_ms: int


def silences(path: Path, mutes: Iterable[Mute]) -> tuple[Silence, ...]:
    """
    Find out where in a recording something private is, as far as it is written.

    Write down what this returns before `silence` begins: afterwards, the recording
    tells it no more. It blocks for as long as the disk does: call it in a thread.

    Raises:
        StoreError: the file can't be read, or isn't one of ours.
    """
    with _opened(path, "rb") as recording:
        return tuple(
            Silence(each.channel, start_ms, min(end_ms, recording.length_ms))
            for each in mutes
            for start_ms, end_ms in mute_spans(
                each.started_ms, each.ended_ms, each.shares, recording.levels(each)
            )
            if start_ms < recording.length_ms
        )


def silence(path: Path, where: Iterable[Silence]) -> int:
    """
    Silence parts of a recording, in place; on return that is on disk.

    Doing it again is harmless, and so is dying in between: do it again. It blocks for
    as long as the disk does: call it in a thread.

    Returns:
        How many milliseconds were silenced, both channels together.

    Raises:
        StoreError: the file can't be read or written, or isn't one of ours.
    """
    with _opened(path, "r+b") as recording:
        return sum(map(recording.silence, where))


@contextmanager
def _opened(path: Path, mode: Literal["rb", "r+b"]) -> Iterator["_Recording"]:
    try:
        with path.open(mode, buffering=0) as file:
            yield _Recording(path, file.fileno())
            if file.writable():
                os.fsync(file.fileno())
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc


class _Recording:
    """The sound of a file, read and written in place."""

    def __init__(self, path: Path, file: int) -> None:
        self._file = file
        head = os.pread(file, HEADER.size, 0)
        fields = HEADER.unpack(head) if len(head) == HEADER.size else ()
        if not fields or fields[0] != b"RIFF" or fields[5:7] != (MULAW, CHANNELS):
            raise StoreError(f"{path}: expected a stereo μ-law recording of ours")
        # What was appended after the last flush isn't in the header yet.
        self._frames = (os.fstat(file).st_size - HEADER.size) // CHANNELS

    @property
    def length_ms(self) -> int:
        """How long it is, rounded up."""
        return -(-self._frames * 1000 // RATE_HZ)

    def levels(self, turn: Mute) -> list[float]:
        """How loud a turn is, dBov for each whole 20 ms."""
        first, last = self._frame(turn.started_ms), self._frame(turn.ended_ms)
        ulaw = self._read(first, last)[turn.channel :: CHANNELS]
        whole = len(ulaw) - len(ulaw) % ULAW_FRAME
        return [dbov(ulaw[n : n + ULAW_FRAME]) for n in range(0, whole, ULAW_FRAME)]

    def silence(self, where: Silence) -> int:
        """Write silence over one side; return how many ms of it there were."""
        first, last = self._frame(where.start_ms), self._frame(where.end_ms)
        for at in range(first, last, BLOCK):
            until = min(at + BLOCK, last)
            both = bytearray(self._read(at, until))
            both[where.channel :: CHANNELS] = ULAW_SILENCE * (until - at)
            _write(self._file, bytes(both), HEADER.size + at * CHANNELS)
        return (last - first) * 1000 // ulaw_bytes(1000)

    def _frame(self, ms: float) -> int:
        return min(ulaw_bytes(max(0.0, ms)), self._frames)

    def _read(self, first: int, last: int) -> bytes:
        size, offset = (last - first) * CHANNELS, HEADER.size + first * CHANNELS
        parts: list[bytes] = []
        while size > 0 and (part := os.pread(self._file, size, offset)):
            parts.append(part)
            size, offset = size - len(part), offset + len(part)
        return b"".join(parts)


def _write(file: int, part: bytes, offset: int) -> None:
    while part:
        written = os.pwrite(file, part, offset)
        part, offset = part[written:], offset + written
