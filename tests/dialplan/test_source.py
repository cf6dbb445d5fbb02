"""YAML text to nodes: positions, types, and what is refused."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.dialplan.source import (
    MAX_BYTES,
    MAX_PROBLEMS,
    Node,
    Plain,
    Problem,
    parse,
    shown_key,
)

FILE = Path("sales.yaml")


def read(text: str) -> Node:
    node, problems = parse(FILE, text.encode())
    assert problems == []
    assert node is not None
    return node


def refused(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    return [str(problem) for problem in parse(FILE, data)[1]]


def test_a_problem_prints_itself_as_file_line_column_key_and_message() -> None:
    problem = Problem(FILE, 12, 17, "limits.idle", "missing")
    assert str(problem) == "sales.yaml:12:17: limits.idle: missing"
    assert str(Problem(FILE, 1, 1, "", "missing")) == "sales.yaml:1:1: missing"


def test_every_node_and_every_key_knows_its_line_and_column() -> None:
    root = read("# first\n你好: 1\nlimits:\n  idle: [2s, 'x']\n")
    idle = root.find("limits", "idle")
    assert idle is not None
    assert (root.line, root.column) == (2, 1)
    assert root.keys == {"你好": (2, 1), "limits": (3, 1)}
    assert (idle.line, idle.column) == (4, 9)
    assert [(x.line, x.column, x.text) for x in idle.items()] == [
        (4, 10, "2s"),
        (4, 14, "x"),
    ]


def test_a_path_of_keys_leads_to_a_value_or_to_nothing() -> None:
    root = read("a: {b: 1}")
    assert root.find() is root
    assert root.find("a", "c") is None
    assert root.find("a", "b", "c") is None


def test_a_single_value_counts_as_a_list_of_one() -> None:
    root = read("a")
    assert root.items() == [root]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("''", ""),
        ("true", True),
        ("False", False),
        ("no", False),
        ("On", True),
        ("'no'", "no"),
        ("15", 15),
        ("-3", -3),
        ("0", 0),
        ("1.5", 1.5),
        ("+15550001", "+15550001"),
        ("0123", "0123"),
        ("17:30", "17:30"),
        ("1e5", "1e5"),
        ("2027-01-01", "2027-01-01"),
        ("9" * 16, "9" * 16),
        (".inf", ".inf"),
        ("10m", "10m"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: Plain) -> None:
    plain = read(f"x: {text}").plain()
    assert plain == {"x": value}
    assert isinstance(plain, dict)
    assert type(plain["x"]) is type(value)


def test_plain_values_are_nested_as_the_text_is() -> None:
    assert read("a: [1, {b: c}]").plain() == {"a": [1, {"b": "c"}]}


@pytest.mark.parametrize("text", ["", "# a comment\n", "\ufeff"])
def test_an_empty_file_is_one_empty_value(text: str) -> None:
    assert read(text) == Node(1, 1, None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[1]", "a list"),
        ("[]", "an empty list"),
        ("{a: 1, b: 2}", "keys a, b"),
        ("{}", "no keys"),
        ("~", "nothing"),
        ("no", "no"),
        ("2.50", "2.50"),
        ("word", "'word'"),
        ("x" * 61, f"'{'x' * 57}...'"),
    ],
)
def test_what_stands_somewhere_is_shown_in_a_few_words(text: str, shown: str) -> None:
    assert read(text).shown() == shown


def test_a_key_is_shown_on_one_line() -> None:
    assert shown_key("idle") == "idle"
    assert shown_key("a\nb") == r"'a\nb'"
    assert shown_key("") == "''"
    assert shown_key("k" * 41) == "k" * 37 + "..."


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "3:1: a: duplicate key, first on line 1"),
        ("a: {b: 1, b: 2}", "1:11: a.b: duplicate key, first on line 1"),
        ("a: &x 1", "1:4: a: anchors (&name) are refused: write it out"),
        ("a: *x", "1:4: a: aliases (*name) are refused: write it out"),
        (
            "- !!str x",
            "1:3: [0]: tags (!name) are refused; text that begins with ! needs quotes",
        ),
        (
            "a: {{name}}",
            "1:5: a: expected a word as key, got a structure; "
            "text with braces or brackets needs quotes",
        ),
        (
            "title：花\nlanguage: zh",
            "1:6: use an ASCII colon and a blank (': ') instead of '：'",
        ),
        (
            "a: b\ntitle：花\nb: c",
            "2:6: use an ASCII colon and a blank (': ') instead of '：'",
        ),
        (
            "a：|\n  one\n  two\nb: c",
            "1:2: use an ASCII colon and a blank (': ') instead of '：'",
        ),
        ("--- a\n--- b", "2:1: expected one document, got a second '---'"),
        ("a:\n\tb: 1", "2:1: a tab in the indentation: YAML wants spaces"),
        ("a: 1\n\tb: 2", "2:1: a tab in the indentation: YAML wants spaces"),
        (
            "a: b: c",
            "1:5: unexpected ': '; is the indentation right? "
            "Text with a colon needs quotes",
        ),
        (
            "a: @b",
            "1:4: text cannot start with this character; put it in quotes",
        ),
        ("a: 'b", "1:4: a quote is opened here and never closed"),
        ("a:\n  b: 1\n c: 2", "3:2: expected a key; is the indentation right?"),
        ("a: 1\nb", "2:1: expected 'key: value'; is a colon missing?"),
        (
            "a: [1, 2\nb: 3",
            "2:2: expected ',' or ']'; the bracket that is opened on line 1 "
            "is not closed",
        ),
        (
            "a:\n  b: {c: 1\nd: 2",
            "3:2: expected ',' or '}'; the brace that is opened on line 2 "
            "is not closed",
        ),
        (
            "a: |\n  b：c\nd: 'e",
            "3:4: a quote is opened here and never closed",
        ),
        (
            "a: |\n  b：c\nd: e\nf: g: h",
            "4:5: unexpected ': '; is the indentation right? "
            "Text with a colon needs quotes",
        ),
        (
            "a b: c: d",
            "1:7: unexpected ': '; is the indentation right? "
            "Text with a colon needs quotes",
        ),
        ("\n  a\x07: 1", "2:4: control character U+0007: delete it"),
        (b"a: 1\nb: \xff", "2:1: expected text in UTF-8"),
        ("a: \x85 'x", "2:2: a quote is opened here and never closed"),
    ],
)
def test_a_mistake_is_named_where_it_stands(text: str | bytes, problem: str) -> None:
    assert refused(text) == [f"sales.yaml:{problem}"]


def test_reading_goes_on_after_a_duplicate_key_and_the_first_value_counts() -> None:
    node, problems = parse(FILE, b"a: 1\na: 2\nb: &x 3\n")
    assert node is not None
    assert node.plain() == {"a": 1, "b": 3}
    assert [problem.line for problem in problems] == [2, 3]


def test_a_file_that_is_too_large_is_not_read() -> None:
    assert refused("x" * MAX_BYTES) == []
    assert refused("x" * (300 * 1024)) == ["sales.yaml:1:1: expected at most 256 KiB"]


@pytest.mark.parametrize("text", ["[" * 500, "- " * 500, "{a: " * 60_000])
def test_deep_nesting_is_given_up_early(text: str) -> None:
    (problem,) = refused(text)
    assert problem.endswith(": nested more than 20 deep")


def test_twenty_levels_are_deep_enough_for_anybody() -> None:
    assert refused("[" * 20 + "]" * 20) == []


def test_a_bomb_of_aliases_is_counted_not_expanded() -> None:
    levels = "".join(f"b{n}: &b{n} [{f'*b{n - 1}, ' * 9}]\n" for n in range(1, 30))
    problems = refused("b0: &b0 [x]\n" + levels)
    assert len(problems) == MAX_PROBLEMS
    assert all("are refused: write it out" in problem for problem in problems)


@settings(max_examples=300)
@given(st.text(alphabet="ab:-?&*!|>'\"[]{},#%@ \t\n\r\x85\u2028\ufeff你\x00"))
def test_any_text_gives_a_node_or_a_problem_with_a_position(text: str) -> None:
    node, problems = parse(FILE, text.encode())
    assert node is not None or problems
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert "\n" not in str(problem)


@settings(max_examples=50)
@given(st.binary())
def test_any_bytes_give_a_node_or_a_problem(data: bytes) -> None:
    node, problems = parse(FILE, data)
    assert node is not None or problems
