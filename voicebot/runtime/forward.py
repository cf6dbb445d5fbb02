"""
Calls that left their stream, or never had one: whom they ring, and where they go next.

Everything that later webhooks of such a call need is here, as it was when the call
came in: a dialplan that was saved meanwhile changes nothing. Pure, with `now` given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, Literal

from voicebot.dialplan.actions import Action
from voicebot.dialplan.persona import Persona
from voicebot.runtime.answers import Connect, Dial, Hold, Refuse, TakeMessage, Tell
from voicebot.store.faults import Fault
from voicebot.store.records import CallEnded

Answer = Connect | Refuse | Tell | Dial | TakeMessage | Hold

FORWARD_S: Final = 5 * 3600.0
"""Twilio ends a transfer after four hours; its news comes then at the latest."""

ASK_S: Final = 60.0
"""So long Twilio may take to ask what comes next, after we have closed a stream."""

OVER_S: Final = 15.0
"""So long news of a transfer may come behind those that its call is over."""

SETTLED_S: Final = 120.0
"""So long a webhook that Twilio repeats gets the answer that it got before."""


def always(_: str) -> bool:
    """Whether a target without hours can be rung now."""
    return True


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody to whom a call can go: a number, or a SIP address."""

    name: str
    number: str | None = None
    sip: str | None = None
    ring_s: float = 25.0

    caller_id: Literal["caller", "called"] = "called"
    """Whose number the telephone that rings shows."""

    whisper: str = ""
    whisper_language: str = "en"

    fallback: str = "persona"
    """Another target's name, `persona`, `voicemail` or `hangup`: if nobody answers."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """How a message is asked for."""

    greeting: str
    language: str
    max_s: float = 90.0
    transcribe: bool = True


@dataclass(frozen=True, slots=True)
class Origin:
    """A call, with all that can become of it outside a stream."""

    call_id: str
    call_sid: str
    account_sid: str

    caller: str
    """As Twilio sent it: E.164, or a word such as `anonymous`."""

    called: str

    persona: Persona | None
    """Who takes the call back; None if nobody can."""

    targets: Mapping[str, Target] = field(default_factory=dict)
    mailbox: Mailbox | None = None

    is_open: Callable[[str], bool] = always
    """Whether a target, by name, can be rung at this moment."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What is known of the persona's variables."""

    situation: frozenset[str] = frozenset()
    """Which greetings are meant: see `conduct.greeting_text`."""

    opening: Action | None = None
    """What a call without a model begins with; None if it has one."""

    came_back: bool = False
    """Whether it is back because nobody took it who was rung."""

    consented: bool = False
    """Whether the caller knew of the recording, or agreed to it, before that."""

    family: Mapping[str, Persona] = field(default_factory=dict, repr=False)
    """The same persona in all of its languages: see `Persona.family`."""

    faults: tuple[Fault, ...] = ()
    """Why it goes elsewhere at all, for its record."""


@dataclass(frozen=True, slots=True)
class Forward:
    """A call that rings somebody, takes a message or waits, at this moment."""

    origin: Origin

    tried: tuple[str, ...]
    """The names of the targets that were rung, in order; the last one rings."""

    answer: Dial | TakeMessage | Hold
    expires_at: float

    twiml: str | None = None
    """What Twilio couldn't be told, and will ask for; None if it knows."""

    over: bool = False
    """Whether Twilio said that the call is over, but not yet how the transfer went."""


@dataclass(frozen=True, slots=True)
class _Settled:
    answer: Answer | None
    expires_at: float


class Forwards:
    """
    The calls that are elsewhere, by the tokens in their URLs, and by their ids.

    Of each call at most one is open. Only the hashes of tokens are kept.
    """

    def __init__(self) -> None:
        self._open: dict[str, Forward] = {}
        self._settled: dict[str, _Settled] = {}
        self._told: dict[str, _Settled] = {}  # by call_sid: what is all that it gets

    def __len__(self) -> int:
        return len(self._open)

    def open(
        self,
        origin: Origin,
        tried: tuple[str, ...],
        answer: Dial | TakeMessage | Hold,
        now: float,
    ) -> None:
        """Note where a call goes, before Twilio is told; it forgets where it was."""
        self.drop(origin.call_sid)
        forward = Forward(origin, tried, answer, now + FORWARD_S)
        self._open[_digest(answer.token)] = forward

    def find(self, token: str) -> Forward | None:
        return self._open.get(_digest(token))

    def of_call(self, call_sid: str) -> Forward | None:
        for forward in self._open.values():
            if forward.origin.call_sid == call_sid:
                return forward
        return None

    def untold(self, call_sid: str, twiml: str, now: float) -> None:
        """Keep what Twilio couldn't be told: it asks soon, or the caller has left."""
        self._change(call_sid, twiml=twiml, expires_at=now + ASK_S)

    def told(self, call_sid: str, now: float) -> str | None:
        """Return what Twilio asks for, once; None if it knows."""
        forward = self.of_call(call_sid)
        if forward is None or forward.twiml is None:
            return None
        self._change(call_sid, twiml=None, expires_at=now + FORWARD_S)
        return forward.twiml

    def over(self, call_sid: str, now: float) -> None:
        """Note that a call is over: how its transfer went is told soon, or never."""
        self._change(call_sid, over=True, expires_at=now + OVER_S)

    def _change(self, call_sid: str, **changes: Any) -> None:
        for digest, forward in self._open.items():
            if forward.origin.call_sid == call_sid:
                self._open[digest] = replace(forward, **changes)

    def drop(self, call_sid: str) -> Forward | None:
        """Take out what a call was doing, because it does so no longer."""
        for digest, forward in self._open.items():
            if forward.origin.call_sid == call_sid:
                del self._open[digest]
                return forward
        return None

    def settle(self, token: str, answer: Answer | None, now: float) -> None:
        """Close a forward; None hangs up. Who asks again is told the same."""
        self._open.pop(_digest(token), None)
        self._settled[_digest(token)] = _Settled(answer, now + SETTLED_S)

    def settled(self, token: str) -> tuple[Answer | None] | None:
        """Return what was answered, in a tuple; None if this token is still open."""
        settled = self._settled.get(_digest(token))
        return (settled.answer,) if settled else None

    def tell(self, call_sid: str, answer: Answer, now: float) -> None:
        """Keep what a call was told at its webhook, and that was all."""
        self._told[call_sid] = _Settled(answer, now + SETTLED_S)

    def told_at_once(self, call_sid: str) -> Answer | None:
        told = self._told.get(call_sid)
        return told.answer if told else None

    def expired(self, now: float) -> list[Forward]:
        """Take out the calls of which Twilio said nothing in all this time."""
        for kept in (self._settled, self._told):
            for key, settled in list(kept.items()):
                if now > settled.expires_at:
                    del kept[key]
        gone = [each for each in self._open.values() if now > each.expires_at]
        for forward in gone:
            self.drop(forward.origin.call_sid)
        return gone

    def all(self) -> list[Forward]:
        return list(self._open.values())


def caller_id(target: Target, origin: Origin) -> str:
    """
    Choose the number that the telephone shows.

    A caller who hides theirs, or calls by SIP, has none that Twilio would show.
    """
    wanted = origin.caller if target.caller_id == "caller" else origin.called
    shown = wanted.removeprefix("+")
    return wanted if shown.isdecimal() and shown != wanted else origin.called


def joined(first: CallEnded | None, last: CallEnded) -> CallEnded:
    """
    Make one end of those of a call's two parts.

    Args:
        first: None if there was none.
        last: its end is the call's; its duration counts from the first one's end.
    """
    if first is None:
        return last
    between = (last.ended_at - first.ended_at) // timedelta(milliseconds=1)
    has_first = first.recording is not None
    return replace(
        last,
        duration_ms=first.duration_ms + max(0, between),
        faults=tuple(dict.fromkeys(first.faults + last.faults)),
        recording=first.recording if has_first else last.recording,
        recording_ms=first.recording_ms if has_first else last.recording_ms,
        waited_ms=last.waited_ms if first.waited_ms is None else first.waited_ms,
        usage=_sum(first.usage, last.usage),
    )


def _sum(first: Mapping[str, int], last: Mapping[str, int]) -> dict[str, int]:
    kinds = sorted(first.keys() | last.keys())
    return {kind: first.get(kind, 0) + last.get(kind, 0) for kind in kinds}


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
