"""Calls that nobody took come back: what they hear, what is done, what is told."""

from dataclasses import replace

import pytest

from tests.bridge.calls import BUSINESS
from tests.flow import personas
from tests.flow.flows import Phone, words
from tests.flow.personas import persona
from voicebot.bridge import model as do
from voicebot.bridge.settings import Prompt
from voicebot.dialplan.actions import Action
from voicebot.flow.come_back import TOLD
from voicebot.flow.model import TellModel

CLINIC = personas.CLINIC.rpartition("transfer:")[0]
BACK = replace(BUSINESS, greeting=words("Nobody is there.", {}))
ON_FAIL = "transfer: {on_fail: {say: Nobody is there., do: {menu: keypad}}}"
MENU = persona(CLINIC + ON_FAIL)


def test_who_comes_back_hears_so_and_then_gets_what_is_arranged() -> None:
    phone = Phone(MENU, BACK, came_back=True)
    phone.wait(0.3)
    assert phone.events() == []  # not before it was heard
    phone.wait(5.0)
    assert phone.said()[:2] == ["Nobody is there.", MENU.menus["keypad"].prompt]
    assert phone.events() == ["call back menu", "menu keypad"]
    assert phone.took(TellModel) == [TellModel(TOLD)]


def test_the_model_is_told_and_goes_on_if_nothing_is_arranged() -> None:
    phone = Phone(persona(CLINIC), came_back=True)
    phone.wait(3.0)
    phone.turn("What now?")
    assert phone.took(TellModel) == [TellModel(TOLD)]
    assert phone.took(do.AskForReply)


def test_after_something_is_said_the_model_answers_again() -> None:
    text = "transfer: {on_fail: {say: Nobody is there., do: {say: Sorry.}}}"
    phone = Phone(persona(CLINIC + text), BACK, came_back=True)
    phone.wait(4.0)
    assert phone.said() == ["Nobody is there.", "Sorry."]
    phone.turn("What now?")
    assert phone.took(do.AskForReply)


def test_a_goodbye_waits_until_it_was_said_that_nobody_is_there() -> None:
    text = "transfer: {on_fail: {say: Nobody is there., do: goodbye}}"
    phone = Phone(persona(CLINIC + text), BACK, came_back=True)
    phone.wait(8.0)
    heard = [turn.heard_text for turn in phone.took(do.NoteTurn) if turn.heard_text]
    assert heard[0] == "Nobody is there."
    assert phone.ending == "bot_goodbye"


def test_without_words_it_is_done_at_once() -> None:
    silent = replace(BUSINESS, greeting=Prompt(""))
    text = "transfer: {on_fail: {do: {voicemail: {}}}}"
    phone = Phone(persona(CLINIC + text), silent, came_back=True)
    phone.wait(3.0)
    assert phone.ending == "voicemail"


def test_if_the_model_is_lost_that_comes_first() -> None:
    phone = Phone(persona(MENU_AND_LOST), BACK, came_back=True)
    phone.give(do.PeerLost(do.Ending.STEPFUN_LOST))
    phone.wait(4.0)
    assert phone.events() == ["menu keypad"]


MENU_AND_LOST = (
    CLINIC
    + "fallback: {do: {menu: keypad}}\n"
    + "transfer: {on_fail: {say: Nobody is there., do: goodbye}}"
)


@pytest.mark.parametrize("back", [True, False])
def test_a_menu_without_a_model_begins_anew(back: bool) -> None:
    opening = Action(menu="keypad")
    phone = Phone(MENU, ready=False, came_back=back, opening=opening)
    phone.wait(4.0)
    assert phone.events() == ["menu keypad"]
    assert phone.took(TellModel) == []


def test_who_did_not_come_back_is_greeted() -> None:
    phone = Phone(MENU)
    phone.wait(4.0)
    assert phone.events() == []
    assert phone.took(TellModel) == []
