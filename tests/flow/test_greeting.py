"""A model that greets by itself."""

from dataclasses import replace

from tests.bridge.calls import BUSINESS, GREETING
from tests.flow.flows import Phone
from tests.flow.personas import persona
from voicebot.bridge import model as do
from voicebot.dialplan.actions import Action
from voicebot.flow.model import TellModel

DESK = persona(greeting={"model": True})


def test_the_model_is_asked_to_greet_as_soon_as_it_is_there() -> None:
    phone = Phone(DESK, ready=False)
    assert phone.names() == ["TellModel"]
    phone.wait(0.5)
    phone.give(do.SessionReady())
    assert phone.names() == ["TellModel", "AskForReply"]
    phone.answer(text="Good morning!")
    phone.wait(2.0)
    assert phone.said() == ["Good morning!"]
    assert phone.flow.phase == "listening"


def test_a_caller_who_speaks_first_is_answered_instead() -> None:
    phone = Phone(DESK)
    phone.turn("Hello? I have a question.")
    phone.give(do.ReplyStarted("r0"), do.ReplyDone("r0"))
    phone.answer("r1", text="Yes?")
    phone.wait(2.0)
    assert phone.said() == ["Yes?"]
    assert phone.names().count("AskForReply") == 2


def test_words_for_the_situation_come_first() -> None:
    phone = Phone(DESK, replace(BUSINESS, greeting=GREETING))
    phone.wait(3.0)
    assert phone.took(TellModel) == []
    assert phone.said() == ["Good morning!"]


def test_without_a_model_nobody_is_asked() -> None:
    phone = Phone(DESK, ready=False, opening=Action(say="Sorry."))
    assert phone.took(TellModel) == []


def test_a_model_that_never_greets_is_lost() -> None:
    phone = Phone(DESK)
    phone.wait(20.0)
    assert phone.ending == "stepfun_stalled"
