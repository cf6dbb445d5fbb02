"""Money that was set aside is spent: who is told, what becomes of the call."""

from datetime import date

import pytest

from tests.flow.flows import Phone
from tests.flow.personas import CLINIC, persona
from voicebot.bridge.model import Ending, HangUp
from voicebot.dialplan.budgets import Budgets, Unit
from voicebot.dialplan.values import ANONYMOUS
from voicebot.flow.budget import SHORTER, Payer, Spending
from voicebot.flow.model import BudgetReached, Leave, NoteEvent, TellModel

MONDAY, TUESDAY = date(2027, 2, 8), date(2027, 2, 9)
ALICE = Payer("c1", "+12025550111", "+12025550100")
BOB = Payer("c2", "+12025550122", "+12025550100")
YUAN = 1_000_000


def budgets(**given: object) -> Budgets:
    return Budgets.model_validate(given)


def soft(scope: str) -> BudgetReached:
    return BudgetReached(scope, False)


def hard(scope: str) -> BudgetReached:
    return BudgetReached(scope, True)


def test_a_call_is_told_once_that_its_money_is_low_and_once_that_it_is_spent() -> None:
    spending, plan = Spending(MONDAY), budgets(per_call={"cny": 3, "soft": 2.2})
    told = []
    for ucny in (2_199_999, 1, 1, 799_999, 1):
        spending.add(ALICE, {"cny": ucny}, MONDAY)
        told.append(spending.news(ALICE, plan))
    assert told == [[], [soft("per_call")], [], [hard("per_call")], []]
    assert spending.news(BOB, plan) == []


def test_a_budget_without_soft_is_only_spent() -> None:
    spending = Spending(MONDAY)
    spending.add(ALICE, {"cny": YUAN}, MONDAY)
    assert spending.news(ALICE, budgets(per_call={"cny": 2})) == []
    assert spending.news(ALICE, budgets(per_call={"cny": 1})) == [hard("per_call")]


def test_a_persona_may_have_less_for_a_call() -> None:
    spending, plan = Spending(MONDAY), budgets(per_call={"cny": 3})
    spending.add(ALICE, {"cny": YUAN - 1}, MONDAY)
    assert spending.news(ALICE, plan, YUAN) == []
    spending.add(ALICE, {"cny": 1}, MONDAY)
    assert spending.news(ALICE, plan, YUAN) == [hard("limits.cny")]


def test_days_are_of_a_caller_of_a_number_and_of_all() -> None:
    spending = Spending(MONDAY)
    plan = budgets(
        per_caller_day={"cny": 1}, per_number_day={"cny": 2}, total_day={"cny": 2}
    )
    assert spending.exhausted(ALICE, plan, MONDAY) is None
    spending.add(ALICE, {"cny": YUAN}, MONDAY)
    assert spending.exhausted(ALICE, plan, MONDAY) == "per_caller_day"
    assert spending.exhausted(BOB, plan, MONDAY) is None
    spending.others([(BOB, {"cny": YUAN})], MONDAY)
    assert spending.exhausted(Payer("c3", "x", "y"), plan, MONDAY) == "total_day"
    assert spending.news(BOB, plan) == [
        hard("per_caller_day"),
        hard("per_number_day"),
        hard("total_day"),
    ]


@pytest.mark.parametrize(
    ("unit", "counted"), [("cny", 2_500_000), ("minutes", 150_000), ("tokens", 2)]
)
def test_a_budget_may_be_money_minutes_or_tokens(unit: Unit, counted: int) -> None:
    spending, plan = Spending(MONDAY), budgets(total_day={unit: 2.5, "soft": 1.5})
    other: Unit = "cny" if unit == "tokens" else "tokens"
    spending.add(ALICE, {other: 10 * counted, unit: counted - 1}, MONDAY)
    assert spending.news(ALICE, plan) == [soft("total_day")]
    spending.add(ALICE, {unit: 1}, MONDAY)
    assert spending.news(ALICE, plan) == [hard("total_day")]
    spending.over(ALICE.call_id)


def test_what_others_spend_counts_as_it_is_known_last() -> None:
    spending, plan = Spending(MONDAY), budgets(total_day={"cny": 3})
    spending.add(ALICE, {"cny": YUAN}, MONDAY)
    for ucny, is_spent in ((YUAN, False), (2 * YUAN, True), (YUAN, False)):
        spending.others([(BOB, {"cny": ucny})], MONDAY)
        assert bool(spending.exhausted(BOB, plan, MONDAY)) is is_spent
    spending.others([(BOB, {"cny": 3 * YUAN})], MONDAY)
    assert spending.exhausted(BOB, plan, TUESDAY) is None


def test_callers_who_hide_are_not_one_caller() -> None:
    spending, plan = Spending(MONDAY), budgets(per_caller_day={"cny": 1})
    nobody = Payer("c1", ANONYMOUS, "+12025550100")
    spending.add(nobody, {"cny": YUAN}, MONDAY)
    assert spending.exhausted(nobody, plan, MONDAY) is None
    assert spending.news(nobody, plan) == []


def test_the_money_of_a_call_keeps_no_other_call_out() -> None:
    spending, plan = Spending(MONDAY), budgets(per_call={"cny": 1})
    spending.add(ALICE, {"cny": YUAN}, MONDAY)
    assert spending.exhausted(ALICE, plan, MONDAY) is None


def test_a_new_day_has_its_money_and_a_call_over_midnight_keeps_its_account() -> None:
    spending = Spending(MONDAY)
    plan = budgets(per_call={"cny": 2}, total_day={"cny": 1})
    spending.add(ALICE, {"cny": YUAN}, MONDAY)
    assert spending.exhausted(BOB, plan, TUESDAY) is None
    spending.add(ALICE, {"cny": YUAN}, TUESDAY)
    assert spending.news(ALICE, plan) == [hard("per_call"), hard("total_day")]


def test_nothing_is_left_of_a_call_that_is_over() -> None:
    spending, plan = Spending(MONDAY), budgets(per_call={"cny": 1})
    spending.add(ALICE, {"cny": YUAN}, MONDAY)
    spending.news(ALICE, plan)
    spending.over(ALICE.call_id)
    spending.over(ALICE.call_id)
    assert spending.news(ALICE, plan) == []


def test_numbers_are_in_no_repr() -> None:
    assert "202" not in repr(ALICE)


# ---- in a call -----------------------------------------------------------------------


def test_the_model_is_told_once_to_be_short() -> None:
    phone = Phone(persona())
    phone.wait(1.0)
    phone.give(soft("per_call"), soft("total_day"))
    assert phone.took(TellModel) == [TellModel(SHORTER)]
    assert phone.took(NoteEvent) == [
        NoteEvent("budget", "per_call", "soft"),
        NoteEvent("budget", "total_day", "soft"),
    ]
    assert not phone.took(HangUp)


def test_a_call_whose_money_is_spent_ends_politely() -> None:
    phone = Phone(persona())
    phone.wait(2.5)
    phone.give(hard("per_call"))
    phone.wait(3.0)
    assert phone.took(HangUp) == [HangUp(Ending.BOT_GOODBYE)]
    assert phone.events() == ["budget per_call hard"]


def test_or_it_goes_where_the_operator_wants_it() -> None:
    phone = Phone(persona(CLINIC + "on_budget: {transfer: front_desk}\n"))
    phone.wait(2.5)
    phone.give(hard("per_call"), hard("total_day"))  # the second changes nothing
    phone.wait(6.0)
    assert phone.took(Leave) == [Leave("transfer", "front_desk")]


@pytest.mark.parametrize("level", [True, False])
def test_a_call_that_is_over_has_no_budget(level: bool) -> None:
    phone = Phone(persona())
    phone.wait(2.5)
    phone.give(hard("per_call"))
    phone.give(BudgetReached("total_day", level))
    phone.wait(3.0)
    assert len(phone.took(HangUp)) == 1
