"""A whole practice: every kind of file and nearly every kind of key, and it works."""

from pathlib import Path

import pytest

from tests.dialplan.calls import routed
from voicebot.dialplan.coverage import failures
from voicebot.dialplan.load import load
from voicebot.dialplan.model import Dialplan
from voicebot.rehearse.run import run_all

EXAMPLE = Path(__file__).parent / "example"


@pytest.fixture(scope="module")
def plan() -> Dialplan:
    return load(EXAMPLE)


def test_its_calls_take_the_routes_that_it_says(plan: Dialplan) -> None:
    assert len(plan.tests) == 7
    assert list(failures(plan)) == []


def test_its_rehearsals_go_as_they_say(plan: Dialplan) -> None:
    found = list(run_all(plan, EXAMPLE, "clinic-receptionist: "))
    assert len(found) == 13
    assert [str(failure) for each in found for failure in each.failures] == []


def test_the_candidate_is_the_receptionist_but_for_what_is_tried(
    plan: Dialplan,
) -> None:
    now = plan.personas["clinic-receptionist"]
    tried = plan.personas["clinic-receptionist-next"]
    differs = {"id", "title", "extends", "mixins", "listening"}
    kept = set(type(now).model_fields) - differs
    assert {key for key in kept if getattr(now, key) != getattr(tried, key)} == set()
    assert tried.listening.end_silence_ms == 900


def test_one_caller_in_ten_gets_the_candidate(plan: Dialplan) -> None:
    to = plan.numbers["main"].e164
    callers = [f"+86138{n:08d}" for n in range(500)]
    drawn = [routed(plan, to, caller).rollout for caller in callers]
    assert drawn == [routed(plan, to, caller).rollout for caller in callers]
    assert 25 <= drawn.count(True) <= 75
