"""Rehearsed calls: what the caller does, what goes wrong, and the clock."""

import time
from typing import Any

import pytest

from tests.rehearse.calls import ASKS, GREETING, INTERRUPTS, LONG, desk, made, scenario
from voicebot.bridge.model import Ending, Rule
from voicebot.dialplan.persona import Greeting
from voicebot.rehearse.call import LONGEST_S, RehearsedCall
from voicebot.rehearse.expect import judge
from voicebot.rehearse.timeline import timeline


def heard(caller: list[dict[str, Any]], **given: Any) -> list[str]:
    return [each.text for each in made(scenario(caller, **given)).heard]


APOLOGY = "I am sorry, there is a fault."


def test_a_caller_who_does_nothing_hears_the_greeting_and_hangs_up() -> None:
    facts = made(scenario([]))
    assert [each.text for each in facts.heard] == [GREETING]
    assert facts.record.ending is Ending.CALLER_HANGUP
    assert facts.record.ended_at - facts.heard[0].end_s == pytest.approx(2.2, abs=0.3)


def test_the_model_gets_what_was_said_and_answers_with_its_lines() -> None:
    facts = made(scenario([*ASKS, {"say": "And then?"}]))
    texts = [each.text for each in facts.record.history]
    assert texts == [
        *("What can I do?", LONG),
        *("And then?", "Then please leave the room."),
    ]
    log = [turn.heard_text for turn in facts.record.turns.values()]
    assert log == [GREETING, *texts]


def test_a_line_waits_for_the_words_that_it_is_for() -> None:
    model = [{"hear": "price", "say": "Ten."}, {"say": "Yes."}]
    said = heard([{"say": "Hello there"}, {"say": "The PRICE, please"}], model=model)
    assert said == [GREETING, "Yes.", "Ten."]


def test_when_no_line_fits_the_model_says_something_in_the_language() -> None:
    model = [{"hear": "price", "say": "Ten."}]
    assert heard(ASKS, model=model)[1:] == ["I see. What else can I do for you?"]
    test = scenario([{"say": "你好你好"}], model=[])
    chinese = made(test, desk(language="zh"))
    assert chinese.heard[-1].text == "好的。请问还有什么可以帮您？"


def test_whoever_does_not_wait_speaks_into_the_greeting() -> None:
    facts = made(scenario([{"say": "Hello hello hello hello", "wait": "none"}]))
    assert facts.record.deeds[0].begun_at == 0.0
    waits = made(scenario([{"say": "Hello", "wait": "greeting"}]))
    assert waits.record.deeds[0].begun_at > waits.heard[0].end_s - 0.1


def test_a_key_stops_the_bot_and_no_digit_is_shown() -> None:
    facts = made(scenario([*ASKS, {"dtmf": "24", "at": "+1s"}]))
    decisions = [d for d in facts.record.decisions.values() if d.kind == "barge_in"]
    assert [d.rule for d in decisions] == [Rule.KEY]
    assert any(line.endswith("presses 2 key(s)") for line in timeline(facts))


def test_a_moment_may_count_from_the_start_of_the_call() -> None:
    facts = made(scenario([{"backchannel": "okay", "at": "1500ms"}, {"hangup": True}]))
    assert facts.record.deeds[0].begun_at == pytest.approx(1.5)
    assert facts.record.ending is Ending.CALLER_HANGUP


def test_a_model_that_finds_turns_itself_is_rehearsed_as_well() -> None:
    who = desk(model={"vad": "server"})
    test = scenario(INTERRUPTS, {"outcome": "confirmed"})
    facts = made(test, who)
    assert judge(test.expect[0], facts) is None
    assert facts.heard[-1].text == "Then please leave the room."


# ---- faults --------------------------------------------------------------------------


def test_a_model_that_cannot_be_reached_is_apologised_for() -> None:
    facts = made(scenario([{"silence": "20s"}], faults=[{"model": "refuse_connect"}]))
    assert facts.heard[-1].text == APOLOGY
    assert facts.record.ending is Ending.STEPFUN_REFUSED
    assert facts.record.history == []


def test_a_model_that_is_lost_is_apologised_for() -> None:
    faults = [{"at": "5s", "model": "lose"}]
    facts = made(scenario([*ASKS, {"silence": "20s"}], faults=faults))
    assert facts.heard[-1].text == APOLOGY
    assert facts.record.ending is Ending.STEPFUN_LOST
    assert not facts.heard[-2].text.endswith("blinking.")


def test_a_model_that_falls_silent_is_waited_for_and_given_up() -> None:
    faults = [{"at": "1s", "model": "mute"}]
    facts = made(scenario([*ASKS, {"silence": "1m"}], faults=faults))
    assert facts.heard[-1].text == APOLOGY
    assert facts.record.ending is Ending.STEPFUN_STALLED


def test_a_slow_model_is_covered_by_a_filler() -> None:
    who = desk(filler={"say": ["One moment."]})
    facts = made(scenario(ASKS, faults=[{"model": "slow"}]), who)
    assert [each.text for each in facts.heard] == [GREETING, "One moment.", LONG]


# ---- the clock -----------------------------------------------------------------------


def test_the_same_call_is_the_same_each_time() -> None:
    first, second = (RehearsedCall(desk(), scenario(INTERRUPTS)).run() for _ in "12")
    assert first == second


def test_a_call_of_minutes_takes_a_small_part_of_that() -> None:
    lines = [{"say": f"{LONG} This was number {n}."} for n in range(7)]
    steps = [{"say": f"What is number {n}, and what comes then?"} for n in range(7)]
    test = scenario(steps, model=lines)
    began_at = time.process_time()
    record = RehearsedCall(desk(), test).run()
    took_s = time.process_time() - began_at
    assert record.ended_at > 120
    assert took_s < record.ended_at / 20  # some 1/100 on a machine that is idle


def test_a_session_is_kept_alive_however_long_nobody_speaks() -> None:
    who = desk(limits={"idle": "3m"})
    facts = made(scenario([{"silence": "2m"}, *ASKS]), who)
    assert facts.heard[-1].text == LONG


def test_a_call_that_nobody_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.rehearse.call.LONGEST_S", 5.0)
    facts = made(scenario([{"silence": "1m"}], {"ended_by": "idle"}))
    assert facts.record.ending is None
    assert timeline(facts)[-1].endswith("cut off: it never ended")
    assert LONGEST_S > 28 * 60


# ---- menus, silence, stages --------------------------------------------------------


def test_a_menu_is_heard_and_its_key_puts_the_call_through() -> None:
    keypad = {"prompt": "Press zero.", "key": "9", "keys": {"0": {"transfer": "desk"}}}
    caller = [{"silence": "3s"}, {"dtmf": "9"}, {"silence": "3s"}, {"dtmf": "0"}]
    facts = made(scenario([*caller, {"silence": "9s"}]), desk(menus={"keypad": keypad}))
    announced = "One moment please, I'm putting you through."
    assert [each.text for each in facts.heard] == [GREETING, "Press zero.", announced]
    assert facts.record.ending == Ending.TRANSFERRED
    log = [line for line in facts.record.lines if "call event" in line]
    assert any("kind=menu name=keypad" in line for line in log)
    assert any("kind=call name=desk detail=committed" in line for line in log)


def test_a_menu_that_nobody_uses_is_said_twice() -> None:
    keypad = {"prompt": "Press zero.", "key": "9", "keys": {"0": "goodbye"}}
    caller = [{"silence": "3s"}, {"dtmf": "9"}, {"silence": "25s"}]
    facts = made(scenario(caller), desk(menus={"keypad": keypad}))
    texts = [each.text for each in facts.heard]
    assert texts[:3] == [GREETING, "Press zero.", "Press zero."]


def test_digits_that_are_sensitive_reach_neither_the_model_nor_the_log() -> None:
    gather = {"min": 4, "max": 4, "sensitive": True, "into": "pin"}
    who = desk(menus={"pin": {"prompt": "Your number.", "key": "9", "gather": gather}})
    caller = [{"silence": "3s"}, {"dtmf": "9"}, {"silence": "3s"}, {"dtmf": "4711"}]
    facts = made(scenario([*caller, {"silence": "4s"}]), who)
    told = [each.text for each in facts.record.history]
    assert "The caller typed pin: not shown to you." in told
    assert not any("4711" in text for text in [*told, *facts.record.lines])


def test_a_trigger_leads_to_another_stage_and_silence_to_the_end() -> None:
    who = desk(
        stages={"first": {"instructions": "Ask."}, "last": {"instructions": "End."}},
        start_stage="first",
        triggers=[{"name": "on", "says": ["what can i do"], "do": {"goto": "last"}}],
        silence=[{"after": "3s", "say": "Hello?"}, {"after": "3s", "do": "goodbye"}],
    )
    facts = made(scenario([*ASKS, {"silence": "30s"}]), who)
    log = [line for line in facts.record.lines if "kind=stage name=last" in line]
    assert len(log) == 1
    texts = [each.text for each in facts.heard]
    assert texts == [GREETING, LONG, "Hello?", "Thank you and goodbye."]
    assert facts.record.ending is Ending.IDLE


def test_a_stage_is_left_by_words_and_answered_in_the_next_one() -> None:
    who = desk(
        stages={
            "first": {
                "instructions": "Ask.",
                "exit": [{"to": "last", "when": ["what can i do"]}],
            },
            "last": {"instructions": "End.", "on_enter": {"must_hear": "One rule."}},
        },
        start_stage="first",
    )
    facts = made(scenario([*ASKS, {"silence": "9s"}]), who)
    assert [each.text for each in facts.heard][:3] == [GREETING, "One rule.", LONG]
    (line,) = [line for line in facts.record.lines if "kind=stage" in line]
    assert "name=last detail=when" in line


MODEL = {"model": True}


def test_the_offline_model_greets_by_itself() -> None:
    caller = [{"silence": "9s"}, {"say": "What can I do?"}, {"silence": "9s"}]
    facts = made(
        scenario(caller, model=[{"say": "Good morning!"}, {"say": LONG}]),
        desk().model_copy(update={"greeting": Greeting.model_validate(MODEL)}),
    )
    assert [each.text for each in facts.heard][:2] == ["Good morning!", LONG]


def test_a_caller_of_another_language_is_asked_in_it() -> None:
    english = desk(
        silence=[{"after": "4s", "say": "Hello?"}, {"after": "4s", "do": "goodbye"}]
    )
    chinese = desk(
        language="zh",
        also_speaks=["en"],
        silence=[{"after": "4s", "say": "您好？"}, {"after": "4s", "do": "goodbye"}],
    )
    caller = [*ASKS, {"say": "And what else can I do?"}, {"silence": "30s"}]
    facts = made(scenario(caller), chinese.speaking({"en": english}))
    texts = [each.text for each in facts.heard]
    assert texts[-2:] == ["Hello?", "Thank you and goodbye."]


# ---- the timeline --------------------------------------------------------------------


def test_the_timeline_tells_what_happened_in_order() -> None:
    faults = [{"at": "9s", "model": "slow"}]
    lines = timeline(made(scenario(INTERRUPTS, faults=faults)))
    told = [line.split("s  ", 1)[1].strip() for line in lines]
    assert told[0] == f"bot       {GREETING}"
    assert told[1] == "caller    What can I do?"
    assert told[3] == "caller    into it: Hold on, it is on fire"
    assert set(told[4:6]) == {
        "bot         silent before the end of it",
        "decision  confirmed: spoke_again",
    }
    assert "fault     model: slow" in told
    assert told[-1] == "call      over: caller_hangup"
    hung_up = made(scenario([{"silence": "3s"}, {"hangup": True}]))
    said = "\n".join(timeline(hung_up))
    assert "is silent for 3s" in said
    assert "hangs up" in said


def test_a_long_timeline_is_shortened_in_its_middle() -> None:
    steps = [{"say": f"Number {n}"} for n in range(24)]
    lines = timeline(made(scenario(steps, model=[{"say": LONG}])))
    assert len(lines) == 41
    assert lines[20].strip().startswith("… ")
    assert any("…" in line and "bot" in line for line in lines)


# ---- other servers ---------------------------------------------------------------

HTTP = {"kind": "http", "url": "${env:API}/x", "description": "Find a time."}
ASKING = desk(
    tools={"slots": HTTP | {"params": {"day": "date"}, "filler": ["One moment."]}},
    filler={"after": "500ms"},
)
FINDS = [
    {"say": "Let me see.", "calls": "slots", "args": {"day": "2027-03-01"}},
    {"told": "ten", "say": "At ten."},
    {"told": "fault", "say": "I can't see that now."},
    {"told": "no answer in time", "say": "It takes too long."},
]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"slots": {"free": "ten"}}, ["Let me see.", "At ten."]),
        ({"slots": {"status": 503}}, ["Let me see.", "I can't see that now."]),
        (
            {"slots": {"timeout": True}},
            ["Let me see.", "One moment.", "It takes too long."],
        ),
        ({"slots": {"status": "ten"}}, ["Let me see.", "At ten."]),
        ({}, ["Let me see.", "I see. What else can I do for you?"]),
    ],
)
def test_a_tool_that_asks_a_server_gets_the_answers_of_the_test(
    answers: dict[str, Any], said: list[str]
) -> None:
    test = scenario([*ASKS, {"silence": "12s"}], model=FINDS, answers=answers)
    facts = made(test, ASKING)
    assert [each.text for each in facts.heard] == [GREETING, *said]
    assert "2027-03-01" not in str(facts.record.lines)


def test_a_request_that_the_caller_calls_off_is_forgotten() -> None:
    cancel = ASKING.tools["slots"].model_copy(update={"on_barge_in": "cancel"})
    who = ASKING.model_copy(update={"tools": {"slots": cancel}})
    model = [*FINDS, {"told": "given up", "say": "Prices, then."}]
    steps = [*ASKS, {"say": "No, tell me about prices"}]
    facts = made(scenario(steps, model=model, answers=SLOW), who)
    assert "slots detail=given_up" in str(facts.record.lines)
    assert facts.heard[-1].text == "Prices, then."


SLOW = {"slots": {"timeout": True}}
LOOKS_UP = desk(
    vars={"name": {"from": "lookup"}},
    lookup={"url": "${env:API}/x", "map": {"name": "name"}},
).model_copy(
    update={
        "greeting": Greeting.model_validate(
            {"text": "Hello.", "when": {"returning_caller": "Hello {{name|you}}."}}
        )
    }
)


@pytest.mark.parametrize(
    ("answer", "greeting", "noted"),
    [
        ({"name": "Ann"}, "Hello Ann.", "name=ok detail=1 values"),
        ({"timeout": True}, "Hello.", "name=timeout detail=0 values, 1200 ms"),
        ({"status": 404}, "Hello.", "name=not_found"),
        (["Ann"], "Hello.", "name=ok detail=0 values"),
    ],
)
def test_a_lookup_gets_the_answer_of_the_test(
    answer: object, greeting: str, noted: str
) -> None:
    test = scenario([{"silence": "3s"}], answers={"lookup": answer})
    facts = made(test, LOOKS_UP)
    assert facts.heard[0].text == greeting
    assert noted in str(facts.record.lines)
