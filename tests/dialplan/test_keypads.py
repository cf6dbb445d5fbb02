"""Routes that lead to a menu without a model: which there are, and wrong ones."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, mistakes, written
from voicebot.dialplan.calls import CallFacts
from voicebot.dialplan.keypads import keypads
from voicebot.dialplan.load import load
from voicebot.dialplan.routing import choose

DESK = (
    PERSONA
    + """\
vars: {day: {from: route, default: today}, pin: {from: digits, default: ""}}
menus:
  keypad:
    prompt: "{{day}} press one."
    keys: {"1": hangup}
  number: {prompt: Type it., gather: {max: 4, into: pin}}
"""
)
MENU = """\
routes:
  - {name: keys, match: {to: main}, do: {menu: desk/keypad, vars: {day: Monday}}}
"""


def test_a_route_may_lead_to_a_menu(tmp_path: Path) -> None:
    specials = "specials: {failure: {menu: desk/keypad}, overload: {menu: desk/keypad}}"
    rest = "  - {name: rest, do: {persona: desk}}\n"
    text = f"{NUMBERS}{MENU}{rest}{specials}\n"
    plan = load(written(tmp_path, text, desk=DESK))
    moment = datetime(2027, 1, 1, tzinfo=plan.zone)
    decision = choose(plan, CallFacts("+12025550100", "+12025550188", moment))
    assert (decision.persona, decision.menu) == ("desk", "keypad")
    assert decision.vars == {"day": "Monday"}
    other = choose(plan, CallFacts("+12025550120", "+12025550188", moment))
    assert (other.persona, other.menu) == ("desk", None)
    assert [each.menu for each in keypads(plan)] == ["desk/keypad"] * 3


@pytest.mark.parametrize(
    ("menu", "problem"),
    [
        ("dsk/keypad", "6:48: routes[0].do.menu: there is no persona 'dsk'; did you"),
        ("desk/keypat", "desk has no menu 'keypat'; did you mean 'keypad'?"),
        ("desk/number", "'number' collects digits; name a menu that has keys"),
        ("desk", "expected a persona and its menu: clinic/keypad, got 'desk'"),
        ("desk/a/b", "expected a persona and its menu"),
        ("[]", "expected a persona and its menu"),
    ],
)
def test_a_menu_that_is_not_there_is_named(
    tmp_path: Path, menu: str, problem: str
) -> None:
    text = (
        NUMBERS + MENU.replace("desk/keypad", menu) + ROUTES.removeprefix("routes:\n")
    )
    found = mistakes(written(tmp_path, text, desk=DESK))
    assert len(found) == 1
    assert problem in found[0]


def test_a_menu_of_a_broken_persona_is_not_looked_for(tmp_path: Path) -> None:
    folder = written(tmp_path, NUMBERS + MENU, desk=DESK + "nonsense: 1\n")
    assert any("nonsense" in one for one in mistakes(folder))
    assert not any("menu:" in one for one in mistakes(folder))


def test_a_menu_is_not_looked_for_where_no_personas_are(tmp_path: Path) -> None:
    (tmp_path / "dialplan.yaml").write_text(NUMBERS + MENU)
    assert not any("menu:" in one for one in mistakes(tmp_path))
