"""Figures of runs that never were."""

import asyncio
from dataclasses import replace
from math import inf

import pytest

from voicebot.errors import ConfigError
from voicebot.load.capacity import (
    Step,
    find_capacity,
    following,
    gave_up,
    judge,
    told,
)
from voicebot.load.figures import CallFigures, Run, Sample, Spread, Upstream, matched
from voicebot.load.page import page
from voicebot.load.report import live_table, spreads, summary, verdict_table
from voicebot.load.run import Plan, Progress, one_sentence, why_not
from voicebot.load.server import Target
from voicebot.load.verdicts import Verdict, is_void, verdicts

CALL = CallFigures(
    call=3,
    scenario="asks",
    dialled_s=99.5,
    ended_s=160.0,
    outcome="completed",
    ended_by="caller",
    ending="the script said so",
    as_planned=True,
    turned_away=False,
    told_ms=10.0,
    setup_ms=20.0,
    stream_s=100.0,
    greeting_ms=40.0,
    replies_ms=[800.0],
    stops_ms=[200.0],
    dead_air_ms=800.0,
    underruns=0,
    underrun_ms=0.0,
    warnings=[],
    frames_sent=3000,
    own=250,
    answers=1,
    began_s=[100.1, 110.0015, 130.0],
    pinged_s=[105.0],
)


def sample(at_s: float, cpu_s: float, rss_mb: float = 100.0) -> Sample:
    return Sample(at_s, cpu_s, round(rss_mb * 1e6), 30, 12)


def run(*calls: CallFigures, wanted: int = 2) -> Run:
    """A minute of a server that used a tenth of a core."""
    done = Run(wanted, (100.0, 160.0), list(calls) or [CALL, replace(CALL, call=4)])
    done.samples = [sample(100.0 + n, 5 + n / 10) for n in range(61)]
    done.idle = sample(90.0, 4.9, 99.0)
    done.after = sample(170.0, 11.1, 99.5)
    done.lags_ms = [1.0, 2.0, 3.0]
    done.late = {1.0: 997, 5.0: 999, 20.0: 1000, 50.0: 1000}
    done.upstream.add({"call": 3, "ping_s": 105.02})
    done.upstream.add({"call": 3, "said_s": 110.0})
    return done


def failing(done: Run, room: int | None = None) -> list[str]:
    return [each.name for each in verdicts(done, room=room) if each.holds is False]


def test_a_run_in_which_all_holds() -> None:
    done = run()
    assert failing(done) == []
    assert not is_void(done)
    assert done.call_seconds() == 120.0
    assert done.cpu_ms() == pytest.approx(50.0)
    assert done.cores() == pytest.approx(0.1)
    assert done.memory_mb() == pytest.approx(0.5)
    assert done.growth_mb() == pytest.approx(0.0)
    assert done.latency_in_ms().at(50) == pytest.approx(20.0)
    assert done.latency_out_ms().at(50) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        (replace(CALL, stream_s=None), ["calls set up"]),
        (replace(CALL, as_planned=False), ["wrong endings"]),
        (replace(CALL, foreign=1), ["heard of another call"]),
        (replace(CALL, unread=30), ["marks that can't be read"]),
        (replace(CALL, stale=1), ["heard of an answer before"]),
        (replace(CALL, lost_ms=60), ["lost of answers"]),
        (replace(CALL, repeated_ms=60), ["repeated of answers"]),
        (replace(CALL, underruns=1), ["holes in answers"]),
        (replace(CALL, dead_air_ms=3500.0), ["silences of more than 3 s"]),
        (replace(CALL, warnings=[31951]), ["Twilio's warnings"]),
        (replace(CALL, setup_ms=1200.0), ["set-up, p99"]),
        (replace(CALL, greeting_ms=300.0), ["greeting after the stream's start, p99"]),
        (replace(CALL, stops_ms=[500.0]), ["silent after a caller's onset, p95"]),
        (
            replace(CALL, pinged_s=[104.9]),
            ["caller to StepFun, p50", "caller to StepFun, p99"],
        ),
        (
            replace(CALL, began_s=[110.05]),
            ["StepFun to caller, p50", "StepFun to caller, p99"],
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_each_target_can_break(broken: CallFigures, what: list[str]) -> None:
    assert failing(run(broken)) == what


def test_the_servers_targets_break() -> None:
    done = run(*([CALL] * 2), wanted=100)
    done.steady = (100.0, 221.0)
    done.samples = [sample(100.0 + n, 50 * n, 100 + n) for n in range(121)]
    done.idle = replace(sample(90.0, 0.0, 99.0), tasks=9)
    done.after = replace(
        sample(230.0, 9.0), descriptors=31, threads=13, processes=2, tasks=10
    )
    done.late = {20.0: 990, 50.0: 1000}
    assert failing(done) == [
        "CPU per second of a call",
        "memory per call",
        "loop late, p99.9",
        "loop late, most",
        "memory grew in the second half",
        "descriptors left behind",
        "threads left behind",
        "tasks left behind",
        "processes left behind",
    ]


def test_the_loops_lateness_is_told_by_the_server_in_steps() -> None:
    done = run(*([CALL] * 2), wanted=100)
    done.late = {}
    assert done.late_ms(99) is None
    done.late = {1.0: 98, 2.5: 99, 20.0: 100, inf: 100}
    assert [done.late_ms(at) for at in (50, 99, 100)] == [1.0, 2.5, 20.0]


def of_workers(*each_uses: float, main: float = 0.004) -> Run:
    """A minute in which processes kept so many cores busy."""
    done = run(wanted=100)
    done.samples = [
        replace(
            sample(100.0 + n, 5 + n * (main + sum(each_uses))),
            workers_s={str(7 + w): 1 + n * used for w, used in enumerate(each_uses)},
        )
        for n in range(61)
    ]
    return done


def test_the_work_is_shared_and_nearly_all_of_it_is_the_workers() -> None:
    done = of_workers(0.05, 0.05)
    used = {"main": 0.004, "worker 1": 0.05, "worker 2": 0.05}
    assert done.by_process() == pytest.approx(used)
    crowded = ["CPU per second of a call"]  # of two calls, judged as if there were 100
    assert failing(done) == crowded
    worth = "carries what one core of workers does"
    (found,) = [each for each in verdicts(done) if each.name == worth]
    assert found.value == pytest.approx(2 / 1.04)
    busy = of_workers(0.05, 0.05, main=0.006)
    assert failing(busy) == [*crowded, worth]
    busy.calls.append(replace(CALL, call=5, dialled_s=110.0, stream_s=110.5))
    assert failing(busy) == crowded  # calls began, and with them it has to do
    uneven = "busiest worker, of the idlest"
    assert failing(of_workers(0.06, 0.04)) == [*crowded, uneven]
    assert run().by_process() == {}


def test_workers_that_were_replaced_are_counted_and_not_compared() -> None:
    done = of_workers(0.05, 0.05)
    done.wanted = 2
    done.renewals = 1
    assert failing(done) == ["workers replaced"]
    done.samples[40:] = [
        replace(each, workers_s={"8": 1.0, "9": 1.0}) for each in done.samples[40:]
    ]
    assert done.replaced() == 1
    assert failing(done) == ["workers replaced"]  # not all of them
    done.samples[50:] = [
        replace(each, workers_s={"9": 1.0, "10": 1.0}) for each in done.samples[50:]
    ]
    assert failing(done) == []
    assert done.by_process() == {}


def test_a_run_of_nothing_judges_nothing() -> None:
    done = Run(1, (0.0, 1.0))
    assert {each.holds for each in verdicts(done)} == {None}
    assert Spread.of([None]).at(50) is None
    assert done.cores() is None
    assert not is_void(done)
    assert b"void" not in page("nothing", done, verdicts(done)).lower()


def test_late_callers_void_a_run() -> None:
    done = run(replace(CALL, frames_late=90))
    assert is_void(done)
    assert b"Void: 3.0 % of the callers" in page("late", done, verdicts(done))
    assert judge(2, done).void


def test_overload_is_judged_by_who_was_admitted() -> None:
    away = replace(
        CALL,
        outcome="rejected",
        as_planned=False,
        turned_away=True,
        stream_s=None,
        told_ms=15.0,
    )
    assert failing(run(CALL, away), room=1) == []
    assert failing(run(CALL, away)) == ["calls set up", "wrong endings"]
    assert failing(run(CALL, CALL, away), room=1) == ["calls at once, no more"]
    assert failing(run(CALL, away), room=2) == ["calls at once"]
    slow = replace(away, told_ms=1500.0)
    assert failing(run(CALL, slow), room=1) == ["told that there is no room, p99"]


def test_a_cause_is_matched_with_the_next_effect_only() -> None:
    times = matched([1.0, 2.0, 9.0], [0.9, 1.25, 2.5, 11.0])
    assert times == pytest.approx([250.0, 500.0])


def test_what_stepfun_saw() -> None:
    upstream = Upstream()
    upstream.add({"swapped": True})
    upstream.add({"call": 1, "said_s": 2.0})
    assert (upstream.swapped, upstream.said_s, upstream.pings_s) == (1, {1: [2.0]}, {})


def test_the_reports_show_it() -> None:
    done = run()
    found = [*verdicts(done), Verdict("it", 2.0, 1.0), Verdict("that", None, 1.0)]
    text = page("Two calls", done, found).decode()
    assert text.count("<svg") == 4 + len(
        [s for s in spreads(done).values() if len(s.values) > 1]
    )
    assert "does not hold" in text
    assert "<script" not in text
    assert verdict_table(found).row_count == len(found)
    assert live_table(Progress(done, 100.0, 160.0, 2)).row_count == 1
    figures = summary(done, found)
    assert figures["calls"] == 2
    assert figures["endings"] == {"completed, caller: the script said so": 2}


@pytest.mark.parametrize(
    ("held", "broken", "wanted"),
    [(20, 2001, 30), (1, 2001, 3), (1900, 2001, 2000), (20, 30, 25), (27, 30, 27)],
)
def test_where_to_look_next(held: int, broken: int, wanted: int) -> None:
    assert following(held, broken) == wanted


async def capacity(limit: int, void: int = 9999) -> list[Step]:
    """Of a server that breaks beyond so many calls, with callers that do, too."""

    async def load(plan: Plan) -> Run:
        worse = replace(CALL, underruns=1) if plan.calls > limit else CALL
        return run(replace(worse, frames_late=100) if plan.calls > void else worse)

    plan = Plan(20, 5.0, 1.0, [])
    return [step async for step in find_capacity(plan, load)]


async def test_the_capacity_is_closed_in_upon() -> None:
    steps = await capacity(70)
    assert [step.calls for step in steps] == [20, 30, 45, 68, 102, 85, 76, 72]
    assert max(step.calls for step in steps if not step.broke) == 68
    assert [each.name for each in steps[-1].broke] == ["holes in answers"]


async def test_it_is_closed_in_upon_where_the_callers_end_too() -> None:
    steps = await capacity(1000, void=40)
    assert [(step.calls, step.void) for step in steps] == [
        (20, False),
        (30, False),
        (45, True),
        (37, False),
        (41, True),
    ]


async def test_a_server_that_carries_nothing_is_found_out() -> None:
    assert [step.calls for step in await capacity(0)] == [20, 10, 5, 2, 1]


async def fails_with(error: Exception) -> None:
    async def fail() -> None:
        raise error

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fail())


async def test_what_went_wrong_in_a_task_is_raised_by_itself() -> None:
    with pytest.raises(ConfigError, match="^it is wrong$"), one_sentence():
        await fails_with(ConfigError("it is wrong"))
    with pytest.raises(BaseExceptionGroup), one_sentence():
        await fails_with(ValueError("a bug of ours"))


def test_a_first_call_that_goes_wrong_is_told_in_a_sentence() -> None:
    target = Target("http://127.0.0.1:80/twilio/voice", "AC", "token")
    refused = replace(CALL, outcome="refused", ending="11200: voice webhook: HTTP 403")
    assert "VOICEBOT_TWILIO_AUTH_TOKEN" in why_not(target, refused)
    lost = replace(refused, ending="11200: voice webhook: HTTP 404")
    assert "is --url its voice webhook" in why_not(target, lost)
    away = replace(CALL, turned_away=True, ending="<Reject busy>")
    assert why_not(target, away) == "127.0.0.1:80 takes no calls: <Reject busy>"
    other = replace(CALL, outcome="gave-up", ending="step 1: waited")
    assert why_not(target, other).endswith("a first call went wrong: step 1: waited")


def test_what_a_call_costs_to_begin_is_what_its_seconds_do_not_explain() -> None:
    done = run()
    assert done.idle
    assert done.after
    used_ms = 1000 * (done.after.cpu_s - done.idle.cpu_s)
    seconds = 2 * 60.0
    assert done.begun_ms(10.0) == pytest.approx((used_ms - 10.0 * seconds) / 2)
    done.idle = None
    assert done.begun_ms(10.0) is None


def test_seconds_are_counted_between_the_samples_of_the_cpu() -> None:
    leaves = replace(CALL, ended_s=110.0)
    done = run(leaves)
    done.samples = [sample(100.0, 5.0), sample(120.0, 6.0)]
    assert done.call_seconds((100.0, 120.0)) == 10.0
    assert done.cpu_ms() == pytest.approx(100.0)
    done.samples = [sample(120.0, 5.0), sample(130.0, 6.0)]
    assert done.cpu_ms() is None  # nobody called then


def test_who_isnt_the_server_is_a_caller_or_stepfun() -> None:
    done = run()
    done.everybody = [sample(100.0 + n, 9 + n / 4) for n in range(61)]
    assert done.callers_cores() == pytest.approx(0.15)
    assert done.callers_ms() == pytest.approx(75.0)
    assert done.talk_share() == pytest.approx(500 / 6000)
    assert Run(2, (100.0, 160.0)).callers_ms() is None
    assert Run(2, (100.0, 160.0)).talk_share() is None


async def test_it_is_said_who_was_at_the_end_first() -> None:
    assert gave_up(await capacity(150)) == "the server gave up first"
    assert gave_up(await capacity(9999, void=200)).startswith("the callers gave up")
    # Above, the callers gave up too: that doesn't matter any more.
    assert gave_up(await capacity(70, void=80)) == "the server gave up first"
    held = [Step(100, run(), [])]
    assert gave_up(held) == "nobody gave up at 100"


def test_a_step_is_told_in_a_line() -> None:
    done = run()
    done.everybody = [sample(100.0 + n, 9 + n / 4) for n in range(61)]
    assert told(judge(50, done)) == (
        "50 calls: all holds; server 10 % of a core, callers 15 %"
    )
    slow = run()
    slow.upstream.pings_s[3] = [105.07]
    assert told(judge(50, slow)).startswith(
        "50 calls: caller to StepFun, p99 is 70.0 ms, and may be 60; server"
    )
    late = run(replace(CALL, frames_late=300))
    assert told(judge(50, late)).startswith("50 calls: void, 10.0 % of the callers'")
