"""What the offline chat model answers, and what it makes of a form."""

import json
from typing import Any

import pytest

from voicebot.sim.stepfun import Line, Scenario, ScriptedMind
from voicebot.sim.stepfun.chat import ChatRequest, Said
from voicebot.sim.stepfun.mind import Call
from voicebot.sim.stepfun.writer import Writer, form

TALK = Scenario(
    (
        Line("rain?", call="weather", arguments={"city": "Linz"}, then="It is dry."),
        Line("thanks", "You are welcome."),
    )
)
WRITER = Writer(ScriptedMind(TALK))
OFFER = Said("system", "- human: The caller asks for a person.")


def request(*messages: Said, **members: Any) -> ChatRequest:
    return ChatRequest("stepaudio-2.5-chat", messages, None, **members)


def test_one_question_with_names_to_choose_from_gets_a_name() -> None:
    asked = OFFER, Said("user", "A person, please")
    assert WRITER.write(request(*asked)).text == "human"
    # A persona may well list what it knows in the same form.
    assert WRITER.write(request(*asked, as_stream=True)).text != "human"


def test_a_conversation_is_continued_as_it_is_aloud() -> None:
    told, asked = Said("system", "Be brief."), Said("user", "rain?")
    reply = WRITER.write(request(told, asked, tools=("weather",)))
    assert reply.call == Call("weather", '{"city":"Linz"}')
    assert WRITER.write(request(told, asked)).call is None  # it wasn't offered
    calls = Said("assistant", "", calls=("c1",))
    output = Said("tool", '{"rain": false}', call_id="c1")
    assert WRITER.write(request(told, asked, calls, output)).text == "It is dry."
    later = Said("assistant", "It is dry."), Said("user", "thanks")
    done = request(told, asked, calls, output, *later)
    assert WRITER.write(done).text == "You are welcome."


SCHEMA = json.dumps(
    {
        "properties": {
            "summary": {"type": "string"},
            "guests": {"type": ["number", "null"]},
            "meal": {"enum": ["lunch", "dinner", None]},
            "vegan": {"type": ["boolean", "null"]},
        }
    }
)


@pytest.mark.parametrize(
    ("said", "filled"),
    [
        (
            "caller: Hello\nbot: Hi\ncaller: Dinner for 4, please\nbot: Yes",
            {"summary": "Dinner for 4, please", "guests": 4, "meal": "dinner"},
        ),
        ("bot: Hi", {"summary": "bot: Hi", "guests": None, "meal": None}),
        ("", {"summary": None, "guests": None, "meal": None}),
    ],
)
def test_a_form_is_filled_in_from_what_was_said(
    said: str, filled: dict[str, Any]
) -> None:
    told = f"Use {{braces}} well. {{}} Answer as in:\n{SCHEMA}\nInvent nothing."
    assert json.loads(form(told, said)) == filled | {"vegan": None}


def test_without_a_form_the_words_are_the_answer() -> None:
    asked = request(Said("user", "Say hi as JSON"), as_json=True)
    assert json.loads(WRITER.write(asked).text) == {"answer": "Say hi as JSON"}
