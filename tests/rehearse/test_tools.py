"""What the model asks for in a rehearsal, and where a call goes from there."""

from typing import Any

import pytest

from tests.rehearse.calls import GREETING, desk, judged, made, scenario
from voicebot.dialplan.persona import Persona
from voicebot.rehearse.call import RehearsedCall
from voicebot.rehearse.expect import Facts, Miss
from voicebot.runtime.forward import Target

ANNOUNCED = "One moment please, I'm putting you through."
ASK = {"say": "I want to talk to somebody."}
HUMAN: dict[str, Any] = {"calls": "human", "args": {"target": "front"}}
TARGETS = {
    "front": Target("front", ring_s=20, fallback="night"),
    "night": Target("night", ring_s=10, fallback="voicemail"),
}


def office(**given: object) -> Persona:
    tools = {
        "human": {"use": "transfer", "targets": ["front"]},
        "note": {"use": "set_var", "vars": ["reason"], "max_calls": 1},
        "book": {"use": "goto_stage", "stages": ["booking"]},
        "pin": {"use": "collect_digits", "menu": "pin"},
        "bye": {"use": "hangup", "requires_any": ["user_farewell"]},
    }
    stages = {
        "triage": {"instructions": "Ask.", "tools": ["human", "note", "book", "pin"]},
        "booking": {"instructions": "Book.", "tools": ["human"]},
    }
    gather = {"min": 4, "max": 4, "sensitive": True, "into": "pin"}
    return desk(
        tools=tools,
        stages=stages,
        start_stage="triage",
        vars={
            "reason": {"type": "text", "from": "model", "default": ""},
            "pin": {
                "type": "digits",
                "from": "digits",
                "default": "",
                "sensitive": True,
            },
            "name": {"type": "text", "default": ""},
        },
        menus={"pin": {"prompt": "Your number.", "gather": gather}},
        triggers=[
            {"name": "angry", "says": ["your boss"], "do": {"transfer": "night"}}
        ],
        **given,
    )


def call(
    caller: list[dict[str, Any]],
    model: list[dict[str, Any]],
    who: Persona | None = None,
    *,
    rung: dict[str, Target] = TARGETS,
    **given: Any,
) -> Facts:
    test = scenario(caller, model=model, **given)
    return Facts(RehearsedCall(who or office(), test, rung).run())


def all_met(facts: Facts, *wanted: dict[str, Any]) -> None:
    misses = {str(each): judged(facts, each) for each in wanted}
    assert {what: miss for what, miss in misses.items() if miss} == {}


def test_the_model_asks_for_a_transfer_and_the_call_goes_there() -> None:
    facts = call([ASK], [{"say": "Gladly.", **HUMAN}])
    assert [each.text for each in facts.heard] == [GREETING, "Gladly.", ANNOUNCED]
    all_met(
        facts,
        {"tool": "human"},
        {"tool": "human", "verdict": "allowed"},
        {"rang": "front"},
        {"transferred_to": "front"},
        {"ended_by": "transferred"},
        {"model_history_equals_heard": True},
        {"lost_words": 0},
    )
    assert judged(facts, {"tool": "human", "verdict": "refused"}) == Miss(
        "human refused", "allowed"
    )


def test_what_the_judge_refuses_is_told_to_the_model_which_says_so() -> None:
    model: list[dict[str, Any]] = [
        {"calls": "human", "args": {"target": "night"}},
        {"told": "is not one of", "say": "I can't do that."},
    ]
    facts = call([ASK], model)
    assert facts.record.rang == []
    assert [each.text for each in facts.record.history if each.role == "tool"]
    wanted = {"tool": "human", "verdict": "refused", "rule": "not_a_target"}
    assert judged(facts, wanted) is None
    assert judged(facts, {**wanted, "rule": "loop"}) == Miss(
        "human refused: loop", "refused: not_a_target"
    )
    assert judged(facts, {"tool": "note"}) == Miss(
        "note allowed", "it wasn't asked for"
    )


@pytest.mark.parametrize(
    ("tool", "args", "rule"),
    [
        ("bye", {}, "not_in_stage"),
        ("human", {"to": 7}, "bad_args"),
        ("note", {"name": "pin", "value": "1"}, "not_yours"),
        ("book", {"stage": "triage"}, "no_exit"),
        ("human", {}, "target_closed"),
    ],
)
def test_every_refusal_can_be_rehearsed(
    tool: str, args: dict[str, Any], rule: str
) -> None:
    model = [{"calls": tool, "args": args}]
    back = {"front": Target("front", fallback="persona")}
    facts = call([ASK], model, rung=back, targets={"front": "closed"})
    all_met(facts, {"tool": tool, "verdict": "refused", "rule": rule})


def test_a_tool_that_sets_and_one_that_leads_to_a_stage() -> None:
    model: list[dict[str, Any]] = [
        {"calls": "note", "args": {"name": "reason", "value": "tooth"}},
        {"calls": "book", "args": {"stage": "booking"}},
        {"say": "Which day?"},
    ]
    facts = call([ASK, {"say": "On Monday."}], model)
    all_met(
        facts,
        {"var": "reason", "is": "tooth"},
        {"var": "reason"},
        {"stage": "triage"},
        {"stage": "booking"},
        {"heard": "Which day?"},
        {"logged": "kind=stage name=booking"},
        {"log_never_contains": "tooth"},
    )
    assert judged(facts, {"var": "reason", "is": "arm"}) == Miss(
        "reason is 'arm'", "'tooth'"
    )
    assert judged(facts, {"var": "name"}) is None
    assert judged(facts, {"logged": "tooth"})


def test_digits_that_the_model_asked_for_are_known_and_told_nobody() -> None:
    model = [{"calls": "pin"}, {"told": "not shown to you", "say": "Thank you."}]
    facts = call([ASK, {"dtmf": "4711", "at": "+300ms"}], model)
    all_met(
        facts,
        {"menu": "pin"},
        {"var": "pin", "is": "4711"},
        {"heard": "Thank you."},
        {"log_never_contains": "4711"},
    )
    assert not any("4711" in each.text for each in facts.record.history)
    assert judged(facts, {"menu": "keypad"}) == Miss("menu keypad", "pin")
    assert judged(facts, {"trigger": "angry"}) == Miss("trigger angry", "no trigger")


def test_what_is_known_when_the_call_comes_in_is_said() -> None:
    greeting = {
        "text": GREETING,
        "when": {"returning_caller": "Hello again {{name}}.", "closed": "Closed."},
    }
    who = office(greeting=greeting)
    facts = call([], [], who, vars={"name": "Ann"}, situation=["returning_caller"])
    assert facts.heard[0].text == "Hello again Ann."
    assert judged(facts, {"var": "name", "is": "Ann"}) is None
    assert call([], [], who, situation=["closed"]).heard[0].text == "Closed."


# ---- where it goes ---------------------------------------------------------------


def test_a_target_that_nobody_answers_leads_to_the_next() -> None:
    facts = call([ASK], [HUMAN], targets={"front": "no_answer"})
    assert [each[1:] for each in facts.record.rang] == [
        ("front", "no_answer"),
        ("night", "answers"),
    ]
    rang_at = [each[0] for each in facts.record.rang]
    assert rang_at[1] - rang_at[0] == 25
    all_met(facts, {"transferred_to": "night"}, {"rang": "front"})
    assert judged(facts, {"transferred_to": "front"}) == Miss(
        "front to take the call", "front: no_answer, night: answers"
    )
    assert judged(call([], []), {"rang": "front"}) == Miss(
        "front rung", "nobody was rung"
    )


def test_a_target_outside_its_hours_is_not_rung() -> None:
    angry = [{"say": "Get me your boss!"}]
    facts = call(angry, [], targets={"night": "closed"})
    assert facts.record.rang == []
    all_met(facts, {"trigger": "angry"}, {"ended_by": "voicemail"})


def test_a_closed_target_that_leads_back_leaves_the_call_where_it_is() -> None:
    angry = [{"say": "Get me your boss!"}]
    back = {"night": Target("night", fallback="persona")}
    facts = call(angry, [], rung=back, targets={"night": "closed"})
    all_met(facts, {"trigger": "angry"}, {"logged": "kind=refused name=night"})


def test_when_nobody_answers_a_message_is_taken() -> None:
    busy = {"front": "busy", "night": "busy"}
    facts = call([ASK], [HUMAN], targets=busy)
    all_met(facts, {"ended_by": "voicemail"}, {"rang": "night"})


def test_a_persona_that_comes_back_greets_again_and_goes_on() -> None:
    back = {"front": Target("front", fallback="persona")}
    model = [HUMAN, {"hear": "never mind", "say": "What else can I do?"}]
    test = scenario(
        [ASK, {"say": "Never mind then."}], model=model, targets={"front": "busy"}
    )
    record = RehearsedCall(office(), test, back).run()
    facts = Facts(record)
    said = [each.text for each in facts.heard]
    assert said == [GREETING, ANNOUNCED, GREETING, "What else can I do?"]
    assert len(record.stream_ends) == 2
    starts = [turn.started_ms for turn in record.turns.values()]
    assert starts == sorted(starts)
    assert list(record.turns) == sorted(record.turns)
    all_met(
        facts,
        {"ended_by": "caller_hangup"},
        {"lost_words": 0},
        {"heard_transcript_excludes_unplayed": True},
        {"model_history_equals_heard": True},
        {"answered_within": "2s"},
    )


def test_a_target_without_a_way_on_ends_the_call() -> None:
    gone = {"front": Target("front", fallback="hangup")}
    test = scenario([ASK], model=[HUMAN], targets={"front": "busy"})
    facts = Facts(RehearsedCall(office(), test, gone).run())
    all_met(facts, {"ended_by": "transfer_failed"})


def test_faults_reach_the_second_stream_too() -> None:
    back = {"front": Target("front", fallback="persona")}
    test = scenario(
        [ASK, {"say": "Never mind then."}, {"silence": "30s"}],
        model=[HUMAN, {"say": "It is late."}],
        targets={"front": "busy"},
        faults=[{"model": "slow", "at": "1s"}, {"model": "lose", "at": "40s"}],
    )
    facts = Facts(RehearsedCall(office(filler={"say": []}), test, back).run())
    miss = judged(facts, {"answered_within": "3s"})
    assert miss is not None
    assert miss.expected == "answers within 3.0s"
    assert facts.record.ending == "stepfun_lost"


def test_nobody_who_said_nothing_waits_for_an_answer() -> None:
    assert judged(made(scenario([])), {"answered_within": "10ms"}) is None


def test_who_comes_back_gets_what_is_arranged_for_that() -> None:
    on_fail = {"say": "Nobody is at the desk.", "do": {"gather": "pin"}}
    caller: list[dict[str, Any]] = [ASK, {"say": "Hm."}, {"dtmf": "1234"}]
    model = [HUMAN, {"say": "I have your number."}]
    targets = {"front": Target("front", ring_s=20, fallback="persona")}
    test = scenario(caller, model=model, targets={"front": "no_answer"})
    who = office(transfer={"on_fail": on_fail})
    facts = Facts(RehearsedCall(who, test, targets).run())
    heard = [each.text for each in facts.heard]
    assert heard[:4] == [GREETING, ANNOUNCED, "Nobody is at the desk.", "Your number."]
    all_met(facts, {"logged": "kind=call name=back detail=gather"})
    all_met(facts, {"var": "pin", "is": "1234"}, {"heard": "I have your number."})


@pytest.mark.parametrize("greeting", [None, "Welcome back, {{name}}, {{vip|sir}}."])
def test_what_a_lookup_finds_is_known_and_what_is_sensitive_is_told_nobody(
    greeting: str | None,
) -> None:
    who = desk(
        vars={
            "name": {"from": "lookup"},
            "vip": {"from": "lookup", "sensitive": True},
        },
        lookup={"url": "https://crm.example/x", "map": {"name": "name", "vip": "vip"}},
        greeting={"text": GREETING, "when": {"returning_caller": greeting}},
        triggers=[
            {"name": "who", "says": ["my name"], "do": {"say": "{{name}} {{vip|?}}."}}
        ],
    )
    answers = {"lookup": {"name": "Ann", "vip": "gold"}}
    facts = call([{"say": "Say my name."}], [{"say": "Yes."}], who, answers=answers)
    heard = [each.text for each in facts.heard]
    assert heard[0] == ("Welcome back, Ann, sir." if greeting else GREETING)
    assert "Ann ?." in heard
    assert not any("gold" in each for each in heard)
    all_met(facts, {"var": "vip", "is": "gold"})
