"""What the offline model says in a rehearsal."""

from voicebot.dialplan.testing import ModelLine
from voicebot.rehearse.mind import Lines, plain
from voicebot.sim.stepfun.mind import Call, Utterance

ASKED = Utterance("user", "What now?", spoken=True)


def test_words_that_it_is_asked_to_say_are_said_and_use_up_no_line() -> None:
    lines = Lines([ModelLine(say="Wait.")], "en")
    order = Utterance("user", "Say exactly the following: Good morning.")
    assert lines.answer([order]) == ("Good morning.", None)
    assert lines.answer([ASKED]) == ("Wait.", None)


def test_a_question_that_is_put_again_has_the_same_answer() -> None:
    lines = Lines([ModelLine(say="Wait."), ModelLine(say="Go.")], "en")
    assert lines.answer([ASKED]) == ("Wait.", None)
    assert lines.answer([ASKED]) == ("Wait.", None)
    assert lines.answer([ASKED, ASKED]) == ("Go.", None)


def test_a_model_that_is_asked_about_nothing_says_its_next_line() -> None:
    assert Lines([ModelLine(say="Wait.")], "en").answer([]) == ("Wait.", None)


def test_what_came_of_a_tool_is_answered_by_a_line_of_its_own() -> None:
    asks = ModelLine(calls="human", args={"target": "desk", "urgent": True})
    model = [
        ModelLine(told="refused", say="Sorry."),
        ModelLine(hear="what", say="Never."),
        ModelLine(told="done", say="There."),
    ]
    lines = Lines([asks, *model], "en")
    call = Call("human", '{"target": "desk", "urgent": true}')
    assert lines.answer([ASKED]) == ("", call)
    output = Utterance("tool", "It was DONE: what else.")
    assert lines.answer([ASKED, output]) == ("There.", None)
    assert lines.answer([ASKED, output]) == ("There.", None)
    note = Utterance("system", "It was refused.")
    assert lines.answer([ASKED, output, note]) == ("Sorry.", None)


def test_case_marks_width_and_blanks_are_not_heard() -> None:
    assert plain("Ｈello,  World！") == plain("hello world")
