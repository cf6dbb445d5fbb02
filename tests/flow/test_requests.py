"""Requests: what the model gives goes into the query or the body, and nowhere else."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from tests.flow.personas import persona
from voicebot.dialplan.address import Secret, resolved
from voicebot.dialplan.lookup import Lookup
from voicebot.dialplan.tools import Tool
from voicebot.flow.arguments import arguments
from voicebot.flow.lookup import values_in
from voicebot.flow.model import Fetched, Trouble
from voicebot.flow.requests import (
    CUT,
    MAX_ANSWER,
    errand,
    lookup_errand,
    readable,
    told,
    trouble_of,
)


def tool(**given: Any) -> Tool:
    plain = {"kind": "http", "url": "https://a.example/slots", "description": "x"}
    return Tool.model_validate(plain | given)


EVERY = tool(
    params={
        "who": "text",
        "day": "date?",
        "count": "number?",
        "code": "digits?",
        "sure": "bool?",
        "phone": "phone?",
        "half": "enum[am, pm]?",
    }
)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"who": "Ann"}, {"who": "Ann"}),
        ({"who": " 王 & co. "}, {"who": "王 & co."}),
        ({"who": "a", "day": "2027-02-28"}, {"who": "a", "day": "2027-02-28"}),
        ({"who": "a", "day": ""}, {"who": "a"}),
        ({"who": "a", "day": None}, {"who": "a"}),
        ({"who": "a", "count": 3}, {"who": "a", "count": 3}),
        ({"who": "a", "count": 2.5}, {"who": "a", "count": 2.5}),
        ({"who": "a", "count": "3"}, {"who": "a", "count": 3}),
        ({"who": "a", "count": "-3.5"}, {"who": "a", "count": -3.5}),
        ({"who": "a", "code": "12 34"}, {"who": "a", "code": "1234"}),
        ({"who": "a", "sure": True}, {"who": "a", "sure": True}),
        ({"who": "a", "sure": "False"}, {"who": "a", "sure": False}),
        ({"who": "a", "phone": "+12025550123"}, {"who": "a", "phone": "+12025550123"}),
        ({"who": "a", "half": "pm"}, {"who": "a", "half": "pm"}),
    ],
)
def test_arguments_are_taken(given: dict[str, object], taken: object) -> None:
    assert arguments(EVERY, given) == taken


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "Give who, day, count, code, sure, phone, half and nothing else."),
        ({"who": "a", "url": "x"}, "Give who, day"),
        ({}, "Give who: at most 200 plain characters."),
        ({"who": ""}, "Give who"),
        ({"who": 3}, "Give who"),
        ({"who": "a\r\nX-Evil: 1"}, "Give who"),
        ({"who": "{{pin}}"}, "Give who"),
        ({"who": "half \ud800"}, "Give who"),
        ({"who": "x" * 201}, "Give who"),
        ({"who": ["a"]}, "Give who"),
        ({"who": "a", "day": "tomorrow"}, "Give day: a date such as 2027-02-28."),
        ({"who": "a", "day": "2027-02-30"}, "Give day"),
        ({"who": "a", "count": True}, "Give count: a number."),
        ({"who": "a", "count": float("nan")}, "Give count"),
        ({"who": "a", "count": 1e16}, "Give count"),
        ({"who": "a", "count": "three"}, "Give count"),
        ({"who": "a", "code": 1234}, "Give code: digits"),
        ({"who": "a", "sure": 1}, "Give sure: true or false."),
        ({"who": "a", "phone": "911"}, "Give phone: a phone number"),
        ({"who": "a", "half": "PM"}, "Give half: one of am, pm."),
    ],
)
def test_arguments_are_refused(given: dict[str, object] | None, told: str) -> None:
    said = arguments(EVERY, given)
    assert isinstance(said, str)
    assert said.startswith(told)


def test_a_tool_without_arguments_takes_none() -> None:
    assert arguments(tool(), {}) == {}
    assert arguments(tool(), {"a": 1}) == "This tool takes no arguments."


def test_a_query_is_quoted_and_joins_one_that_is_there() -> None:
    asked = tool(url="https://a.example/s?v=1", params={"who": "text", "sure": "bool"})
    made = errand(asked, {"who": "a&b=c", "sure": True}, {})
    assert made
    assert made.url == ("https://a.example/s?v=1", "&who=a%26b%3Dc&sure=true")
    assert (made.method, made.body) == ("GET", None)


def test_a_body_is_json() -> None:
    asked = tool(method="POST", params={"who": "text", "count": "number"})
    made = errand(asked, {"who": "王", "count": 2}, {})
    assert made
    assert made.url == ("https://a.example/slots",)
    assert json.loads(made.body or "") == {"who": "王", "count": 2}


def test_variables_fill_the_path_and_headers() -> None:
    asked = tool(
        url="https://a.example/by/{{phone}}/{{name|nobody}}?x={{phone}}",
        headers={"X-Name": "{{name|n}} {{phone}}", "Authorization": "Bearer ${env:K}"},
    )
    made = errand(asked, {}, {"phone": "+1202"})
    assert made
    url, headers = resolved(made, lambda secret: f"the {secret.name}")
    assert url == "https://a.example/by/%2B1202/nobody?x=%2B1202"
    assert headers == {"X-Name": "n +1202", "Authorization": "Bearer the K"}


def test_without_a_value_there_is_no_request() -> None:
    assert errand(tool(url="https://a.example/{{x}}"), {}, {}) is None
    assert errand(tool(headers={"X-A": "{{x}}"}), {}, {"y": "1"}) is None
    lookup = Lookup.model_validate(
        {"url": "https://a.example/{{x}}", "map": {"name": "n"}}
    )
    assert lookup_errand(lookup, {}) is None
    made = lookup_errand(lookup, {"x": "1"})
    assert made
    assert made.timeout_s == 1.2


# ---- nobody but the operator says where a request goes -----------------------------

HOSTILE = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            *(
                "..",
                ".",
                "../../admin",
                "%2e%2e",
                "a/b",
                "a?b=c",
                "a#b",
                "@evil.example",
            ),
            *(
                "\r\nX-Evil: 1",
                "//evil.example",
                "https://evil.example",
                "a\\b",
                "%0d%0a",
            ),
            *("{{phone}}", "${env:K}", "\u2028", "\x00", " "),
        ]
    ),
)
TEMPLATE = tool(
    url="${env:BASE}/by/{{name}}/x?n={{name}}",
    headers={"X-Name": "{{name}}", "X-Key": "${env:KEY}"},
    params={"who": "text?", "note": "text?"},
)
SECRETS = {"BASE": "https://api.example/v1/", "KEY": "k3y"}


def read(secret: Secret) -> str:
    return SECRETS[secret.name]


# Halves of surrogate pairs too, as JSON may have them.
ANY = HOSTILE | st.text(st.characters(categories=["Cs", "L"]), max_size=5)


@given(name=HOSTILE, who=ANY, note=ANY, post=st.booleans())
@settings(max_examples=300, deadline=None)
def test_nothing_that_the_model_gives_changes_where_a_request_goes(
    name: str, who: str, note: str, post: bool
) -> None:
    asked = TEMPLATE.model_copy(update={"method": "POST" if post else "GET"})
    args = arguments(asked, {"who": who, "note": note})
    if isinstance(args, str):
        return
    made = errand(asked, args, {"name": name})
    if made is None:
        return
    url, headers = resolved(made, read)
    parts = urlsplit(url)
    sent = URL(url, encoded=True)
    assert (parts.scheme, parts.netloc) == ("https", "api.example")
    assert (sent.scheme, sent.host, sent.fragment) == ("https", "api.example", "")
    assert parts.path.count("/") == sent.raw_path.count("/") == 4
    assert parts.path.startswith("/v1/by/")
    assert parts.path.endswith("/x")
    assert not {".", ".."} & set(parts.path.split("/"))
    assert headers.keys() == {"X-Name", "X-Key"}
    assert headers["X-Key"] == "k3y"
    assert headers["X-Name"].isascii()
    assert headers["X-Name"].isprintable()
    query = parse_qsl(parts.query, keep_blank_values=True)
    assert query[0] == ("n", name)
    if post:
        assert len(query) == 1
        assert json.loads(made.body or "") == args
    else:
        assert query[1:] == list(args.items())
    assert url.isascii()
    assert url.isprintable()


# ---- answers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{\n  "slot": "ten"\n}', '{"slot": "ten"}'),
        ('{"a": "王"}'.encode(), '{"a": "王"}'),
        (b"\xef\xbb\xbf[1]", "[1]"),
        (b"At ten.\r\nOr nine.\x00", "At ten.  Or nine."),
        (b"", ""),
        (b"[" * 50_000, ("[" * 50_000)[: MAX_ANSWER - len(CUT)] + CUT),
        (b"\xff\xfe", None),
        (b'"\\ud800"', '" "'),
        (b"9" * 10_000, "9" * (MAX_ANSWER - len(CUT)) + CUT),
    ],
)
def test_an_answer_is_made_readable(body: bytes, text: str | None) -> None:
    assert readable(body) == text


def test_a_long_answer_is_cut_and_says_so() -> None:
    text = readable(b"x" * 5000)
    assert text
    assert len(text) == MAX_ANSWER
    assert text.endswith(CUT)


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (200, None),
        (204, None),
        (302, Trouble.REDIRECTED),
        (401, Trouble.REFUSED),
        (404, Trouble.NOT_FOUND),
        (503, Trouble.FAILED),
    ],
)
def test_a_status_means_something(status: int, trouble: Trouble | None) -> None:
    assert trouble_of(status) is trouble


@pytest.mark.parametrize("trouble", Trouble)
def test_each_trouble_is_one_sentence(trouble: Trouble) -> None:
    said = told(Fetched(1, trouble=trouble), unsure=False)
    assert said.endswith("; tell the caller, and go on without it.")
    assert said.count(".") == 1


def test_what_is_found_of_a_caller_is_of_its_type_or_missing() -> None:
    desk = persona(
        "vars: {a: {from: lookup}, n: {from: lookup, type: number}, "
        "b: {from: lookup, type: bool}, d: {from: lookup, type: date}, "
        "deep: {from: lookup}, x: {from: lookup}}\n"
        "lookup: {url: 'https://a.example', map: {a: name, n: $.n, b: ok, d: day, "
        "deep: 'list[1].x', x: 'list[9].y'}}"
    )
    body = {
        "name": " Ann\ud800 {{pin}}\n",
        "n": 3,
        "ok": True,
        "day": "soon",
        "list": [0, {"x": "y"}],
    }
    assert values_in(desk, json.dumps(body).encode()) == {
        "a": "Ann pin",
        "n": "3",
        "b": "true",
        "deep": "y",
    }
    assert values_in(desk, b'["x"]') == {}
    assert values_in(desk, b"not JSON") is None
    assert values_in(desk, b"\xff") is None
