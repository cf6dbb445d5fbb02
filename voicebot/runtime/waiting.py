"""
A line of callers for whom there is no room yet: who is let in next, and when. Pure.

Twilio asks for each of them every few seconds. Whoever has come first and is still
there goes first; nobody waits behind one for whom there is no room while there is room
for them, nor behind one who has hung up without a word of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

ASK_S: Final = 2
"""Twilio asks after so many seconds of silence; it counts whole ones."""

LATE_S: Final = 5.0
"""So much later than expected Twilio may ask; a caller who is later has hung up."""

GONE_S: Final = 60.0
"""So much later nobody comes any more, and the call's record can be closed."""

# How long words take, spoken slowly: a Latin letter, a character of other scripts.
LATIN_S: Final = 0.1
OTHER_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Rules:
    """How a caller waits."""

    text: str
    most: int
    """So many wait at once."""

    announce_every_s: float
    longest_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on waiting."""

    announce: bool
    """Whether to say the text first."""


@dataclass(frozen=True, slots=True)
class LetIn:
    """There is room: the caller has left the line."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The caller has waited for as long as is allowed, and has left the line."""


@dataclass(frozen=True, slots=True)
class _Place:
    rules: Rules
    since: float
    announced_at: float
    asks_by: float
    """Who hasn't asked by then isn't there any more."""


class WaitingLine:
    """
    Callers who wait, by their call's SID, first come first.

    `now` is seconds on a clock that never goes back; `has_room` says of a caller
    whether there is room for them at this moment.
    """

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}  # in order

    def __len__(self) -> int:
        return len(self._places)

    def join(self, call_sid: str, rules: Rules, now: float) -> bool:
        """Take a place at the end, and hear the text; False if the line is full."""
        there = sum(now <= place.asks_by for place in self._places.values())
        if there >= rules.most:
            return False
        asks_by = _asks_by(rules.text, now)
        self._places[call_sid] = _Place(rules, now, now, asks_by)
        return True

    def is_awaited(self, now: float, has_room: Callable[[str], bool]) -> bool:
        """Whether somebody waits who goes before all who come now."""
        return any(self._ready(now, has_room))

    def ask(
        self, call_sid: str, now: float, has_room: Callable[[str], bool]
    ) -> Wait | LetIn | GiveUp:
        """
        Say what becomes of a caller who waits.

        Raises:
            KeyError: they don't.
        """
        place = self._places[call_sid]
        self._places[call_sid] = replace(place, asks_by=now)  # here they are
        if next(self._ready(now, has_room), None) == call_sid:
            del self._places[call_sid]
            return LetIn()
        if now - place.since >= place.rules.longest_s:
            del self._places[call_sid]
            return GiveUp()
        announce = now - place.announced_at >= place.rules.announce_every_s
        self._places[call_sid] = replace(
            place,
            announced_at=now if announce else place.announced_at,
            asks_by=_asks_by(place.rules.text if announce else "", now),
        )
        return Wait(announce)

    def _ready(self, now: float, has_room: Callable[[str], bool]) -> Iterator[str]:
        """Those who are there and for whom there is room, in order."""
        for call_sid, place in self._places.items():
            if now <= place.asks_by and has_room(call_sid):
                yield call_sid

    def leave(self, call_sid: str) -> None:
        """Take out a caller who has hung up, if they wait."""
        self._places.pop(call_sid, None)

    def gone(self, now: float) -> list[str]:
        """Take out all who hung up so long ago that nobody will tell of it."""
        places = self._places.items()
        late = [sid for sid, place in places if now > place.asks_by + GONE_S]
        for call_sid in late:
            del self._places[call_sid]
        return late


def _asks_by(text: str, now: float) -> float:
    """When Twilio has asked again, after saying this."""
    said_s = sum(LATIN_S if char.isascii() else OTHER_S for char in text)
    return now + said_s + ASK_S + LATE_S
