"""Text messages: asked for, sent, told of, and never twice."""

import json

import pytest

from tests.flow.flows import Phone
from tests.flow.personas import persona
from voicebot.bridge import model as do
from voicebot.dialplan.persona import Persona
from voicebot.flow.model import ModelCalled, SendSms, SmsOver, TellModel, ToolOutput
from voicebot.flow.sms import DONE, FAILED, SAID, told

DESK: Persona = persona("""\
vars: {name: {from: route, default: you}, pin: {sensitive: true, default: "0000"}}
tools:
  way: {use: send_sms, text: "The way, {{name}}.", description: Sends directions.}
  desk: {use: send_sms, text: "Call back.", to: front_desk, max_calls: 2}
triggers:
  - {name: late, says: [late], do: {send_sms: {text: A guest is late., to: front_desk}}}
menus:
  keys: {prompt: Press one., key: "9", keys: {"1": {send_sms: {text: Bye.}}}}
""")


def asked(phone: Phone, name: str, n: int = 1, args: str = "{}") -> None:
    phone.turn("Please send it", f"i{n}")
    phone.call(name, args, id=f"r{n}")
    phone.wait(3.0)


def test_the_model_asks_and_is_told_what_came_of_it() -> None:
    phone = Phone(DESK, values={"name": "Ada"})
    asked(phone, "way")
    assert phone.took(SendSms) == [SendSms(1, "way", "The way, Ada.", "caller")]
    assert phone.took(ToolOutput) == []
    at = phone.now
    phone.give(SmsOver(1, "way", "sent"))
    assert phone.took(ToolOutput) == [ToolOutput("call-r1", DONE)]
    assert len(phone.took(do.AskForReply, since=at)) == 1
    assert phone.events()[-1] == "sms way sent"


def test_the_model_is_told_as_well_that_nothing_was_sent() -> None:
    phone = Phone(DESK, values={"name": "Ada"})
    asked(phone, "way")
    at = phone.now
    phone.give(SmsOver(1, "way", "unsubscribed"))
    (output,) = phone.took(ToolOutput)
    assert output.text.startswith("It was not sent")
    assert len(phone.took(do.AskForReply, since=at)) == 1


def test_a_tool_sends_one_message_a_call_unless_it_may_send_more() -> None:
    phone = Phone(DESK)
    for n in range(1, 4):
        asked(phone, "way", n)
        phone.give(SmsOver(n, "way", "sent"))
    assert len(phone.took(SendSms)) == 1
    for n in range(4, 8):
        asked(phone, "desk", n)
        phone.give(SmsOver(len(phone.took(SendSms)), "desk", "sent"))
    assert len(phone.took(SendSms)) == 3


def test_the_model_can_say_neither_where_nor_what() -> None:
    phone = Phone(DESK)
    args = json.dumps({"to": "+12025550199", "text": "Buy now."})
    asked(phone, "way", args=args)
    assert phone.took(SendSms) == []
    assert phone.events() == ["refused way bad_args"]


def test_a_caller_who_hides_their_number_gets_none_and_the_model_is_told() -> None:
    phone = Phone(DESK, has_number=False)
    asked(phone, "way")
    assert phone.took(SendSms) == []
    (output,) = phone.took(ToolOutput)
    assert "number is hidden" in output.text
    phone = Phone(DESK, has_number=False)
    asked(phone, "desk")  # which goes elsewhere
    assert [order.to for order in phone.took(SendSms)] == ["front_desk"]


def test_what_the_operator_arranged_is_sent_once_and_holds_nobody_up() -> None:
    phone = Phone(DESK)
    for n in range(3):
        phone.turn("I am late", f"i{n}")
        phone.wait(1.0)
    assert phone.took(SendSms) == [
        SendSms(1, "front_desk", "A guest is late.", "front_desk")
    ]
    phone.give(SmsOver(1, "front_desk", "not_mobile"))
    assert phone.took(TellModel) == [TellModel(SAID["not_mobile"])]
    assert phone.took(do.AskForReply)  # nobody waited for it


def test_a_key_sends_one_too() -> None:
    phone = Phone(DESK)
    phone.wait(3.0)
    phone.keys("91")
    phone.wait(1.0)
    assert phone.took(SendSms) == [SendSms(1, "caller", "Bye.", "caller")]


def test_nobody_is_told_by_a_model_that_is_gone() -> None:
    ask = ModelCalled("r1", "call-r1", "way", "{}")
    phone = Phone(persona(DESK_AND_LOST))
    phone.turn("Please send it")
    phone.give(do.ReplyStarted("r1"), ask, do.ReplyDone("r1"))
    phone.wait(3.0)
    phone.give(do.PeerLost(do.Ending.STEPFUN_LOST))
    phone.give(SmsOver(1, "way", "sent"))
    assert phone.took(ToolOutput) == []
    assert "sms way sent" in phone.events()


DESK_AND_LOST = """\
tools: {way: {use: send_sms, text: The way.}}
menus: {keys: {prompt: Press one., keys: {"1": goodbye}}}
fallback: {do: {menu: keys}}
"""


@pytest.mark.parametrize("status", [*SAID, "failed", "something new"])
def test_whatever_came_of_it_is_one_sentence(status: str) -> None:
    assert told(status).count(". ") == 0
    assert (told(status) == FAILED) is (status not in SAID)
