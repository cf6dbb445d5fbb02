"""
Flight records: what a bridge was told and when, and what it did; and doing it again.

A record is lines of JSON: first the bridge's settings and when the call began, then a
line a step. It holds what the caller and the model said, as sound. Of a bridge's own
actions it holds no sound, only a digest: it was in the events, or in the settings. It
doesn't hold which keys were pressed: the bridge doesn't ask.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from hashlib import sha256
from typing import Any, Final

from voicebot.bridge import model, settings
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import Action, CallerKey, Event
from voicebot.bridge.settings import Settings
from voicebot.errors import StoreError

VERSION: Final = 1
Listen = Callable[[bytes], float]

CLASSES: Final[Mapping[str, type[Any]]] = {
    name: found
    for module in (model, settings)
    for name, found in vars(module).items()
    if isinstance(found, type) and (is_dataclass(found) or issubclass(found, Enum))
}


class RecordedBridge(Bridge):
    """
    Conducts a call as a bridge does, and tells every step.

    Args:
        tell: takes a line of the record, at once.
    """

    def __init__(
        self,
        settings: Settings,
        now: float,
        listen: Listen | None,
        tell: Callable[[bytes], None],
    ) -> None:
        self._tell = tell
        self._scores: list[float] = []

        def listened(ulaw: bytes) -> float:
            assert listen
            self._scores.append(listen(ulaw))
            return self._scores[-1]

        super().__init__(settings, now, listened if listen else None)
        head = {"version": VERSION, "now": now, "listens": listen is not None}
        tell(_line({**head, "settings": encoded(settings)}))

    def start(self, now: float) -> list[Action]:
        return self._told(None, now, super().start(now))

    def handle(self, event: Event, now: float) -> list[Action]:
        return self._told(event, now, super().handle(event, now))

    def _told(
        self, event: Event | None, now: float, actions: list[Action]
    ) -> list[Action]:
        if isinstance(event, CallerKey):
            event = replace(event, digit="0")
        step = {"now": now, "event": encoded(event), "scores": self._scores}
        self._tell(_line({**step, "actions": _digests(actions)}))
        self._scores = []
        return actions


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a bridge did something else than the recorded one."""

    step: int
    at_ms: int
    """From the start of the call."""

    event: str
    recorded: str
    """The first action that isn't the same; empty if there was none."""

    replayed: str


@dataclass(frozen=True, slots=True)
class Flown:
    """What became of a record."""

    steps: int
    """How many were the same."""

    until_ms: int
    difference: Difference | None


def fly(lines: Iterable[bytes]) -> Flown:
    """
    Tell a bridge of this release what a recorded one was told.

    Raises:
        StoreError: it is no flight record, or one of a release whose events or settings
            were others.
    """
    numbered = enumerate(lines)
    _, first = next(numbered, (0, b""))
    with _Readable(0):
        head = json.loads(first)
        if head["version"] != VERSION:
            raise ValueError
        scores: list[float] = []

        def listen(ulaw: bytes) -> float:
            asked.append(len(ulaw))
            return scores.pop(0) if scores else 0.0

        asked: list[int] = []
        began_at = float(head["now"])
        bridge = Bridge(
            decoded(head["settings"]), began_at, listen if head["listens"] else None
        )
    number, until_ms = 0, 0
    for number, line in numbered:
        with _Readable(number):
            step = json.loads(line)
            now, event = float(step["now"]), decoded(step["event"])
            recorded, wanted = step["actions"], len(step["scores"])
            scores[:], asked[:] = step["scores"], []
        actions = bridge.start(now) if event is None else bridge.handle(event, now)
        replayed = json.loads(_line(_digests(actions)))
        until_ms = round((now - began_at) * 1000)
        if len(asked) != wanted:
            recorded = [*recorded, f"asked the neural detector {wanted} times"]
            replayed = [*replayed, f"asked the neural detector {len(asked)} times"]
        if replayed != recorded:
            ours, theirs = _first_other(recorded, replayed)
            told = told_of(step["event"]) if event is not None else "the start"
            found = Difference(number, until_ms, told, ours, theirs)
            return Flown(number - 1, until_ms, found)
    return Flown(number, until_ms, None)


class _Readable:
    """Says of what can't be read where it stands, and nothing of what it is."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, ValueError | TypeError | KeyError | AttributeError):
            raise StoreError(
                f"line {self._number + 1}: expected a flight record of this release, "
                "got something else"
            ) from None


def encoded(value: Any) -> Any:
    """Return a value of the bridge's as JSON has it, so that it can be read again."""
    match value:
        case Enum():
            return {"enum": type(value).__name__, "value": value.value}
        case bytes():
            return {"bytes": b64encode(value).decode()}
        case tuple() | list():
            return [encoded(each) for each in value]
        case Mapping():
            return {"map": [[key, encoded(each)] for key, each in value.items()]}
        case _ if is_dataclass(value):
            return {
                "class": type(value).__name__,
                **{
                    each.name: encoded(getattr(value, each.name))
                    for each in fields(value)
                },
            }
        case _:
            return value


def decoded(value: Any) -> Any:
    """
    Return what `encoded` wrote.

    Raises:
        ValueError, KeyError, TypeError: it is something else.
    """
    match value:
        case list():
            return tuple(decoded(each) for each in value)
        case {"enum": name, "value": plain}:
            return CLASSES[name](plain)
        case {"bytes": text}:
            return b64decode(text, validate=True)
        case {"map": pairs}:
            return {key: decoded(each) for key, each in pairs}
        case {"class": name, **values}:
            return CLASSES[name](**{str(key): decoded(values[key]) for key in values})
        case _:
            return value


def told_of(value: Any) -> str:
    """Say what was encoded, for people; of sound, how much it is."""
    match value:
        case list():
            return f"[{', '.join(map(told_of, value))}]"
        case {"enum": _, "value": plain}:
            return str(plain)
        case {"bytes": text}:
            return f"{len(b64decode(text))} bytes"
        case {"digest": digest, "length": length}:
            return f"{length} bytes {digest}"
        case {"map": pairs}:
            return f"{{{', '.join(f'{key}: {told_of(each)}' for key, each in pairs)}}}"
        case {"class": name, **values}:
            told = (f"{key}={told_of(each)}" for key, each in values.items())
            return f"{name}({', '.join(told)})"
        case _:
            return str(value)


def _digests(actions: Iterable[Action]) -> list[Any]:
    return [_digest(encoded(action)) for action in actions]


def _digest(value: Any) -> Any:
    match value:
        case {"bytes": text}:
            sound = b64decode(text)
            return {"digest": sha256(sound).hexdigest()[:12], "length": len(sound)}
        case dict():
            return {key: _digest(each) for key, each in value.items()}
        case _:
            return value


def _first_other(recorded: list[Any], replayed: list[Any]) -> tuple[str, str]:
    both = max(len(recorded), len(replayed))
    pairs = zip(_padded(recorded, both), _padded(replayed, both), strict=True)
    ours, theirs = next(pair for pair in pairs if pair[0] != pair[1])
    return told_of(ours), told_of(theirs)


def _padded(values: list[Any], length: int) -> Iterator[Any]:
    yield from values
    yield from [""] * (length - len(values))


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
