"""The model is told what the caller heard of an answer that was cut off."""

from dataclasses import replace

from tests.bridge.calls import BUSINESS, GREETING, Call, kinds, pcm
from voicebot.bridge.model import (
    Action,
    AmendReply,
    BotAudio,
    BotText,
    ClearCaller,
    CommitAudio,
    ReplyDone,
    ReplyStarted,
)


def answering(*, done: bool) -> Call:
    """The caller hears the second second of an answer."""
    call = Call(BUSINESS)
    call.turn("i1")
    call.give(ReplyStarted("r1"), BotText("r1", "Yes, of course we are open. " * 4))
    call.give(BotAudio("r1", pcm(6000)))
    if done:
        call.give(ReplyDone("r1"))
    call.wait(1.5)
    return call


def amended(actions: list[Action]) -> list[AmendReply]:
    return [each for each in actions if isinstance(each, AmendReply)]


def test_an_answer_that_is_over_is_amended_when_it_is_cut() -> None:
    call = answering(done=True)
    (amend,) = amended(call.say(0.5))
    assert amend.response_id == "r1"
    assert amend.heard_text == call.notes()[2].heard_text
    assert 0 < len(amend.heard_text) < len(call.notes()[2].generated_text)


def test_an_answer_that_is_being_given_is_amended_when_it_is_over() -> None:
    call = answering(done=False)
    assert amended(call.say(0.5)) == []
    assert len(amended(call.give(ReplyDone("r1")))) == 1
    assert amended(call.give(ReplyDone("r1"))) == []


def test_it_is_amended_even_behind_a_turn_of_the_callers() -> None:
    call = answering(done=False)
    call.say(0.5)
    call.wait(1.0)
    assert len(call.took(CommitAudio)) == 2
    actions = call.give(ReplyDone("r1"))
    assert kinds(actions) == ["AmendReply", "AskForReply"]


def test_our_own_words_are_no_matter_of_the_models() -> None:
    call = Call(replace(BUSINESS, greeting=GREETING))
    call.wait(0.5)
    actions = call.say(0.5)
    assert ClearCaller in {type(each) for each in actions}
    assert amended(actions) == []
