"""A persona's call in writing: what the model is told, and may do."""

import json
from typing import Any

import pytest

from tests.dialplan.plans import persona
from voicebot.rehearse.written import GREET, KEPT, Asked, WrittenCall
from voicebot.runtime.conduct import session_config
from voicebot.stepfun.chat import ChatAnswer, ChatUsage, Message, ToolCall

TOOLS: dict[str, Any] = {
    "desk": {"use": "transfer", "targets": ["front", "night"]},
    "bye": {"use": "hangup"},
    "mail": {"use": "take_message"},
    "type": {"use": "collect_digits", "menu": "number"},
    "press": {"use": "collect_digits", "menu": "keys"},
    "note": {"use": "set_var", "vars": ["guest"]},
    "text": {"use": "send_sms", "text": "Dear {{guest|guest}}.", "to": "caller"},
    "go": {"use": "goto_stage", "stages": ["pay"]},
    "rain": {
        "kind": "http",
        "description": "Tell the weather.",
        "url": "https://example.com/rain",
        "params": {"city": "text"},
        "confirm": "Shall I look?",
    },
    "web": {"kind": "web_search", "description": "Search."},
}
MENUS: dict[str, Any] = {
    "number": {
        "prompt": "Your number?",
        "gather": {"max": 6, "into": "card", "sensitive": True},
    },
    "keys": {"prompt": "1 or 2?", "keys": {"1": {"hangup": True}}},
}
VARS = {"guest": {"type": "text"}, "card": {"type": "digits", "sensitive": True}}


def talk(**members: Any) -> WrittenCall:
    given = {"tools": TOOLS, "menus": MENUS, "vars": VARS} | members
    return WrittenCall(persona(**given), {}, {"front"})


def answer(*calls: tuple[str, dict[str, Any]], text: str = "") -> ChatAnswer:
    asked = tuple(
        ToolCall(f"c{number}", name, json.dumps(args))
        for number, (name, args) in enumerate(calls)
    )
    return ChatAnswer(text, "stop", ChatUsage(), tool_calls=asked)


def told(call: WrittenCall) -> list[tuple[str, str]]:
    """What the model was told behind its instructions."""
    return [(each.role, each.text) for each in call.request().messages[1:]]


def test_the_model_is_told_what_a_call_tells_it() -> None:
    call = talk()
    assert call.greeting() == "Hello."
    call.said("Hi")
    asked = call.request()
    config = session_config(persona(tools=TOOLS, menus=MENUS, vars=VARS))
    assert asked.messages == (
        Message("system", config.instructions),
        Message("assistant", "Hello."),
        Message("user", "Hi"),
    )
    # A search that StepFun runs by itself is the realtime model's.
    assert [tool.name for tool in asked.tools] == [x for x in TOOLS if x != "web"]


def test_the_personas_chat_model_is_asked() -> None:
    assert talk(model={"chat": "tomorrows"}).request().model == "tomorrows"


def test_a_model_that_greets_is_asked_to() -> None:
    call = talk(greeting={"model": True})
    assert call.greeting() == ""
    assert told(call) == [("system", GREET)]
    assert call.answered(answer(text="Good day.")) == []
    assert told(call) == [("assistant", "Good day.")]
    assert not call.wants_more


def test_a_refusal_is_told() -> None:
    call = talk()
    call.said("The night desk, please")
    [asked] = call.answered(answer(("desk", {"target": "night"})))
    assert asked.done == "refused: target_closed"
    assert told(call)[-1] == ("tool", asked.told)
    assert call.wants_more


def test_after_three_refusals_the_caller_is_asked() -> None:
    call = talk()
    call.said("Do something")
    for _ in range(3):
        call.answered(answer(("nothing", {})))
    assert not call.wants_more


@pytest.mark.parametrize(
    ("said", "name", "args", "over"),
    [
        ("Somebody else", "desk", {"target": "front"}, "put through to front"),
        ("A message", "mail", {}, "the caller leaves a message"),
        ("Goodbye", "bye", {}, "the bot hangs up"),
    ],
)
def test_a_call_may_end(said: str, name: str, args: dict[str, Any], over: str) -> None:
    call = talk(goodbye={"text": "Bye.", "when_caller_says": ["goodbye"]})
    call.said(said)
    first, second = call.answered(answer((name, args), (name, args)))
    assert (call.over, first.done) == (over, over)
    assert second.done == "refused: pending"
    assert not call.wants_more


def test_a_variable_and_a_text_message() -> None:
    call = talk()
    call.said("I am Ann")
    asked = call.answered(
        answer(("note", {"name": "guest", "value": "Ann"}), ("text", {}))
    )
    assert [each.done for each in asked] == [
        "guest is set",
        "text to caller: Dear Ann.",
    ]
    assert told(call)[-2] == ("tool", "Done.")


STAGES = {
    "start_stage": "ask",
    "stages": {
        "ask": {
            "instructions": "Ask.",
            "tools": ["go", "type", "rain"],
            "exit": [{"digits": "card", "to": "pay"}],
        },
        "pay": {"instructions": "Take the money.", "tools": []},
    },
}


def test_a_stage_has_its_own_instructions_and_tools() -> None:
    call = talk(**STAGES)
    assert call.request().messages[0].text.endswith("Ask.")
    call.said("Well")
    [asked] = call.answered(answer(("go", {"stage": "pay"})))
    assert asked.done == "stage pay"
    after = call.request()
    assert after.messages[0].text.endswith("Take the money.")
    assert after.tools == ()


def test_what_is_typed_leads_on_and_is_not_shown() -> None:
    call = talk(**STAGES)
    call.said("My card")
    [asked] = call.answered(answer(("type", {})))
    assert (asked.done, asked.question) == ("menu number", "The caller types")
    assert not call.wants_more  # it waits
    call.settled(asked, "123456")
    assert "123456" not in str(told(call))
    assert call.request().messages[0].text.endswith("Take the money.")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("1", "The caller pressed 1."), ("", "The caller typed nothing.")],
)
def test_keys_are_pressed_or_not(typed: str, shown: str) -> None:
    call = talk()
    call.said("Which?")
    [asked] = call.answered(answer(("press", {})))
    call.settled(asked, typed)
    assert told(call)[-1] == ("tool", shown)
    assert call.wants_more


def test_a_server_is_asked_once_the_caller_agreed() -> None:
    call = talk()
    call.said("Does it rain in Linz?")
    [asked] = call.answered(answer(("rain", {"city": "Linz"})))
    assert asked.done == "refused: unconfirmed"
    call.said("yes")
    [asked] = call.answered(answer(("rain", {"city": "Linz"})))
    assert asked.question == "It answers"
    call.settled(asked, '{"rain": false}')
    assert told(call)[-1] == ("tool", '{"rain": false}')
    call.settled(asked, "")
    assert told(call)[-1] == ("tool", "Done; the answer is empty.")


def test_words_without_an_answer_can_be_said_again() -> None:
    call = talk()
    call.greeting()
    call.unanswered()
    call.said("Hi")
    call.unanswered()
    assert told(call) == [("assistant", "Hello.")]


def test_of_an_interrupted_answer_the_model_knows_what_was_shown() -> None:
    call = talk()
    call.said("Hi")
    call.interrupted("Good mor")
    assert told(call) == [("user", "Hi"), ("assistant", "Good mor")]
    call.said("Wait")
    call.interrupted("")
    assert told(call)[-1] == ("assistant", "Good mor")


def test_a_long_talk_is_told_from_where_it_makes_sense() -> None:
    call = talk()
    call.said("Hi")
    call.answered(answer(("nothing", {})))
    for number in range(KEPT - 1):
        call.said(f"{number}")
    assert len(told(call)) == KEPT - 1
    assert told(call)[0] == ("user", "0")


def test_an_ask_is_not_in_a_traceback() -> None:
    assert "secret" not in repr(Asked(ToolCall("c", "n", "secret"), "", told="secret"))
