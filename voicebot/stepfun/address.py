"""
Where StepFun's APIs are, from the one base URL that an operator sets.

The same paths stand under several bases, as https://api.stepfun.com/v1 and
https://api.stepfun.com/step_plan/v1, which bill differently. The wrong one is
the most frequent mistake, says StepFun "Step Plan" (step-plan/overview).
"""

from enum import StrEnum
from typing import Final
from urllib.parse import quote, urlsplit

from voicebot.errors import ConfigError

# Scheme of the base -> whether its APIs are reached through TLS.
_SECURE: Final = {"http": False, "ws": False, "https": True, "wss": True}


class Ledger(StrEnum):
    """What a base URL bills. A key may have money on one, and none on the other."""

    PLAN = "Step Plan"
    OPEN = "pay-as-you-go"


# How a base URL ends, that of the plan first: the other is a part of it.
LEDGERS: Final = {"/step_plan/v1": Ledger.PLAN, "/v1": Ledger.OPEN}


def ledger(base_url: str) -> Ledger | None:
    """Say what a base URL bills; None if it is no base of StepFun's that we know."""
    path = base_url.strip().rstrip("/")
    return next((LEDGERS[end] for end in LEDGERS if path.endswith(end)), None)


def other_ledger(base_url: str) -> str | None:
    """Return the base URL on the same host that bills the other ledger."""
    path = base_url.strip().rstrip("/")
    plan, open_ = LEDGERS
    match ledger(path):
        case Ledger.PLAN:
            return path.removesuffix(plan) + open_
        case Ledger.OPEN:
            return path.removesuffix(open_) + plan
        case _:
            return None


def realtime_url(base_url: str, model: str) -> str:
    """
    Return the WebSocket URL of the realtime API for a model.

    Raises:
        ConfigError: the base isn't http(s) or ws(s), or holds more than a path;
            or no model is named.
    """
    return _socket_url(base_url, "realtime", "/realtime", model)


def speech_url(base_url: str, model: str) -> str:
    """
    Return the WebSocket URL at which a model speaks text that is still written.

    Raises:
        ConfigError: as for `realtime_url`.
    """
    return _socket_url(base_url, "TTS", "/realtime/audio", model)


def http_url(base_url: str, path: str) -> str:
    """
    Return the URL of an HTTP API, whose path begins with a slash.

    Raises:
        ConfigError: the base isn't http(s) or ws(s), or holds more than a path.
    """
    secure, rest = _split(base_url)
    return f"{'https' if secure else 'http'}://{rest}{path}"


def _socket_url(base_url: str, what: str, path: str, model: str) -> str:
    if not model:
        raise ConfigError(f"StepFun {what} model: expected a name, got nothing")
    secure, rest = _split(base_url)
    scheme = "wss" if secure else "ws"
    return f"{scheme}://{rest}{path}?model={quote(model, safe='')}"


def _split(base_url: str) -> tuple[bool, str]:
    """Return whether the base is secure, and its host and path."""
    try:
        base = urlsplit(base_url.strip())
        host, _ = base.hostname, base.port  # a port that isn't a number raises
    except ValueError:
        raise ConfigError("StepFun base URL: expected a URL, got none") from None
    if base.scheme not in _SECURE:
        raise ConfigError(
            "StepFun base URL: expected http, https, ws or wss,"
            f" got {base.scheme or 'no scheme'}"
        )
    if not host:
        raise ConfigError("StepFun base URL: expected a host, got none")
    # Not quoted back: what stands there may be a key.
    if base.query or base.fragment or "@" in base.netloc:
        raise ConfigError(
            "StepFun base URL: expected a host and a path,"
            " got a query, a fragment or a user too"
        )
    return _SECURE[base.scheme], base.netloc + base.path.rstrip("/")
