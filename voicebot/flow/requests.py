"""Requests to servers of the operator's: what they ask, and what an answer tells."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from voicebot.dialplan.address import Errand, Part, filled_header, filled_url
from voicebot.dialplan.lookup import Lookup
from voicebot.dialplan.tools import Tool
from voicebot.flow.arguments import Argument
from voicebot.flow.model import Fetched, Trouble

# Of an answer; the rest isn't told.
MAX_ANSWER: Final = 4000  # characters
CUT: Final = " … (cut here: the answer was longer)"

NOT_KNOWN: Final = "What this needs isn't known yet; ask the caller for it."
TROUBLES: Final = {
    Trouble.TIMEOUT: "There was no answer in time",
    Trouble.UNREACHABLE: "The service can't be reached",
    Trouble.TOO_LARGE: "The answer was too large to be read",
    Trouble.REDIRECTED: "The service has moved",
    Trouble.NOT_FOUND: "The service knows nothing of that",
    Trouble.REFUSED: "The service refused the request",
    Trouble.FAILED: "The service has a fault",
    Trouble.UNREADABLE: "The answer could not be read",
    Trouble.MISCONFIGURED: "The service isn't set up",
}

UNSURE: Final = frozenset({Trouble.TIMEOUT, Trouble.UNREACHABLE, Trouble.FAILED})


def errand(
    tool: Tool, args: Mapping[str, Argument], known: Mapping[str, str]
) -> Errand | None:
    """
    Return the request that a tool makes; None if a variable that it needs is missing.

    Args:
        args: as the judge left them: named in `params`, and of their types. They
            become the query or the body, and nothing else.
        known: what the variables are worth, the sensitive ones too.
    """
    assert tool.url, "an http tool has one"
    query, body = "", None
    if tool.method == "POST":
        body = json.dumps(args, ensure_ascii=False)
    elif args:
        mark = "&" if "?" in tool.url else "?"
        query = mark + urlencode({name: _plain(args[name]) for name in args})
    made = _request(tool.url, tool.headers, tool.timeout_s, known)
    if made is None:
        return None
    url = (*made.url, query) if query else made.url
    return replace(made, method=tool.method, url=url, body=body)


def lookup_errand(lookup: Lookup, known: Mapping[str, str]) -> Errand | None:
    """Return the request that asks about a caller; None if it can't be made."""
    return _request(lookup.url, lookup.headers, lookup.timeout_s, known)


def _request(
    url: str,
    headers: Mapping[str, str],
    timeout_s: float,
    known: Mapping[str, str],
) -> Errand | None:
    at = filled_url(url, known)
    told: list[tuple[str, tuple[Part, ...]]] = []
    for name, text in headers.items():
        parts = filled_header(text, known)
        if parts is None:
            return None
        told.append((name, parts))
    return Errand("GET", at, tuple(told), None, timeout_s) if at else None


def _plain(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def readable(body: bytes) -> str | None:
    """Return an answer as the model is told it; None if it is no text."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    with suppress(ValueError, RecursionError):  # else it is text
        text = json.dumps(json.loads(text), ensure_ascii=False)
    text = "".join(x if x.isprintable() else " " for x in text).strip()
    return text if len(text) <= MAX_ANSWER else text[: MAX_ANSWER - len(CUT)] + CUT


def trouble_of(status: int) -> Trouble | None:
    """Say what an answer's HTTP status means; None if it is a good one."""
    if status < 300:
        return None
    if status < 400:
        return Trouble.REDIRECTED
    if status in (404, 410):
        return Trouble.NOT_FOUND
    return Trouble.REFUSED if status < 500 else Trouble.FAILED


def told(answer: Fetched, *, unsure: bool) -> str:
    """
    Say what the model is told of an answer.

    Args:
        unsure: whether something may have been done all the same.
    """
    if answer.trouble is None:
        return answer.text or "Done; the answer is empty."
    said = TROUBLES[answer.trouble]
    if unsure and answer.trouble in UNSURE:
        said += ", so it isn't known whether it was done"
    return f"{said}; tell the caller, and go on without it."
