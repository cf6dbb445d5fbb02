"""A model that is lost in a rehearsed call, and another that takes its place."""

import pytest

from tests.rehearse.calls import LONG, desk, made, missed, scenario

ASKS = [{"say": "What can I do?"}, {"say": "And then?"}]
SAYS = [{"say": LONG}, {"hear": "and then", "say": "Then please leave the room."}]


@pytest.mark.parametrize("at", ["2s", "4500ms", "6s", "7s", "9s"])
def test_whenever_a_session_drops_the_caller_hears_all_of_it(at: str) -> None:
    test = scenario(
        ASKS,
        {"heard": "leave the room"},
        model=SAYS,
        faults=[{"at": at, "model": "drop"}],
    )
    assert missed(test) is None
    facts = made(test)
    assert any("model back" in line for line in facts.record.lines)


def test_the_other_session_knows_what_was_heard_and_no_more() -> None:
    test = scenario(
        ASKS,
        {"model_history_equals_heard": True},
        model=SAYS,
        faults=[{"at": "6s", "model": "drop"}],
    )
    assert missed(test) is None


@pytest.mark.parametrize("fault", ["lose", "mute"])
def test_a_model_that_stays_lost_is_apologised_for(fault: str) -> None:
    test = scenario(
        ASKS,
        {"heard": "I am sorry, there is a fault."},
        faults=[{"at": "1s", "model": fault}],
    )
    assert missed(test) is None


def test_who_wants_no_other_session_hears_the_apology_at_once() -> None:
    test = scenario(
        ASKS,
        {"heard": "I am sorry, there is a fault."},
        faults=[{"at": "1s", "model": "drop"}],
    )
    assert missed(test, desk(fallback={"attempts": 0})) is None
