"""The report of a load run: a table for a person, figures for a machine."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from voicebot.load.figures import Run, Spread
from voicebot.load.run import Progress
from voicebot.load.verdicts import Verdict, is_void


def live_table(progress: Progress) -> Table:
    """How it goes, while it does."""
    run = progress.run
    table = Table(box=None)
    for name in (
        *("up", "over", "wrong", "set-up p99", "in p99", "out p99"),
        *("foreign", "holes", "late", "server", "memory", "loop p99"),
    ):
        table.add_column(name, justify="right")
    last = run.samples[-1] if run.samples else None
    table.add_row(
        str(progress.live),
        str(len(run.calls)),
        str(sum(not call.as_planned for call in run.calls)),
        _ms(Spread.of(call.setup_ms for call in run.calls).at(99)),
        _ms(run.latency_in_ms().at(99)),
        _ms(run.latency_out_ms().at(99)),
        str(sum(call.foreign for call in run.calls)),
        str(sum(call.underruns for call in run.calls)),
        f"{100 * run.late_share():.1f} %",
        _cores(run),
        f"{last.rss_bytes / 1e6:.0f} MB" if last else "",
        _ms(Spread.of(run.lags_ms).at(99)),
    )
    return table


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """What must hold, and whether it does."""
    table = Table(box=None)
    for name in ("must hold", "", "limit", ""):
        table.add_column(name, justify="left" if name == "must hold" else "right")
    for each in verdicts:
        sign = "≥" if each.at_least else "≤"
        table.add_row(
            each.name,
            "–" if each.value is None else f"{each.value:.1f} {each.unit}".strip(),
            f"{sign} {each.limit:g} {each.unit}".strip(),
            _mark(each),
        )
    return table


def summary(run: Run, verdicts: Sequence[Verdict]) -> dict[str, object]:
    """All figures, for JSON."""
    return {
        "calls_at_once": run.wanted,
        "calls": len(run.calls),
        "endings": Counter(
            f"{call.outcome}, {call.ended_by}: {call.ending}" for call in run.calls
        ),
        "steady_s": round(run.steady[1] - run.steady[0], 1),
        "void": is_void(run),
        "late_share": run.late_share(),
        "cores": run.cores(),
        "callers_cores": run.callers_cores(),
        "talk_share": run.talk_share(),
        "cores_by_process": run.by_process(),
        "call_seconds": round(run.call_seconds(), 1),
        "spreads": {
            name: {
                "count": len(spread.values),
                **{f"p{at:g}": spread.at(at) for at in (50, 90, 95, 99, 99.9)},
                "max": spread.largest,
            }
            for name, spread in spreads(run).items()
        },
        "verdicts": [{**asdict(each), "holds": each.holds} for each in verdicts],
        "samples": [asdict(each) for each in run.samples],
        "idle": run.idle and asdict(run.idle),
        "after": run.after and asdict(run.after),
    }


def spreads(run: Run) -> dict[str, Spread]:
    """What has a distribution, in milliseconds."""
    calls = run.calls
    return {
        "set-up": Spread.of(call.setup_ms for call in calls),
        "greeting": Spread.of(call.greeting_ms for call in calls),
        "caller to StepFun": run.latency_in_ms(),
        "StepFun to caller": run.latency_out_ms(),
        "answer after the caller's last sound": Spread.of(
            reply for call in calls for reply in call.replies_ms
        ),
        "silent after a caller's onset": Spread.of(
            stop for call in calls for stop in call.stops_ms
        ),
        "answer to a probe": Spread.of(run.lags_ms),
    }


def _mark(verdict: Verdict) -> Text:
    match verdict.holds:
        case None:
            why = "not measured" if verdict.value is None else "too little load"
            return Text(why, style="dim")
        case True:
            return Text("holds", style="green")
        case False:
            return Text("does not hold", style="red")


def _cores(run: Run) -> str:
    if len(run.samples) < 2:
        return ""
    before, last = run.samples[-2:]
    share = (last.cpu_s - before.cpu_s) / (last.at_s - before.at_s)
    return f"{100 * share:.0f} %"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"
