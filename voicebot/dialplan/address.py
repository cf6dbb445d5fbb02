"""
Where other servers are, as an operator writes it: text, secrets, and variables.

`${env:NAME}` and `${file:/path}` are secrets: they are read where a request is made,
and stand in no file of ours. `{{name}}` is a variable; what fills it is data, so it
can be a part of a path, a query or a header, and never says to whom we talk.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from voicebot.dialplan.values import LOOPBACK, PLACE, word

OURS: Final = "VOICEBOT_"  # no file hands our own keys to another server

_SECRET: Final = re.compile(r"\$\{(env|file):([^{}$\s]{1,200})\}")
_ENV: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE: Final = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_PIECE: Final = re.compile(f"({_SECRET.pattern})|({PLACE.pattern})")
_TEXT: Final = re.compile(r"[!-~]*")
_URL_TEXT: Final = re.compile(r"[A-Za-z0-9._~:/?@!&'()*+,;=%\[\]-]*")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")

# Of a header: quoted or not, it stays what it is on the wire.
_HEADER_SAFE: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")

# Ours, or the transport's.
_RESERVED: Final = frozenset(
    {
        *("accept", "connection", "content-length", "content-type", "expect", "host"),
        *("idempotency-key", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
_CREDENTIALS: Final = frozenset(
    {
        *("apikey", "auth", "authorization", "cookie", "key", "password", "secret"),
        *("signature", "token"),
    }
)


@dataclass(frozen=True, slots=True)
class Secret:
    """What is read where a request is made, and nowhere else."""

    kind: Literal["env", "file"]
    name: str

    def __str__(self) -> str:
        return f"${{{self.kind}:{self.name}}}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a variable's value goes."""

    name: str
    fallback: str | None


Piece = str | Secret | Place
Part = str | Secret


def pieces(text: str) -> tuple[Piece, ...]:
    """Take a template apart. What is neither secret nor variable is text."""
    return tuple(_pieces(text))


def _pieces(text: str) -> Iterator[Piece]:
    at = 0
    for found in _PIECE.finditer(text):
        if found.start() > at:
            yield text[at : found.start()]
        at = found.end()
        match found[2]:
            case "env":
                yield Secret("env", found[3])
            case "file":
                yield Secret("file", found[3])
            case _:
                yield Place(found["name"], found["fallback"])
    if at < len(text):
        yield text[at:]


# ---- what may be written -----------------------------------------------------------


def _bad(message: str) -> PydanticCustomError:
    return PydanticCustomError("address", message)


def _check_secret(secret: Secret) -> None:
    if secret.kind == "file":
        if not _FILE.fullmatch(secret.name):
            raise _bad("expected ${file:/path} with an absolute path")
    elif not _ENV.fullmatch(secret.name) or secret.name.upper().startswith(OURS):
        raise _bad(f"expected ${{env:NAME}}, of a variable that isn't {OURS}…")


def checked_url(text: str) -> str:
    """Refuse what is no address, and one whose host anybody else could choose."""
    found = pieces(text)
    for piece in found:
        if isinstance(piece, Secret):
            _check_secret(piece)
        elif isinstance(piece, str) and not _URL_TEXT.fullmatch(piece):
            raise _bad("expected an address without blanks, '#' and other marks")
    begin, *rest = found
    if isinstance(begin, Secret):
        path = rest
        if rest and not (isinstance(rest[0], str) and rest[0][0] in "/?"):
            raise _bad("expected / behind the address that stands in a secret")
    elif isinstance(begin, str):
        end = re.search("[/?]", begin.partition("://")[2])
        if rest and end is None:
            raise _bad("expected the whole host before any {{…}} or ${…}")
        if base_is_bad(re.split("[?]", begin)[0]):
            raise _bad("expected https:// and a host, or a secret that has them")
        path = [begin.partition("://")[2], *rest]
    else:
        raise _bad("expected https:// and a host, or a secret that has them")
    flat = "".join(x if isinstance(x, str) else "x" for x in path)
    if has_dots(flat):
        raise _bad("expected a path without . and .. in it")
    return text


def base_is_bad(text: str) -> bool:
    """Whether we can't make requests there: TLS it must be, but on this machine."""
    if not _URL_TEXT.fullmatch(text):
        return True
    try:
        url = urlsplit(text)
        local = url.scheme == "http" and url.hostname in LOOPBACK
        is_fine = url.hostname and (url.scheme == "https" or local) and url.port != 0
    except ValueError:
        return True
    return not is_fine or "@" in url.netloc or "?" in text or has_dots(url.path)


def has_dots(path: str) -> bool:
    """Whether a path has steps up, or steps that are none: some fold them away."""
    return any(each in (".", "..") for each in path.partition("?")[0].split("/"))


def checked_header(text: str) -> str:
    """Refuse what would end a header, or isn't ASCII."""
    for piece in pieces(text):
        if isinstance(piece, Secret):
            _check_secret(piece)
        elif isinstance(piece, str) and not _TEXT.fullmatch(piece.replace(" ", "")):
            raise _bad("expected a header of ASCII characters")
        elif isinstance(piece, str) and "${" in piece:
            raise _bad("expected ${env:NAME} or ${file:/path}")
    return text


def checked_headers(headers: dict[str, str]) -> dict[str, str]:
    """Refuse those that aren't the operator's, and keys in plain text."""
    for name, text in headers.items():
        if name.lower() in _RESERVED:
            raise _bad(f"{name} is not yours to set")
        has_secret = any(isinstance(piece, Secret) for piece in pieces(text))
        if _CREDENTIALS & set(name.lower().split("-")) and not has_secret:
            raise _bad(f"keep keys out of files: {name} needs an ${{env:NAME}}")
    return headers


Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(checked_url),
]
Header = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(checked_header),
]
Headers = Annotated[
    dict[Annotated[str, word(_NAME, "the name of a header")], Header],
    AfterValidator(checked_headers),
]


# ---- what is asked for ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Errand:
    """A request to a server of the operator's, complete but for its secrets."""

    method: Literal["GET", "POST"]
    url: tuple[Part, ...]
    headers: tuple[tuple[str, tuple[Part, ...]], ...]
    body: str | None
    """JSON."""
    timeout_s: float


def filled_url(text: str, values: Mapping[str, str]) -> tuple[Part, ...] | None:
    """Put values into an address, each percent-encoded; None if one is missing."""
    parts = _filled(text, values, lambda value: quote(value, safe=""))
    if parts is None:
        return None
    flat = "".join(part if isinstance(part, str) else "x" for part in parts)
    return None if has_dots(flat.partition("://")[2] or flat) else parts


def filled_header(text: str, values: Mapping[str, str]) -> tuple[Part, ...] | None:
    """Put values into a header, percent-encoded where they aren't plain ASCII."""
    return _filled(text, values, lambda value: quote(value, safe=_HEADER_SAFE))


def _filled(
    text: str, values: Mapping[str, str], quoted: Callable[[str], str]
) -> tuple[Part, ...] | None:
    parts: list[Part] = []
    for piece in pieces(text):
        if not isinstance(piece, Place):
            parts.append(piece)
            continue
        value = values.get(piece.name, "") or (piece.fallback or "").strip()
        if not value:
            return None
        parts.append(quoted(value))
    return tuple(parts)


def places(*texts: str) -> frozenset[str]:
    """Name the variables that stand in texts."""
    found = (piece for text in texts for piece in pieces(text))
    return frozenset(piece.name for piece in found if isinstance(piece, Place))


def resolved(
    errand: Errand, read: Callable[[Secret], str]
) -> tuple[str, dict[str, str]]:
    """
    Return the address and the headers of a request, with its secrets.

    Args:
        read: says what a secret is.

    Raises:
        ValueError: with its secrets it is none; the text has none of them.
    """
    begin, *rest = errand.url
    base = read(begin).rstrip("/") if isinstance(begin, Secret) else begin
    if isinstance(begin, Secret) and base_is_bad(base):
        raise ValueError(f"{begin}: expected https:// and a host")
    url = base + "".join(
        quote(read(part), safe="") if isinstance(part, Secret) else part
        for part in rest
    )
    headers = {}
    for name, parts in errand.headers:
        value = "".join(read(p) if isinstance(p, Secret) else p for p in parts)
        if not _TEXT.fullmatch(value.replace(" ", "")):
            raise ValueError(f"{name}: expected a header of ASCII characters")
        headers[name] = value
    return url, headers
