"""Numbers that are dictated: what of several turns belongs together."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from voicebot.store.private_kinds import Cue, cues, cues_before, is_whole
from voicebot.store.spoken_digits import How, Run, plain, runs

Who = Literal["caller", "bot"]

MAX_CHARACTERS: Final = 4096
"""Nobody says so much in a turn: minutes of speech. What is longer isn't read."""

OPEN_DIGITS: Final = 3
"""With so many digits at its end, a turn may be the beginning of a number."""

# What may stand around the part of a number, and is said to who dictates one.
_EDGE: Final = re.compile(
    r"""(?:[\W_]|\b(?:uh|um|er|erm|ah|eh|hm|hmm|mm|mhm|uhm|huh|well|so|then|next|okay|ok
    |right|like|dash|hyphen|space|comma|its|it|s|is|thats|that|yes|yeah|yep|sure|and|the
    |rest|last|after|go|on|ahead|continue|please|listening|m|i|got|got\ it|correct|oh
    |part|first|second|now|wait|sorry)\b
    |[嗯呃额啊哦噢再是对好的吧呢了请]|然后|接着|接下来|还有|后面|后边|最后|前面|那个|就是|继续|您说|你说
    |收到|明白|可以|行|记下|开头)*+""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A run of digits in a turn."""

    run: Run
    told: frozenset[Cue]
    """What the words before it in its turn announce."""

    opens: bool
    """Whether the turn begins with it, and whether it ends with it."""

    closes: bool

    @property
    def joins(self) -> bool:
        """Whether it may be a part of a number that is dictated in several turns."""
        spelt = any(part.how is not How.COMPOUND for part in self.run.parts)
        long = len(self.run.digits) > 1
        return long and Cue.OTHER not in self.told and (spelt or self.opens)


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """What a turn says, as far as numbers go."""

    who: Who
    text: str
    plain: str
    runs: list[Spoken]
    cues: frozenset[Cue]
    blank: bool
    """Whether nothing is said in it that would end a number."""

    encourages: bool
    """Whether who dictates may go on after the other side said this."""

    @classmethod
    def read(cls, who: Who, text: str) -> "SpokenTurn":
        said = plain(text[: MAX_CHARACTERS + 1])
        if len(said) > MAX_CHARACTERS:
            return cls(who, text, "", [], frozenset(), False, False)
        found = runs(said)
        spoken = [
            Spoken(
                run,
                cues_before(run),
                index == 0 and bool(_EDGE.fullmatch(said, 0, run.start)),
                index == len(found) - 1 and bool(_EDGE.fullmatch(said, run.end)),
            )
            for index, run in enumerate(found)
        ]
        return cls(
            who=who,
            text=text,
            plain=said,
            runs=spoken,
            cues=cues(said),
            blank=bool(_EDGE.fullmatch(said)),
            encourages=_encourages(said, found),
        )


def _encourages(said: str, found: Iterable[Run]) -> bool:
    """Whether nothing is said but what was understood so far, and fillers."""
    at = 0
    for run in found:
        if not _EDGE.fullmatch(said, at, run.start):
            return False
        at = run.end
    return bool(_EDGE.fullmatch(said, at))


@dataclass(frozen=True, slots=True)
class Chain:
    """Digits that belong together: of one turn, or of several."""

    links: list[tuple[int, Spoken]]
    asked: frozenset[Cue]
    """What the other side announced before."""

    ends: bool = True
    """Whether something was said after it."""

    @property
    def run(self) -> Run:
        first, last = self.links[0][1].run, self.links[-1][1].run
        if first is last:
            return first
        parts = [part for _, spoken in self.links for part in spoken.run.parts]
        digits = "".join(part.digits for part in parts)
        return replace(
            first, parts=tuple(parts), digits=digits, commas=False, after=last.after
        )

    @property
    def told(self) -> frozenset[Cue]:
        first = self.links[0][1]
        own = first.told or (self.asked if first.opens else frozenset())
        private = own - {Cue.OTHER}
        return private or own

    @property
    def open(self) -> bool:
        last = self.links[-1][1]
        size = sum(len(spoken.run.digits) for _, spoken in self.links)
        return not self.ends and last.closes and last.joins and size >= OPEN_DIGITS


def chains(turns: Iterable[tuple[int, SpokenTurn]], who: str) -> Iterator[Chain]:
    """Put together what one side dictated, oldest first."""
    chain: Chain | None = None
    asked: frozenset[Cue] = frozenset()
    for seq, turn in turns:
        if turn.who != who:
            if turn.plain.strip():
                asked = turn.cues
            if chain and not turn.encourages:
                yield chain
                chain = None
            continue
        for spoken in turn.runs:
            if chain and _goes_on(chain, spoken):
                chain.links.append((seq, spoken))
            else:
                if chain:
                    yield chain
                chain = Chain([(seq, spoken)], asked)
        closed = turn.runs and turn.runs[-1].closes and turn.runs[-1].joins
        if chain and not closed and not turn.blank:
            yield chain
            chain = None
    if chain:
        yield replace(chain, ends=False)


def _goes_on(chain: Chain, spoken: Spoken) -> bool:
    if not (spoken.opens and spoken.joins) or spoken.run.plus or spoken.told:
        return False
    return len(spoken.run.digits) > OPEN_DIGITS or not is_whole(chain.run)
