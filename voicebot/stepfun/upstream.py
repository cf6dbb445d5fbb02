"""
What a refused HTTP request, or a refused WebSocket upgrade, means.

Source: StepFun "Error codes" (api-reference/error-codes) for the statuses. No
page gives the body; public clients saw `{"error": {"type", "message"}}`.
"""

import re
from collections.abc import Mapping
from typing import Final

import orjson

from voicebot.errors import UpstreamError

SERVICE: Final = "stepfun"

WORDS: Final[Mapping[int, str]] = {
    400: "bad_request",
    401: "invalid_api_key",
    402: "quota_exceeded",
    404: "not_found",
    429: "rate_limited",
    451: "moderated",
}

# An error's prose may quote the caller; what has this form may be logged. Five
# digits hold any status and no phone number.
_CODE: Final = re.compile(r"[A-Za-z][\w.-]{0,63}|[0-9]{1,5}", re.ASCII)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


def read_error(status: int, body: bytes) -> UpstreamError:
    """
    Name what StepFun answered instead of what was asked for.

    Args:
        status: HTTP status of the answer, not a success.
        body: the answer, of any kind. Nothing of it is kept but its error's code,
            or else its type; a status has a word of ours if it tells neither.
    """
    for key in ("code", "type"):
        code = error_code(_member(body, key))
        if code is not None and not code.isdigit():  # the status says as much
            return UpstreamError(SERVICE, code, status)
    other = "server_error" if status >= 500 else "refused"
    return UpstreamError(SERVICE, WORDS.get(status, other), status)


def told_error(code: object, status: int, other: str) -> UpstreamError:
    """
    Name a failure that was told within an answer that had begun well.

    Args:
        code: as it was told; a status of HTTP's counts as one.
        status: with which the answer began.
        other: a word of ours, if the code says nothing.
    """
    known = error_code(code)
    if known is None or not known.isdigit():
        return UpstreamError(SERVICE, known or other, status)
    if not 400 <= int(known) <= 599:
        return UpstreamError(SERVICE, other, status)
    return read_error(int(known), b"")


def event_error(data: bytes, other: str) -> UpstreamError:
    """
    Name the failure that an event tells of.

    Args:
        data: the event's, of an answer that had begun well.
        other: a word of ours, if it says nothing.
    """
    for key in ("code", "type"):
        code = _member(data, key)
        # An event's own type, "error", is no name.
        if error_code(code) not in (None, "error"):
            return told_error(code, 200, other)
    return UpstreamError(SERVICE, other, 200)


def error_code(value: object) -> str | None:
    """Return an error code that can be logged, or None for all else."""
    if isinstance(value, str) and _CODE.fullmatch(value):
        return value
    return None


def loggable_id(value: object) -> str | None:
    """Return an id by which StepFun finds a request; None for what isn't one."""
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    return None


def _member(body: bytes, key: str) -> object:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None  # a proxy's HTML page, say
    match value:
        case {"error": {**error}} | {**error}:
            return error.get(key)
        case _:
            return None
