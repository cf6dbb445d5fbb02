"""Which route a call takes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialplan.calls import CALLER, HOTEL, MAIN, routed
from tests.dialplan.plans import dialplan
from voicebot.dialplan.model import Answer, Match, Reject, Route
from voicebot.dialplan.routing import NO_ROUTE, Decision

DESK = Answer(persona="desk")


def route(name: str, **match: object) -> Route:
    return Route(name=name, match=Match.model_validate(match), do=DESK)


def test_the_first_route_that_matches_wins() -> None:
    plan = dialplan(route("hotel", to="hotel"), route("all"), route("never"))
    assert routed(plan, HOTEL, CALLER) == Decision("hotel", DESK, "desk")
    assert routed(plan, MAIN, CALLER) == Decision("all", DESK, "desk")


def test_a_call_without_a_route_is_rejected() -> None:
    plan = dialplan(route("hotel", to="hotel"))
    assert routed(plan, MAIN, CALLER) == NO_ROUTE
    assert Decision("no route", Reject(reject="rejected")) == NO_ROUTE


@pytest.mark.parametrize(
    ("to", "called", "matches"),
    [
        ("main", MAIN, True),
        ("main", HOTEL, False),
        (["main", "hotel"], HOTEL, True),
        (MAIN, MAIN, True),
        ("+12025550199", "+12025550199", True),
        ("main", "main", False),
    ],
)
def test_a_route_is_for_numbers_by_label_or_by_digits(
    to: object, called: str, matches: bool
) -> None:
    decision = routed(dialplan(route("it", to=to)), called, CALLER)
    assert (decision.route == "it") is matches


@pytest.mark.parametrize(
    ("pattern", "caller", "matches"),
    [
        (CALLER, CALLER, True),
        (CALLER, CALLER + "1", False),
        ("+44*", CALLER, True),
        ("+44*", "+33123456789", False),
        ("+44*", "anonymous", False),
        ("anonymous", "anonymous", True),
        ("anonymous", "Restricted", True),
        ("anonymous", "", True),
        ("anonymous", "+266696687", True),
        ("+266696687", "+266696687", False),
        ("anonymous", CALLER, False),
        (["+33*", "anonymous"], "Unavailable", True),
    ],
)
def test_a_route_is_for_callers_by_number_beginning_or_anonymity(
    pattern: object, caller: str, matches: bool
) -> None:
    plan = dialplan(
        Route(name="it", match=Match.model_validate({"from": pattern}), do=DESK)
    )
    assert (routed(plan, MAIN, caller).route == "it") is matches


def test_both_sides_have_to_match() -> None:
    plan = dialplan(route("it", **{"to": "main", "from": "+44*"}))
    assert routed(plan, MAIN, CALLER).route == "it"
    assert routed(plan, HOTEL, CALLER) == NO_ROUTE
    assert routed(plan, MAIN, "+1") == NO_ROUTE


@settings(max_examples=100)
@given(st.text(), st.text())
def test_there_is_a_decision_for_any_call(to: str, from_: str) -> None:
    plan = dialplan(route("a", **{"to": "main", "from": ["+44*", "anonymous"]}))
    assert routed(plan, to, from_).route in ("a", "no route")
