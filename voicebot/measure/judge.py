"""One call's figures, and what all calls of a kind come to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from voicebot.audio.framing import ulaw_ms
from voicebot.measure.hearing import covered, missing_at_start
from voicebot.measure.metrics import (
    Rendition,
    rendition,
    reply,
    spoke_over,
    stale_frames,
    yielding,
)
from voicebot.measure.pieces import Piece, pieces
from voicebot.measure.record import Record
from voicebot.measure.scenario import Kind

CLIP_TOLERANCE_MS: Final = 5.0  # the filters of both directions smear that much


@dataclass(frozen=True, slots=True)
class Result:
    """A call, judged. None: it doesn't apply to this call, or it never came to it."""

    name: str
    condition: str
    owner: str
    neural: bool
    """Whether the bridge had the neural VAD."""
    kind: Kind
    what: str
    """The clips that were played."""
    began: bool
    """It came to its stimulus: the bot spoke for so long, and didn't stop before."""
    false_stop: bool = False
    """
    The bot's voice had a silence of 250 ms or more that the answer hasn't there, though
    nobody meant to interrupt, or it never went on. In calls with an interruption: it
    was silent, or had never spoken for so long, when the caller began.
    """
    resumed: bool | None = None
    """
    It went on afterwards, without losing or repeating a word. None: it wasn't to,
    because the caller interrupted then, or didn't stop.
    """
    lost: int = 0
    repeated: int = 0
    underruns: int = 0
    gap_ms: float | None = None
    """The longest of the silences after which it went on."""
    latency_ms: float | None = None
    missed: bool = False
    went_on: bool = False
    clipped_ms: float | None = None
    """
    How much of the caller's words, from the onset of their energy on, is in no item
    that the model got. None: it got none of them, so that they are missed anyhow.
    """
    reply_ms: float | None = None
    """From the caller's last sound to the answer at the ear; less `think_ms`."""
    think_ms: float | None = None
    """What the model took: from when it began the response to its first audio."""
    spoke_over: bool = False
    """The bot spoke, or spoke anew, before the caller was done."""
    heard_error_ms: float | None = None
    """How far the call log is off about how much of a cut answer was heard."""
    marks: bool = True
    stale: int = 0
    """Frames of an answer that were sent after it had been given up."""


def judge(record: Record, owner: str) -> Result:
    """Find all that can be said about a call."""
    scenario = record.scenario
    bot = pieces(record.heard, [each.ulaw for each in record.answers])
    result = Judging(record, owner, bot)
    match scenario.kind:
        case Kind.INTERRUPTION:
            return result.interruption()
        case Kind.DISTRACTOR:
            return result.distractor()
        case Kind.TURN:
            return result.turn()


class Judging:
    """What can be said about one call, by its kind."""

    def __init__(self, record: Record, owner: str, bot: list[Piece]) -> None:
        self._record, self._owner, self._bot = record, owner, bot

    def distractor(self) -> Result:
        first = self._first()
        return self._result(
            began=bool(self._record.answers) and first.reached > 0,
            false_stop=bool(first.stops) or first.reached == 0,
            resumed=first.resumed if first.stops or not first.reached else None,
            lost=len(first.lost),
            repeated=len(first.repeated),
            underruns=first.underruns,
            gap_ms=max((stop.gap_ms or 0.0 for stop in first.stops), default=None),
        )

    def interruption(self) -> Result:
        onset_s, done_s = self._record.onset_at, self._record.done_at
        if onset_s is None or done_s is None:
            return self._result(began=False, false_stop=True, resumed=False)
        spoke = any(
            piece.answer == 0 and piece.at_s < onset_s < piece.end_s
            for piece in self._bot
        )
        stops = self._first().stops
        if not spoke and any(stop.at_s <= onset_s for stop in stops):
            return self._result(began=True, false_stop=True)
        made_way = yielding(self._bot, onset_s, done_s, self._record.carrier_s, 0)
        return self._result(
            began=True,
            latency_ms=made_way.latency_ms,
            missed=made_way.missed,
            went_on=made_way.went_on,
            clipped_ms=self._clipped_ms(),
            spoke_over=any(
                piece.answer not in (0, None) and onset_s <= piece.at_s < done_s
                for piece in self._bot
            ),
            heard_error_ms=self._heard_error_ms(),
            **self._reply(done_s, 1),
        )

    def turn(self) -> Result:
        onset_s, done_s = self._record.onset_at, self._record.done_at
        if onset_s is None or done_s is None:
            return self._result(began=False)
        over = spoke_over(self._bot, onset_s, done_s)
        figures = {} if over else self._reply(done_s, 0)
        return self._result(
            began=True,
            missed=not over and not figures,
            clipped_ms=self._clipped_ms(),
            spoke_over=over,
            **figures,
        )

    def _reply(self, done_s: float, first_new: int) -> dict[str, float]:
        """The figures of the answer to the caller, if one came."""
        answer = reply(self._bot, done_s, first_new)
        if answer is None or answer.answer is None:
            return {}
        think_ms = 1000 * self._record.thinking.get(answer.answer, 0.0)
        gap_ms = 1000 * (answer.at_s - done_s)
        return {"reply_ms": gap_ms - think_ms, "think_ms": think_ms}

    def _result(self, *, began: bool, **figures: object) -> Result:
        scenario = self._record.scenario
        return Result(
            scenario.name,
            scenario.condition,
            self._owner,
            self._record.neural,
            scenario.kind,
            scenario.stimulus.names,
            began,
            marks=scenario.marks,
            stale=self._stale(),
            **figures,  # type: ignore[arg-type]  # members of Result, checked in tests
        )

    def _first(self) -> Rendition:
        """How the first answer sounded."""
        if not self._record.answers:
            return Rendition((), 0, (), (), 0)
        first = self._record.answers[0]
        return rendition(
            self._bot,
            0,
            len(first.ulaw),
            first.words,
            self._record.arrived,
            self._record.ended_at,
        )

    def _clipped_ms(self) -> float | None:
        said = self._record.said
        if said is None or not covered(self._record.given, said):
            return None
        ms = ulaw_ms(missing_at_start(self._record.given, said))
        return ms if ms > CLIP_TOLERANCE_MS else 0.0

    def _cuts(self) -> Iterable[tuple[float, int, int]]:
        """Answers that were given up: when, which, and the ms noted as heard."""
        noted: dict[int, tuple[float, int, int]] = {}
        for at, note in self._record.notes:
            number = self._record.responses.get(note.response_id or "")
            if note.who == "bot" and note.interrupted and number is not None:
                first_at = noted[number][0] if number in noted else at
                noted[number] = (first_at, number, note.heard_ms)
        return noted.values()

    def _heard_error_ms(self) -> float | None:
        for _, number, heard_ms in self._cuts():
            if number == 0:
                return abs(heard_ms - ulaw_ms(self._first().reached))
        return None

    def _stale(self) -> int:
        return sum(
            stale_frames(self._record.sent, at, self._record.answers[number].ulaw)
            for at, number, _ in self._cuts()
        )


@dataclass(frozen=True, slots=True)
class Row:
    """A condition's figures, or those of several together."""

    name: str
    owner: str
    neural: bool
    calls: int
    interruptions: int
    yielded: float | None
    """Share of the interruptions to which the bot made way, and stayed silent."""
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    distractors: int
    """Calls without an interruption, and those in which the bot stopped before it."""
    false_stops: float | None
    """Share of these in which the bot stopped audibly."""
    resumed: float | None
    """Of these: went on without losing or repeating a word."""
    lost: int
    repeated: int
    clipped: int
    """Calls in which the model didn't get the caller's first sounds."""
    reply_p50_ms: float | None
    """Without the model's own time."""
    reply_p95_ms: float | None
    spoke_over: float | None
    """Share of the caller's turns into which the bot spoke."""
    heard_error_max_ms: float | None
    stale: int
    underruns: int


def row(
    name: str, owner: str, results: Sequence[Result], *, neural: bool = False
) -> Row:
    """Put the calls of a condition together."""
    meant = [each for each in results if each.kind is Kind.INTERRUPTION]
    alone = [each for each in results if each.kind is Kind.DISTRACTOR]
    turns = [each for each in results if each.kind is not Kind.DISTRACTOR]
    alone += [each for each in meant if each.false_stop]
    meant = [each for each in meant if not each.false_stop]
    stopped = [each for each in alone if each.false_stop and each.resumed is not None]
    latencies = known(meant, lambda each: each.latency_ms)
    replies = known(turns, lambda each: each.reply_ms)
    return Row(
        name,
        owner,
        neural,
        len(results),
        len(meant),
        share(not each.missed for each in meant),
        percentile(latencies, 50),
        percentile(latencies, 95),
        len(alone),
        share(each.false_stop for each in alone),
        share(bool(each.resumed) for each in stopped),
        sum(each.lost for each in alone),
        sum(each.repeated for each in alone),
        sum(bool(each.clipped_ms) for each in turns),
        percentile(replies, 50),
        percentile(replies, 95),
        share(each.spoke_over for each in turns),
        max(known(meant, lambda each: each.heard_error_ms), default=None),
        sum(each.stale for each in results),
        sum(each.underruns for each in alone),
    )


def known(
    results: Iterable[Result], figure: Callable[[Result], float | None]
) -> list[float]:
    return [value for each in results if (value := figure(each)) is not None]


def share(facts: Iterable[bool]) -> float | None:
    """How many of them are true, 0 to 1; None if there are none."""
    values = list(facts)
    return sum(values) / len(values) if values else None


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The least of the values that so many percent of them don't exceed."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
