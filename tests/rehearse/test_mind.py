"""What the offline model says in a rehearsal."""

from voicebot.dialplan.testing import ModelLine
from voicebot.rehearse.mind import Lines, plain
from voicebot.sim.stepfun.mind import Utterance

ASKED = Utterance("user", "What now?", spoken=True)


def test_words_that_it_is_asked_to_say_are_said_and_use_up_no_line() -> None:
    lines = Lines([ModelLine(say="Wait.")], "en")
    order = Utterance("user", "Say exactly the following: Good morning.")
    assert lines.answer([order]) == "Good morning."
    assert lines.answer([ASKED]) == "Wait."


def test_a_question_that_is_put_again_has_the_same_answer() -> None:
    lines = Lines([ModelLine(say="Wait."), ModelLine(say="Go.")], "en")
    assert lines.answer([ASKED]) == "Wait."
    assert lines.answer([ASKED]) == "Wait."
    assert lines.answer([ASKED, ASKED]) == "Go."


def test_a_model_that_is_asked_about_nothing_says_its_next_line() -> None:
    assert Lines([ModelLine(say="Wait.")], "en").answer([]) == "Wait."


def test_case_marks_width_and_blanks_are_not_heard() -> None:
    assert plain("Ｈello,  World！") == plain("hello world")
