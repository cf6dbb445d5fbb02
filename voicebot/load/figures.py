"""What a load run comes to: its calls, and the server that took them, as figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from voicebot.load.listener import Heard

MATCH_S: Final = 1.0
"""What StepFun sent is heard within this, or it was given up."""

COMPLETED: Final = "completed"


@dataclass(slots=True, kw_only=True)
class CallFigures(Heard):
    """One call, as its caller had it. Times of the clock that all processes share."""

    call: int
    """Its number in the watermark."""
    scenario: str
    dialled_s: float
    ended_s: float
    outcome: str
    ended_by: str
    ending: str
    as_planned: bool
    """The caller hung up as the scenario says."""
    turned_away: bool
    """The bot said that it has no room, and did so in proper TwiML."""
    told_ms: float | None
    """From dialling to the words, or the busy tone, of a call that has no stream."""
    setup_ms: float | None
    """From dialling to the open stream."""
    stream_s: float | None
    """When that was."""
    greeting_ms: float | None
    replies_ms: list[float]
    stops_ms: list[float]
    dead_air_ms: float
    underruns: int
    underrun_ms: float
    warnings: list[int]
    """Codes that Twilio's debugger would show."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The server's processes at one moment."""

    at_s: float
    cpu_s: float
    rss_bytes: int
    descriptors: int
    threads: int
    processes: int = 1
    workers_s: Mapping[str, float] = field(default_factory=dict)
    """What each of its workers used of `cpu_s`, by process id."""
    tasks: int | None = None
    """Of all event loops, as `/metrics` tells; None: it wasn't asked, or doesn't."""


@dataclass(slots=True)
class Upstream:
    """What the offline StepFun saw: by number of a call, times of sound."""

    pings_s: dict[int, list[float]] = field(default_factory=dict)
    said_s: dict[int, list[float]] = field(default_factory=dict)
    swapped: int = 0
    """Sessions in which first one call was heard, then another."""

    def add(self, event: Mapping[str, object]) -> None:
        """Take one line of its process."""
        call = event.get("call")
        for name, times in (("ping_s", self.pings_s), ("said_s", self.said_s)):
            at_s = event.get(name)
            if isinstance(call, int) and isinstance(at_s, float):
                times.setdefault(call, []).append(at_s)
        self.swapped += "swapped" in event


@dataclass(frozen=True, slots=True)
class Spread:
    """Some values, in order, and what is read off them."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Spread":
        return cls(tuple(sorted(value for value in values if value is not None)))

    def at(self, percent: float) -> float | None:
        """The nearest rank; None of nothing."""
        if not self.values:
            return None
        rank = -(-len(self.values) * percent // 100)
        return self.values[max(0, int(rank) - 1)]

    @property
    def largest(self) -> float | None:
        return self.values[-1] if self.values else None


@dataclass(slots=True)
class Run:
    """All that was measured in one run."""

    wanted: int
    """Calls at once."""
    steady: tuple[float, float]
    """From when to when all of them were up."""
    calls: list[CallFigures] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    everybody: list[Sample] = field(default_factory=list)
    """Of the server, if it is ours, with its callers and the offline StepFun."""
    idle: Sample | None = None
    """The server before the first call of the run, and warm."""
    after: Sample | None = None
    """And when all was over."""
    lags_ms: list[float] = field(default_factory=list)
    """How long the server took to answer a probe."""
    late: dict[float, int] = field(default_factory=dict)
    """How often its loops were late by up to so many ms, as it has seen itself."""
    upstream: Upstream = field(default_factory=Upstream)
    renewals: int = 0
    """How often the server was told to replace its workers."""

    def late_ms(self, percent: float) -> float | None:
        """What its loops' lateness stayed within so often; None if it tells nothing."""
        most = max(self.late.values(), default=0)
        within = (
            bound_ms
            for bound_ms, count in self.late.items()
            if count >= most * percent / 100
        )
        return min(within) if most else None

    def latency_in_ms(self) -> Spread:
        """From the caller's frame to its sound at StepFun."""
        return Spread.of(
            value
            for call in self._steady_calls()
            for value in matched(
                call.pinged_s, self._within(self.upstream.pings_s, call)
            )
        )

    def latency_out_ms(self) -> Spread:
        """From StepFun's first delta of an answer to its sound at Twilio."""
        return Spread.of(
            value
            for call in self._steady_calls()
            for value in matched(self._within(self.upstream.said_s, call), call.began_s)
        )

    def call_seconds(self, within: tuple[float, float] | None = None) -> float:
        """
        How many seconds of calls there were.

        Args:
            within: from when to when; None: in the steady time.
        """
        start, end = within or self.steady
        return sum(
            max(0.0, min(call.ended_s, end) - max(call.stream_s, start))
            for call in self.calls
            if call.stream_s is not None
        )

    def cpu_ms(self) -> float | None:
        """The server's, per second of a call in the steady time."""
        inside = self._steady_samples()
        if len(inside) < 2:
            return None
        first, last = inside[0], inside[-1]
        seconds = self.call_seconds((first.at_s, last.at_s))
        return 1000 * (last.cpu_s - first.cpu_s) / seconds if seconds else None

    def begun_ms(self, each_second_ms: float) -> float | None:
        """
        The server's CPU for a call that begins and ends.

        Args:
            each_second_ms: what a second of it costs in between.
        """
        if self.idle is None or self.after is None or not self.calls:
            return None
        used_ms = 1000 * (self.after.cpu_s - self.idle.cpu_s)
        lasted_s = self.call_seconds((self.idle.at_s, self.after.at_s))
        return (used_ms - each_second_ms * lasted_s) / len(self.calls)

    def cores(self) -> float | None:
        """How many cores the server kept busy in the steady time."""
        return _cores(self._steady_samples())

    def callers_cores(self) -> float | None:
        """And how many its callers did, with the offline StepFun."""
        start, end = self.steady
        together = _cores(
            [each for each in self.everybody if start <= each.at_s <= end]
        )
        server = self.cores() if self.samples else 0.0
        return None if together is None or server is None else together - server

    def callers_ms(self) -> float | None:
        """The callers' and the offline StepFun's CPU, per second of a call."""
        cores, (start, end) = self.callers_cores(), self.steady
        at_once = self.call_seconds() / (end - start) if end > start else 0.0
        return 1000 * cores / at_once if cores is not None and at_once else None

    def talk_share(self) -> float | None:
        """For how much of all calls an answer was heard."""
        frames = sum(call.frames_sent for call in self.calls)
        return sum(call.own for call in self.calls) / frames if frames else None

    def by_process(self) -> Mapping[str, float]:
        """
        How many cores the main process and each worker kept busy in the steady time.

        Empty without workers, or if some of them were replaced meanwhile.
        """
        inside = self._steady_samples()
        if len(inside) < 2:
            return {}
        first, last = inside[0], inside[-1]
        if not last.workers_s or first.workers_s.keys() != last.workers_s.keys():
            return {}
        lasted_s = last.at_s - first.at_s
        workers = [
            (last.workers_s[pid] - first.workers_s[pid]) / lasted_s
            for pid in sorted(last.workers_s)
        ]
        main = (last.cpu_s - first.cpu_s) / lasted_s - sum(workers)
        named = {f"worker {place}": used for place, used in enumerate(workers, 1)}
        return {"main": main, **named}

    def replaced(self) -> int:
        """How many workers there were besides the first ones."""
        seen = [set(sample.workers_s) for sample in self.samples]
        return len(set().union(*seen)) - len(seen[0]) if seen else 0

    def memory_mb(self) -> float | None:
        """What each call at once added to the server's resident memory."""
        inside = self._steady_samples()
        if not inside or self.idle is None:
            return None
        grown = max(sample.rss_bytes for sample in inside) - self.idle.rss_bytes
        return grown / self.wanted / 1e6

    def growth_mb(self) -> float | None:
        """What the server's memory grew by in the second half of the steady time."""
        inside = self._steady_samples()
        quarter = len(inside) // 4
        if quarter < 5:
            return None
        before, end = inside[2 * quarter : 3 * quarter], inside[-quarter:]
        return (_mean_rss(end) - _mean_rss(before)) / 1e6

    def late_share(self) -> float:
        """Share of the callers' frames that our own generators sent too late."""
        sent = sum(call.frames_sent for call in self.calls)
        return sum(call.frames_late for call in self.calls) / sent if sent else 0.0

    def _steady_calls(self) -> list[CallFigures]:
        start, end = self.steady
        return [
            call for call in self.calls if call.dialled_s < end and call.ended_s > start
        ]

    def _steady_samples(self) -> list[Sample]:
        start, end = self.steady
        return [sample for sample in self.samples if start <= sample.at_s <= end]

    @staticmethod
    def _within(times: Mapping[int, Sequence[float]], call: CallFigures) -> list[float]:
        return [
            at_s
            for at_s in times.get(call.call, ())
            if call.dialled_s <= at_s <= call.ended_s
        ]


def matched(causes: Sequence[float], effects: Sequence[float]) -> list[float]:
    """
    Pair each cause with the first effect after it that no other cause is nearer to.

    Returns:
        Milliseconds from the one to the other; a cause without an effect has none.
    """
    found = []
    for place, cause in enumerate(causes):
        until = causes[place + 1] if place + 1 < len(causes) else cause + MATCH_S
        until = min(until, cause + MATCH_S)
        after = [effect for effect in effects if cause <= effect < until]
        if after:
            found.append(1000 * (min(after) - cause))
    return found


def _cores(samples: Sequence[Sample]) -> float | None:
    if len(samples) < 2:
        return None
    first, last = samples[0], samples[-1]
    return (last.cpu_s - first.cpu_s) / (last.at_s - first.at_s)


def _mean_rss(samples: Sequence[Sample]) -> float:
    return sum(sample.rss_bytes for sample in samples) / len(samples)
