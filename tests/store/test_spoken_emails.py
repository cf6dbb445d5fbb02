"""Addresses are found, written or spoken, and places in the web aren't addresses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.store.spoken_digits import plain
from voicebot.store.spoken_emails import emails


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("it's john.smith@example.com ok", ["john.smith@example.com"]),
        ("a-b_c+d@my-shop.example.co.uk.", ["a-b_c+d@my-shop.example.co.uk"]),
        ("john at example dot com", ["john at example dot com"]),
        ("j o h n at x dot org", ["j o h n at x dot org"]),
        ("one two at qq dot com", ["one two at qq dot com"]),
        ("bob at one two six dot com", ["bob at one two six dot com"]),
        ("zhang下划线san艾特幺六三点com吧", ["zhang下划线san艾特幺六三点com"]),
        ("ZHANG@例子.com", []),
        ("my email is john smith at x dot com", ["john smith at x dot com"]),
        ("邮箱地址：张三 at x dot com", ["张三 at x dot com"]),
        ("send an email to at x dot com", ["to at x dot com"]),
        ("email at x dot com", ["email at x dot com"]),
        (
            "bob at x dot org and jane at y dot net",
            ["bob at x dot org", "jane at y dot net"],
        ),
        ("a@x.org b@y.net", ["a@x.org", "b@y.net"]),
        ("a@x.org@y.net", ["a@x.org"]),
        ("look at example dot com", []),
        ("at example dot com", []),
        ("@example.com", []),
        ("。@example.com", []),
        ("bob at five. ok", []),
        ("bob at home", []),
        ("bob at x dot", []),
        ("bob at x dot 5", []),
        ("bob at", []),
        ("a@b.c", []),
        ("a@b-c", []),
        ("a@b.c.d.e.f.g.h.com", []),
        ("a. b@x.org", ["b@x.org"]),
        (".b@x.org", ["b@x.org"]),
        ("my email " + "x" * 90 + " john at x dot com", ["john at x dot com"]),
        ("no sign of it", []),
    ],
)
def test_addresses_are_found(text: str, found: list[str]) -> None:
    said = plain(text)
    assert [text[start:end] for start, end in emails(said)] == found


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.text("a@. dot-emil", max_size=80))
def test_any_text_can_be_read_and_places_are_in_order(text: str) -> None:
    at = 0
    for start, end in emails(plain(text)):
        assert at <= start < end <= len(text)
        at = end
