"""What callers say, in two languages: all that is private is found, and no more."""

import json
import re
from collections import Counter
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.store.redaction_cases import PATH, cases, is_chinese
from tests.store.spoken import RENDERS, Render, id_card, luhn_valid
from voicebot.store.private_kinds import Kind
from voicebot.store.redaction import Policy, Redacted, Redactor

ALL = Policy(frozenset(Kind) - {Kind.DIGITS})
CASES = [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()]

# Numbers spoken as numbers are dictated only if somebody says what they are.
COUNTED = ("english_pairs", "chinese_hundreds")


def redacted(said: str, policy: Policy = ALL) -> str:
    """A call with one turn, as it is written down once it is over."""
    redactor = Redactor(policy)
    texts = redactor.turn(0, "caller", said)[0].text
    return next((turn.text for turn in redactor.finish()), texts)


def test_the_corpus_is_what_its_generator_writes() -> None:
    assert list(cases()) == CASES


def test_the_corpus_is_large_enough_and_has_both_sides() -> None:
    kinds = Counter(case["kind"] for case in CASES)
    assert len(CASES) >= 400
    assert kinds[""] >= 140
    assert min(kinds.values()) >= 7
    assert len({case["say"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["say"][:40])
def test_what_is_private_is_found_and_no_more(case: dict[str, str]) -> None:
    wanted = case["kept"].replace("{}", f"[{case['kind']}]")
    assert redacted(case["say"]) == wanted


def said(render: Render, digits: str, kind: str, dice: Random) -> tuple[str, str]:
    """A sentence with a number in it, and what may be kept of it."""
    name = {"phone": ("phone number", "手机号"), "card": ("card number", "卡号")}[kind]
    chinese = is_chinese(render)
    text = f"我的{name[1]}是{{}}。" if chinese else f"My {name[0]} is {{}}."
    kept = re.escape(text).replace(r"\{\}", r"\[[a-z]+\]")
    return text.format(render(digits, dice)), kept


phones = st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True)
cards = st.from_regex(r"[3-6][0-9]{11,17}", fullmatch=True).map(luhn_valid)


@settings(max_examples=60, deadline=None)
@given(phones, st.sampled_from(RENDERS), st.randoms(use_true_random=False))
def test_any_phone_number_is_found_however_it_is_said(
    digits: str, render: Render, dice: Random
) -> None:
    text, kept = said(render, digits, "phone", dice)
    assert re.fullmatch(kept, redacted(text)), text


@settings(max_examples=60, deadline=None)
@given(cards, st.sampled_from(RENDERS), st.randoms(use_true_random=False))
def test_any_card_number_is_found_however_it_is_said(
    digits: str, render: Render, dice: Random
) -> None:
    text, kept = said(render, digits, "card", dice)
    assert re.fullmatch(kept, redacted(text)), text


@settings(max_examples=60, deadline=None)
@given(phones, st.sampled_from(RENDERS), st.randoms(use_true_random=False))
def test_a_number_that_is_said_digit_by_digit_needs_no_other_words(
    digits: str, render: Render, dice: Random
) -> None:
    assume(render.__name__ not in COUNTED)
    # A day, or rooms in a row: 20270208, "109, 497, 607".
    assume(not re.fullmatch(r"(19|20)\d{6}", digits))
    text = render(digits, dice)
    assume(not re.fullmatch(r"\d{3}(?: ?[,、] ?\d{3})+", text))
    assert re.fullmatch(r"\[[a-z]+\]", redacted(text)), text


@settings(max_examples=40, deadline=None)
@given(
    st.from_regex(r"[1-6][0-9]{16}", fullmatch=True),
    st.sampled_from(RENDERS),
    st.randoms(use_true_random=False),
)
def test_any_identity_card_is_found_however_it_is_said(
    body: str, render: Render, dice: Random
) -> None:
    number = id_card(body)
    spoken = render(number[:17], dice) + (" x" if number[17] == "X" else "")
    spoken += "" if number[17] == "X" else f" {render(number[17], dice)}"
    assert re.fullmatch(r"身份证\[[a-z]+\]", redacted(f"身份证{spoken}")), spoken


@settings(max_examples=60, deadline=None)
@given(
    phones,
    st.sampled_from([each for each in RENDERS if each.__name__ not in COUNTED]),
    st.lists(st.integers(2, 6), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_a_number_that_is_dictated_over_several_turns_is_found(
    digits: str, render: Render, sizes: list[int], dice: Random
) -> None:
    parts = []
    for size in sizes:
        if len(digits) > size + 3:
            parts.append(digits[:size])
            digits = digits[size:]
    redactor = Redactor(ALL)
    written: dict[int, Redacted] = {}
    asked = "What is your phone number?"
    for seq, part in enumerate([*parts, digits]):
        redactor.turn(2 * seq, "bot", "Mm-hm, go on." if seq else asked)
        text = render(part, dice) if len(part) > 3 else " ".join(part)
        assume(not re.search(r"\.\d{1,2}\b", text))  # which is a price
        for turn in redactor.turn(2 * seq + 1, "caller", text):
            written[turn.seq] = turn
            assert not re.search(r"\d{2}", turn.text)
    for turn in redactor.finish():
        written[turn.seq] = turn
    assert {turn.text for seq, turn in written.items() if seq % 2} == {"[phone]"}
