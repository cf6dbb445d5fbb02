"""The formats of files, as editors and people are told of them."""

import json
import re
from pathlib import Path
from typing import Any, Literal

import pytest

from voicebot.dialplan.load import load
from voicebot.dialplan.schema import Kind, json_schema, reference, table
from voicebot.dialplan.section import Section
from voicebot.dialplan.source import Node
from voicebot.dialplan.values import Flag, Line

DOCS = Path(__file__).parents[2] / "docs" / "dialplans.md"


def written_reference(kind: str, text: str) -> str:
    begin, end = f"<!-- reference: {kind} -->\n", "<!-- end -->"
    return text.partition(begin)[2].partition(end)[0].strip()


def with_reference(kind: str, table: str, text: str) -> str:
    """Put a table where it belongs: to write the docs anew."""
    begin = f"<!-- reference: {kind} -->\n"
    before, _, after = text.partition(begin)
    return f"{before}{begin}{table}\n{after[after.index('<!-- end -->') :]}"


@pytest.mark.parametrize("kind", ["dialplan", "persona", "action"])
def test_the_reference_in_the_docs_is_generated(
    kind: Literal["dialplan", "persona", "action"],
) -> None:
    text = DOCS.read_text(encoding="utf-8")
    # python -m tests.dialplan.test_schema writes it anew.
    assert written_reference(kind, text) == reference(kind)


@pytest.mark.parametrize("kind", ["dialplan", "persona", "action"])
def test_the_reference_explains_every_key_of_ours(
    kind: Literal["dialplan", "persona", "action"],
) -> None:
    rows = reference(kind).splitlines()[2:]
    assert len({row.split("|")[1] for row in rows}) == len(rows)
    assert not any("None" in row for row in rows)
    assert [row for row in rows if row.endswith("|  |")] == []


class Some(Section):
    """Keys of kinds that no file has today."""

    either: Flag | Line
    """This or that."""

    word: Literal["only"] = "only"


def test_a_table_knows_kinds_that_may_come() -> None:
    assert table(Some, {}).splitlines()[2:] == [
        "| `either` | `true`, `false`; or text, up to 200 | required | This or that. |",
        "| `word` | `only` | `only` |  |",
    ]


@pytest.mark.parametrize("kind", ["dialplan", "persona", "mixin"])
def test_a_schema_has_no_dangling_references_and_nothing_of_ours(kind: Kind) -> None:
    schema = json_schema(kind)
    text = json.dumps(schema)
    for ref in re.findall(r"#/\$defs/([A-Za-z_]+)", text):
        assert ref in schema["$defs"]
    assert "x-expected" not in text
    assert schema["additionalProperties"] is False


def test_a_persona_may_inherit_what_is_required_and_append_to_lists() -> None:
    schema = json_schema("persona")
    assert {"required": ["extends"]} in schema["anyOf"]
    assert "required" not in schema["$defs"]["Greeting"]
    assert schema["$defs"]["Faq"]["required"] == ["q", "a"]
    assert schema["properties"]["facts+"] == schema["properties"]["facts"]
    assert "mixins+" not in schema["properties"]
    assert "id" not in schema["properties"]
    assert "anyOf" not in json_schema("mixin")
    assert "extends" not in json_schema("mixin")["properties"]


def test_defaults_are_as_files_have_them() -> None:
    sections = json_schema("persona")["$defs"]
    assert sections["Limits"]["properties"]["idle"]["default"] == "20s"
    assert sections["BargeIn"]["properties"]["min_ms"]["default"] == "100ms"
    assert "default" not in sections["Listening"]["properties"]["end_silence"]


def test_a_list_of_one_may_be_written_without_its_brackets() -> None:
    to = json_schema("dialplan")["$defs"]["Match"]["properties"]["to"]
    one, several = to["anyOf"]
    assert one == several["items"]


def accepts(schema: dict[str, Any], node: Node, root: dict[str, Any]) -> bool:
    """As much of JSON Schema as tells known keys from unknown ones."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    ways = schema.get("oneOf") or ("properties" not in schema and schema.get("anyOf"))
    if ways:
        return any(accepts(way, node, root) for way in ways)
    match node.value:
        case dict(items) if "properties" in schema:
            known = schema["properties"]
            return all(
                key in known and accepts(known[key], item, root)
                for key, item in items.items()
            )
        case str(text) if "pattern" in schema:
            return re.search(schema["pattern"], text) is not None
        case str(text) if "enum" in schema:
            return text in schema["enum"]
        case str():
            return schema.get("type") == "string"
        case _:
            return schema.get("type") != "string"


@pytest.mark.parametrize("persona", ["clinic", "helpdesk", "hotel"])
def test_the_samples_are_as_the_schema_says(persona: str) -> None:
    schema = json_schema("persona")
    tree = load(DOCS.parents[1] / "dialplans").trees[persona]
    assert accepts(schema, tree, schema)


if __name__ == "__main__":
    old = DOCS.read_text(encoding="utf-8")
    kinds: tuple[Literal["dialplan", "persona", "action"], ...]
    kinds = ("dialplan", "persona", "action")
    for each in kinds:
        old = with_reference(each, reference(each), old)
    DOCS.write_text(old, encoding="utf-8")
