"""
What a refused HTTP request, or a refused WebSocket upgrade, means: the code for
the log, and a sentence for the operator.

Source: StepFun "Error codes" (api-reference/error-codes) for the statuses. No
page gives the body; public clients saw `{"error": {"type", "message"}}`.
"""

import re
from collections.abc import Mapping
from typing import Final

import orjson

from voicebot.errors import UpstreamError
from voicebot.stepfun.address import ledger, other_ledger

SERVICE: Final = "stepfun"
KEY: Final = "VOICEBOT_STEPFUN_API_KEY"
BASE: Final = "VOICEBOT_STEPFUN_BASE_URL"

WORDS: Final[Mapping[int, str]] = {
    400: "bad_request",
    401: "invalid_api_key",
    402: "quota_exceeded",
    404: "not_found",
    429: "rate_limited",
    451: "moderated",
}

# Status -> what it means, and what to do about it.
MEANINGS: Final[Mapping[int, tuple[str, str]]] = {
    400: (
        "StepFun doesn't take the request: a parameter, or a model that it doesn't "
        "know or that this key may not use",
        "look at the model and the voice of the persona; if they are right, it is a "
        "bug of voicebot's",
    ),
    401: (
        "StepFun doesn't know the API key: it is wrong, has expired, or is of the "
        "other site (keys of api.stepfun.com and of api.stepfun.ai are two kinds)",
        f"check {KEY}, and the host in {BASE}",
    ),
    402: (
        "no money is left on this ledger, or the key has none there: /v1 bills "
        "pay-as-you-go, /step_plan/v1 bills a Step Plan's credit, and neither pays "
        "for the other",
        "top up, wait for the plan's next month, or set the base that the key is for",
    ),
    403: (
        "the API key may not do this",
        f"check {KEY} and what its account is allowed",
    ),
    404: (
        "StepFun has nothing there: the path is wrong, or this model isn't on this "
        "channel",
        f"check {BASE} and the model; some models and paths exist under /v1 only",
    ),
    408: ("StepFun waited too long for the request", "try again; look at the network"),
    429: (
        "too many requests, or too many connections at a time",
        "wait; lower VOICEBOT_MAX_CALLS, or have the account's limits raised",
    ),
    451: (
        "StepFun's moderation refused what was said or asked",
        "change the words of the prompt or of the persona",
    ),
    500: ("StepFun failed", "try again; its support finds the trace id"),
    502: ("what stands before StepFun failed", "try again"),
    503: ("StepFun is overloaded", "try again in a while"),
    504: ("StepFun took too long", "try again in a while"),
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


def event_code(data: bytes, other: str) -> str:
    """
    Name the error that came in the middle of a stream, whose status was a success.

    Args:
        data: the event.
        other: the name if it has none of its own.
    """
    for key in ("code", "type"):
        code = error_code(_member(data, key))
        # An event's own type, "error", names nothing.
        if code is not None and code != "error" and not code.isdigit():
            return code
    return other


def advice(error: UpstreamError, base_url: str) -> str:
    """
    Say what an error of StepFun's means, and what to do, for an operator to read.

    Args:
        base_url: as configured. It holds no secret.
    """
    means, todo = _meaning(error.status)
    told = "no answer" if error.status is None else f"HTTP {error.status}"
    if error.trace_id:
        told += f", trace id {error.trace_id}"
    sentence = f"{means} ({told}, {error.detail}): {todo}."
    if error.status in (401, 402, 404) or error.status is None:
        sentence += f" {BASE} is {base_url}"
        if bills := ledger(base_url):
            sentence += f", which bills {bills}"
        sentence += "."
    if error.status == 402 and (other := other_ledger(base_url)):
        sentence += f" The other is {other}."
    return sentence


def _meaning(status: int | None) -> tuple[str, str]:
    match status:
        case None:
            return "StepFun can't be reached", "check the network, and the address"
        case known if known in MEANINGS:
            return MEANINGS[known]
        case above if above >= 500:
            return MEANINGS[500]
        case _:
            return "StepFun refuses", "its error codes may say more"


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
