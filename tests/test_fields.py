"""Reading a peer's JSON: the right value, or an error that names the place."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.errors import RemoteProtocolError
from voicebot.fields import Fields

FIELDS = Fields(
    {
        "text": "word",
        "empty": "",
        "null": None,
        "number": 7,
        "digits": "0123456789",
        "true": True,
        "float": 1.5,
        "audio": "f3//",
        "table": {"inner": 1},
        "list": [{"inner": 2}, {"inner": 3}],
        "mixed": [{}, 4],
        "words": ["one", "two"],
    },
    "message",
)


def refusal(read: str, key: str) -> str:
    with pytest.raises(RemoteProtocolError) as caught:
        getattr(FIELDS, read)(key)
    return str(caught.value)


def test_values_of_the_right_kind_are_read() -> None:
    assert FIELDS.text("text") == "word"
    assert FIELDS.text("empty") == ""
    assert FIELDS.integer("number") == 7
    assert FIELDS.integer("digits") == 123456789
    assert FIELDS.base64("audio") == b"\x7f\x7f\xff"
    assert [FIELDS.flag(key) for key in ("true", "null", "none")] == [
        True,
        False,
        False,
    ]
    assert FIELDS.base64("empty") == b""
    assert FIELDS.table("table").integer("inner") == 1
    assert [item.integer("inner") for item in FIELDS.tables("list")] == [2, 3]
    assert FIELDS.list_of_texts("words") == ["one", "two"]
    assert Fields({"a": "1", "b": ""}, "x").texts() == {"a": "1", "b": ""}


def test_a_key_counts_as_present_when_it_has_a_value() -> None:
    assert "empty" in FIELDS
    assert "null" not in FIELDS
    assert "nowhere" not in FIELDS


@pytest.mark.parametrize("read", ["text", "integer", "base64", "table", "tables"])
def test_a_missing_key_is_named(read: str) -> None:
    assert refusal(read, "nowhere") == "message.nowhere: missing"


@pytest.mark.parametrize(
    ("read", "key", "text"),
    [
        ("list_of_texts", "mixed", "expected a list of texts, got list"),
        (
            "list_of_texts",
            "text",
            "expected a list of texts, got a string of 4 characters",
        ),
        ("text", "number", "expected text, got int"),
        ("text", "null", "expected text, got null"),
        ("flag", "number", "expected true or false, got int"),
        ("integer", "text", "expected a whole number, got a string of 4 characters"),
        ("integer", "true", "expected a whole number, got bool"),
        ("integer", "float", "expected a whole number, got float"),
        ("integer", "empty", "expected a whole number, got a string of 0 characters"),
        ("base64", "number", "expected text, got int"),
        ("table", "list", "expected an object, got list"),
        ("tables", "table", "expected a list, got dict"),
        ("tables", "text", "expected a list, got a string of 4 characters"),
    ],
)
def test_a_value_of_another_kind_is_described(read: str, key: str, text: str) -> None:
    assert refusal(read, key) == f"message.{key}: {text}"


@pytest.mark.parametrize("digits", ["-1", "+1", " 1", "1\n", "1_0", "١", "1" * 11])
def test_digits_are_ascii_and_few(digits: str) -> None:
    with pytest.raises(RemoteProtocolError, match="expected a whole number, got a str"):
        Fields({"n": digits}, "m").integer("n")


@pytest.mark.parametrize("text", ["f", "f3/", "f3//\n", "f3 /", "f3-_", "é" * 4])
def test_what_is_not_base64_is_described_without_being_quoted(text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Fields({"payload": text}, "m.media").base64("payload")
    assert str(caught.value) == (
        f"m.media.payload: expected base64, got a string of {len(text)} characters"
    )


def test_an_item_of_a_list_is_named_by_its_place() -> None:
    assert refusal("tables", "mixed") == "message.mixed[1]: expected an object, got int"


def test_a_value_that_is_not_text_is_named_within_its_table() -> None:
    with pytest.raises(RemoteProtocolError, match=r"^p\.b: expected text, got int$"):
        Fields({"a": "1", "b": 2}, "p").texts()


@pytest.mark.parametrize("read", [str, str.encode])
def test_a_frame_is_parsed_as_text_or_bytes(read: type[str]) -> None:
    assert Fields.parse(read('{"key": "ü"}')).text("key") == "ü"


def test_a_frame_may_stand_at_another_path() -> None:
    with pytest.raises(RemoteProtocolError, match=r"^answer\.id: missing$"):
        Fields.parse("{}", "answer").text("id")


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ("secret", "message: expected JSON, got 6 characters of something else"),
        (b"\xff", "message: expected JSON, got 1 characters of something else"),
        ("[1]", "message: expected an object, got list"),
        ("null", "message: expected an object, got null"),
        ('"words"', "message: expected an object, got a string of 5 characters"),
    ],
)
def test_a_frame_that_is_no_object_is_refused(frame: str | bytes, text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Fields.parse(frame)
    assert str(caught.value) == text


@settings(max_examples=100)
@given(st.text("abcdefgh", min_size=9))
def test_no_error_quotes_a_value(secret: str) -> None:
    fields = Fields.parse(json.dumps({"key": secret}))
    for read in (fields.integer, fields.table, fields.tables):
        with pytest.raises(RemoteProtocolError) as caught:
            read("key")
        assert secret not in str(caught.value)
