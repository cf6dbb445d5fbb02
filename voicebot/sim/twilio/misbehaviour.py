"""Ways in which a peer that calls itself Twilio can be wrong, for tests."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Signing(StrEnum):
    """How a request is signed."""

    RIGHT = "right"
    SLASH = "slash"  # right too: Twilio may sign a WebSocket's URL with a slash added
    WRONG = "wrong"
    MISSING = "missing"


BINARY: Final = bytes(160)
OVERSIZED: Final = '{"event":"media","media":{"payload":"' + "A" * 70_000 + '"}}'
GARBAGE: Final = '{"event":"media",'


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """What goes wrong in a call. By default nothing does."""

    webhook: Signing = Signing.RIGHT
    upgrade: Signing = Signing.RIGHT
    stream_url: str | None = None
    """Dialled instead of the one in the TwiML: a wrong token, or a used one."""

    start_call_sid: str | None = None
    """Stands in `start` instead of the call's."""

    no_start: bool = False
    """Says `connected`, and then nothing."""

    out_of_order: bool = False
    """Sends the first audio before `start`."""

    duplicate_start: bool = False
    inject: tuple[str | bytes, ...] = ()
    """Frames sent at `at_ms`, such as BINARY, OVERSIZED, GARBAGE."""

    stalls: bool = False
    """Sends no audio from `at_ms` on."""

    gap_ms: int = 0
    """By how much the timestamps jump at `at_ms`."""

    flood_frames: int = 0
    """How many frames more come all at once at `at_ms`."""

    at_ms: int = 1000
    """When it happens: ms of the stream, a multiple of 20."""

    never_echoes_marks: bool = False
    closes_without_stop: bool = False
    callbacks_reversed: bool = False
    """Tells of the transcription before the recording, of the end before the middle."""

    callbacks_twice: bool = False
    """Tells everything twice, as after an answer that got lost."""

    callbacks_late_s: float = 0.0
    """How much later it tells of a recording and its transcription."""

    stops_without_close: bool = False
    """Leaves the closing of the socket to the server."""


NONE: Final = Misbehaviour()
