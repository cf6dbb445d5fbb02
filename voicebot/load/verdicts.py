"""What must hold under load: the budget, each figure with its limit."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from voicebot.load.figures import CallFigures, Run, Spread

VOID: Final = 0.01
"""If a larger share of the callers' frames was late, it was the callers who failed."""

ENOUGH_CALLS: Final = 80
"""CPU per call falls with load: its limit is one of 100 calls."""

ENOUGH_S: Final = 20.0
"""Of steady time; what needs more of it isn't judged before."""

UNREAD: Final = 0.02
"""Share of marks that can't be read, as where an answer begins or is cut."""

DEAD_AIR_MS: Final = 3000.0

WORTH: Final = 0.95
"""Of each worker: two of them carry 1.9 times what one does."""

UNEVEN: Final = 1.25
"""Between workers: calls differ, and no two workers have the same."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One figure that must hold."""

    name: str
    value: float | None
    """None: it couldn't be measured."""
    limit: float
    unit: str = ""
    at_least: bool = False
    judged: bool = True
    """False: there was too little load to say."""

    @property
    def holds(self) -> bool | None:
        """None: nobody can say."""
        if self.value is None or not self.judged:
            return None
        if self.at_least:
            return self.value >= self.limit
        return self.value <= self.limit


def is_void(run: Run) -> bool:
    """Whether the callers couldn't keep up, so that nothing is known of the server."""
    return run.late_share() > VOID


def turned_away(calls: Sequence[CallFigures]) -> list[CallFigures]:
    """Those that the server had no room for, and told so."""
    return [call for call in calls if call.turned_away]


def verdicts(run: Run, *, room: int | None = None) -> list[Verdict]:
    """
    Judge a run.

    Args:
        room: how many calls the server admits at once, if that is less than there were.
    """
    away = turned_away(run.calls) if room is not None else []
    calls = [call for call in run.calls if call not in away]
    found = [*_callers(calls), *_latencies(run, calls), *_server(run)]
    if room is not None:
        found += [
            Verdict("calls at once", float(_most_at_once(calls)), room, at_least=True),
            Verdict("calls at once, no more", float(_most_at_once(calls)), room),
            Verdict(
                "told that there is no room, p99",
                Spread.of(call.told_ms for call in away).at(99),
                1000,
                "ms",
            ),
        ]
    return found


def _callers(calls: Sequence[CallFigures]) -> list[Verdict]:
    def total(what: Callable[[CallFigures], float]) -> float | None:
        return float(sum(map(what, calls))) if calls else None

    marked = sum(call.own + call.foreign + call.unread for call in calls)
    unread = sum(call.unread for call in calls)
    return [
        Verdict(
            "calls set up",
            _percent(call.stream_s is not None for call in calls),
            100,
            "%",
            at_least=True,
        ),
        Verdict("wrong endings", total(lambda call: not call.as_planned), 0, "calls"),
        Verdict("heard of another call", total(lambda call: call.foreign), 0, "frames"),
        Verdict(
            "marks that can't be read",
            100 * unread / marked if marked else None,
            100 * UNREAD,
            "%",
        ),
        Verdict(
            "heard of an answer before", total(lambda call: call.stale), 0, "frames"
        ),
        Verdict("lost of answers", total(lambda call: call.lost_ms), 0, "ms"),
        Verdict("repeated of answers", total(lambda call: call.repeated_ms), 0, "ms"),
        Verdict("holes in answers", total(lambda call: call.underruns), 0, "holes"),
        Verdict(
            "silences of more than 3 s",
            total(lambda call: call.dead_air_ms > DEAD_AIR_MS),
            0,
            "calls",
        ),
        Verdict("Twilio's warnings", total(lambda call: len(call.warnings)), 0, ""),
    ]


def _latencies(run: Run, calls: Sequence[CallFigures]) -> list[Verdict]:
    setup = Spread.of(call.setup_ms for call in calls)
    greeting = Spread.of(call.greeting_ms for call in calls)
    stops = Spread.of(stop for call in calls for stop in call.stops_ms)
    inwards, outwards = run.latency_in_ms(), run.latency_out_ms()
    return [
        Verdict("set-up, p99", setup.at(99), 1000, "ms"),
        Verdict("greeting after the stream's start, p99", greeting.at(99), 150, "ms"),
        Verdict("caller to StepFun, p50", inwards.at(50), 25, "ms"),
        Verdict("caller to StepFun, p99", inwards.at(99), 45, "ms"),
        Verdict("StepFun to caller, p50", outwards.at(50), 2, "ms"),
        Verdict("StepFun to caller, p99", outwards.at(99), 5, "ms"),
        Verdict("silent after a caller's onset, p95", stops.at(95), 450, "ms"),
    ]


def _server(run: Run) -> list[Verdict]:
    steady_s = run.steady[1] - run.steady[0]
    long_enough = steady_s >= ENOUGH_S
    many = long_enough and run.wanted >= ENOUGH_CALLS
    idle, after = run.idle, run.after
    found = [
        Verdict("CPU per second of a call", run.cpu_ms(), 3.5, "ms", judged=many),
        Verdict("memory per call", run.memory_mb(), 0.5, "MB", judged=many),
        Verdict("loop late, p99.9", run.late_ms(99.9), 5, "ms", judged=long_enough),
        Verdict("loop late, most", run.late_ms(100), 20, "ms", judged=long_enough),
        Verdict(
            "memory grew in the second half",
            run.growth_mb(),
            2.0,
            "MB",
            # A new worker has its memory still to take.
            judged=steady_s >= 6 * ENOUGH_S and not run.replaced(),
        ),
    ]
    for name in ("descriptors", "threads", "tasks", "processes"):
        were, are = getattr(idle, name, None), getattr(after, name, None)
        more = None if were is None or are is None else are - were
        found.append(Verdict(f"{name} left behind", more, 0))
    if run.renewals:
        first = len(run.samples[0].workers_s) if run.samples else 1
        found.append(
            Verdict("workers replaced", float(run.replaced()), first, at_least=True)
        )
    return [*found, *_workers(run, many=many, long_enough=long_enough)]


def _workers(run: Run, *, many: bool, long_enough: bool) -> list[Verdict]:
    """Whether workers share the work, and the main process leaves it to them."""
    start, end = run.steady
    # What the main process does is done when a call begins, and when it ends.
    steady = not any(start < call.dialled_s < end for call in run.calls)
    used = run.by_process()
    if not used:
        return []
    main, *workers = used.values()
    least, together = min(workers), sum(workers)
    count = len(workers)
    # On as many cores as there are workers, the main process takes its part of them.
    worth = count * together / (main + together) if together else None
    return [
        Verdict(
            "carries what one core of workers does",
            worth,
            WORTH * count,
            "times",
            at_least=True,
            judged=many and steady,
        ),
        Verdict(
            "busiest worker, of the idlest",
            max(workers) / least if least else None,
            UNEVEN,
            "times",
            judged=long_enough,
        ),
    ]


def _percent(held: Iterable[bool]) -> float | None:
    answers = list(held)
    return 100 * sum(answers) / len(answers) if answers else None


def _most_at_once(calls: Sequence[CallFigures]) -> int:
    changes = sorted(
        change
        for call in calls
        if call.stream_s is not None
        for change in ((call.stream_s, 1), (call.ended_s, -1))
    )
    most = live = 0
    for _, change in changes:
        live += change
        most = max(most, live)
    return most
