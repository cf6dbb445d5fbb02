"""Tokens and minutes become money, exactly."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.doctor import costs
from voicebot.stepfun.prices import SPEECH_UCNY
from voicebot.store.usage import (
    UCNY,
    Prices,
    asr_cost_of,
    chat_cost_of,
    cost_of,
    shown,
    tokens_of,
    yuan,
)

USAGE = {
    "total_tokens": 412,
    "input_tokens": 301,
    "output_tokens": 111,
    "input_cached_tokens": 64,
}


def test_a_million_tokens_of_each_kind_cost_what_the_price_list_says() -> None:
    usage = {
        "input_tokens": 2_000_000,
        "input_cached_tokens": 1_000_000,
        "output_tokens": 1_000_000,
    }
    cost = cost_of(Prices(), usage)
    assert {name: yuan(part) for name, part in cost.items()} == {
        "input": Decimal(10),
        "cached": Decimal(2),
        "output": Decimal(70),
    }


def test_an_answer_costs_what_its_tokens_do() -> None:
    assert cost_of(Prices(), USAGE) == {"input": 2370, "cached": 128, "output": 7770}


def test_what_costs_nothing_is_left_out() -> None:
    assert cost_of(Prices(), {}) == {}
    assert cost_of(Prices(cached=Decimal(0)), {"input_cached_tokens": 9}) == {}


def test_the_chat_model_has_prices_of_its_own() -> None:
    usage = {"prompt_tokens": 100, "cached_tokens": 50, "completion_tokens": 10}
    assert chat_cost_of(Prices(), usage) == 500 + 100 + 250
    assert chat_cost_of(Prices(), {}) == 0


def test_a_cascade_costs_what_its_stages_do() -> None:
    usage = {
        "cascade_asr_ms": 3_600_000,
        "cascade_chat_prompt_tokens": 100,
        "cascade_chat_cached_tokens": 50,
        "cascade_chat_completion_tokens": 10,
        "cascade_speech_halves": 20_001,
    }
    assert cost_of(Prices(), usage) == {
        "asr": 150_000,
        "chat": 500 + 100 + 250,
        "speech": 5_800_290,
    }


def test_a_director_costs_what_the_chat_model_does() -> None:
    usage = {
        "director_prompt_tokens": 100,
        "director_cached_tokens": 50,
        "director_completion_tokens": 10,
    }
    assert cost_of(Prices(), usage) == {"director": 500 + 100 + 250}
    assert tokens_of(usage | USAGE) == 110 + 412


def test_twilio_counts_begun_minutes() -> None:
    prices = Prices(twilio_minute=Decimal("0.06"))
    assert [
        cost_of(prices, {}, ms).get("twilio", 0) for ms in (0, 1, 60_000, 60_001)
    ] == [0, 60_000, 60_000, 120_000]


def test_parts_of_a_millionth_are_rounded_up() -> None:
    assert cost_of(Prices(input=Decimal("0.1")), {"input_tokens": 11}) == {"input": 2}


def test_amounts_are_shown_in_yuan() -> None:
    assert shown(42_123) == "¥0.0421"
    assert shown(3_000_000) == "¥3.0000"


@settings(max_examples=30)
@given(st.lists(st.integers(0, 10_000), max_size=5))
def test_what_answers_cost_adds_up_to_the_call(outputs: list[int]) -> None:
    each = [
        sum(cost_of(Prices(), {"output_tokens": tokens}).values()) for tokens in outputs
    ]
    whole = cost_of(Prices(), {"output_tokens": sum(outputs)})
    assert sum(each) == sum(whole.values())


@pytest.mark.parametrize(
    ("audio_ms", "ucny"), [(0, 0), (1, 1), (1000, 42), (3_600_000, 150_000)]
)
def test_what_is_transcribed_costs_by_the_hour(audio_ms: int, ucny: int) -> None:
    assert asr_cost_of(Prices(), audio_ms) == ucny


def test_what_is_told_before_is_of_the_same_price_list() -> None:
    """`doctor` and `say` have no file of prices: they tell what StepFun lists."""
    listed = Prices()
    assert listed.input == Decimal(costs.INPUT_CNY)
    assert listed.output == Decimal(costs.OUTPUT_CNY)
    assert listed.speech_10k * UCNY == SPEECH_UCNY * 10_000
