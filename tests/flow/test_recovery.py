"""What another session of the model's is told beside the conversation."""

from voicebot.bridge.model import AskForReply, Ending, ModelBack, Redial
from voicebot.flow.model import ModelCalled, Order, TellModel, ToolOutput
from voicebot.flow.recovery import MAX_FACTS, Facts

AWAY, BACK = Redial(Ending.STEPFUN_LOST, 9.0), ModelBack(500, 1)
ASK = AskForReply()


def test_what_was_told_is_told_again_before_anything_else() -> None:
    facts = Facts()
    facts.called(ModelCalled("r1", "c1", "find", "{}"))
    orders: list[Order] = [
        ToolOutput("c1", "Monday"),
        TellModel("They pressed 1."),
        ASK,
    ]
    assert facts.pass_on([*orders]) == orders
    assert facts.pass_on([AWAY, BACK, ASK]) == [
        AWAY,
        BACK,
        TellModel("Earlier in this call, find gave: Monday"),
        TellModel("They pressed 1."),
        ASK,
    ]


def test_meanwhile_nothing_is_told() -> None:
    facts = Facts()
    assert facts.pass_on([AWAY, TellModel("a")]) == [AWAY]
    assert facts.pass_on([BACK]) == [BACK, TellModel("a")]


def test_an_answer_to_another_session_is_a_note() -> None:
    facts = Facts()
    facts.called(ModelCalled("r1", "c1", "find", "{}"))
    facts.pass_on([AWAY, BACK])
    told = TellModel("Earlier in this call, find gave: Monday")
    assert facts.pass_on([ToolOutput("c1", "Monday")]) == [told]
    unknown = ToolOutput("c2", "Monday")
    assert facts.pass_on([unknown]) == [unknown]


def test_an_id_may_come_again_in_another_session() -> None:
    facts = Facts()
    asked, output = ModelCalled("r1", "c1", "find", "{}"), ToolOutput("c1", "Monday")
    facts.called(asked)
    facts.pass_on([AWAY, BACK])
    note = TellModel("Earlier in this call, find gave: Monday")
    assert facts.pass_on([output, output]) == [note, note]
    facts.called(asked)
    assert facts.pass_on([output]) == [output]


def test_what_is_remembered_has_an_end() -> None:
    facts = Facts()
    for number in range(MAX_FACTS + 5):
        facts.pass_on([TellModel(f"{number}")])
    facts.given_up(ModelCalled("r1", "c1", "find", "{}"))
    told = facts.pass_on([AWAY, BACK])
    assert len(told) == 2 + MAX_FACTS
    assert isinstance(told[-1], TellModel)
    assert "find was carried out" in told[-1].text
