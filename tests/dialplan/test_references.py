"""Names that lead nowhere, and routes that no call takes."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialplan.calls import routed
from tests.dialplan.plans import NUMBERS, ROUTES, dialplan
from voicebot.dialplan.model import DialplanFile, Match, Reject, Route
from voicebot.dialplan.references import dangling, unanswered, unreachable
from voicebot.dialplan.source import Node, parse

FILE = Path("f")
NEVER = "never reached: the routes before it take all of its calls"


def root_of(text: str) -> Node:
    root, problems = parse(FILE, text.encode())
    assert root is not None
    assert problems == []
    return root


def names(text: str, personas: list[str] | None) -> list[str]:
    found = dangling(root_of(text), personas)
    return [str(problem).removeprefix("f:") for problem in found]


def reach(*matches: str) -> list[str]:
    """Problems of a plan with a route for each match."""
    routes = "".join(
        f"  - {{name: r{n}, match: {{{match}}}, do: {{reject: busy}}}}\n"
        for n, match in enumerate(matches)
    ).replace("match: {}, ", "")
    root = root_of(f"{NUMBERS}routes:\n{routes}")
    file = DialplanFile.model_validate(root.plain())
    found = [*unreachable(root, file), *unanswered(root, file)]
    return [str(problem).removeprefix("f:") for problem in found]


def test_a_plan_of_which_all_names_are_known_is_good() -> None:
    assert names(NUMBERS + ROUTES, ["desk"]) == []


def test_an_unknown_persona_is_named_at_the_value_of_the_route() -> None:
    assert names(NUMBERS + ROUTES, ["clinic", "disk"]) == [
        "7:19: routes[0].do.persona: there is no persona 'desk'; did you mean 'disk'?"
    ]


def test_nothing_is_said_about_personas_when_their_folder_is_unknown() -> None:
    assert names(NUMBERS + ROUTES, None) == []


def test_an_unknown_label_is_named_whether_alone_or_in_a_list() -> None:
    text = (
        f"{NUMBERS}routes:\n"
        "  - match: {to: mian}\n"
        "  - match: {to: [hotel, sales, '+12025550199']}\n"
    )
    assert names(text, []) == [
        "6:17: routes[0].match.to: no number is labelled 'mian'; did you mean 'main'?",
        "7:25: routes[1].match.to: no number is labelled 'sales'",
    ]


def test_two_routes_of_one_name_and_two_labels_of_one_number_are_mistakes() -> None:
    text = (
        "numbers:\n"
        "  a: {e164: '+12025550100'}\n"
        "  b: {e164: '+12025550100'}\n"
        "routes: [{name: x}, {name: y}, {name: x}]\n"
    )
    assert names(text, []) == [
        "3:13: numbers.b.e164: '+12025550100' stands on line 2 already",
        "4:39: routes[2].name: 'x' stands on line 4 already",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "[]",
        "numbers: []",
        "numbers: {a: 1, b: {e164: [1]}}\nroutes: 1",
        "routes: [1, {name: [x]}, {name: no}, {name: no}, {match: {to: {}}}]",
        "routes: [{match: {to: [no, 5, [x]]}, do: {persona: [x]}}]",
        "routes: [{do: {persona: no}}, {do: {persona: Front Desk}}, {match: {to: A}}]",
    ],
)
def test_what_validation_refuses_is_not_reported_again(text: str) -> None:
    assert names(text, ["desk"]) == []


@pytest.mark.parametrize(
    "matches",
    [
        [""],
        ["to: main", ""],
        ["to: main", "to: hotel"],
        ["from: '+44*'", "to: main", ""],
        ["from: '+44*'", "from: '+4*'", ""],
        ["from: '+441'", "from: '+44*'", ""],
        ["to: main, from: anonymous", "to: main", ""],
        ["to: main", "to: [main, hotel]", ""],
        ["from: anonymous", "from: '+44*'", ""],
        ["to: hotel, from: '+44*'", "to: main, from: '+44*'", ""],
        ["to: [main, '+12025550120']"],
    ],
)
def test_routes_that_some_call_takes_are_good(matches: list[str]) -> None:
    matches = [match.replace("'+441'", "'+442079460000'") for match in matches]
    assert reach(*matches) == []


@pytest.mark.parametrize(
    "matches",
    [
        ["", ""],
        ["", "to: main"],
        ["to: main", "to: main", ""],
        ["to: main", "to: '+12025550100'", ""],
        ["to: main", "to: main, from: '+44*'", ""],
        ["from: '+44*'", "from: '+4420*'", ""],
        ["from: '+44*'", "from: '+442079460000'", ""],
        ["from: '+44*'", "to: main, from: ['+441*', '+447*']", ""],
        ["from: anonymous", "to: hotel, from: anonymous", ""],
    ],
)
def test_a_route_behind_a_wider_one_is_never_reached(matches: list[str]) -> None:
    assert reach(*matches) == [f"7:5: routes[1]: {NEVER}"]


def test_a_route_can_be_hidden_by_several_together() -> None:
    problems = reach("to: main", "to: hotel", "to: [main, hotel]", "")
    assert problems == [f"8:5: routes[2]: {NEVER}"]


def test_without_a_route_for_all_every_number_needs_one() -> None:
    assert reach("to: main") == [
        "4:10: numbers.hotel: no route is for this number; add one, "
        "or a last one for all"
    ]


ends = st.lists(st.sampled_from(["main", "hotel", "+12025550199"]), max_size=2)
callers = st.lists(
    st.sampled_from(["+44*", "+4420*", "+442079460000", "+1*", "anonymous"]),
    max_size=2,
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(ends, callers), min_size=1, max_size=4),
    st.sampled_from(["+12025550100", "+12025550120", "+12025550199", "+12025550111"]),
    st.sampled_from(["+442079460000", "+442011111111", "+4411", "+1", "", "+33"]),
)
def test_a_route_that_takes_a_call_is_never_called_unreachable(
    matches: list[tuple[list[str], list[str]]], to: str, from_: str
) -> None:
    routes = tuple(
        Route(
            name=str(index),
            match=Match.model_validate(
                ({"to": to_} if to_ else {}) | ({"from": by} if by else {})
            ),
            do=Reject(reject="busy"),
        )
        for index, (to_, by) in enumerate(matches)
    )
    plan = dialplan(*routes)
    text = "routes:\n" + "".join(f"  - {route.name}\n" for route in routes)
    file = DialplanFile(version=2, numbers=dict(plan.numbers), routes=routes)
    dead = {problem.key for problem in unreachable(root_of(text), file)}
    assert f"routes[{routed(plan, to, from_).route}]" not in dead
