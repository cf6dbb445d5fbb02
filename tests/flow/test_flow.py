"""Calls with menus, tools and transfers, from the caller's first word to the end."""

from dataclasses import replace

import pytest

from tests.bridge.calls import BUSINESS, VOICE
from tests.flow.flows import Phone
from tests.flow.personas import CLINIC, menu, persona
from voicebot.bridge import model as do
from voicebot.bridge.settings import Resume
from voicebot.dialplan.actions import Action
from voicebot.flow.menus import MenuRun
from voicebot.flow.model import (
    Leave,
    ModelCalled,
    PauseRecording,
    TellModel,
    ToolOutput,
    UpdateSession,
)
from voicebot.flow.survey import own_words

DESK = persona(CLINIC)
FRONT = '{"target": "front_desk"}'
TRIGGERS = """\
triggers:
  - {name: human, says: [a human], do: {transfer: front_desk}}
  - {name: hours, matches: "open(ing)? hours?", do: {say: Nine to five.}, once: true}
  - {name: keys, says: [the menu], do: {menu: keypad}}
  - {name: closed, says: [the director], do: {transfer: closed_desk}}
  - {name: noted, says: [remember], do: {set: {reason: asked}}}
  - {name: book, says: [book], do: {goto: booking}}
  - {name: stop, says: [enough], do: hangup}
  - {name: end, says: [that is all], do: goodbye}
  - {name: mail, says: [a message], do: {voicemail: {}}}
  - {name: bot, says: [i cannot help], by: bot, do: {transfer: front_desk}}
"""
TALKER = persona(CLINIC + TRIGGERS)


# ---- menus -----------------------------------------------------------------------


def test_a_key_opens_its_menu_and_the_model_keeps_silent() -> None:
    phone = Phone(DESK)
    phone.wait(0.5)
    phone.keys("9")
    phone.wait(4.0)
    assert phone.said() == [DESK.menus["keypad"].prompt]
    phone.turn("What?")
    assert "AskForReply" not in phone.names()


def test_another_key_is_the_bridges() -> None:
    phone = Phone(DESK)
    phone.turn("Hello")
    phone.answer(ms=3000)
    phone.wait(0.5)
    phone.keys("5")
    assert phone.flow.phase == "listening"
    assert phone.events() == []


def test_the_first_key_stops_the_prompt() -> None:
    phone = Phone(DESK)
    phone.keys("9")
    phone.wait(0.5)
    phone.keys("2")
    phone.wait(3.0)
    assert phone.said()[1] == "We are open from nine to five."
    assert phone.said()[0] != DESK.menus["keypad"].prompt
    phone.turn("Thanks")
    assert "AskForReply" in phone.names()


def test_digits_are_collected_for_the_model_that_asked() -> None:
    phone = Phone(DESK)
    phone.turn("My room please")
    phone.call("room", say_ms=600)
    phone.wait(1.0)
    phone.keys("12#")
    assert phone.took(ToolOutput) == [
        ToolOutput("call-r1", "The caller typed room: 12.")
    ]
    assert phone.names()[-2:] == ["ToolOutput", "AskForReply"]
    assert phone.flow.values.shown()["room"] == "12"


def test_sensitive_digits_are_in_no_order_and_not_recorded() -> None:
    phone = Phone(DESK)
    phone.turn("My order please")
    phone.call("order")
    phone.wait(1.0)
    phone.keys("246810")
    phone.wait(2.0)
    assert phone.flow.values.secret("order_no") == "246810"
    assert phone.took(PauseRecording) == [PauseRecording(True), PauseRecording(False)]
    orders = repr([each for _, each in phone.log if not isinstance(each, do.NoteTurn)])
    assert "246810" not in orders
    assert "2 4 6 8" not in repr(phone.log)
    assert "not shown" in phone.took(ToolOutput)[0].text


def test_only_keys_that_choose_may_be_written_down() -> None:
    phone = Phone(persona(CLINIC))
    phone.wait(3.0)

    def choices() -> str:
        return "".join(key for key in "0123456789*#" if phone.flow.is_choice(key))

    assert choices() == "9"
    phone.keys("9")
    assert choices() == "0123"
    phone.keys("1")  # asks for digits
    assert choices() == ""
    assert not MenuRun(menu("prompt: a\nkeys: {'1': hangup}")).offers("2")


def test_a_terminator_behind_a_full_number_cuts_nothing() -> None:
    phone = Phone(DESK)
    phone.turn("My order please")
    phone.call("order")
    phone.wait(1.0)
    phone.keys("246810#")
    phone.wait(2.0)
    assert phone.said()[-1] == "1 0"
    # What comes later is a key like any other.
    phone.answer("r2", ms=3000)
    phone.wait(0.5)
    phone.keys("#")
    assert phone.flow.phase == "listening"


def test_a_menu_that_nobody_uses_leads_on() -> None:
    phone = Phone(DESK)
    phone.keys("9")
    phone.wait(30.0)
    assert phone.ending == "voicemail"
    assert phone.took(Leave) == [Leave("voicemail", "")]
    assert phone.names()[-2:] == ["Leave", "HangUp"]


def test_a_menu_given_up_goes_back_to_the_model() -> None:
    phone = Phone(DESK)
    phone.keys("9")
    phone.wait(4.0)
    phone.keys("1")
    phone.wait(3.0)
    for _ in range(3):
        phone.keys("1#")
        phone.wait(3.0)
    assert phone.took(TellModel) == [
        TellModel("The caller typed nothing that is of use.")
    ]
    assert phone.names()[-3:] == ["TellModel", "AskForReply", "PauseRecording"]


def test_a_choice_answers_the_call_that_opened_the_menu() -> None:
    chooser = persona(
        """\
menus:
  number: {prompt: Digits., gather: {max: 4, into: room}, nomatch: [{do: goodbye}]}
tools: {ask: {use: collect_digits, menu: number}}
"""
    )
    phone = Phone(chooser)
    phone.turn("Hi")
    phone.call("ask")
    phone.wait(1.5)
    phone.keys("#")
    assert phone.took(ToolOutput)[0].text == "The caller chose goodbye."
    phone.wait(3.0)
    assert phone.ending == "bot_goodbye"


# ---- transfers -------------------------------------------------------------------


def test_a_transfer_is_announced_then_committed_then_done() -> None:
    phone = Phone(DESK)
    phone.turn("The desk please")
    phone.call("human", FRONT, say_ms=800)
    phone.wait(0.3)
    assert phone.events() == []  # the lead-in is being heard
    phone.wait(5.0)
    assert phone.said()[-1] == "I am putting you through."
    assert phone.events() == [
        "tool human",
        "call front_desk announced",
        "call front_desk committed",
        "call front_desk done",
    ]
    assert phone.names()[-2:] == ["Leave", "HangUp"]
    assert phone.took(Leave) == [Leave("transfer", "front_desk")]
    assert phone.ending == "transferred"


@pytest.mark.parametrize("text", ["ok", "right", "嗯", "好的", "And my name is Li."])
def test_agreement_never_stops_a_transfer(text: str) -> None:
    phone = Phone(DESK)
    phone.turn("The desk please")
    phone.call("human", FRONT)
    phone.wait(0.3)
    phone.turn(text, "i2")
    phone.wait(10.0)
    assert phone.ending == "transferred"


def test_abort_words_stop_a_transfer_before_it_is_committed() -> None:
    phone = Phone(DESK)
    phone.turn("The desk please")
    phone.call("human", FRONT)
    phone.wait(0.3)
    phone.turn("No wait, never mind", "i2")
    phone.wait(1.0)
    assert phone.events()[-1] == "call front_desk aborted"
    assert phone.ending is None
    assert phone.names()[-2:] == ["ToolOutput", "AskForReply"]


def test_a_caller_who_hangs_up_makes_it_fail() -> None:
    phone = Phone(DESK)
    phone.turn("The desk please")
    phone.call("human", FRONT)
    phone.wait(0.3)
    phone.give(do.PeerLost(do.Ending.CALLER_HANGUP))
    assert phone.events()[-1] == "call front_desk failed"
    assert phone.ending == "caller_hangup"


def test_a_call_that_is_being_put_through_cannot_be_put_elsewhere() -> None:
    phone = Phone(DESK)
    phone.turn("The desk please")
    phone.give(do.ReplyStarted("r1"))
    phone.give(ModelCalled("r1", "c1", "human", FRONT))
    phone.give(ModelCalled("r1", "c2", "human", '{"target": "on_call"}'))
    phone.give(do.ReplyDone("r1"))
    phone.wait(5.0)
    assert "refused human pending" in phone.events()
    assert phone.took(Leave) == [Leave("transfer", "front_desk")]


# ---- what the model asks for -----------------------------------------------------


def test_a_refusal_tells_the_model_what_to_do_instead() -> None:
    phone = Phone(DESK)
    phone.turn("Call my friend")
    phone.call("human", '{"target": "+19005550100"}')
    phone.wait(1.0)
    assert phone.events() == ["refused human not_a_target"]
    assert phone.names()[-2:] == ["ToolOutput", "AskForReply"]


def test_a_tool_that_there_is_not_isnt_named_in_the_log() -> None:
    phone = Phone(DESK)
    phone.turn("Call my friend")
    phone.call("dial_12345")
    phone.wait(1.0)
    assert phone.events() == ["refused  unknown"]


def test_after_three_refusals_the_model_waits_for_the_caller() -> None:
    phone = Phone(DESK)
    phone.turn("Call my friend")
    for turn in range(3):
        phone.call("dial", id=f"r{turn}")
        phone.wait(1.0)
    assert phone.names()[-1] == "ToolOutput"
    phone.turn("Hello?", "i2")
    assert phone.names()[-1] == "AskForReply"


def test_the_output_waits_until_the_response_is_over_and_was_heard() -> None:
    phone = Phone(DESK)
    phone.turn("Remember me")
    phone.give(do.ReplyStarted("r1"), do.BotText("r1", "One moment."))
    note = '{"name": "reason", "value": "tooth"}'
    phone.give(ModelCalled("r1", "c1", "note", note))
    phone.wait(0.5)
    assert phone.took(ToolOutput) == []
    phone.answer("r1", 1000)
    phone.wait(0.5)
    assert phone.took(ToolOutput) == []
    phone.wait(1.5)
    assert phone.took(ToolOutput) == [ToolOutput("c1", "Done.")]
    assert phone.flow.values.shown()["reason"] == "tooth"


def test_a_response_that_never_ends_doesnt_hold_its_call_up() -> None:
    phone = Phone(DESK)
    phone.turn("Remember me")
    phone.give(do.ReplyStarted("r1"))
    note = '{"name": "reason", "value": "tooth"}'
    phone.give(ModelCalled("r1", "c1", "note", note))
    phone.wait(20.0)
    assert phone.took(ToolOutput) != [] or phone.ending is not None


def test_a_caller_who_speaks_into_the_lead_in_is_heard_out_first() -> None:
    phone = Phone(DESK)
    phone.turn("The desk please")
    phone.call("human", FRONT, say_ms=3000)
    phone.wait(0.8)
    phone.turn("Actually something else", "i2", seconds=1.2)
    phone.wait(3.0)
    assert phone.events() == ["refused human interrupted"]
    assert phone.names()[-2:] == ["ToolOutput", "AskForReply"]


def test_what_needs_a_yes_is_done_after_it() -> None:
    booking = persona(CLINIC.replace("start_stage: triage", "start_stage: booking"))
    phone = Phone(booking)
    phone.turn("On Monday")
    day = '{"name": "day", "value": "monday"}'
    phone.call("book", day)
    phone.wait(0.5)
    assert phone.events() == ["refused book unconfirmed"]
    phone.answer("r2", text="Shall I book that day?")
    phone.wait(1.5)
    phone.turn("Yes please", "i2")
    phone.call("book", day, id="r3")
    phone.wait(1.0)
    assert phone.events()[1:] == ["tool book", "var day"]


def test_the_model_hangs_up_when_the_caller_took_leave() -> None:
    desk = persona("tools: {bye: {use: hangup}}")
    phone = Phone(desk)
    phone.turn("Nothing else, thank you")
    phone.call("bye")
    phone.wait(3.0)
    assert phone.ending == "bot_goodbye"


def test_a_stage_is_told_between_answers() -> None:
    phone = Phone(DESK)
    phone.turn("An appointment")
    phone.call("go_on", '{"stage": "booking"}')
    phone.wait(1.0)
    assert phone.took(UpdateSession) == [UpdateSession("booking")]
    assert phone.names()[-3:] == ["ToolOutput", "UpdateSession", "AskForReply"]
    phone.call("room", id="r2")
    phone.wait(1.0)
    assert phone.events()[-1] == "refused room not_in_stage"


def test_taking_a_message_ends_the_stream() -> None:
    phone = Phone(DESK)
    phone.turn("I would rather leave a message")
    phone.call("leave_message", say_ms=500)
    phone.wait(2.0)
    assert phone.ending == "voicemail"


# ---- triggers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "event", "ending"),
    [
        ("Can I talk to a human?", "call front_desk done", "transferred"),
        ("I leave a message", "call voicemail done", "voicemail"),
        ("That is all", "trigger end", "bot_goodbye"),
        ("Enough!", "trigger stop", "bot_goodbye"),
    ],
)
def test_words_of_the_callers_set_something_off(
    text: str, event: str, ending: str
) -> None:
    phone = Phone(TALKER)
    phone.turn(text)
    phone.wait(6.0)
    assert event in phone.events()
    assert phone.ending == ending


def test_a_trigger_that_counts_once_counts_once() -> None:
    phone = Phone(TALKER)
    phone.turn("What are your opening hours?")
    phone.wait(2.0)
    phone.turn("Your opening hours?", "i2")
    phone.wait(2.0)
    assert phone.said().count("Nine to five.") == 1


def test_triggers_open_menus_set_variables_and_change_the_stage() -> None:
    phone = Phone(TALKER)
    phone.turn("Remember that")
    assert phone.flow.values.shown() == {"reason": "asked"}
    phone.answer("r1")
    phone.wait(2.0)
    phone.turn("I want to book", "i2")
    assert phone.took(UpdateSession) == []  # an answer is being given
    phone.answer("r2")
    phone.wait(2.0)
    assert phone.took(UpdateSession) == [UpdateSession("booking")]
    phone.turn("The menu", "i3")
    phone.wait(3.0)
    assert phone.events()[-1] == "menu keypad"


def test_a_closed_target_leaves_the_caller_with_the_model() -> None:
    phone = Phone(TALKER)
    phone.turn("Give me the director")
    phone.answer("r1")
    phone.wait(2.0)
    assert phone.events() == ["trigger closed", "refused closed_desk target_closed"]
    assert phone.ending is None


def test_words_of_the_bots_set_something_off() -> None:
    phone = Phone(TALKER)
    phone.turn("Hello")
    phone.answer("r1", text="Sorry, I cannot help.")
    phone.wait(6.0)
    assert phone.ending == "transferred"


# ---- silence ---------------------------------------------------------------------

LADDER = persona(
    """\
silence:
  - {after: 4s, say: Are you there?}
  - {after: 5s, say: Hello?}
  - {after: 6s, do: goodbye}
"""
)


def test_silence_climbs_the_ladder_and_ends_the_call() -> None:
    phone = Phone(LADDER)
    phone.wait(25.0)
    assert phone.said()[:2] == ["Are you there?", "Hello?"]
    assert phone.ending == "idle"
    assert phone.events() == ["silence say", "silence say", "silence goodbye"]


def test_whoever_speaks_starts_the_ladder_anew() -> None:
    phone = Phone(LADDER)
    phone.wait(5.0)
    phone.turn("Yes, I am")
    phone.answer("r1")
    phone.wait(6.5)
    assert phone.said().count("Are you there?") == 2


def test_the_ladders_clock_stands_still_in_a_menu() -> None:
    both = persona(CLINIC + "silence: [{after: 2s, do: goodbye}]\n")
    phone = Phone(both)
    phone.keys("9")
    phone.wait(8.0)
    assert phone.ending is None


def test_a_persona_with_menus_and_no_ladder_says_goodbye_as_ever() -> None:
    phone = Phone(DESK)
    phone.wait(BUSINESS.idle_s + 3.0)
    assert phone.ending == "idle"


# ---- without a model ---------------------------------------------------------------

ALONE = persona(CLINIC + "fallback: {do: {menu: keypad}}\n")


def test_a_menu_takes_over_when_the_model_is_lost() -> None:
    phone = Phone(ALONE)
    phone.wait(1.0)
    phone.give(do.PeerLost(do.Ending.STEPFUN_LOST))
    phone.wait(1.0)
    phone.keys("0")
    phone.wait(5.0)
    assert phone.ending == "transferred"


def test_a_call_that_never_had_a_model_begins_with_its_menu() -> None:
    opening = ALONE.fallback.do
    phone = Phone(DESK, ready=False, opening=opening)
    phone.wait(4.0)
    assert phone.said() == [DESK.menus["keypad"].prompt]
    phone.keys("2")
    phone.wait(5.0)
    assert phone.said()[-1] == DESK.menus["keypad"].prompt


def test_without_a_model_a_call_comes_to_its_end() -> None:
    phone = Phone(ALONE)
    phone.give(do.PeerLost(do.Ending.STEPFUN_LOST))
    for _ in range(5):
        phone.keys("2")
        phone.wait(5.0)
    assert phone.ending == "stepfun_lost"
    assert phone.said().count(DESK.menus["keypad"].prompt) <= 3


def test_a_model_lost_while_it_is_asked_for_something() -> None:
    phone = Phone(ALONE)
    phone.turn("The desk")
    phone.give(do.ReplyStarted("r1"))
    phone.give(ModelCalled("r1", "c1", "human", FRONT))
    phone.give(do.PeerLost(do.Ending.STEPFUN_LOST))
    phone.wait(3.0)
    assert phone.events() == ["menu keypad"]


def test_a_caller_speaks_while_the_bot_is_about_to_leave() -> None:
    phone = Phone(DESK)
    phone.turn("The desk please")
    phone.call("human", FRONT)
    phone.wait(0.3)
    phone.hear(VOICE[: 8 * 3000])
    assert phone.ending is None  # hear them out
    phone.wait(15.0)
    assert phone.ending == "transferred"


def test_many_answers_are_heard() -> None:
    phone = Phone(DESK)
    for turn in range(10):
        phone.turn("And then?", f"i{turn}")
        phone.answer(f"r{turn}", ms=400)
        phone.wait(1.0)
    assert len(phone.took(do.NoteHeard)) == 10


def test_a_model_that_is_gone_isnt_told_of_a_stage() -> None:
    text = CLINIC.replace('"2": {say', '"7": {goto: booking}\n      "2": {say')
    phone = Phone(persona(text + "fallback: {do: {menu: keypad}}\n"))
    phone.give(do.PeerLost(do.Ending.STEPFUN_LOST))
    phone.keys("7")
    phone.wait(1.0)
    assert phone.events() == ["menu keypad", "stage booking", "menu keypad"]
    assert phone.took(UpdateSession) == []


def test_a_menu_makes_way_for_what_the_caller_says() -> None:
    phone = Phone(TALKER)
    phone.turn("My order please")
    phone.call("order")
    phone.wait(3.0)
    phone.turn("Get me a human", "i2")
    phone.wait(6.0)
    told = ToolOutput("call-r1", "The caller wanted something else instead.")
    assert phone.took(ToolOutput) == [told]
    assert phone.took(PauseRecording) == [PauseRecording(True), PauseRecording(False)]
    assert phone.ending == "transferred"


def test_a_menu_is_over_when_the_call_is() -> None:
    phone = Phone(DESK)
    phone.turn("My order please")
    phone.call("order")
    phone.wait(3.0)
    phone.give(do.EndRequested(do.Ending.DRAIN))
    phone.keys("246810")
    phone.wait(3.0)
    assert phone.took(ToolOutput) == []
    assert phone.ending == "drain"


def test_a_key_that_ends_a_call_without_its_model_doesnt_hide_that() -> None:
    text = CLINIC.replace('"2": {say', '"7": goodbye\n      "2": {say')
    phone = Phone(persona(text + "fallback: {do: {menu: keypad}}\n"))
    phone.give(do.PeerLost(do.Ending.STEPFUN_LOST))
    phone.keys("7")
    phone.wait(5.0)
    assert phone.ending == "stepfun_lost"


def test_a_menu_that_never_had_a_model_ends_as_any_call() -> None:
    text = 'menus: {keypad: {prompt: Press seven., keys: {"7": goodbye}}}'
    desk = persona(text)
    for keys, ending in (("7", "bot_goodbye"), ("", "idle")):
        phone = Phone(desk, ready=False, opening=Action(menu="keypad"))
        phone.wait(4.0)
        phone.keys(keys)
        phone.wait(120.0)
        assert phone.ending == ending


# ---- a model that is lost, and back --------------------------------------------------

RESUMES = replace(BUSINESS, resume=Resume(1, 4.0))
LOST = do.PeerLost(do.Ending.STEPFUN_LOST)


def test_a_tool_that_was_asked_for_is_void_in_another_session() -> None:
    phone = Phone(ALONE, RESUMES)
    phone.turn("The desk")
    phone.call("human", FRONT, say_ms=1000)
    phone.give(LOST)
    phone.wait(0.5)
    assert phone.took(TellModel) == []
    orders = phone.give(do.SessionReady())
    (told,) = [order for order in orders if isinstance(order, TellModel)]
    assert told.text.startswith("The line to you broke off before human")
    assert orders[-1] == do.AskForReply()
    phone.wait(3.0)
    assert phone.took(ToolOutput) == []
    assert phone.events() == []


def test_what_comes_of_a_menu_is_told_to_the_session_of_then() -> None:
    phone = Phone(TALKER, RESUMES)
    phone.turn("My order please")
    phone.call("order")
    phone.wait(3.0)
    phone.give(LOST)
    phone.wait(0.5)
    assert phone.took(do.ModelBack) == []
    phone.give(do.SessionReady())
    assert len(phone.took(do.ModelBack)) == 1
    phone.keys("123456#")
    phone.wait(3.0)
    assert phone.took(ToolOutput) == []
    (told,) = phone.took(TellModel)
    assert told.text.startswith("Earlier in this call, order gave: The caller typed")
    assert "AskForReply" in phone.names(since=phone.now - 5.0)


def test_what_is_told_while_nobody_is_there_is_told_once_somebody_is() -> None:
    phone = Phone(TALKER, RESUMES)
    phone.turn("My order please")
    phone.call("order")
    phone.wait(3.0)
    phone.give(LOST)
    phone.keys("123456#")
    phone.wait(1.0)
    assert phone.took(TellModel) == []
    phone.give(do.SessionReady())
    assert len(phone.took(TellModel)) == 1
    assert phone.names()[-1] == "AskForReply"


def test_a_transfer_that_was_announced_goes_on_without_a_model() -> None:
    phone = Phone(DESK, RESUMES)
    phone.turn("The desk please")
    phone.call("human", FRONT)
    phone.wait(0.3)
    phone.give(LOST)
    phone.wait(3.9)
    assert phone.ending == "transferred"


# ---- before a call is over -----------------------------------------------------------

SHORT = {"duration": "40s", "warn_at": "5s", "warning": "We have a minute left."}


def test_the_caller_is_warned_once_before_the_call_is_over() -> None:
    phone = Phone(persona(limits=SHORT))
    phone.wait(4.0)
    assert "limit warning" not in phone.events()
    phone.wait(6.0)
    assert phone.events().count("limit warning") == 1
    assert "We have a minute left." in own_words(persona(limits=SHORT))


def test_a_call_that_is_being_put_through_is_not_warned() -> None:
    phone = Phone(persona(CLINIC, limits=SHORT | {"warn_at": "9s"}))
    phone.wait(3.5)
    phone.turn("The desk please")
    phone.call("human", FRONT)
    assert phone.events()[-1] == "call front_desk announced"
    phone.flow._warn_at = phone.now + 0.1
    phone.wait(9.0)
    assert "limit warning" not in phone.events()
