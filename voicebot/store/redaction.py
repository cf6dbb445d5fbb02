"""
Keeps what is private out of what is written down of a call: its words.

A number may be dictated in several turns, and a turn may be written down before its
words are known: so what is private in a turn may turn out later.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from voicebot.store.dictation import MAX_CHARACTERS, Chain, SpokenTurn, Who, chains
from voicebot.store.private_kinds import LABELS, Kind, kind_of
from voicebot.store.private_values import Value
from voicebot.store.spoken_digits import Run
from voicebot.store.spoken_emails import emails

WITHHELD: Final = "withheld"
"""Stands for a turn that is too long to be looked through."""

MAX_TURNS: Final = 64
"""A number goes on, and words become known, within so many turns."""

MAX_VALUES: Final = 100
"""Values of sensitive variables that are searched for."""

_NUMBERS: Final = frozenset(Kind) - {Kind.EMAIL}


@dataclass(frozen=True, slots=True)
class Policy:
    """What is to be kept out of the call log."""

    kinds: frozenset[Kind] = frozenset()
    words: bool = True
    """Whether words are written down at all."""

    @property
    def numbers(self) -> bool:
        return bool(self.kinds & _NUMBERS)


CAUTIOUS: Final = Policy(frozenset(Kind))
"""For words of which nobody knows whose they are."""


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a turn that are private, and what is written instead."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """A turn as it may be written down."""

    seq: int
    text: str
    spans: tuple[Span, ...]
    """Places in the text as it was said, in order."""


@dataclass(slots=True)
class _Turn:
    read: SpokenTurn
    emails: list[tuple[int, int]]
    spans: tuple[Span, ...] = ()
    """As they were told last."""

    frozen: bool = False
    """Whether they stay: what they depend on is forgotten."""


class Redactor:
    """
    The turns of one call, each as it may be written down.

    Where the caller stops in the middle of what may be a number, its beginning is
    withheld as `[digits]`, until what follows shows what it was. So no order of events
    and no crash leaves a part of a number behind.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._turns: dict[int, _Turn] = {}
        self._values: dict[str, Value] = {}
        self._forgotten = -1
        self._over = False

    def turn(self, seq: int, who: Who, text: str) -> tuple[Redacted, ...]:
        """
        Take a turn, or what has become known of it.

        Args:
            seq: its place among the turns of both sides.

        Returns:
            The turn; then the others that read otherwise now.
        """
        if seq <= self._forgotten:
            return (self.alone(seq, text),)
        known = self._turns.get(seq)
        if known and known.read.text == text:
            return (self._redacted(seq),)
        self._turns[seq] = self._read(who, text)
        self._forget()
        if seq <= self._forgotten:  # all that are kept came later in the call
            return (self.alone(seq, text),)
        others = [other for other in self._settle() if other != seq]
        return tuple(map(self._redacted, [seq, *others]))

    def know(self, name: str, value: str) -> tuple[Redacted, ...]:
        """
        Keep out a value: a sensitive variable has it.

        Args:
            name: what is written instead, in brackets.

        Returns:
            The turns that read otherwise now.
        """
        found = Value.of(name, value)
        if found is None or len(self._values) >= MAX_VALUES:
            return ()
        self._values[f"{name}={value}"] = found
        return tuple(map(self._redacted, self._settle()))

    def finish(self) -> tuple[Redacted, ...]:
        """The call is over: no number goes on. Return the turns that read otherwise."""
        self._over = True
        return tuple(map(self._redacted, self._settle()))

    @property
    def oldest(self) -> int:
        """Turns before this one stay as they are."""
        return self._forgotten + 1

    def _forget(self) -> None:
        if len(self._turns) <= MAX_TURNS:
            return
        oldest = min(self._turns)
        for chain in self._chains():
            seqs = {seq for seq, _ in chain.links}
            if oldest in seqs:  # the rest of it would be nothing without
                for seq in seqs:
                    self._turns[seq].frozen = True
        self._forgotten = oldest
        del self._turns[oldest]

    def _read(self, who: Who, text: str) -> _Turn:
        turn = SpokenTurn.read(who, text)
        wanted = Kind.EMAIL in self._policy.kinds
        return _Turn(turn, emails(turn.plain) if wanted else [])

    def alone(self, seq: int, text: str) -> Redacted:
        """Redact a text whose neighbours aren't known: rather too much of it."""
        turn = self._read("caller", text)
        spans = self._own(turn)
        for spoken in turn.read.runs:
            kind = kind_of(spoken.run, spoken.told, self._policy.kinds)
            if kind is None and (spoken.opens or spoken.closes) and spoken.joins:
                kind = Kind.DIGITS if self._policy.numbers else None
            self._mark(spans, spoken.run, kind)
        return _masked(seq, text, spans)

    def _redacted(self, seq: int) -> Redacted:
        turn = self._turns[seq]
        return _masked(seq, turn.read.text, turn.spans)

    def _settle(self) -> list[int]:
        """Judge all turns anew; return those that changed, the first one first."""
        spans = {seq: self._own(turn) for seq, turn in self._turns.items()}
        for chain in self._chains():
            self._judge(chain, spans)
        changed = []
        for seq, turn in sorted(self._turns.items()):
            settled = tuple(sorted(spans[seq], key=lambda span: span.start))
            if settled != turn.spans and not turn.frozen:
                turn.spans = settled
                changed.append(seq)
        return changed

    def _own(self, turn: _Turn) -> list[Span]:
        """What is private in a turn, whatever was said before and after it."""
        spans: list[Span] = []
        if len(turn.read.text) > MAX_CHARACTERS:
            return [Span(0, len(turn.read.text), WITHHELD)]
        for value in self._values.values():
            for start, end in value.places(turn.read.plain):
                _add(spans, Span(start, end, value.name))
        for start, end in turn.emails:
            _add(spans, Span(start, end, LABELS[Kind.EMAIL]))
        return spans

    def _judge(self, chain: Chain, spans: Mapping[int, list[Span]]) -> None:
        """Mark what is private of digits that belong together."""
        kind = kind_of(chain.run, chain.told, self._policy.kinds)
        for value in self._values.values():
            for seq, run in value.across(chain):
                _add(spans[seq], Span(run.start, run.end, value.name))
        if kind is None and chain.open and not self._over and self._policy.numbers:
            kind = Kind.DIGITS
        for seq, spoken in chain.links:
            own = kind
            if own is None and len(chain.links) > 1:  # each by itself may be one
                own = kind_of(spoken.run, spoken.told, self._policy.kinds)
            self._mark(spans[seq], spoken.run, own)

    @staticmethod
    def _mark(spans: list[Span], run: Run, kind: Kind | None) -> None:
        if kind:
            _add(spans, Span(run.start, run.end, LABELS[kind]))

    def _chains(self) -> Iterator[Chain]:
        turns = [(seq, turn.read) for seq, turn in sorted(self._turns.items())]
        for who in ("caller", "bot"):
            yield from chains(turns, who)


def _add(spans: list[Span], new: Span) -> None:
    """Add a span; what overlaps it already takes it in, under its own name."""
    for index, old in enumerate(spans):
        if new.start < old.end and old.start < new.end:
            start, end = min(old.start, new.start), max(old.end, new.end)
            del spans[index]
            _add(spans, Span(start, end, old.label))
            return
    spans.append(new)


def _masked(seq: int, text: str, spans: Iterable[Span]) -> Redacted:
    ordered = tuple(sorted(spans, key=lambda span: span.start))
    return Redacted(seq, masked(text, ordered), ordered)


def masked(text: str, spans: Iterable[Span]) -> str:
    """
    Write a text with labels in place of what is private.

    Args:
        spans: in order, without overlaps. The text may end before they do, or within
            one: a part of a number is private, too.
    """
    kept: list[str] = []
    at = 0
    for span in spans:
        if span.start < len(text):
            kept += text[at : span.start], f"[{span.label}]"
            at = span.end
    return "".join([*kept, text[at:]])
