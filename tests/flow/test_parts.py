"""The small ones: words, triggers, the ladder, values, a call's states, tool specs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.flow.personas import CLINIC, persona
from voicebot.bridge.model import Ending
from voicebot.dialplan.address import Secret
from voicebot.dialplan.silence import Silence
from voicebot.dialplan.transfer import Transfer, abort_words, announcement
from voicebot.dialplan.triggers import Trigger
from voicebot.flow.calls import HEAR_OUT_S, UNHEARD_S, PendingCall, State
from voicebot.flow.model import Leave
from voicebot.flow.silence import Ladder
from voicebot.flow.specs import ToolSpec, tool_specs
from voicebot.flow.survey import named_secrets, named_targets, own_words
from voicebot.flow.triggers import SEARCHED, find
from voicebot.flow.values import MAX_CHARACTERS, Values, as_data
from voicebot.flow.words import affirms, takes_leave

# ---- words -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("Yes.", "yes please", "Okay, do it", "Sure, no problem!", "That's right"),
        *(
            "好的",
            "好的，周六上午",
            "对",
            "对，没错",
            "嗯，可以",
            "没问题",
            "是的。",
            "好",
        ),
    ],
)
def test_what_says_yes(text: str) -> None:
    assert affirms(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "...", "no", "Yes, but not today", "yesterday", "I said yes", "What?"),
        *("okay wait", "sure? no", "不对", "对不起", "好像是", "对，不过不要", "银行"),
        *("好吗", "确认记录在案，直接订。", "我同意了"),
    ],
)
def test_what_doesnt(text: str) -> None:
    assert not affirms(text)


def test_leave_is_taken_in_the_personas_words_and_the_usual_ones() -> None:
    assert takes_leave("OK, bye now", ())
    assert takes_leave("那就这样，再见", ())
    assert takes_leave("see you later", ("see you",))
    assert not takes_leave("hang up", ("see you",))


# ---- triggers --------------------------------------------------------------------

HUMAN = Trigger.model_validate(
    {"name": "human", "says": ["a human", "人工"], "do": {"transfer": "desk"}}
)
ORDER = Trigger.model_validate(
    {"name": "order", "matches": "order [0-9]+", "do": "goodbye", "once": True}
)
BOT = Trigger.model_validate(
    {"name": "bot", "says": ["a human"], "by": "bot", "do": "goodbye"}
)
ALL = (HUMAN, ORDER, BOT)


def test_the_first_trigger_that_fits_counts() -> None:
    assert find(ALL, "caller", "Get me a HUMAN, order 12", ()) is HUMAN
    assert find(ALL, "caller", "我要人工服务", ()) is HUMAN
    assert find(ALL, "caller", "My Order 12", ()) is ORDER
    assert find(ALL, "caller", "hello", ()) is None


def test_a_trigger_listens_to_one_side() -> None:
    assert find(ALL, "bot", "A human will call you.", ()) is BOT


def test_once_is_once() -> None:
    assert find(ALL, "caller", "order 1", {"order"}) is None
    assert find(ALL, "caller", "a human", {"human"}) is HUMAN


def test_an_expression_is_sought_in_the_turns_beginning() -> None:
    assert find(ALL, "caller", "x" * SEARCHED + "order 1", ()) is None


# ---- the ladder ------------------------------------------------------------------


def test_each_step_counts_from_the_end_of_the_one_before() -> None:
    given = [{"after": "4s", "say": "Hello?"}, {"after": "6s", "do": "goodbye"}]
    steps = [Silence.model_validate(step) for step in given]
    ladder = Ladder(steps)
    assert ladder.next_at(None) is None
    assert ladder.take(None, 999.0) is None
    assert ladder.next_at(100.0) == 104.0
    assert ladder.take(100.0, 103.9) is None
    before = ladder.climbed
    assert ladder.take(100.0, 104.0) is steps[0]
    assert (before, ladder.climbed) == (False, True)
    assert ladder.next_at(106.0) == 112.0
    assert ladder.take(106.0, 112.0) is steps[1]
    assert ladder.next_at(113.0) == 119.0  # the last again
    ladder.reset()
    assert ladder.next_at(113.0) == 117.0


# ---- values ----------------------------------------------------------------------


def test_sensitive_values_are_told_nobody() -> None:
    values = Values({"caller": "Li"})
    values.set("order", "246810", sensitive=True)
    assert values.shown() == {"caller": "Li"}
    assert values.secret("order") == "246810"
    values.set("order", "none")
    assert values.secret("order") is None
    assert values.shown()["order"] == "none"


def test_a_variable_that_is_sensitive_stays_so_whoever_sets_it() -> None:
    values = Values({"caller": "Li", "pin": "1"}, {"pin"})
    assert (values.shown(), values.secret("pin")) == ({"caller": "Li"}, "1")
    values.set("pin", "2")
    assert (values.shown(), values.secret("pin")) == ({"caller": "Li"}, "2")


@given(st.text(st.sampled_from("{}ab\x00\n \u2028"), max_size=300))
@settings(max_examples=200)
def test_what_came_from_outside_fills_in_and_is_no_template(text: str) -> None:
    data = as_data(text)
    assert "{{" not in data
    assert data.isprintable()
    assert len(data) <= MAX_CHARACTERS
    assert as_data(data) == data


# ---- calls that leave ------------------------------------------------------------

STOP = ("never mind", "等一下")


def pending(kind: str = "transfer") -> PendingCall:
    leave = Leave("transfer", "desk") if kind == "transfer" else Leave("voicemail", "")
    return PendingCall(leave, STOP, None, 100.0)


def test_a_call_is_announced_committed_and_done() -> None:
    call = pending()
    assert not call.commit(101.0, caller_open=False)
    call.heard(102.0)
    call.heard(103.0)
    assert call.commit(102.0, caller_open=False)
    assert not call.commit(103.0, caller_open=False)
    call.ended(Ending.TRANSFERRED)
    assert call.state is State.DONE


def test_a_call_whose_announcement_nobody_hears_is_committed_in_the_end() -> None:
    call = pending("voicemail")
    assert call.due_at(False) == 100.0 + UNHEARD_S
    assert call.commit(130.0, caller_open=True)
    call.ended(Ending.VOICEMAIL)
    assert call.state is State.DONE


def test_a_caller_who_speaks_is_heard_out_for_a_while() -> None:
    call = pending()
    call.heard(102.0)
    assert not call.commit(103.0, caller_open=True)
    assert call.commit(102.0 + HEAR_OUT_S, caller_open=True)


AGREEING = [
    *("ok", "okay", "OK.", "right", "yes", "sure", "mm-hm", "uh-huh", "thanks", "fine"),
    *("great", "alright", "all right", "got it", "please do", "go on", "cool", "yep"),
    *("嗯", "嗯嗯", "好", "好的", "行", "可以", "对", "是的", "谢谢", "明白", "没问题"),
    *("I have a toothache", "my name is Li", "是关于预约的", "快一点", "hello?", "喂"),
]


@pytest.mark.parametrize("language", ["en", "zh", "de", "ja", "es", "fr", "pt"])
def test_no_agreement_stops_a_call(language: str) -> None:
    words = abort_words(Transfer(), language)
    for text in AGREEING:
        call = PendingCall(Leave("transfer", "desk"), words, None, 100.0)
        assert not call.caller_said(text), text
        call.heard(101.0)
        assert call.commit(101.0, caller_open=False)


def test_abort_words_count_until_it_is_committed() -> None:
    call = pending()
    assert call.caller_said("oh, never mind")
    assert call.state is State.ABORTED
    assert not call.commit(200.0, caller_open=False)
    late = pending()
    late.heard(101.0)
    late.commit(101.0, caller_open=False)
    assert not late.caller_said("等一下")
    late.ended(Ending.CALLER_HANGUP)
    assert late.state is State.FAILED


def test_what_is_said_of_a_transfer_comes_from_the_persona_or_its_language() -> None:
    assert announcement(Transfer(announce="Wait."), "en") == "Wait."
    assert "转接" in announcement(Transfer(), "zh-CN")
    assert announcement(Transfer(), "pt") == announcement(Transfer(), "en")
    assert abort_words(Transfer(abort_words=("halt",)), "de") == ("halt",)
    assert "等一下" in abort_words(Transfer(), "zh")


# ---- what the model is told ------------------------------------------------------


def test_the_model_is_told_of_the_tools_of_its_stage() -> None:
    desk = persona(CLINIC)
    specs = {spec.name: spec for spec in tool_specs(desk, "booking")}
    assert list(specs) == ["human", "bye", "book"]
    assert specs["bye"] == ToolSpec(
        "bye",
        "End the call, after the caller has taken leave.",
        {
            "type": "object",
            "properties": {},
            "required": [],
            "additionalProperties": False,
        },
    )
    human = specs["human"].parameters["properties"]
    targets = ["front_desk", "on_call", "closed_desk"]
    assert human == {"target": {"type": "string", "enum": targets}}
    assert specs["book"].description.endswith("first: Shall I book that day?")
    assert specs["book"].parameters["required"] == ["name", "value"]


def test_without_stages_the_model_is_told_of_all_tools() -> None:
    desk = persona(CLINIC)
    specs = {spec.name: spec for spec in tool_specs(desk)}
    assert list(specs) == list(desk.tools)
    stage = {"stage": {"type": "string", "enum": ["booking"]}}
    assert specs["go_on"].parameters["properties"] == stage


def test_the_model_is_told_of_arguments_and_nothing_of_servers() -> None:
    params = {
        "who": "text",
        "half": "enum[am,pm]?",
        "sure": "bool",
        "count": "number?",
        "day": "date",
    }
    http = {"kind": "http", "url": "https://a.example", "description": "Find a time."}
    tools = {"slots": http | {"params": params}, "web": {"kind": "web_search"}}
    (spec,) = tool_specs(persona(tools=tools))
    assert (spec.name, spec.description) == ("slots", "Find a time.")
    assert spec.parameters["required"] == ["who", "sure", "day"]
    properties = spec.parameters["properties"]
    assert isinstance(properties, dict)
    assert properties["half"] == {"type": "string", "enum": ["am", "pm"]}
    assert properties["sure"] == {"type": "boolean"}
    assert properties["count"] == {"type": "number"}
    assert properties["who"]["type"] == properties["day"]["type"] == "string"
    assert "a.example" not in repr(spec)


def test_words_of_tools_are_our_own() -> None:
    http = {"kind": "http", "url": "https://a.example", "description": "x"}
    desk = persona(tools={"slots": http | {"filler": ["One moment."]}, "other": http})
    assert "One moment." in own_words(desk)


def test_secrets_are_named_where_they_stand() -> None:
    desk = persona(
        vars={"name": {"from": "lookup"}},
        tools={
            "slots": {
                "kind": "http",
                "url": "${env:API}/slots",
                "description": "x",
                "headers": {"X-Plain": "a", "X-Key": "${file:/run/key}"},
            },
            "bye": {"use": "hangup"},
        },
        lookup={"url": "${env:CRM}", "map": {"name": "name"}},
    )
    assert list(named_secrets(desk)) == [
        (Secret("env", "API"), ("tools", "slots", "url")),
        (Secret("file", "/run/key"), ("tools", "slots", "headers", "X-Key")),
        (Secret("env", "CRM"), ("lookup", "url")),
    ]
    assert list(named_secrets(persona())) == []


def test_all_of_our_own_words_and_targets_are_known() -> None:
    words = own_words(persona(CLINIC))
    assert words[0].startswith("For an appointment")
    assert {"There is no such option.", "I am putting you through."} <= {*words}
    assert named_targets(persona(CLINIC)) == {"front_desk", "on_call", "closed_desk"}
