"""The models by themselves: defaults, and what they are made of."""

import pytest
from pydantic import ValidationError

from tests.dialplan.plans import persona
from voicebot.dialplan.model import Answer, Match, Message, Reject, Route, Say
from voicebot.dialplan.persona import (
    Filler,
    Goodbye,
    Greeting,
    Limits,
    Persona,
    ServerVad,
)
from voicebot.dialplan.turns import Question

LEAST = {
    "id": "desk",
    "title": "Front desk",
    "language": "zh-CN",
    "instructions": "Be kind.",
    "greeting": {"text": "Hello."},
}


def test_the_least_persona_has_every_setting() -> None:
    desk = Persona.model_validate(LEAST)
    assert desk.model.name == "stepaudio-2.5-realtime"
    assert desk.model.vad == "local"
    assert desk.greeting.protect_ms == 0
    assert desk.listening.profile == "normal"
    assert desk.listening.end_silence_ms is None
    assert desk.listening.max_turn_s == 30
    assert desk.barge_in.mode == "pause"
    assert desk.barge_in.min_ms == 100
    assert desk.filler.after_s == 2.5
    assert desk.limits == Limits(duration="10m", idle="20s")
    assert desk.recording.mode == "never"
    assert desk.server_vad == ServerVad(
        silence="500ms", threshold=1200, prefix_padding="300ms"
    )


def test_a_persona_says_goodbye_and_sorry_in_its_own_language() -> None:
    desk = Persona.model_validate(LEAST)
    assert desk.goodbye.text == "感谢您的来电，再见。"
    assert desk.apology.text == "抱歉，系统出现了故障，请您过几分钟再打来。"
    assert desk.goodbye.when_caller_says == ()


def test_a_persona_understands_its_own_language() -> None:
    desk = Persona.model_validate(LEAST)
    assert "好的" in desk.barge_in.backchannel
    assert "等一下" in desk.barge_in.stop_words
    assert Question(says="手机号", profile="digits") in desk.listening.questions
    assert desk.filler.say == ("请稍等。", "您稍等一下。", "请稍等，我看一下。")


def test_a_list_of_the_persona_replaces_that_of_its_language() -> None:
    desk = Persona.model_validate(
        LEAST
        | {
            "barge_in": {"backchannel": [], "mode": "stop"},
            "filler": {"say": []},
            "listening": {"questions": [{"says": "生日", "profile": "patient"}]},
        }
    )
    assert desk.barge_in.backchannel == ()
    assert "等一下" in desk.barge_in.stop_words
    assert desk.filler == Filler()
    assert desk.listening.questions == (Question(says="生日", profile="patient"),)


def test_a_greeting_that_must_be_heard_is_protected_to_its_end() -> None:
    greeting = {"text": "Hello.", "protect": "must_hear"}
    assert Greeting.model_validate(greeting).protect_ms is None
    assert Greeting.model_validate(greeting | {"protect": "2s"}).protect_ms == 2000


def test_a_part_of_goodbye_leaves_the_rest_to_the_language() -> None:
    desk = Persona.model_validate(LEAST | {"goodbye": {"when_caller_says": ["拜拜"]}})
    assert desk.goodbye == Goodbye(
        text="感谢您的来电，再见。", when_caller_says=("拜拜",)
    )


def test_a_persona_of_python_objects_is_left_as_it_is() -> None:
    desk = persona(goodbye=Goodbye(text="See you."))
    assert desk.goodbye.text == "See you."
    assert Persona.model_validate(desk) == desk


def test_what_is_no_mapping_is_no_persona() -> None:
    with pytest.raises(ValidationError, match="valid dictionary"):
        Persona.model_validate([])


def test_nothing_can_be_changed_later() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        persona().title = "Other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("do", "action"),
    [
        ({"persona": "desk"}, Answer(persona="desk")),
        ({"reject": "busy"}, Reject(reject="busy")),
        (
            {"message": {"text": "Closed.", "language": "en"}},
            Say(message=Message(text="Closed.", language="en")),
        ),
        (Reject(reject="busy"), Reject(reject="busy")),
    ],
)
def test_a_route_does_exactly_one_thing(do: object, action: object) -> None:
    assert Route.model_validate({"name": "x", "do": do}).do == action


@pytest.mark.parametrize(
    "do", [{}, {"persona": "a", "reject": "busy"}, {"play": "a"}, "desk", None]
)
def test_a_route_that_does_nothing_or_two_things_is_refused(do: object) -> None:
    with pytest.raises(ValidationError, match="expected exactly one of persona"):
        Route.model_validate({"name": "x", "do": do})


def test_a_match_takes_one_or_several() -> None:
    match = Match.model_validate({"to": "main", "from": ["+44*", "anonymous"]})
    assert match.to == ("main",)
    assert match.from_ == ("+44*", "anonymous")
