"""Digits are put together from recordings of each."""

import pytest

from tests.flow.personas import persona
from voicebot.flow.digits import GAP, is_read_out, read_out
from voicebot.flow.survey import named_targets, own_words

CLIPS = {"1": b"one", "2": b"two"}


@pytest.mark.parametrize(
    ("text", "is_so"),
    [("1 2", True), ("7", True), ("", False), ("12", False), ("1  2", False)],
)
def test_a_number_that_is_read_out_has_its_digits_apart(text: str, is_so: bool) -> None:
    assert is_read_out(text) is is_so


def test_digits_are_said_with_a_gap_between_two() -> None:
    assert read_out("1 2 1", CLIPS.get) == b"one" + GAP + b"two" + GAP + b"one"
    assert read_out("2", CLIPS.get) == b"two"


def test_without_one_of_them_nothing_is_said() -> None:
    assert read_out("1 3", CLIPS.get) is None


def test_all_digits_are_rendered_where_some_are_said_back() -> None:
    def words(readback: str) -> list[str]:
        gather = {"max": 4, "into": "room", "readback": readback}
        return own_words(persona(menus={"room": {"prompt": "Room?", "gather": gather}}))

    assert words("all") == ["Room?", *"0123456789"]
    assert words("last2") == ["Room?", *"0123456789"]
    assert words("none") == ["Room?"]


def test_the_announcement_is_rendered_where_a_target_is_named() -> None:
    desk = persona(
        tools={"human": {"use": "transfer", "targets": ["desk"]}},
        silence=[{"after": "3s", "say": "Hello?"}, {"after": "3s", "do": "goodbye"}],
        triggers=[{"name": "t", "says": ["x"], "do": {"must_hear": "Law."}}],
    )
    assert named_targets(desk) == {"desk"}
    assert own_words(desk) == [
        *("Hello?", "Law."),
        "One moment please, I'm putting you through.",
    ]
