"""What must hold, and whether it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from voicebot.measure.judge import Result, known, percentile, share
from voicebot.measure.scenario import Kind
from voicebot.measure.storm import Stormed

# Where nobody means to interrupt. Side talk and keys are shown, and not promised.
PROMISED: Final = (
    "murmurs",
    "backchannel",
    "cough",
    "noise",
    "echo",
    "speakerphone",
    "music",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise, kept or not."""

    name: str
    owner: str
    value: float | None
    """None: no call of this run says anything about it."""
    limit: float
    unit: str
    at_least: bool = False
    """The value must not be less than the limit, instead of more."""
    calls: int = 0
    """How many calls the value rests on."""
    neural: bool = False

    @property
    def ok(self) -> bool | None:
        if self.value is None:
            return None
        if self.at_least:
            return self.value >= self.limit
        return self.value <= self.limit


def verdicts(
    owner: str, results: Sequence[Result], *, neural: bool = False
) -> list[Verdict]:
    """Judge all calls of one turn owner, with the neural VAD or without."""
    meant = [r for r in results if r.kind is Kind.INTERRUPTION and not r.false_stop]
    alone = [
        each
        for each in results
        if (each.kind is Kind.DISTRACTOR and each.condition.startswith(PROMISED))
        or (each.kind is Kind.INTERRUPTION and each.false_stop)
    ]
    stopped = [each for each in alone if each.false_stop and each.resumed is not None]
    spoken = [each for each in meant if not each.condition.startswith("dtmf")]
    latencies = known(spoken, lambda each: each.latency_ms)
    said = known(results, lambda each: each.clipped_ms)
    marked = known([r for r in meant if r.marks], lambda each: each.heard_error_ms)
    bare = known([r for r in meant if not r.marks], lambda each: each.heard_error_ms)

    def verdict(
        name: str,
        value: float | None,
        limit: float,
        unit: str,
        calls: int,
        *,
        at_least: bool = False,
    ) -> Verdict:
        return Verdict(name, owner, value, limit, unit, at_least, calls, neural)

    return [
        verdict(
            "onset to silence at the ear, p50",
            percentile(latencies, 50),
            300,
            "ms",
            len(latencies),
        ),
        verdict(
            "onset to silence at the ear, p95",
            percentile(latencies, 95),
            450,
            "ms",
            len(latencies),
        ),
        verdict(
            "missed interruptions",
            _percent(share(each.missed for each in meant)),
            2,
            "%",
            len(meant),
        ),
        verdict(
            "audible false stops",
            _percent(share(each.false_stop for each in alone)),
            5,
            "%",
            len(alone),
        ),
        verdict(
            "of these resumed, no word lost or repeated",
            _percent(share(bool(each.resumed) for each in stopped)),
            100,
            "%",
            len(stopped),
            at_least=True,
        ),
        verdict(
            "clipped first words",
            float(sum(ms > 0 for ms in said)) if said else None,
            0,
            "calls",
            len(said),
        ),
        verdict(
            "heard position error with marks, max",
            max(marked, default=None),
            20,
            "ms",
            len(marked),
        ),
        verdict(
            "heard position error without marks, max",
            max(bare, default=None),
            60,
            "ms",
            len(bare),
        ),
        verdict(
            "stale frames after an answer was given up",
            float(sum(each.stale for each in results)) if results else None,
            0,
            "frames",
            len(results),
        ),
    ]


def unheard(owner: str, stormed: Stormed) -> Verdict:
    """Judge the calls in which everybody does anything."""
    return Verdict(
        f"stale frames after clear, {stormed.interleavings} random interleavings",
        owner,
        float(stormed.stale),
        0,
        "frames",
        calls=stormed.calls,
    )


def _percent(part: float | None) -> float | None:
    return None if part is None else 100 * part
