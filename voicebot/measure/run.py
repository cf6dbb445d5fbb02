"""The whole measurement: all calls, for the turn owners that are asked for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any, Literal

from voicebot.bridge.settings import Settings
from voicebot.measure.call import MeasuredCall, Neural
from voicebot.measure.corpus import load
from voicebot.measure.judge import Result, Row, judge, row
from voicebot.measure.record import Network
from voicebot.measure.scenario import Kind, Scenario
from voicebot.measure.settings import base_settings, overridden
from voicebot.measure.storm import storms
from voicebot.measure.verdicts import Verdict, unheard, verdicts
from voicebot.measure.weather import WEATHERS

Owner = Literal["local", "server"]
Calls = Mapping[str, Sequence[Scenario]]


@dataclass(frozen=True, slots=True)
class Report:
    """What the measurement found."""

    corpus: int
    network: Network
    storm_seed: int | None
    """Makes a call again in which a frame was stale: see `storm`."""
    settings: Settings
    results: tuple[Result, ...]
    rows: tuple[Row, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        """Whether all holds of which there were calls."""
        return all(verdict.ok is not False for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        """All figures; a share is 0 to 1."""
        return {
            "corpus": self.corpus,
            "network": asdict(self.network),
            "storm_seed": self.storm_seed,
            "ok": self.ok,
            "must_hold": [
                {**asdict(verdict), "ok": verdict.ok} for verdict in self.verdicts
            ],
            "conditions": [asdict(each) for each in self.rows],
            "calls": [asdict(each) for each in self.results],
        }


def measure(
    calls: Calls,
    owners: Sequence[Owner],
    assignments: Iterable[str] = (),
    network: Network | None = None,
    neural: Sequence[Neural | None] = (None,),
    interleavings: int = 0,
    advance: Callable[[int], None] = lambda steps: None,
) -> Report:
    """
    Make all calls and judge them.

    Args:
        assignments: other settings than the bridge's defaults: see `overridden`.
        neural: the neural VAD, None for calls without it, or both in turn.
        interleavings: how many random ones are tried of each owner's: see `storms`.
        advance: told after each call how many steps are done: 1, or its interleavings.

    Raises:
        ConfigError: an assignment isn't one; a file of the corpus isn't what it was.
    """
    network = network or Network()
    assignments = list(assignments)
    settings = overridden(base_settings(greets=True), assignments)
    found: list[Result] = []
    rows: list[Row] = []
    judged: list[Verdict] = []
    for owner, vad in product(owners, neural):
        mine: list[Result] = []
        for name, scenarios in calls.items():
            results = []
            for scenario in scenarios:
                results.append(one(scenario, owner, settings, network, vad))
                advance(1)
            rows.append(row(name, owner, results, neural=vad is not None))
            mine += results
        judged += verdicts(owner, mine, neural=vad is not None)
        found += mine
    seed: int | None = None
    for owner in owners if interleavings else ():
        mine_only = [each for each in WEATHERS if each.owner == owner]
        stormed = storms(interleavings, weathers=mine_only, advance=advance)
        judged.append(unheard(owner, stormed))
        seed = seed or stormed.seed
    return Report(
        load().version,
        network,
        seed,
        settings,
        tuple(found),
        tuple(rows),
        tuple(judged),
    )


def one(
    scenario: Scenario,
    owner: Owner,
    settings: Settings,
    network: Network,
    neural: Neural | None = None,
) -> Result:
    """Make one call and judge it."""
    settings = replace(settings, owner=owner)
    if scenario.kind is Kind.TURN:
        settings = replace(settings, greeting=base_settings(greets=False).greeting)
    return judge(MeasuredCall(scenario, settings, network, neural).run(), owner)
