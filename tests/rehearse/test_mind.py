"""What the offline model says in a rehearsal."""

from voicebot.dialplan.testing import ModelLine
from voicebot.rehearse.mind import Lines, plain
from voicebot.sim.stepfun.mind import Call, Utterance

ASKED = Utterance("user", "What now?", spoken=True)


def test_words_that_it_is_asked_to_say_are_said_and_use_up_no_line() -> None:
    lines = Lines([ModelLine(say="Wait.")], "en")
    order = Utterance("user", "Say exactly the following: Good morning.")
    assert lines.answer([order]).text == "Good morning."
    assert lines.answer([ASKED]).text == "Wait."


def test_a_question_that_is_put_again_has_the_same_answer() -> None:
    lines = Lines([ModelLine(say="Wait."), ModelLine(say="Go.")], "en")
    assert lines.answer([ASKED]).text == "Wait."
    assert lines.answer([ASKED]).text == "Wait."
    assert lines.answer([ASKED, ASKED]).text == "Go."


def test_a_model_that_is_asked_about_nothing_says_its_next_line() -> None:
    assert Lines([ModelLine(say="Wait.")], "en").answer([]).text == "Wait."


def test_case_marks_width_and_blanks_are_not_heard() -> None:
    assert plain("Ｈello,  World！") == plain("hello world")


def test_a_tool_is_asked_for_and_what_comes_of_it_answered() -> None:
    asks = ModelLine(say="One moment.", call="find", args={"day": "2027-03-01"})
    lines = Lines([asks, ModelLine(hear="ten", say="At ten.")], "en")
    reply = lines.answer([ASKED])
    assert reply.text == "One moment."
    assert reply.call == Call("find", '{"day": "2027-03-01"}')
    assert lines.answer([ASKED]) == reply
    assert lines.answer([ASKED, Utterance("tool", '{"slot": "ten"}')]).text == "At ten."
