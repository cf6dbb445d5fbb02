"""Two things at once: who comes back, stages, lookups, languages, errands, calls."""

from dataclasses import replace
from typing import Any

import pytest

from tests.bridge.calls import BUSINESS
from tests.flow.flows import Phone, words
from tests.flow.personas import persona
from voicebot.bridge import model as do
from voicebot.dialplan.actions import Action
from voicebot.dialplan.persona import Persona
from voicebot.flow.model import Fetched, LookedUp, ModelCalled, SmsOver

BACK = replace(BUSINESS, greeting=words("Nobody is there.", {}))
ALL = """\
menus:
  keypad:
    prompt: Press one.
    key: "9"
    keys: {"0": {transfer: front_desk}, "1": {say: Hm.}}
    noinput: [{after: 3s, do: {transfer: front_desk}}]
triggers: [{name: human, says: [human], do: {transfer: front_desk}}]
vars: {tier: {from: lookup, default: standard}}
lookup: {url: "https://crm.example/x", map: {tier: tier}}
tools:
  slots: {kind: http, url: "https://api.example/slots", description: Find a time.}
  way: {use: send_sms, text: The way.}
start_stage: triage
stages:
  triage:
    instructions: Find out what it is about.
    tools: [slots, way]
    exit: [{to: vip, var: tier}, {to: desk, tool: slots}, {to: desk, tool: way}]
  desk: {instructions: Be brief., on_enter: {menu: keypad}}
  vip: {instructions: Be kind., on_enter: {transfer: on_call}}
"""


def bot(on_fail: str = "", **given: Any) -> Persona:
    transfer = f"transfer: {{on_fail: {{{on_fail}}}}}\n" if on_fail else ""
    return persona(ALL + transfer, **given)


# ---- who comes back ----------------------------------------------------------------


@pytest.mark.parametrize("arranged", ["{menu: keypad}", "{voicemail: {}}"])
def test_a_key_into_the_first_words_takes_the_place_of_what_is_arranged(
    arranged: str,
) -> None:
    phone = Phone(bot(f"say: Nobody is there., do: {arranged}"), BACK, came_back=True)
    phone.wait(0.2)
    phone.keys("9")
    phone.wait(2.0)
    assert phone.events() == ["menu keypad"]
    assert phone.said() == ["Nobody", "Press one."]
    assert phone.ending is None


def test_who_asks_for_somebody_else_meanwhile_gets_no_menu_on_top() -> None:
    phone = Phone(
        bot("say: Nobody is there., do: {menu: keypad}"), BACK, came_back=True
    )
    phone.wait(0.1)
    phone.give(do.TurnCommitted("i1"), do.CallerText("i1", "a human please"))
    phone.wait(6.0)
    assert phone.ending == "transferred"
    assert not [x for x in phone.events() if x.startswith(("menu", "call back"))]


@pytest.mark.parametrize(
    ("wants", "event"),
    [
        ({"values": {"tier": "gold"}}, "refused on_call loop"),
        ({"opening": Action(menu="keypad"), "ready": False}, "refused front_desk loop"),
    ],
)
def test_nobody_is_rung_again_for_a_caller_of_whom_nothing_is_heard(
    wants: dict[str, Any], event: str
) -> None:
    first = Phone(bot(), **wants)
    first.wait(12.0)
    assert first.ending == "transferred"
    back = Phone(bot(), came_back=True, **wants)
    back.wait(12.0)
    assert event in back.events()
    assert back.ending != "transferred"


def test_a_model_that_is_lost_each_time_rings_nobody_for_ever() -> None:
    lost = bot(fallback={"do": {"transfer": "front_desk"}})
    phone = Phone(lost, came_back=True)
    phone.give(do.PeerLost(do.Ending.STEPFUN_REFUSED, heals=False))
    phone.wait(8.0)
    assert phone.events() == ["refused front_desk loop"] * 3
    assert phone.ending == "stepfun_refused"


def test_who_presses_a_key_or_speaks_is_put_through_again() -> None:
    phone = Phone(bot(), came_back=True)
    phone.keys("90")
    phone.wait(6.0)
    assert phone.ending == "transferred"


# ---- stages and what comes late ----------------------------------------------------


def test_what_is_found_out_late_leads_out_of_a_stage_too() -> None:
    phone = Phone(bot())
    phone.wait(1.0)
    phone.give(LookedUp({"tier": "gold"}, None, 900))
    assert phone.events() == [
        "lookup ok 1 values, 900 ms",
        "stage vip var",
        "call on_call announced",
    ]


def test_without_a_model_no_stage_is_entered_by_a_lookup() -> None:
    phone = Phone(bot(fallback={"do": {"menu": "keypad"}}))
    phone.give(do.PeerLost(do.Ending.STEPFUN_LOST, heals=False))
    phone.give(LookedUp({"tier": "gold"}, None, 900))
    assert phone.events() == ["menu keypad", "lookup ok 1 values, 900 ms"]


@pytest.mark.parametrize(
    ("tool", "answer"),
    [("slots", Fetched(1, "At ten.", status=200)), ("way", SmsOver(1, "way", "sent"))],
)
def test_what_comes_of_a_tool_opens_nothing_over_a_call_that_is_put_through(
    tool: str, answer: Fetched | SmsOver
) -> None:
    phone = Phone(bot())
    phone.turn("Something")
    phone.give(do.ReplyStarted("r1"), ModelCalled("r1", "c1", tool, "{}"))
    phone.give(do.ReplyDone("r1"))
    phone.wait(3.0)
    phone.turn("a human", "i2")
    assert "call front_desk announced" in phone.events()
    phone.give(answer)
    assert not [x for x in phone.events() if x.startswith(("stage", "menu"))]
    phone.wait(6.0)
    assert phone.ending == "transferred"


# ---- languages ---------------------------------------------------------------------


def test_a_wait_is_covered_in_the_language_of_the_caller() -> None:
    filler = {"after": "1s", "say": ["Please wait."]}
    chinese = bot(
        language="zh",
        also_speaks=["en"],
        filler={"after": "1s", "say": ["请稍等。"]},
    )
    english = bot(language="en", also_speaks=["zh"], filler=filler)
    phone = Phone(chinese, family={"zh": chinese, "en": english})
    for item_id in ("i1", "i2"):
        phone.turn("Good morning, do you speak English?", item_id)
        phone.answer(f"r-{item_id}")
        phone.wait(1.5)
    phone.turn("What is free tomorrow?", "i3")
    phone.give(do.ReplyStarted("r1"), ModelCalled("r1", "c1", "slots", "{}"))
    phone.give(do.ReplyDone("r1"))
    phone.wait(8.0)
    assert phone.said()[-1] == "Please wait."
