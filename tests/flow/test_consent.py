"""Nothing is recorded before the caller knows, or agreed; and they can take it back."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from tests.bridge.calls import BUSINESS, GREETING
from tests.bridge.playout import FarEnd
from tests.flow.flows import Phone
from tests.flow.personas import persona
from voicebot.bridge import model as do
from voicebot.bridge.settings import Prompt
from voicebot.flow.model import RecordCall, TellModel

TOLD = "We record this call."
ASKED = "May we record this call?"
DIGEST = sha256(ASKED.encode()).hexdigest()
ANNOUNCES = {"recording": {"mode": "announce", "consent": TOLD}}
ASKS = {"recording": {"mode": "ask", "consent": ASKED, "withdraw": ["no tapes"]}}


class NoMarks(FarEnd):
    """Twilio plays what it gets, and doesn't say so."""

    def next_mark(self) -> float | None:
        return None

    def marks_back(self, until: float) -> list[str]:
        return []


def phone(told: dict[str, Any], text: str = "", **wants: Any) -> Phone:
    greets = {"settings": replace(BUSINESS, greeting=GREETING)}
    return Phone(persona(text, **told), **greets | wants)


def asked(text: str = "", **wants: Any) -> Phone:
    """A call whose caller has heard the question, and nothing else yet."""
    one = phone(ASKS, text, **wants)
    one.wait(2.0)
    assert one.said() == [ASKED]
    assert one.took(RecordCall) == []
    return one


def states(one: Phone) -> list[str]:
    notes = [x.split() for x in one.events() if x.startswith("consent")]
    return [state for _, state, _ in notes]


def when(one: Phone, kind: type[Any]) -> float:
    return next(at for at, order in one.log if isinstance(order, kind))


def test_a_call_is_recorded_once_the_words_are_proved_to_be_heard() -> None:
    one = phone(ANNOUNCES)
    one.wait(6.0)
    assert one.said() == [TOLD, GREETING.text]
    assert one.took(RecordCall) == [RecordCall(True)]
    proofs = [x for x in one.took(do.NoteTurn) if x.proved_ms == x.generated_ms == 1000]
    assert proofs
    assert when(one, RecordCall) >= 100.0 + 1.0
    assert states(one) == ["announced"]
    assert one.events() == [f"consent announced {sha256(TOLD.encode()).hexdigest()}"]


def test_nothing_is_recorded_if_no_mark_proves_that_it_was_heard() -> None:
    one = phone(ANNOUNCES)
    one.far_end = NoMarks()
    one.wait(6.0)
    assert one.took(RecordCall) == []


def test_neither_voice_nor_keys_interrupt_the_words() -> None:
    one = phone(ANNOUNCES)
    one.keys("5")
    one.turn("Hello?", seconds=0.6)
    one.wait(3.0)
    assert one.said()[0] == TOLD
    assert one.took(RecordCall) == [RecordCall(True)]


@pytest.mark.parametrize("said", ["Yes, of course.", "好的"])
def test_who_says_yes_is_recorded_and_greeted(said: str) -> None:
    one = asked()
    one.turn(said)
    one.wait(3.0)
    assert one.took(RecordCall) == [RecordCall(True)]
    assert one.events() == [f"consent given {DIGEST}"]
    assert one.said() == [ASKED, GREETING.text]
    one.turn("A room please", "i2")
    assert one.names()[-1] == "AskForReply"


@pytest.mark.parametrize("said", ["No.", "Yes, but not now", "A room, please"])
def test_who_says_anything_else_is_greeted_and_not_recorded(said: str) -> None:
    one = asked()
    one.turn(said)
    one.wait(3.0)
    assert one.took(RecordCall) == []
    assert states(one) == ["refused"]
    assert one.said() == [ASKED, GREETING.text]


def test_a_key_answers_too() -> None:
    one = asked()
    one.keys("1")
    one.wait(3.0)
    assert states(one) == ["given"]
    other = asked()
    other.keys("2")
    assert states(other) == ["refused"]
    assert other.took(RecordCall) == []


def test_a_key_that_comes_too_early_counts_once_all_was_heard() -> None:
    one = phone(ASKS)
    one.keys("1")
    assert one.took(RecordCall) == []
    one.wait(2.0)
    assert one.took(RecordCall) == [RecordCall(True)]
    assert when(one, RecordCall) >= 100.0 + 1.2


def test_words_that_come_before_the_question_is_over_are_no_answer() -> None:
    one = phone(ASKS)
    one.give(do.CallerText("i0", "Yes?"))
    one.wait(2.0)
    assert states(one) == []
    one.turn("Yes.")
    assert states(one) == ["given"]


def test_silence_means_no() -> None:
    one = asked()
    one.wait(9.0)
    assert states(one) == ["silent"]
    assert one.said() == [ASKED, GREETING.text]
    assert one.took(RecordCall) == []


def test_who_is_still_speaking_is_waited_for() -> None:
    one = asked()
    one.wait(4.0)
    one.turn("Yes.", seconds=2.0)
    one.wait(0.1)
    assert states(one) == ["given"]


def test_who_withdraws_is_recorded_no_longer() -> None:
    one = asked()
    one.turn("Yes.")
    one.wait(3.0)
    one.turn("Please stop recording me", "i2")
    one.turn("No tapes!", "i3")
    assert one.took(RecordCall) == [RecordCall(True), RecordCall(False)]
    assert states(one) == ["given", "withdrawn"]
    assert len(one.took(TellModel)) == 1


def test_the_personas_own_words_withdraw_too() -> None:
    one = asked()
    one.turn("Yes.")
    one.wait(3.0)
    one.turn("No tapes, please.", "i2")
    assert states(one) == ["given", "withdrawn"]


def test_a_caller_who_hangs_up_before_the_end_of_the_words_is_not_recorded() -> None:
    one = phone(ANNOUNCES)
    one.wait(0.5)
    one.give(do.PeerLost(do.Ending.CALLER_HANGUP))
    assert one.took(RecordCall) == []
    assert states(one) == ["unheard"]


def test_words_that_were_never_said_are_told_once_as_unheard() -> None:
    one = phone(ASKS)
    one.give(do.EndRequested(do.Ending.DRAIN, Prompt("")))
    one.wait(3.0)
    assert one.took(RecordCall) == []
    assert states(one) == ["unheard"]


def test_a_menu_that_has_a_key_is_not_opened_by_the_answer() -> None:
    menus = (
        'menus: {keypad: {prompt: Press 1., key: "1", keys: {"1": {say: One.}}}}\n'
        "silence: [{after: 3s, say: Hello?}]\n"
    )
    one = asked(menus)
    one.wait(4.0)
    one.keys("1")
    one.wait(2.5)
    assert one.said() == [ASKED, GREETING.text]
    one.keys("1")
    assert "menu keypad" in one.events()


def test_without_a_model_the_caller_is_asked_all_the_same() -> None:
    lost = (
        'menus: {keypad: {prompt: Press 2., keys: {"2": {say: Two.}}}}\n'
        "fallback: {do: {menu: keypad}}\n"
    )
    one = phone(ASKS, lost, ready=False)
    one.give(do.PeerLost(do.Ending.STEPFUN_LOST))
    one.wait(2.0)
    one.keys("1")
    one.wait(4.0)
    assert one.took(RecordCall) == [RecordCall(True)]
    assert one.said()[:2] == [ASKED, GREETING.text]


def test_the_model_asks_if_the_question_was_not_rendered() -> None:
    def unrendered(text: str, _: Mapping[str, str]) -> Prompt:
        return Prompt(text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.flow.flows.words", unrendered)
        one = phone(ASKS)
    assert [x.text for x in one.took(do.AskToSay)] == [ASKED]
    one.answer("r1", ms=1000, text=ASKED)
    one.wait(2.0)
    one.turn("Yes.")
    assert states(one) == ["given"]


def test_other_calls_know_nothing_of_it() -> None:
    for mode in ("never", "always"):
        one = phone({"recording": {"mode": mode}})
        one.wait(3.0)
        one.turn("Stop recording")
        assert one.took(RecordCall) == []
        assert one.events() == []


def test_a_model_that_greets_does_so_once_the_caller_was_told() -> None:
    told = ANNOUNCES | {"greeting": {"model": True}}
    one = phone(told, settings=replace(BUSINESS, greeting=Prompt("")))
    one.wait(0.5)
    assert one.took(TellModel) == []
    one.wait(3.0)
    assert one.said()[0] == TOLD
    assert len(one.took(TellModel)) == 1
    assert "AskForReply" in one.names()


@pytest.mark.parametrize("told", [ANNOUNCES, ASKS], ids=["announce", "ask"])
def test_consent_holds_for_who_comes_back_and_nobody_is_asked_again(
    told: dict[str, Any],
) -> None:
    one = phone(told, came_back=True, consented=True)
    assert one.took(RecordCall) == [RecordCall(True)]  # from the first moment
    assert one.flow.consented
    one.wait(6.0)
    assert one.said() == [GREETING.text]
    assert one.events() == ["consent held"]


def test_consent_that_holds_can_be_withdrawn() -> None:
    one = phone(ASKS, came_back=True, consented=True)
    one.wait(6.0)
    one.turn("Stop recording me.")
    assert one.took(RecordCall) == [RecordCall(True), RecordCall(False)]
    assert not one.flow.consented


def test_who_was_not_recorded_is_not_when_they_come_back() -> None:
    one = phone(ASKS, came_back=True)
    one.wait(6.0)
    assert one.took(RecordCall) == []
    assert not one.flow.consented
    assert one.events() == []


def test_where_consent_is_not_needed_nothing_is_said_of_it() -> None:
    one = phone({"recording": {"mode": "always"}}, came_back=True, consented=True)
    one.wait(3.0)
    assert one.took(RecordCall) == []
    assert one.events() == []


def test_only_the_key_that_means_yes_may_be_written_down() -> None:
    one = asked()
    assert [digit for digit in "0123456789*#" if one.flow.is_choice(digit)] == ["1"]
