"""
What is counted for Prometheus: calls as they tell of themselves, and what they rest on.

What a call puts into its record is counted as it is noted, and what it doesn't put
there comes as a sight (below): nothing here is done for a frame. No label comes from a
caller or a dialplan: each has its values listed.

Names: https://prometheus.io/docs/practices/naming/ (base units, `_total`).
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Final, assert_never

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector

from voicebot.bridge.model import Outcome
from voicebot.bridge.vitals import BargedIn, DeadAir, Greeted, RanDry, Vital
from voicebot.observe.logs import LogSink
from voicebot.store.faults import Fault
from voicebot.store.records import (
    CallEnded,
    CallStarted,
    EndReason,
    FaultNote,
    Latency,
    Record,
    Reviewed,
    TokensUsed,
    Transcribed,
)
from voicebot.store.writer import Backlog

LAG_S: Final = 0.05
TASKS_EVERY: Final = 10

# When each began to be counted is when the process began.
disable_created_metrics()  # type: ignore[no-untyped-call]

ADMISSION: Final = "admission."
TURNED_AWAY: Final = [x.removeprefix(ADMISSION) for x in Fault if ADMISSION in x]
STEPFUN: Final = "stepfun."
REFUSALS: Final = [x.removeprefix(STEPFUN) for x in Fault if x.startswith(STEPFUN)]

# Bounds in seconds. Fine where the targets are: an answer within 1 to 2 s, a bot that
# is silent 0.3 s after it was interrupted, a loop that is never 50 ms late.
ANSWERS: Final = (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10)
STOPS: Final = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 2)
LAGS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5)
CALLS: Final = (5, 15, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True, slots=True)
class StreamBegan:
    """The stream of an admitted call is there."""

    after_s: float
    """After the answer to the webhook."""


@dataclass(frozen=True, slots=True)
class ModelDialled:
    """A session is being opened at StepFun."""


@dataclass(frozen=True, slots=True)
class ModelOpened:
    """A session is open and configured."""

    after_s: float
    """After it was dialled."""


@dataclass(frozen=True, slots=True)
class ModelRefused:
    """No session could be opened."""

    why: Fault


@dataclass(frozen=True, slots=True)
class ModelLost:
    """An open session broke."""


@dataclass(frozen=True, slots=True)
class ModelResumed:
    """A call that had lost its session has another one."""

    away_ms: float


@dataclass(frozen=True, slots=True)
class LoopLagged:
    """The event loop came so late to what was due."""

    lag_s: float
    process: str = "main"
    """`main`, or `worker-1` and so on."""
    tasks: int | None = None
    """How many the loop had then, if they were counted."""


Sight = (
    Vital
    | StreamBegan
    | ModelDialled
    | ModelOpened
    | ModelRefused
    | ModelLost
    | ModelResumed
    | LoopLagged
)
"""What is counted and stands in no record."""

See = Callable[[Sight], None]


def unseen(_: Sight) -> None:
    """For who runs without metrics: a test, a rehearsal."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much is going on at this moment."""

    live: int
    waiting: int
    elsewhere: int
    limit: int
    draining: bool
    backlog: Backlog


class Metrics:
    """All that is counted in one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._noted: dict[str, set[Fault]] = {}  # what open calls told of themselves
        self._lines_dropped = self._records_lost = 0
        ProcessCollector(registry=self._registry)
        self._started = self._counter("calls_started", "Calls that came in.")
        self._ended = self._counter(
            "calls_ended",
            "Calls that ended, by reason. One that is taken up again ends twice.",
            reason=EndReason,
        )
        self._turned_away = self._counter(
            "calls_turned_away",
            "Calls that found no room, by what was full.",
            why=TURNED_AWAY,
        )
        self._faults = self._counter(
            "faults", "What went wrong in calls: each once a call.", fault=Fault
        )
        self._cost = self._counter(
            "cost_yuan",
            "What calls cost.",
            purpose=("input", "cached", "output", "twilio", "review", "transcription"),
        )
        self._underruns = self._counter(
            "underruns", "Holes in the bot's voice, shorter than half a second."
        )
        self._underrun_s = self._counter("underrun_seconds", "How long those were.")
        self._dials = self._counter("stepfun_dials", "Sessions that were dialled.")
        self._refusals = self._counter(
            "stepfun_refusals", "Sessions that weren't opened.", code=REFUSALS
        )
        self._lost = self._counter("stepfun_lost", "Open sessions that broke.")
        self._dropped = self._counter(
            "log_lines_dropped", "Lines of the log that nobody read in time."
        )
        self._unwritten = self._counter(
            "call_log_lost_records", "Records that neither database nor disk took."
        )
        self._duration = self._histogram("call_duration", "Whole calls.", CALLS)
        self._setup = self._histogram(
            "call_setup", "From our answer to the webhook to the stream.", ANSWERS
        )
        self._greeting = self._histogram(
            "greeting_delay",
            "From the stream's start to the bot's first sound.",
            ANSWERS,
        )
        self._latency = self._histogram(
            "turn_latency",
            "From the caller's last word to the bot's first sound: clock, reckoned, "
            "of every answer; mark, proved by Twilio, of those that weren't cut.",
            ANSWERS,
            heard_by=("clock", "mark"),
        )
        self._dead_air = self._histogram(
            "dead_air", "The longest silence before an answer.", ANSWERS
        )
        self._stop = self._histogram(
            "barge_in_stop",
            "From the beginning of a caller's speech to the bot's silence.",
            STOPS,
            outcome=(Outcome.CONFIRMED, Outcome.RESUMED),
        )
        self._open = self._histogram(
            "stepfun_open", "From the dial to a configured session.", ANSWERS
        )
        self._away = self._histogram(
            "stepfun_resume", "How long calls were without a session.", ANSWERS
        )
        self._lag = Histogram(
            "voicebot_event_loop_lag_seconds",
            "How late the event loop came to what was due.",
            ("process",),
            buckets=LAGS,
            registry=self._registry,
        )
        self._tasks = Gauge(
            "voicebot_tasks",
            "Tasks of the event loop.",
            ("process",),
            registry=self._registry,
        )
        self._live = self._gauge("calls_live", "Calls that were admitted and go on.")
        self._waiting = self._gauge("calls_waiting", "Callers in line for room.")
        self._elsewhere = self._gauge(
            "calls_elsewhere", "Calls that ring somebody, leave a message or wait."
        )
        self._limit = self._gauge("calls_limit", "VOICEBOT_MAX_CALLS.")
        self._draining = self._gauge("draining", "1 if no new calls are taken.")
        self._held = self._gauge(
            "call_log_held_events", "Events that are on no disk yet."
        )
        self._spilled = self._gauge(
            "call_log_spilled_bytes", "What waits on disk for the database."
        )
        self._log_away = self._gauge("call_log_away", "1 if the database failed last.")

    def note(self, record: Record) -> None:
        """Count what a call put into its record."""
        match record:
            case CallStarted():
                self._started.inc()
            case FaultNote(call_id, _, code):
                self._fault(call_id, code)
            case Latency():
                answered_s = (record.heard_ms - record.spoken_ms) / 1000
                self._latency.labels(record.heard_by).observe(max(0.0, answered_s))
            case TokensUsed(cost=cost) | Reviewed(cost=cost) | Transcribed(cost=cost):
                self._spent(cost.items())
            case CallEnded():
                self._end(record)
            case _:
                pass

    def _end(self, end: CallEnded) -> None:
        self._ended.labels(end.end_reason).inc()
        self._duration.observe(end.duration_ms / 1000)
        # The rest of it was spent by answers, and counted then.
        self._spent(each for each in end.cost.items() if each[0] == "twilio")
        for fault in end.faults:
            self._fault(end.call_id, fault)
            if fault.startswith(ADMISSION):
                self._turned_away.labels(fault.removeprefix(ADMISSION)).inc()
        self._noted.pop(end.call_id, None)

    def _fault(self, call_id: str, fault: Fault) -> None:
        noted = self._noted.setdefault(call_id, set())
        if fault not in noted:
            noted.add(fault)
            self._faults.labels(fault).inc()

    def _spent(self, cost: Iterable[tuple[str, int]]) -> None:
        for purpose, ucny in cost:
            self._cost.labels(purpose).inc(ucny / 1_000_000)

    def orphans(self, calls: int) -> None:
        """Count calls whose process died: their end is no news of theirs."""
        self._ended.labels(EndReason.NODE_CRASH).inc(calls)

    def see(self, sight: Sight) -> None:
        """Count what stands in no record."""
        match sight:
            case Greeted(delay_ms):
                self._greeting.observe(delay_ms / 1000)
            case BargedIn(stop_ms, outcome):
                self._stop.labels(outcome).observe(stop_ms / 1000)
            case RanDry(hole_ms):
                self._underruns.inc()
                self._underrun_s.inc(hole_ms / 1000)
            case DeadAir(silence_ms):
                self._dead_air.observe(silence_ms / 1000)
            case StreamBegan(after_s):
                self._setup.observe(after_s)
            case ModelDialled():
                self._dials.inc()
            case ModelOpened(after_s):
                self._open.observe(after_s)
            case ModelRefused(why):
                self._refusals.labels(why.removeprefix(STEPFUN)).inc()
            case ModelLost():
                self._lost.inc()
            case ModelResumed(away_ms):
                self._away.observe(away_ms / 1000)
            case LoopLagged(lag_s, process, tasks):
                self._lag.labels(process).observe(lag_s)
                if tasks is not None:
                    self._tasks.labels(process).set(tasks)
            case _:
                assert_never(sight)

    async def page(self, load: Load, accept: str) -> tuple[bytes, str]:
        """
        Return what Prometheus reads, and its content type.

        Args:
            accept: what it can read, as HTTP's header of that name says it.
        """
        self._live.set(load.live)
        self._waiting.set(load.waiting)
        self._elsewhere.set(load.elsewhere)
        self._limit.set(load.limit)
        self._draining.set(load.draining)
        self._held.set(load.backlog.held_events)
        self._spilled.set(load.backlog.spilled_bytes)
        self._log_away.set(load.backlog.is_away)
        self._unwritten.inc(load.backlog.lost_records - self._records_lost)
        self._records_lost = load.backlog.lost_records
        dropped = _lines_dropped()
        self._dropped.inc(dropped - self._lines_dropped)
        self._lines_dropped = dropped
        encode, content_type = choose_encoder(accept)
        # It takes milliseconds, and calls wait for none.
        page: bytes = await asyncio.to_thread(encode, self._registry)
        return page, content_type

    def _counter(self, name: str, help: str, **labels: Iterable[str]) -> Counter:
        counter = Counter(
            f"voicebot_{name}", help, tuple(labels), registry=self._registry
        )
        for values in labels.values():  # there from the start: `rate` needs a zero
            for value in values:
                counter.labels(value)
        return counter

    def _histogram(
        self, name: str, help: str, bounds: Iterable[float], **labels: Iterable[str]
    ) -> Histogram:
        histogram = Histogram(
            f"voicebot_{name}_seconds",
            help,
            tuple(labels),
            buckets=tuple(bounds),
            registry=self._registry,
        )
        for values in labels.values():
            for value in values:
                histogram.labels(value)
        return histogram

    def _gauge(self, name: str, help: str) -> Gauge:
        return Gauge(f"voicebot_{name}", help, registry=self._registry)


def _lines_dropped() -> int:
    handlers = logging.getLogger().handlers
    return sum(each.dropped for each in handlers if isinstance(each, LogSink))


async def watch_loop(see: See, process: str = "main") -> None:
    """See, for ever, how late the event loop is, and how much it has to do."""
    for seen in count():
        due = time.monotonic() + LAG_S
        await asyncio.sleep(LAG_S)
        lag_s = max(0.0, time.monotonic() - due)
        # Seldom, as it goes through all of them.
        tasks = None if seen % TASKS_EVERY else len(asyncio.all_tasks())
        see(LoopLagged(lag_s, process, tasks))
