"""What digits are: by themselves, by the words around, and by what is wanted."""

import pytest

from voicebot.store.private_kinds import (
    LABELS,
    Cue,
    Kind,
    cues,
    cues_before,
    is_id_card,
    is_list,
    is_whole,
    kind_of,
    luhn,
)
from voicebot.store.spoken_digits import runs

ALL = frozenset(Kind)


def judged(text: str, wanted: frozenset[Kind] = ALL) -> Kind | None:
    """The kind of the last digits of a text."""
    run = runs(text)[-1]
    return kind_of(run, cues_before(run), wanted)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("13800138000", Kind.PHONE),
        ("+1234567", Kind.PHONE),
        ("my number is 12345", Kind.PHONE),
        ("4111111111111111", Kind.BANK_CARD),
        ("my account is 12345678", Kind.BANK_CARD),
        ("11010519491231002x", Kind.ID_CARD),
        ("身份证110105194912310", Kind.ID_CARD),
        ("pin 4271", Kind.CODE),
        ("I have a pin. It is 4271".lower(), Kind.CODE),
        ("no pin. at 4271", None),
        ("验证码：427182", Kind.CODE),
        ("my code, room 302", None),
        ("order 12345678", None),
        ("error code 404", None),
        ("area code 415", None),
        ("area code 415 555 2671", Kind.PHONE),
        ("order 13800138000", Kind.PHONE),
        ("12345", Kind.DIGITS),
        ("1234", None),
        ("12", None),
        ("20270208", None),
        ("phone 20270208", Kind.PHONE),
        ("4111222233334443", Kind.DIGITS),
        ("12345 dollars", None),
        ("$12345", None),
        ("the code costs 12345元", None),
        ("code: 120 seconds", None),
        ("twelve fifty thirteen", None),
        ("two twelve five fifty five twenty six seventy one", Kind.PHONE),
        ("10, 20, 30, 40, 50", None),
        ("123456789012345678901", Kind.DIGITS),
    ],
)
def test_digits_are_of_a_kind(text: str, kind: Kind | None) -> None:
    assert judged(text) == kind


@pytest.mark.parametrize(
    ("text", "wanted", "kind"),
    [
        ("13800138000", {Kind.BANK_CARD}, None),
        ("13800138000", {Kind.DIGITS}, Kind.DIGITS),
        ("4111111111111111", {Kind.PHONE}, Kind.DIGITS),
        ("4111111111111111", {Kind.EMAIL, Kind.CODE}, None),
        ("11010519491231002x", {Kind.BANK_CARD}, Kind.DIGITS),
        ("4111111111111", {Kind.BANK_CARD}, None),
    ],
)
def test_only_what_is_wanted_is_found(
    text: str, wanted: set[Kind], kind: Kind | None
) -> None:
    assert judged(text, frozenset(wanted)) == kind


def test_a_list_of_many_long_numbers_is_no_number() -> None:
    assert judged("100, 200, 300, 400, 500, 600") is None


def test_words_announce_what_comes() -> None:
    assert cues("your phone, or the code?") == {Cue.PHONE, Cue.CODE}
    assert cues("Hello") == frozenset()
    (run,) = runs("the code on my phone is 427")
    assert cues_before(run) == {Cue.PHONE, Cue.CODE}
    (run,) = runs("my phone in room 427")
    assert cues_before(run) == {Cue.OTHER}
    (run,) = runs("my phone is 42")
    assert cues_before(run) == {Cue.PHONE}
    (run,) = runs("my phone is 4")
    assert cues_before(run) == frozenset()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1, 2, 3, 4, 5, 6, 7", True),
        ("8, 9, 10, 11", True),
        ("5, 5, 5, 5", False),
        ("302, 304, 310", True),
        ("302, 304, 303", False),
        ("302 304 310", False),
        ("twelve thirteen twenty", True),
        ("302, 304", False),
        ("1995-2014, 2015", True),
        ("2014", False),
    ],
)
def test_several_numbers_are_a_list(text: str, found: bool) -> None:
    assert is_list(runs(text)[0]) is found


def test_check_digits() -> None:
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")
    assert not luhn("411111111111111x")
    assert is_id_card("11010519491231002x")
    assert not is_id_card("110105194912310021")
    assert not is_id_card("1101051949123100")
    assert not is_id_card("1x010519491231002x")


def test_what_is_whole_is_a_mobile_number_or_an_identity_card() -> None:
    texts = ("13800138000", "11010519491231002x", "4111111111111111")
    assert [is_whole(runs(text)[0]) for text in texts] == [True, True, False]


def test_every_kind_has_a_label() -> None:
    assert set(LABELS) == set(Kind)
