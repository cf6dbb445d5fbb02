"""Tools that ask servers, and lookups: what may be written, and where it is wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dialplan.plans import PERSONA, mistakes, written
from voicebot.dialplan.address import (
    Errand,
    Place,
    Secret,
    base_is_bad,
    checked_url,
    filled_header,
    filled_url,
    pieces,
    places,
    resolved,
)
from voicebot.dialplan.effective import effective
from voicebot.dialplan.load import load
from voicebot.dialplan.lookup import at
from voicebot.dialplan.tools import Param, param

HTTP = 'kind: http, url: "https://api.example/x", description: Ask'
TOOLS = f"""\
vars: {{phone: {{from: caller}}, name: {{from: lookup}}}}
lookup:
  url: "${{env:CRM}}/by-phone/{{{{phone}}}}"
  headers: {{Authorization: "Bearer ${{file:/run/secrets/crm}}"}}
  map: {{name: $.customer.name}}
tools:
  slots: {{{HTTP}, params: {{day: date, doctor: "text?"}}, timeout: 4s}}
  book: {{{HTTP}, method: POST, requires: [slots], params: {{card: digits}},
          sensitive_args: [card]}}
  web: {{kind: web_search, top_k: 3, timeout: 3s}}
  facts: {{kind: retrieval, vector_store_id: "17",
           prompt_template: "{{{{query}}}} in {{{{knowledge}}}}"}}
triggers:
  - {{name: a, says: [book], do: {{tool: {{slots: {{day: "{{{{name}}}}"}}}}}}}}
tests:
  - name: a
    answers: {{slots: {{free: [9, 10]}}, lookup: {{status: 404}}}}
    model: [{{calls: slots, args: {{day: "2027-03-01"}}}}]
    expect: [{{heard: x}}]
"""


def wrong(tmp_path: Path, more: str) -> list[str]:
    return mistakes(written(tmp_path, desk=PERSONA + more))


def test_tools_of_every_kind_are_read_and_shown_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM", "https://crm.example/s3cret")
    plan = load(written(tmp_path, desk=PERSONA + TOOLS))
    shown = {value.key: value for value in effective(plan, "desk")}
    assert shown["lookup.url"].value == "${env:CRM}/by-phone/{{phone}}"
    assert shown["lookup.url"].place.endswith("desk.yaml:7")
    assert shown["tools.slots.timeout"].value == "4s"
    assert shown["tools.book.method"].value == "POST"
    assert "s3cret" not in repr(shown)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("tools: {a: {kind: http}}", "expected url, which kind: http needs"),
        (
            "tools: {a: {kind: http, url: 'https://a.example'}}",
            "expected description, which kind: http needs",
        ),
        ("tools: {a: {kind: builtin}}", "expected use, which kind: builtin needs"),
        (
            "tools: {a: {kind: retrieval}}",
            "expected vector_store_id, which kind: retrieval needs",
        ),
        ("tools: {a: {kind: [http]}}", "tools.a.kind: expected 'builtin'"),
        ("tools: {a: {use: [hangup]}}", "tools.a.use: expected 'transfer'"),
        ("tools: {a: http}", "tools.a: expected keys and values"),
        ("tools: {a: {use: transfer}}", "expected targets, which use: transfer needs"),
        (
            "tools: {a: {use: hangup, menu: x}}",
            "expected menu only with use: collect_digits",
        ),
        ("tools: {a: {kind: htp}}", "did you mean 'http'?"),
        (
            "tools: {a: {kind: web_search, url: 'https://a.example'}}",
            "url has no meaning with kind: web_search",
        ),
        ("tools: {a: {use: hangup, params: {}}}", "params has no meaning with kind"),
        (f"tools: {{a: {{{HTTP}, use: hangup}}}}", "use has no meaning with kind"),
        (f"tools: {{a: {{{HTTP}, urll: x}}}}", "unknown key; did you mean 'url'?"),
        (
            f"tools: {{a: {{{HTTP}, method: POST, on_barge_in: cancel}}}}",
            "on_barge_in: cancel needs method: GET",
        ),
        (
            f"tools: {{a: {{{HTTP}, sensitive_args: [x]}}}}",
            "there is no x in params",
        ),
        (
            f"tools: {{a: {{{HTTP}, params: {{x: text}}, sensitive_args: [x]}}}}",
            "expected method: POST",
        ),
        (f"tools: {{a: {{{HTTP}, params: {{x: string}}}}}}", "expected text, date,"),
        (f"tools: {{a: {{{HTTP}, params: {{x: 'enum[]'}}}}}}", "expected text, date,"),
        (f"tools: {{a: {{{HTTP}, params: {{'a b': text}}}}}}", "expected a name of"),
        (
            "tools: {a: {kind: web_search, timeout: 1500ms}}",
            "expected a timeout of whole seconds",
        ),
        (
            "tools: {a: {kind: retrieval, vector_store_id: x, "
            "prompt_template: '{{name}}'}}",
            "expected {{knowledge}} or {{query}}",
        ),
        (
            f"tools: {{a: {{{HTTP}, headers: {{Host: x}}}}}}",
            "Host is not yours to set",
        ),
        (
            f"tools: {{a: {{{HTTP}, headers: {{X-Api-Key: abc}}}}}}",
            "keep keys out of files: X-Api-Key needs",
        ),
        (
            f"tools: {{a: {{{HTTP}, headers: {{X-Name: 王}}}}}}",
            "expected a header of ASCII characters",
        ),
        (
            f"tools: {{a: {{{HTTP}, headers: {{X-Name: '${{X}}'}}}}}}",
            "expected ${env:NAME} or ${file:/path}",
        ),
        (
            f"tools: {{a: {{{HTTP}, headers: {{X-Key: '${{env:VOICEBOT_X}}'}}}}}}",
            "of a variable that isn't VOICEBOT_",
        ),
        (
            f"tools: {{a: {{{HTTP}, headers: {{X-Key: '${{file:../x}}'}}}}}}",
            "with an absolute path",
        ),
        (
            f"tools: {{a: {{{HTTP}, headers: {{X-Name: '{{{{who}}}}'}}}}}}",
            "there is no variable 'who' in vars",
        ),
        (f"tools: {{lookup: {{{HTTP}}}}}", "expected another name"),
        # the lookup
        (
            "lookup: {url: 'https://a.example', map: {name: name}}",
            "there is no variable 'name'",
        ),
        (
            "vars: {n: {}}\nlookup: {url: 'https://a.example', map: {n: n}}",
            "vars.n is not from: lookup",
        ),
        ("lookup: {url: 'https://a.example', map: {}}", "lookup.map"),
        (
            "vars: {n: {from: lookup}}\n"
            "lookup: {url: 'https://a.example', map: {n: '$..n'}}",
            "expected a path such as",
        ),
        (
            "vars: {n: {from: lookup}}\n"
            "lookup: {url: 'https://a.example', map: {n: n}, on_error: stop}",
            "lookup.on_error",
        ),
        # actions
        ("fallback: {do: {tool: x}}", "there is no tool 'x'"),
        (
            "tools: {a: {use: hangup}}\n"
            "triggers: [{name: t, says: [x], do: {tool: a}}]",
            "expected a tool of kind: http, got one of kind: builtin",
        ),
        (
            f"tools: {{a: {{{HTTP}, params: {{x: text}}}}}}\n"
            "triggers: [{name: t, says: [x], do: {tool: {a: {y: 1}}}}]",
            "there is no argument 'y'",
        ),
        (
            f"tools: {{a: {{{HTTP}, params: {{x: text}}}}}}\n"
            "triggers: [{name: t, says: [x], do: {tool: a}}]",
            "x is missing, which the tool needs",
        ),
        # tests
        (
            "tests: [{name: a, answers: {x: 1}, expect: [{heard: a}]}]",
            "there is no http tool 'x'",
        ),
        (
            "tests: [{name: a, model: [{calls: x}], expect: [{heard: a}]}]",
            "there is no tool 'x'",
        ),
        (
            "tests: [{name: a, model: [{hear: x}], expect: [{heard: a}]}]",
            "expected say, calls or both",
        ),
        (
            "tests: [{name: a, model: [{say: x, args: {a: 1}}], expect: [{heard: a}]}]",
            "args goes with calls",
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_place(
    tmp_path: Path, more: str, problem: str
) -> None:
    found = wrong(tmp_path, more)
    assert any(problem in each for each in found), found
    assert all(each.startswith("personas/desk.yaml:") for each in found)


# ---- addresses -------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example",
        "https://api.example/v1/{{x}}?y={{z|1}}&k=${env:KEY}",
        "https://api.example?x={{x}}",
        "http://127.0.0.1:8000/x",
        "http://[::1]/x",
        "${env:BASE}",
        "${env:BASE}/x/{{x}}",
        "${file:/run/secrets/base}?x={{x}}",
    ],
)
def test_an_address_of_the_operators(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example/x",
        "ftp://api.example",
        "api.example/x",
        "https://",
        "https://user:pass@api.example/",
        "https://api.example:0/",
        "https://api.example:port/",
        "https://{{host}}/x",
        "https://api.{{host}}/x",
        "https://${env:HOST}/x",
        "{{url}}",
        "{{url}}/x",
        "${env:BASE}{{x}}",
        "${env:BASE}x",
        "${env:BASE}${env:PATH}",
        "${env:1X}/x",
        "${env:voicebot_key}/x",
        "${file:run/x}/y",
        "${file:/run/../x}/y",
        "${other:X}/y",
        "https://api.example/x y",
        "https://api.example/x#y",
        "https://api.example/../x",
        "https://api.example/x/.",
        "${env:BASE}/../{{x}}",
        "https://api.example/王",
        "https://[::1/x",
    ],
)
def test_an_address_that_is_none_or_that_others_could_choose(url: str) -> None:
    with pytest.raises(Exception, match=r"expected|Invalid"):
        checked_url(url)


def test_a_template_is_taken_apart() -> None:
    text = "${env:A}/x/{{b|c}}${file:/d}"
    assert pieces(text) == (
        Secret("env", "A"),
        "/x/",
        Place("b", "c"),
        Secret("file", "/d"),
    )
    assert pieces("") == ()
    assert places(text, "{{e}}") == {"b", "e"}


@given(st.text(max_size=30))
def test_a_value_is_quoted_or_there_is_no_request(value: str) -> None:
    parts = filled_url("https://a.example/{{x}}", {"x": value})
    header = filled_header("{{x}}", {"x": value})
    if parts is None:
        assert value in ("", ".", "..")
    else:
        assert "/" not in str(parts[1])
        assert header
        assert str(header[0]).isprintable()


def errand(url: tuple[str | Secret, ...], **headers: Secret) -> Errand:
    told = tuple((name, (value,)) for name, value in headers.items())
    return Errand("GET", url, told, None, 1.0)


@pytest.mark.parametrize(
    "base",
    [
        *(
            "http://evil.example",
            "",
            "https://a@b.example",
            "https://a.example?x=",
            "x",
        ),
        *("https://a.example/..", "https://a b.example", "https://a.example#"),
    ],
)
def test_a_secret_that_is_no_address_is_not_used(base: str) -> None:
    assert base_is_bad(base)
    with pytest.raises(
        ValueError, match=r"^\$\{env:B\}: expected https:// and a host$"
    ):
        resolved(errand((Secret("env", "B"), "/x")), lambda _: base)


def test_secrets_are_put_in_where_a_request_is_made() -> None:
    key = Secret("env", "K")
    made = errand((Secret("env", "B"), "/x?k=", key), Key=key)
    known = {"B": "https://a.example/v1/", "K": "a b"}
    url, headers = resolved(made, lambda secret: known[secret.name])
    assert url == "https://a.example/v1/x?k=a%20b"
    assert headers == {"Key": "a b"}


def test_a_secret_that_would_end_its_header_is_not_used() -> None:
    made = errand(("https://a.example",), Key=Secret("env", "K"))
    with pytest.raises(ValueError, match=r"^Key: expected a header of ASCII"):
        resolved(made, lambda _: "a\r\nX-Evil: 1")


# ---- small ones --------------------------------------------------------------------


def test_types_of_arguments() -> None:
    assert param("date") == Param("date")
    assert param("text?") == Param("text", (), optional=True)
    assert param("enum[a, b c]?") == Param("enum", ("a", "b c"), optional=True)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", {"b": [1, [2]]}),
        ("$.a.b[0]", 1),
        ("a.b[1][0]", 2),
        ("a.b[7]", None),
        ("a.c", None),
        ("a.b.c", None),
        ("a[0]", None),
    ],
)
def test_a_path_leads_into_json(path: str, found: object) -> None:
    assert at(path, {"a": {"b": [1, [2]]}}) == found
