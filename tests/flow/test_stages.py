"""Stages that move by themselves: exits, what is done on entering, settings."""

from dataclasses import replace
from typing import Any

import pytest

from tests.bridge.calls import BUSINESS, pcm
from tests.flow.flows import Phone
from tests.flow.personas import persona
from voicebot.bridge import model as do
from voicebot.bridge.model import Retune
from voicebot.bridge.settings import BargeIn
from voicebot.dialplan.actions import Action
from voicebot.dialplan.persona import Persona
from voicebot.flow.model import Leave, ToolOutput, UpdateSession
from voicebot.flow.stages import Stages, barge_in, listening, tuned
from voicebot.flow.survey import own_words

STAGED = """\
start_stage: triage
vars:
  order_no: {from: digits, type: digits, default: ""}
  day: {from: model, default: any}
  tier: {from: header, header: X-Tier, default: standard}
menus:
  number: {prompt: Please type it., gather: {max: 4, into: order_no}}
  secret: {prompt: And the code., gather: {max: 4, into: day, sensitive: true}}
  keypad: {prompt: Press., key: "9", keys: {"1": {set: {day: Monday}}, "2": {say: Hi.}}}
tools:
  number: {use: collect_digits, menu: number}
  note: {use: set_var, vars: [day]}
  go: {use: goto_stage, stages: [order]}
stages:
  triage:
    instructions: Find out what it is about.
    tools: [go, note, number]
    exit:
      - {to: vip, var: tier}
      - {to: order, when: [my order, parcel]}
      - {to: dates, tool: note}
      - {to: urgent, when: [it hurts]}
      - {to: order, digits: order_no}
  order:
    instructions: Ask for the number.
    tools: [number]
    on_enter: {say: Let us look at your order.}
    listening: {profile: digits, end_silence: 1200ms, pace: fixed}
    barge_in: {mode: never}
    exit:
      - {to: done, digits: order_no}
  dates: {instructions: Ask for a day., exit: [{to: done, var: day}]}
  vip: {instructions: Be very kind.}
  urgent: {on_enter: {transfer: front_desk}, instructions: Nobody is there.}
  done: {instructions: Say that it is done.}
"""


def staged(**given: object) -> Persona:
    return persona(STAGED, **given)


def answered(phone: Phone, text: str, item_id: str = "i1") -> None:
    """The caller says something, and the model answers it."""
    phone.turn(text, item_id)
    phone.answer(f"r-{item_id}")
    phone.wait(1.5)


def stages_of(phone: Phone) -> list[str]:
    return [each for each in phone.events() if each.startswith("stage")]


def test_what_the_caller_says_leads_to_another_stage() -> None:
    phone = Phone(staged())
    answered(phone, "Where is my order?")
    assert stages_of(phone) == ["stage order when"]
    assert [order.stage for order in phone.took(UpdateSession)] == ["order"]
    assert "Let us look at your order." in phone.said()


def test_the_turn_itself_is_answered_as_the_new_stage_has_it() -> None:
    phone = Phone(staged())
    phone.turn("Where is my order?")
    asked = phone.names()
    assert asked == ["AskForReply"]  # it was on its way: given up
    phone.give(do.ReplyStarted("r1"), do.ReplyDone("r1"))
    assert phone.names()[1:] == ["UpdateSession", "AskForReply"]
    phone.answer("r2")
    phone.wait(3.0)
    assert phone.said()[-2:] == ["Let us look at your order.", "Yes."]


def test_the_stage_is_told_first_if_nothing_was_asked_for_yet() -> None:
    wants = replace(BUSINESS, owner="server")
    phone = Phone(staged(), wants)
    phone.give(do.ServerSpeechStarted(), do.ServerSpeechStopped())
    phone.give(do.TurnCommitted("i1"), do.CallerText("i1", "my order"))
    assert phone.names() == ["UpdateSession", "AskForReply"]


def test_of_an_answer_that_was_given_up_nothing_is_heard() -> None:
    phone = Phone(staged())
    phone.turn("ok", "i0")
    phone.answer("r0", 400)
    phone.wait(1.5)
    phone.hear(b"\xff" * 160)
    phone.give(do.TurnCommitted("i1"))
    phone.turn("", "i1")
    phone.give(do.ReplyStarted("r1"), do.BotText("r1", "Old."))
    phone.give(do.BotAudio("r1", pcm(100)))  # too little of it to be played
    phone.give(do.CallerText("i1", "a parcel"), do.ReplyDone("r1"))
    phone.answer("r2", text="New.")
    phone.wait(4.0)
    assert "Old." not in phone.said()
    assert phone.said()[-1] == "New."


def test_an_answer_that_is_heard_is_said_to_its_end() -> None:
    phone = Phone(staged())
    phone.turn("", "i1")
    phone.answer("r1", 2000, "Yes.")
    phone.wait(0.5)
    phone.give(do.CallerText("i1", "a parcel"))
    phone.wait(5.0)
    assert phone.names().count("AskForReply") == 1
    assert "Yes." in phone.said()


def test_other_words_lead_nowhere_and_a_trigger_comes_first() -> None:
    other = "triggers: [{name: t, says: [parcel], do: {say: Parcels.}}]\n"
    phone = Phone(persona(STAGED + other))
    answered(phone, "Good morning.")
    answered(phone, "A parcel.", "i2")
    assert phone.events() == ["trigger t"]


def test_a_tool_that_was_done_leads_on_after_its_output() -> None:
    phone = Phone(staged())
    answered(phone, "hello")
    phone.call("note", '{"name": "day", "value": "Monday"}')
    phone.wait(5.0)
    # Monday is known: the stage that asks for a day is left at once.
    assert stages_of(phone) == ["stage dates tool", "stage done var"]
    assert phone.names()[-3:] == ["ToolOutput", "UpdateSession", "AskForReply"]
    assert [order.stage for order in phone.took(UpdateSession)] == ["done"]


def test_a_tool_that_was_refused_leads_nowhere() -> None:
    phone = Phone(staged())
    answered(phone, "hello")
    phone.call("note", '{"name": "moon", "value": "Monday"}')
    phone.wait(5.0)
    assert stages_of(phone) == []


def test_digits_lead_on_behind_their_menu() -> None:
    phone = Phone(staged())
    phone.call("number")
    phone.wait(6.0)
    phone.keys("1234")
    phone.wait(1.0)
    assert stages_of(phone) == ["stage order digits"]
    (output,) = phone.took(ToolOutput)
    assert output.text == "The caller typed order_no: 1234."


def test_digits_that_do_not_come_lead_nowhere() -> None:
    phone = Phone(staged())
    phone.call("number")
    phone.wait(60.0)
    assert stages_of(phone) == []
    assert len(phone.took(ToolOutput)) == 1


def test_what_is_known_at_the_start_leads_on_at_once() -> None:
    phone = Phone(staged(), values={"tier": "gold"})
    assert stages_of(phone) == ["stage vip var"]
    assert [order.stage for order in phone.took(UpdateSession)] == ["vip"]
    assert stages_of(Phone(staged(), values={"tier": "standard"})) == []
    assert stages_of(Phone(staged(), values={})) == []


def test_a_key_that_sets_a_variable_leads_on() -> None:
    phone = Phone(staged(start_stage="dates"))
    phone.keys("9")
    phone.wait(2.0)
    phone.keys("1")
    phone.wait(1.0)
    assert stages_of(phone) == ["stage done var"]


def test_digits_that_nobody_sees_are_known_all_the_same() -> None:
    desk = staged(
        start_stage="dates",
        triggers=[{"name": "t", "says": ["code"], "do": {"gather": "secret"}}],
    )
    phone = Phone(desk)
    answered(phone, "code")
    phone.wait(3.0)
    phone.keys("1234")
    phone.wait(1.0)
    assert stages_of(phone) == ["stage done var"]


def test_a_stage_may_put_the_call_through() -> None:
    phone = Phone(staged())
    phone.turn("it hurts")
    phone.wait(8.0)
    assert [leave.target for leave in phone.took(Leave)] == ["front_desk"]
    assert phone.ending == "transferred"


def test_where_nobody_is_reached_the_stage_goes_on() -> None:
    phone = Phone(staged(), open_targets=frozenset)
    answered(phone, "it hurts")
    assert phone.events() == ["stage urgent when", "refused front_desk target_closed"]
    assert phone.ending is None


def test_while_a_call_is_put_through_no_exit_is_taken() -> None:
    phone = Phone(staged())
    phone.turn("it hurts")
    phone.wait(0.1)
    phone.give(do.TurnCommitted("i2"), do.CallerText("i2", "my order"))
    assert stages_of(phone) == ["stage urgent when"]


def test_the_first_stage_may_do_something_too_but_not_without_a_model() -> None:
    def greeted(**wants: Any) -> list[str]:
        phone = Phone(staged(start_stage="order"), **wants)
        phone.wait(4.0)
        return phone.said()

    assert greeted() == ["Let us look at your order."]
    opening = Action(menu="keypad")
    assert greeted(opening=opening, ready=False) == ["Press."]


def test_a_goto_on_entering_goes_on() -> None:
    desk = persona(
        "start_stage: a\n"
        "triggers: [{name: t, says: [go], do: {goto: b}}]\n"
        "stages: {a: {instructions: A.}, b: {on_enter: {goto: c}},"
        " c: {instructions: C.}}\n"
    )
    phone = Phone(desk)
    answered(phone, "go")
    assert phone.events() == ["trigger t", "stage b", "stage c"]


def test_the_model_goes_to_a_stage_that_says_something_first() -> None:
    phone = Phone(staged())
    phone.call("go", '{"stage": "order"}')
    phone.wait(6.0)
    assert phone.events() == ["tool go", "stage order"]
    assert phone.names()[-3:] == ["ToolOutput", "UpdateSession", "AskForReply"]


def test_what_must_be_heard_on_entering_a_stage_is_not_cut_short() -> None:
    legal = "This is what the law wants you to hear, all of it, to its very end."
    desk = persona(
        stages={
            "a": {"instructions": "A.", "exit": [{"to": "b", "when": ["go"]}]},
            "b": {"instructions": "B.", "on_enter": {"must_hear": legal}},
        },
        start_stage="a",
    )
    phone = Phone(desk)
    phone.turn("go")
    phone.wait(0.5)
    phone.keys("5")
    phone.turn("stop it", "i2")
    phone.wait(4.0)
    assert phone.said()[0] == legal
    assert legal in own_words(desk)


# ---- settings ----------------------------------------------------------------------


def test_a_stage_listens_in_its_own_way_and_the_next_as_the_persona_does() -> None:
    phone = Phone(staged())
    answered(phone, "my order")
    answered(phone, "well", "i2")
    ends = [n for n in phone.took(do.NoteDecision) if n.kind == "end_of_turn"]
    assert [note.features["wanted_ms"] for note in ends] == [560, 560, 1200]
    told = listening(staged(), "order")
    assert (told.profile, told.end_silence_ms) == ("digits", 1200)
    assert barge_in(staged(), "order").mode == "never"


def test_only_what_is_different_is_told_to_the_bridge() -> None:
    desk = staged()
    stages = Stages(desk)
    assert stages.enter("vip") is None
    first = stages.enter("order")
    assert first == tuned(desk, "order")
    assert stages.enter("order") is None
    assert stages.enter("done") == Retune(barge_in(desk, None), listening(desk, None))


def test_without_stages_nothing_leads_anywhere() -> None:
    stages = Stages(persona(""))
    assert stages.way_out(lambda _: "x", said="my order") is None
    assert stages.on_enter is None


@pytest.mark.parametrize(
    ("given", "backchannel", "stop_words"),
    [
        ({"mode": "stop"}, ("ok", "go on"), ("wait", "no")),
        ({"stop_words": ["OK"]}, ("go on",), ("OK",)),
        ({"backchannel": ["no"]}, ("no",), ("wait",)),
        ({"backchannel": ["a"], "stop_words": ["b"]}, ("a",), ("b",)),
    ],
)
def test_what_a_stage_says_of_a_phrase_counts(
    given: dict[str, object], backchannel: tuple[str], stop_words: tuple[str]
) -> None:
    desk = persona(
        barge_in={"backchannel": ["ok", "go on"], "stop_words": ["wait", "no"]},
        stages={"a": {"instructions": "A.", "barge_in": given}},
        start_stage="a",
    )
    told = barge_in(desk, "a")
    assert (told.backchannel, told.stop_words) == (backchannel, stop_words)
    assert barge_in(desk, None) == BargeIn(
        backchannel=("ok", "go on"), stop_words=("wait", "no")
    )
