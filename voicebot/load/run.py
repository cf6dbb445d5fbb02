"""One load run: start the callers, watch the server, gather the figures."""

import asyncio
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
)

from voicebot.errors import ConfigError, VoicebotError
from voicebot.load.children import Child, running
from voicebot.load.cores import available
from voicebot.load.figures import CallFigures, Run, Sample
from voicebot.load.generator import Orders
from voicebot.load.processes import sample
from voicebot.load.server import Target
from voicebot.sim.twilio.report import Outcome

SETTLE_S: Final = 3.0
"""From the last dial to the steady time: sessions open, greetings play."""

LEAD_S: Final = 2.0
"""For the generators to start."""

CALLS_A_PROCESS: Final = 20
"""At least, if there are cores for more than one."""

MOST_A_PROCESS: Final = 400

PROBE_S: Final = 0.5
SAMPLE_S: Final = 1.0
QUIET_S: Final = 30.0
"""For descriptors, threads and tasks to be back to idle after the last call."""

ENDS_S: Final = 200.0
"""No call of ours is longer."""

WARM_UP: Final = Path(__file__).parent / "warm_up.yaml"
WARM_CALLS: Final = 8
"""A server of ours has opened by then all that it opens once: pools, files, threads."""

STEADY_SAMPLES: Final = 3
STATUS: Final = re.compile("HTTP ([0-9]+)$")
REFUSALS: Final = {
    "403": "refused the signature: is VOICEBOT_TWILIO_AUTH_TOKEN the server's?",
    "404": "knows no such path: is --url its voice webhook, as /twilio/voice?",
}
TASKS: Final = re.compile(r"^voicebot_tasks\{[^}]*\} ([0-9]+)", re.M)
LATE: Final = re.compile(
    r'^voicebot_event_loop_lag_seconds_bucket\{le="([^"]+)",[^}]*\} ([0-9]+)', re.M
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much load, and of what kind."""

    calls: int
    """At once."""
    ramp_per_s: float
    minutes: float
    """With all calls up."""
    mix: list[str]
    stays: bool = False
    """Callers stay in their calls until the steady time is over."""
    renew_every_s: float | None = None
    """So often the server's workers are replaced; None: never."""

    @property
    def ramp_s(self) -> float:
        return self.calls / self.ramp_per_s


@dataclass(slots=True)
class Progress:
    """How far a run is, for who looks on."""

    run: Run
    begins_s: float
    ends_s: float
    """When no more calls are begun."""
    live: int = 0


Look = Callable[[Progress], None]


@dataclass(slots=True)
class _Crew:
    """What goes on beside the callers."""

    progress: Progress
    target: Target
    over: asyncio.Event = field(default_factory=asyncio.Event)


async def load(
    plan: Plan,
    target: Target,
    folder: Path,
    look: Look,
    *,
    warm: bool = True,
    rests: bool = True,
) -> Run:
    """
    Make the calls and wait for their ends.

    Args:
        look: called after each thing that happened.
        warm: whether the server is to be warmed up, and asked if it takes calls.
        rests: whether to wait until it has put away all that the calls used.

    Raises:
        ConfigError: the target can't be called, or the mix is wrong.
        ChildError: a process of ours fails.
    """
    await check(target)
    if warm:
        await _warm_up(target, folder)
    idle = await _idle(target)
    begins_s = time.monotonic() + LEAD_S
    steady_s = begins_s + plan.ramp_s + SETTLE_S
    ends_s = steady_s + 60 * plan.minutes
    run = Run(plan.calls, (steady_s, ends_s))
    run.idle = idle
    crew = _Crew(Progress(run, begins_s, ends_s), target)
    with one_sentence():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_sample(crew))
            tasks.create_task(_probe(crew))
            tasks.create_task(_ask_loops(crew))
            if plan.renew_every_s:
                tasks.create_task(_renew(crew, plan.renew_every_s))
            heard = target.upstream and tasks.create_task(_listen(target.upstream, run))
            try:
                limit_s = ends_s + plan.ramp_s + ENDS_S
                async with asyncio.timeout_at(_loop_time(limit_s)):
                    await _callers(plan, crew.progress, target, folder, look)
            finally:
                crew.over.set()
                if heard:
                    heard.cancel()
    if rests:
        run.after = await _quiet(target, run.idle)
    return run


@contextmanager
def one_sentence() -> Iterator[None]:
    """Raise what went wrong by itself, not as a group with it in."""
    try:
        yield
    except BaseExceptionGroup as group:
        ours: BaseException | None = group.subgroup(VoicebotError)
        while isinstance(ours, BaseExceptionGroup):
            ours = ours.exceptions[0]
        if ours is None:
            raise
        raise ours from None


async def check(target: Target) -> None:
    """
    Say in a sentence why a target can't be called.

    Raises:
        ConfigError: nothing listens there, or no web server.
    """
    host = _host(target)
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=10)) as http,
            http.get(_url(target, "/healthz")) as answer,
        ):
            await answer.read()
    except ClientSSLError:
        raise ConfigError(
            f"{host} speaks no TLS, or its certificate doesn't hold"
        ) from None
    except ClientConnectorError:
        raise ConfigError(
            f"nothing listens at {host}: is `voicebot serve` running?"
        ) from None
    except (ClientError, OSError, TimeoutError):
        raise ConfigError(f"{host} doesn't answer: is that a web server?") from None


async def _warm_up(target: Target, folder: Path) -> None:
    """
    Call before the load does: does it work at all?

    Raises:
        ConfigError: it doesn't, and why.
    """
    now = time.monotonic()
    count = WARM_CALLS if target.server else 1
    plan = Plan(count, float(count), 0.0, [str(WARM_UP)])
    progress = Progress(Run(count, (now, now)), now, now + ENDS_S)
    with one_sentence():
        await _callers(plan, progress, target, folder, lambda _: None, once=True)
    for call in progress.run.calls:
        if not call.as_planned:
            raise ConfigError(why_not(target, call))


def why_not(target: Target, call: CallFigures) -> str:
    """Say in a sentence why a call went wrong."""
    host = _host(target)
    status = STATUS.search(call.ending)
    if call.outcome == Outcome.REFUSED and status and status[1] in REFUSALS:
        return f"{host} {REFUSALS[status[1]]}"
    if call.turned_away:
        return f"{host} takes no calls: {call.ending}"
    return f"{host}: a first call went wrong: {call.ending}"


async def _idle(target: Target) -> Sample | None:
    """Measure the server once it has nothing to do."""
    alike: list[Sample] = []
    for _ in range(round(QUIET_S / SAMPLE_S)):
        now = await _at_rest(target)
        if now is None:
            return None
        same = alike and _open(alike[-1]) == _open(now)
        alike = [*alike, now] if same else [now]
        if len(alike) >= STEADY_SAMPLES:
            break
        await asyncio.sleep(SAMPLE_S)
    return alike[-1]


async def _callers(
    plan: Plan,
    progress: Progress,
    target: Target,
    folder: Path,
    look: Look,
    *,
    once: bool = False,
) -> None:
    # One for each core that we have: more would only wait for each other.
    count = min(available(), -(-plan.calls // CALLS_A_PROCESS))
    count = max(count, -(-plan.calls // MOST_A_PROCESS))
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        for number in range(count):
            child = await stack.enter_async_context(
                running(
                    f"callers {number + 1}",
                    "-m",
                    "voicebot.load.generator",
                    folder=folder,
                )
            )
            orders = Orders(
                voice_url=target.voice_url,
                public_url=target.public_url,
                account_sid=target.account_sid,
                auth_token=target.auth_token,
                to_number=target.to_number,
                yours=target.yours,
                mix=plan.mix,
                lines=list(range(number, plan.calls, count)),
                ramp_per_s=plan.ramp_per_s,
                starts_s=progress.begins_s,
                until_s=progress.ends_s,
                once=once,
                stays=plan.stays,
            )
            await child.tell(asdict(orders))
            tasks.create_task(_gather(child, progress, look))


async def _gather(child: Child, progress: Progress, look: Look) -> None:
    async for event in child.events():
        if problem := event.get("problem"):
            raise ConfigError(str(problem))
        if "up" in event:
            progress.live += 1
        else:
            call = CallFigures(**event["over"])
            progress.live -= call.stream_s is not None
            progress.run.calls.append(call)
        look(progress)


async def _listen(upstream: Child, run: Run) -> None:
    async for event in upstream.events():
        run.upstream.add(event)


async def _sample(crew: _Crew) -> None:
    while not await _over(crew, SAMPLE_S):
        if now := _now(crew.target):
            crew.progress.run.samples.append(now)
        if everybody := sample(os.getpid()):
            crew.progress.run.everybody.append(everybody)


async def _probe(crew: _Crew) -> None:
    """
    Ask the server for its health, twice a second.

    What it takes is the lateness of its loop, several times, and that of our own.
    """
    run, url = crew.progress.run, _url(crew.target, "/healthz")
    async with ClientSession(timeout=ClientTimeout(total=10)) as http:
        while not await _over(crew, PROBE_S):
            asked_s = time.monotonic()
            try:
                async with http.get(url) as answer:
                    await answer.read()
            except (ClientError, OSError, TimeoutError):
                continue  # the calls tell
            if run.steady[0] <= asked_s <= run.steady[1]:
                run.lags_ms.append(1000 * (time.monotonic() - asked_s))


async def _ask_loops(crew: _Crew) -> None:
    """Have the server tell how late its loops were in the steady time."""
    run = crew.progress.run
    before, after = Counter[float](), Counter[float]()
    for seen, at_s in zip((before, after), run.steady, strict=True):
        await _over(crew, max(0.0, at_s - time.monotonic()))
        for bound_s, count in LATE.findall(await _metrics(crew.target)):
            seen[1000 * float(bound_s)] += int(count)
    run.late = {bound_ms: after[bound_ms] - before[bound_ms] for bound_ms in after}


async def _over(crew: _Crew, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            return await crew.over.wait()
    except TimeoutError:
        return False


async def _quiet(target: Target, idle: Sample | None) -> Sample | None:
    """Give the server time to put away what it used."""
    now = await _at_rest(target)
    for _ in range(round(QUIET_S / SAMPLE_S)):
        if now is None or idle is None:
            break
        if _open(now) == _open(idle):
            break
        await asyncio.sleep(SAMPLE_S)
        now = await _at_rest(target)
    return now


def _open(server: Sample) -> tuple[int, int, int | None]:
    """What calls open, and close."""
    return server.descriptors, server.threads, server.tasks


async def _at_rest(target: Target) -> Sample | None:
    """Measure the server with the tasks of its loops, of which it must be asked."""
    counts = TASKS.findall(await _metrics(target))
    now = _now(target)
    return now and replace(now, tasks=sum(map(int, counts)) if counts else None)


async def _metrics(target: Target) -> str:
    """What the server tells of itself; nothing if it doesn't."""
    with suppress(ClientError, OSError, TimeoutError):
        async with (
            ClientSession(timeout=ClientTimeout(total=10)) as http,
            http.get(_url(target, "/metrics")) as answer,
        ):
            return await answer.text()
    return ""


async def _renew(crew: _Crew, every_s: float) -> None:
    """Have the workers replaced, again and again, as long as calls are begun."""
    assert crew.target.server
    while not await _over(crew, every_s):
        if time.monotonic() > crew.progress.ends_s:
            return
        os.kill(crew.target.server.pid, signal.SIGHUP)
        crew.progress.run.renewals += 1


def _now(target: Target) -> Sample | None:
    return sample(target.server.pid) if target.server else None


def _host(target: Target) -> str:
    return urlsplit(target.voice_url).netloc.rpartition("@")[2]


def _url(target: Target, path: str) -> str:
    return urlunsplit(urlsplit(target.voice_url)._replace(path=path, query=""))


def _loop_time(at_s: float) -> float:
    return asyncio.get_running_loop().time() + at_s - time.monotonic()
