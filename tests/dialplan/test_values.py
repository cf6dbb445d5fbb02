"""Values that refuse what they are not."""

from typing import Annotated, Any

import pytest
from pydantic import BeforeValidator, TypeAdapter, ValidationError

from voicebot.dialplan.values import (
    Callee,
    Caller,
    Label,
    Language,
    Line,
    Phone,
    Voice,
    duration,
    filled,
    listed,
    this_version,
)


def error(kind: Any, value: object) -> str:
    with pytest.raises(ValidationError) as info:
        TypeAdapter(kind).validate_python(value)
    return info.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Phone, ["+12025550123", "+862155501000"], ["12025550123", "+0123456", 1]),
        (Label, ["main", "front-desk_2"], ["Main", "2nd", "", "a b", "a\n"]),
        (Language, ["en", "zh-CN", "zh-Hant-TW"], ["english", "e", "en_US", False]),
        (Voice, ["linjiajiejie", "voice-tone-Ab12"], ["", "my voice", 7]),
        (Callee, ["main", "+12025550123"], ["+12", "Main", "+44*"]),
        (Caller, ["+12025550123", "+44*", "+1*", "anonymous"], ["main", "*", "+*"]),
        (Line, ["a", "你好"], ["", "  ", "a\x07", "x" * 201, 5]),
    ],
)
def test_words_are_taken_only_if_they_look_right(
    kind: Any, good: list[object], bad: list[object]
) -> None:
    for value in good:
        assert TypeAdapter(kind).validate_python(value) == value
    for value in bad:
        assert error(kind, value)


def test_text_loses_its_margins_but_not_its_lines() -> None:
    assert TypeAdapter(Line).validate_python(" a\n\tb\n") == "a\n\tb"


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("200ms", 200), ("0.5s", 500), ("3s", 3000), ("0.01m", 600), ("1.25s", 1250)],
)
def test_a_duration_is_a_number_of_its_unit(text: str, milliseconds: int) -> None:
    whole = TypeAdapter(Annotated[int, duration("200ms", "3s", "ms")])
    assert whole.validate_python(text) == milliseconds
    seconds = TypeAdapter(Annotated[float, duration("200ms", "3s", "s")])
    assert seconds.validate_python(text) == milliseconds / 1000


@pytest.mark.parametrize(
    "value",
    [550, 5.5, "550", "fast", "1h", "1 s", "", True, "199ms", "3.001s", "1m"],
)
def test_a_duration_has_a_unit_and_limits(value: object) -> None:
    said = error(Annotated[int, duration("200ms", "3s", "ms")], value)
    assert said == "expected a duration of 200ms to 3s, with its unit (ms, s or m)"


@pytest.mark.parametrize(("given", "ms"), [(350, 350), ("350ms", 350), ("1s", 1000)])
def test_a_key_that_names_its_unit_takes_a_bare_number(given: object, ms: int) -> None:
    kind = TypeAdapter(Annotated[int, duration("0ms", "3s", "ms", bare=True)])
    assert kind.validate_python(given) == ms


@pytest.mark.parametrize("value", [-1, 3001, 10**30, 5.5, True, "350", "4s", None])
def test_a_bare_number_has_the_same_limits(value: object) -> None:
    said = error(Annotated[int, duration("0ms", "3s", "ms", bare=True)], value)
    assert said == "expected a duration of 0ms to 3s"


def test_a_word_may_stand_for_no_duration_at_all() -> None:
    kind = Annotated[int | None, duration("0ms", "3s", "ms", word="all")]
    assert TypeAdapter(kind).validate_python("all") is None
    assert TypeAdapter(kind).validate_python("1s") == 1000
    assert error(kind, "some") == (
        "expected all or a duration of 0ms to 3s, with its unit (ms, s or m)"
    )
    assert error(kind, None)


def test_one_value_may_stand_without_the_brackets_of_a_list() -> None:
    assert listed("main") == ["main"]
    assert listed(["main"]) == ["main"]


def test_an_empty_list_is_refused() -> None:
    assert filled(["main"]) == ["main"]
    assert error(Annotated[Any, BeforeValidator(filled)], []) == "expected at least one"
    assert error(Annotated[Any, BeforeValidator(listed)], []) == (
        "expected at least one"
    )


@pytest.mark.parametrize("value", [1, 3, 0, True, "2", 2.0])
def test_one_version_is_the_only_one(value: object) -> None:
    kind = Annotated[int, BeforeValidator(this_version)]
    assert TypeAdapter(kind).validate_python(2) == 2
    assert error(kind, value) == "expected 2"
