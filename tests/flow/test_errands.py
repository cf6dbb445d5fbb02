"""Calls that ask other servers: waiting, telling, giving up, and in which order."""

import json
from typing import Any

import pytest

from tests.bridge.calls import VOICE, pcm
from tests.flow.flows import Phone
from tests.flow.personas import persona
from voicebot.bridge import model as do
from voicebot.dialplan.persona import Persona
from voicebot.flow.errands import GIVEN_UP, GRACE_S
from voicebot.flow.model import (
    Abandon,
    Fetch,
    Fetched,
    LookedUp,
    ModelCalled,
    TellModel,
    ToolOutput,
    Trouble,
    UpdateSession,
)
from voicebot.flow.requests import NOT_KNOWN

API = """\
vars:
  phone: {type: phone, from: caller}
  name: {from: lookup}
  pin: {type: digits, from: lookup, sensitive: true}
lookup: {url: "https://crm.example/{{phone}}", map: {name: name, pin: pin}}
filler: {after: 1s, say: [Please wait.]}
menus:
  keypad: {prompt: Press one., key: "9", keys: {"1": {tool: slots}, "2": {say: Hm.}}}
  code: {prompt: Type it., gather: {max: 2, into: name}}
tools:
  slots:
    kind: http
    url: "https://api.example/slots"
    description: Find a free time.
    params: {day: "date?"}
    filler: [One moment., Still looking.]
    timeout: 6s
  near:
    {kind: http, url: "https://api.example/near", description: x,
     on_barge_in: cancel, max_calls: 1}
  book:
    kind: http
    url: "https://api.example/book?pin={{pin}}"
    description: Book a time.
    method: POST
    params: {day: date}
    requires: [slots]
  note: {use: set_var, vars: [name]}
  code: {use: collect_digits, menu: code}
silence: [{after: 8s, do: goodbye}]
triggers:
  - {name: book, says: [book it], do: {tool: {book: {day: "2027-03-01"}}}}
  - {name: none, says: [nonsense], do: {tool: {book: {day: today}}}}
  - {name: near, says: [where], do: {tool: near}}
  - {name: leave, says: [a human], do: {transfer: front_desk}}
"""
DESK: Persona = persona(API)
DAY = '{"day": "2027-03-01"}'


def phone(**wants: Any) -> Phone:
    """A caller has asked something, and the model is about to answer."""
    return asked(DESK, **wants)


def asked(who: Persona, **wants: Any) -> Phone:
    call = Phone(who, **wants)
    call.turn("What is free?", "i0")
    return call


def goes_on(call: Phone) -> None:
    """The model tells what there is, and the caller answers."""
    call.answer("r2")
    call.wait(1.5)
    call.turn("And then?", "i9")


def fetched(call: Phone, text: str = "At ten.", number: int = 1) -> None:
    call.give(Fetched(number, text, status=200))


def test_the_model_is_told_the_answer_and_then_answers() -> None:
    call = phone()
    since = call.now
    call.call("slots", DAY)
    (fetch,) = call.took(Fetch)
    assert (fetch.id, fetch.tool) == (1, "slots")
    assert fetch.errand.url == ("https://api.example/slots", "?day=2027-03-01")
    call.wait(0.3)
    assert call.names(since) == []
    fetched(call)
    assert call.took(ToolOutput) == [ToolOutput("call-r1", "At ten.")]
    assert call.names(since) == ["ToolOutput", "AskForReply"]
    call.answer("r2")
    call.wait(2.0)
    assert "tool slots" in call.events()
    assert "fetched slots ok 2xx 300 ms" in call.events()


def test_it_is_fetched_only_when_the_lead_in_was_heard() -> None:
    call = phone()
    call.call("slots", DAY, say_ms=600)
    assert call.took(Fetch) == []
    call.wait(1.0)
    assert len(call.took(Fetch)) == 1


def test_the_wait_is_covered_by_the_tools_own_words_each_once() -> None:
    call = phone()
    call.call("slots", DAY)
    call.wait(5.5)
    fetched(call)
    call.answer("r2")
    call.wait(2.0)
    assert call.said() == ["One moment.", "Still looking.", "Yes."]


def test_a_tool_without_words_of_its_own_has_the_usual_ones() -> None:
    call = phone()
    call.call("near")
    call.wait(2.2)
    assert call.said()[-1:] == ["Please wait."]


def test_words_that_were_not_rendered_are_not_said_into_the_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    call = phone()
    call.flow._words = lambda text, _: do.Prompt(text)  # type: ignore[attr-defined]
    call.call("slots", DAY)
    call.wait(5.5)
    assert call.took(do.AskToSay) == []
    assert call.said() == []


def test_the_ladders_clock_stands_still_meanwhile() -> None:
    call = phone()
    call.call("slots", DAY)
    call.wait(6.9)
    assert call.ending is None
    fetched(call)
    call.answer("r2")
    call.wait(7.0)
    assert call.ending is None
    call.wait(4.0)
    assert call.ending == "idle"


def test_whoever_speaks_meanwhile_is_heard_out_before_the_model_is_told() -> None:
    call = phone()
    call.call("slots", DAY)
    call.hear(VOICE[: 40 * 160])
    fetched(call)
    assert call.took(ToolOutput) == []
    call.wait(1.0)
    call.give(do.TurnCommitted("i1"), do.CallerText("i1", "And in the afternoon?"))
    assert call.took(ToolOutput) == [ToolOutput("call-r1", "At ten.")]
    assert call.took(Abandon) == []
    assert call.names()[-1] == "AskForReply"


def test_a_caller_who_speaks_calls_it_off_if_the_tool_is_so() -> None:
    call = phone()
    call.call("near")
    call.turn("No, something else")
    assert call.took(Abandon) == [Abandon(1)]
    assert call.took(ToolOutput) == [ToolOutput("call-r1", GIVEN_UP)]
    assert call.names()[-2:] == ["ToolOutput", "AskForReply"]
    fetched(call)  # it comes all the same
    assert len(call.took(ToolOutput)) == 1
    given_up = [each for each in call.events() if "given_up" in each]
    assert len(given_up) == 1
    assert given_up[0].startswith("fetched near given_up ")


def test_a_caller_who_only_listens_calls_nothing_off() -> None:
    call = asked(persona(API, barge_in={"backchannel": ["uh-huh"]}))
    call.call("near")
    call.turn("uh-huh")
    assert call.took(Abandon) == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Fetched(1, trouble=Trouble.UNREACHABLE), "The service can't be reached; "),
        (Fetched(1, trouble=Trouble.FAILED, status=503), "The service has a fault; "),
        (Fetched(1), "Done; the answer is empty."),
    ],
)
def test_what_goes_wrong_is_told_in_a_sentence(answer: Fetched, said: str) -> None:
    call = phone()
    call.call("slots", DAY)
    call.give(answer)
    (told,) = call.took(ToolOutput)
    assert told.text.startswith(said)


def test_a_request_of_which_nothing_comes_is_given_up() -> None:
    call = phone()
    call.call("near")
    since = call.now
    call.wait(4.0 + GRACE_S + 0.1)
    assert call.took(Abandon, since) == [Abandon(1)]
    (told,) = call.took(ToolOutput)
    assert told.text.startswith("There was no answer in time; ")


def test_a_post_without_an_answer_may_have_been_done() -> None:
    call = phone(values={"pin": "1234"})
    call.call("slots", DAY)
    fetched(call)
    goes_on(call)
    call.call("book", DAY, id="r3")
    (_, post) = call.took(Fetch)
    assert post.errand.url == ("https://api.example/book?pin=", "1234")
    assert json.loads(post.errand.body or "") == {"day": "2027-03-01"}
    call.give(Fetched(2, trouble=Trouble.TIMEOUT))
    assert "isn't known whether it was done" in call.took(ToolOutput)[-1].text


def test_a_tool_that_needs_another_needs_its_answer() -> None:
    call = phone(values={"pin": "1234"})
    call.call("slots", DAY)
    call.give(Fetched(1, trouble=Trouble.NOT_FOUND, status=404))
    goes_on(call)
    call.call("book", DAY, id="r3")
    assert "refused book requires" in call.events()


def test_without_what_the_address_needs_nothing_is_asked() -> None:
    call = phone()
    call.call("slots", DAY)
    fetched(call)
    goes_on(call)
    call.call("book", DAY, id="r3")
    assert len(call.took(Fetch)) == 1
    assert call.took(ToolOutput)[-1] == ToolOutput("call-r3", NOT_KNOWN)
    assert call.names()[-1] == "AskForReply"


def test_several_run_at_once_and_are_told_in_order() -> None:
    call = phone()
    call.give(do.ReplyStarted("r1"))
    for number, (name, args) in enumerate(
        [("slots", DAY), ("near", "{}"), ("note", '{"name": "name", "value": "Ann"}')]
    ):
        call.give(ModelCalled("r1", f"c{number}", name, args))
    call.give(do.ReplyDone("r1"))
    assert [fetch.tool for fetch in call.took(Fetch)] == ["slots", "near"]
    fetched(call, "second", 2)
    assert call.took(ToolOutput) == []
    fetched(call, "first", 1)
    told = [(each.call_id, each.text) for each in call.took(ToolOutput)]
    assert told == [("c0", "first"), ("c1", "second"), ("c2", "Done.")]
    assert call.names()[-2:] == ["ToolOutput", "AskForReply"]


def test_what_the_model_asks_for_meanwhile_waits() -> None:
    call = phone()
    call.call("slots", DAY)
    call.call("near", id="r2")
    call.wait(4.5)  # nobody asked for it, so it takes a while
    assert [fetch.tool for fetch in call.took(Fetch)] == ["slots"]
    fetched(call)
    call.wait(0.1)
    assert [fetch.tool for fetch in call.took(Fetch)] == ["slots", "near"]
    fetched(call, number=2)
    assert call.names()[-2:] == ["ToolOutput", "AskForReply"]


def test_the_same_call_has_the_same_key_and_no_two_have_one() -> None:
    call = phone()
    call.call("slots", DAY)
    fetched(call)
    goes_on(call)
    call.call("slots", "{}", id="r1\r\nX-Evil: 1")
    first, second = call.took(Fetch)
    assert first.key != second.key
    assert all(fetch.key.replace("-", "").isalnum() for fetch in (first, second))
    assert phone().took(Fetch) == []


# ---- with everything else ---------------------------------------------------


def test_an_answer_waits_until_the_menu_is_over() -> None:
    call = phone()
    call.call("slots", DAY)
    call.keys("9")
    fetched(call)
    call.wait(1.0)
    assert call.took(ToolOutput) == []
    call.keys("2")
    call.wait(1.0)
    assert call.took(ToolOutput) == [ToolOutput("call-r1", "At ten.")]
    assert call.names()[-1] == "AskForReply"


def test_a_menu_of_the_models_is_told_behind_an_answer() -> None:
    call = phone()
    call.give(do.ReplyStarted("r1"), ModelCalled("r1", "c0", "slots", DAY))
    call.give(ModelCalled("r1", "c1", "code", "{}"), do.ReplyDone("r1"))
    call.wait(1.0)
    call.keys("12")
    call.wait(0.1)
    assert call.took(ToolOutput) == []
    fetched(call)
    told = [(each.call_id, each.text) for each in call.took(ToolOutput)]
    assert told == [("c0", "At ten."), ("c1", "The caller typed name: 12.")]


def test_a_request_is_given_up_in_a_menu_too() -> None:
    call = phone()
    call.call("near")
    call.keys("9")
    call.wait(5.5)
    assert call.took(Abandon) == [Abandon(1)]


def test_a_call_that_is_put_through_gives_up_what_it_waits_for() -> None:
    call = phone()
    call.call("slots", DAY)
    call.turn("I want a human")
    call.wait(6.0)
    assert call.took(Abandon) == [Abandon(1)]
    assert call.ending == "transferred"


def test_a_call_that_is_over_gives_up_what_it_waits_for() -> None:
    call = phone()
    call.call("slots", DAY)
    call.give(do.PeerLost(do.Ending.CALLER_HANGUP))
    assert call.took(Abandon) == [Abandon(1)]
    assert call.ending == "caller_hangup"


def test_a_model_that_is_lost_is_told_nothing() -> None:
    call = asked(persona(API, fallback={"do": {"menu": "keypad"}}))
    call.call("slots", DAY)
    call.give(do.PeerLost(do.Ending.STEPFUN_LOST))
    assert call.took(Abandon) == [Abandon(1)]
    call.wait(1.0)
    call.keys("1")
    assert "refused slots model_gone" in call.events()
    assert call.took(ToolOutput) == []


# ---- asked by the operator ----------------------------------------------------


def said(text: str, **wants: Any) -> Phone:
    """A caller says something; the answer that the model begins is given up."""
    call = Phone(DESK, **wants)
    call.turn(text)
    call.give(do.ReplyStarted("r0"), do.ReplyDone("r0"))
    return call


def test_a_phrase_asks_and_the_model_tells() -> None:
    call = said("Please book it", values={"pin": "77"})
    (fetch,) = call.took(Fetch)
    assert (fetch.tool, fetch.errand.method) == ("book", "POST")
    call.wait(0.2)
    fetched(call, "Booked.")
    assert call.took(TellModel) == [TellModel("Booked.")]
    assert call.names()[-2:] == ["TellModel", "AskForReply"]


def test_a_key_asks_and_the_model_tells() -> None:
    call = Phone(DESK)
    call.keys("91")
    call.wait(0.2)
    assert [fetch.tool for fetch in call.took(Fetch)] == ["slots"]
    fetched(call)
    assert call.names()[-2:] == ["TellModel", "AskForReply"]


def test_a_variable_without_a_value_leaves_its_argument_out() -> None:
    trigger = {
        "name": "a",
        "says": ["free"],
        "do": {"tool": {"slots": {"day": "{{d}}"}}},
    }
    who = persona(API, triggers=[trigger], vars={**DESK.vars, "d": {}})
    call = Phone(who)
    call.turn("What is free?")
    (fetch,) = call.took(Fetch)
    assert fetch.errand.url == ("https://api.example/slots",)


def test_an_argument_that_is_none_is_not_sent() -> None:
    call = said("This is nonsense")
    assert call.took(Fetch) == []
    assert "refused book bad_args" in call.events()


def test_a_tool_of_the_operators_has_its_limit_too() -> None:
    call = said("where")
    fetched(call)
    call.answer("r1")
    call.wait(1.5)
    call.turn("where", "i2")
    assert [fetch.tool for fetch in call.took(Fetch)] == ["near"]
    assert "refused near too_many" in call.events()


def test_a_phrase_without_what_the_address_needs_is_told_so() -> None:
    call = said("Please book it")
    assert call.took(Fetch) == []
    assert call.took(TellModel) == [TellModel(NOT_KNOWN)]
    assert call.names()[-1] == "AskForReply"


# ---- the lookup ---------------------------------------------------------------


def test_what_was_found_out_is_told_before_the_first_answer() -> None:
    call = Phone(DESK)
    call.give(LookedUp({"name": "Ann", "pin": "1234"}, None, 210))
    assert call.took(UpdateSession) == [UpdateSession(None)]
    assert call.flow.values.shown()["name"] == "Ann"
    assert "pin" not in call.flow.values.shown()
    assert call.flow.values.all()["pin"] == "1234"
    assert call.events() == ["lookup ok 2 values, 210 ms"]


def test_a_lookup_that_came_to_nothing_is_noted() -> None:
    call = Phone(DESK)
    call.give(LookedUp({}, Trouble.TIMEOUT, 1200))
    assert call.took(UpdateSession) == []
    assert call.events() == ["lookup timeout 0 values, 1200 ms"]


def test_an_answer_that_runs_is_not_disturbed_by_a_lookup() -> None:
    call = phone()
    call.give(do.ReplyStarted("r1"), do.BotAudio("r1", pcm(200)))
    call.give(LookedUp({"name": "Ann"}, None, 900))
    assert call.took(UpdateSession) == []
    call.give(do.ReplyDone("r1"))
    assert call.took(UpdateSession) == [UpdateSession(None)]
