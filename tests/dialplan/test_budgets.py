"""Money in dialplan files: budgets, limits, prices."""

import re
from pathlib import Path

import pytest

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, mistakes, written
from voicebot.dialplan.budgets import Budget, Budgets
from voicebot.dialplan.effective import effective
from voicebot.dialplan.load import load
from voicebot.dialplan.prices import PriceFile, read_prices
from voicebot.dialplan.schema import table

PLAN = NUMBERS + ROUTES
BUDGETS = """\
budgets:
  per_call: {cny: 3, soft: 2.20}
  per_caller_day: {cny: "10.00"}
  per_number_day: {minutes: 200, soft: 90.5}
  total_day: {tokens: 4000000, soft: 3500000}
"""


def test_budgets_are_whole_millionths_of_a_yuan_milliseconds_or_tokens(
    tmp_path: Path,
) -> None:
    plan = load(written(tmp_path, PLAN + BUDGETS))
    assert [
        (name, each.unit, each.hard, each.soft) for name, each in plan.budgets.given()
    ] == [
        ("per_call", "cny", 3_000_000, 2_200_000),
        ("per_caller_day", "cny", 10_000_000, None),
        ("per_number_day", "minutes", 12_000_000, 5_430_000),
        ("total_day", "tokens", 4_000_000, 3_500_000),
    ]


def test_no_budgets_are_none(tmp_path: Path) -> None:
    assert list(load(written(tmp_path)).budgets.given()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("per_call: {}", "budgets.per_call: expected one of cny, minutes and tokens"),
        (
            "per_call: {cny: 1, tokens: 2}",
            "budgets.per_call: expected one of cny, minutes and tokens",
        ),
        (
            "per_call: {minutes: 0.5}",
            "budgets.per_call.minutes: expected minutes, 1 to",
        ),
        (
            "per_call: {tokens: 5, soft: 6}",
            "budgets.per_call: expected soft to be less than tokens",
        ),
        ("per_call: 3", "budgets.per_call: expected keys and values, got 3"),
        ("per_call: {cny: 0}", "budgets.per_call.cny: expected yuan, 0.01 to 999999"),
        ("per_call: {cny: -1}", "budgets.per_call.cny: expected yuan"),
        ("per_call: {cny: yes}", "budgets.per_call.cny: expected yuan"),
        ("per_call: {cny: ¥3}", "budgets.per_call.cny: expected yuan"),
        ("per_call: {cny: 0.0000001}", "budgets.per_call.cny: expected yuan"),
        ("per_call: {cny: [3]}", "budgets.per_call.cny: expected yuan"),
        (
            "per_call: {cny: 3, soft: 3}",
            "budgets.per_call: expected soft to be less than cny",
        ),
        (
            "per_caller_dy: {cny: 3}",
            "budgets.per_caller_dy: unknown key; did you mean 'per_caller_day'?",
        ),
    ],
)
def test_a_mistake_in_budgets_is_told_where_it_stands(
    tmp_path: Path, text: str, found: str
) -> None:
    (told,) = mistakes(written(tmp_path, f"{PLAN}budgets:\n  {text}\n"))
    assert told.startswith("dialplan.yaml:")
    assert f" {found}" in told


def test_a_personas_limit_is_shown_with_its_place(tmp_path: Path) -> None:
    desk = PERSONA + "limits: {cny: 1.50}\non_budget: goodbye\n"
    plan = load(written(tmp_path, desk=desk))
    assert plan.personas["desk"].limits.cny_ucny == 1_500_000
    shown = {x.key: (x.value, x.place) for x in effective(plan, "desk")}
    value, place = shown["limits.cny"]
    assert value == "1.50"
    assert place.endswith("desk.yaml:5")


def test_a_limit_that_a_file_does_not_say_is_shown_in_yuan() -> None:
    from voicebot.dialplan.effective import shown

    assert shown("cny_ucny", 1_500_000) == "1.5"
    assert shown("cny_ucny", 200_000_000) == "200"
    assert shown("cny_ucny", None) == "not set"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("limits: {cny: 0}", "limits.cny: expected yuan, 0.01 to 999999"),
        ("on_budget: {transfer: nowhere}", "on_budget.transfer: there is no target"),
        (
            "on_budget: {say: No money.}",
            "on_budget: expected one of menu, transfer, voicemail, goodbye, hangup, "
            "gather, goto",
        ),
    ],
)
def test_a_mistake_in_a_persona_is_told_where_it_stands(
    tmp_path: Path, text: str, found: str
) -> None:
    (told,) = mistakes(written(tmp_path, desk=f"{PERSONA}{text}\n"))
    assert told.startswith("personas/desk.yaml:5:")
    assert f" {found}" in told


def test_every_key_says_what_it_is() -> None:
    assert "| `per_call.cny` | yuan, 0.01 to 999999 |" in table(Budgets, {})
    assert "| `soft` |" in table(Budget, {})


# ---- prices --------------------------------------------------------------------------


def read(text: str) -> tuple[PriceFile | None, list[str]]:
    file, problems = read_prices(Path("prices.yaml"), text.encode())
    return file, list(map(str, problems))


def test_prices_are_read_and_those_that_are_missing_are_listed_ones() -> None:
    file, problems = read(
        "version: 1\ntokens: {output: 60.5}\ntwilio: {minute: '0.0612'}\n"
        "asr: {hour: 0.2}\n"
        "speech: {per_10k: 6}\n"
    )
    assert file
    assert problems == []
    assert (file.tokens.input_ucny, file.tokens.output_ucny) == (10_000_000, 60_500_000)
    assert file.twilio.minute_ucny == 61_200
    assert file.asr.hour_ucny == 200_000
    assert file.speech.per_10k_ucny == 6_000_000
    assert file.chat.input_ucny == 10_000_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "prices.yaml:1:1: the file is empty"),
        ("version: 2\n", "prices.yaml:1:10: version: expected 1"),
        ("version: 1\ntokens: {input: much}\n", "prices.yaml:2:17: tokens.input: expe"),
        ("version: 1\ntoken: {}\n", "prices.yaml:2:1: token: unknown key"),
        ("version: 1\nversion: 1\n", "prices.yaml:2:1: version: duplicate key"),
        ("version: [\n", "prices.yaml:"),
    ],
)
def test_a_mistake_in_prices_is_told_where_it_stands(text: str, found: str) -> None:
    file, (problem, *_) = read(text)
    assert file is None
    assert problem.startswith(found)


def test_the_examples_about_costs_are_good(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "costs.md").read_text()
    prices, plan, desk = re.findall("```yaml\n(.*?)```", text, re.DOTALL)
    file, problems = read(prices)
    assert problems == []
    assert file
    assert file.twilio.minute_ucny == 60_000
    targets = "targets: {front_desk: {number: '+12025550199'}}\n"
    folder = written(tmp_path, PLAN + targets + plan, desk=PERSONA + desk)
    assert mistakes(folder) == []
