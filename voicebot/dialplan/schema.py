"""
The formats of our files, for others: JSON Schema for editors, tables for people.

Both come from the models that check the files, so they cannot say anything else.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from voicebot.dialplan.actions import Action
from voicebot.dialplan.effective import shown
from voicebot.dialplan.language import own_words
from voicebot.dialplan.model import DialplanFile
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.section import Section
from voicebot.dialplan.tree import APPEND, OWN
from voicebot.dialplan.validate import sections_in
from voicebot.dialplan.values import EXPECTED, listed

Kind: TypeAlias = Literal["dialplan", "persona", "mixin"]
Schema: TypeAlias = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
REF: Final = "#/$defs/"
UNITS: Final = ("_ms", "_s")

# Sections that have a table of their own, and how others name them.
APART: Final = {"Action": "an [action](#actions)"}


def json_schema(kind: Kind) -> Schema:
    """
    Return the JSON Schema of a kind of file.

    It is for completion and hints while typing: `voicebot check` knows more.
    """
    schema = _schema(DialplanFile if kind == "dialplan" else Persona)
    if kind != "dialplan":
        _as_persona(schema, mixin=kind == "mixin")
    return {"$schema": DIALECT, **_stripped(schema), "title": f"voicebot {kind}"}


def reference(kind: Literal["dialplan", "persona", "action"]) -> str:
    """Return a Markdown table of every key of a kind of file, or of an action."""
    if kind == "dialplan":
        return table(DialplanFile, {})
    if kind == "action":
        return table(Action, {})
    return table(Persona, own_words({}))


def table(model: type[Section], own: dict[str, dict[str, Any]]) -> str:
    """
    Return a Markdown table of every key of a model.

    Args:
        own: sections and keys whose default depends on the language.
    """
    schema = _schema(model)
    schema["properties"].pop("id", None)
    rows = [
        f"| `{key}` | {kind_} | {_default(key, given, own)} | {meaning} |"
        for key, kind_, given, meaning in _Rows(schema).below(schema, "")
    ]
    return "\n".join(["| Key | Type | Default | Meaning |", "|---|---|---|---|", *rows])


class _Generator(GenerateJsonSchema):
    """Knows that a list of one may be written without its brackets."""

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        given = super().function_before_schema(schema)
        if schema["function"]["function"] is listed and "items" in given:
            return {"anyOf": [given["items"], given]}
        return given


def _schema(model: type[Section]) -> Schema:
    schema = model.model_json_schema(schema_generator=_Generator)
    schema.setdefault("$defs", {})
    _defaults(schema, model)
    for section in _all_sections(model):
        _defaults(schema["$defs"][section.__name__], section)
    return schema


def _defaults(schema: Schema, model: type[BaseModel]) -> None:
    """Write defaults as files have them, and leave out those of whole sections."""
    for name, field in model.model_fields.items():
        given = schema["properties"].get(field.alias or name, {})
        if "default" not in given:
            continue
        default = field.default
        if default is None or isinstance(default, Section | tuple | dict):
            del given["default"]
        elif name.endswith(UNITS):
            given["default"] = shown(name, default)


def _all_sections(model: type[Section]) -> list[type[Section]]:
    found: dict[type[Section], None] = {}
    waiting = [model]
    while waiting:
        for field in waiting.pop().model_fields.values():
            new = [x for x in sections_in(field.annotation) if x not in found]
            found |= dict.fromkeys(new)
            waiting += new
    return list(found)


def _as_persona(schema: Schema, *, mixin: bool) -> None:
    """Let keys be inherited, and `key+` append to a list."""
    properties = schema["properties"]
    for key in ("id", *(OWN if mixin else ())):
        del properties[key]
    own = own_words({})
    needs = [key for key in schema.pop("required") if key not in ("id", *own)]
    if not mixin:
        ways = [needs, ["extends"], ["mixins"], ["abstract"]]
        schema["anyOf"] = [{"required": way} for way in ways]
    facts = properties["facts"]
    facts["items"] = {"anyOf": [facts["items"], {"type": "object", "maxProperties": 1}]}
    for part in _parts(schema, schema):
        part.pop("required", None)
        lists = {
            f"{key}{APPEND}": given
            for key, given in part["properties"].items()
            if given.get("type") == "array" and key not in OWN
        }
        part["properties"] |= lists


def _parts(schema: Schema, root: Schema) -> Iterator[Schema]:
    """Find the sections that several files may write together."""
    yield schema
    for given in list(schema["properties"].values()):
        if "$ref" in given:
            yield from _parts(_target(given, root), root)


def _target(given: Schema, root: Schema) -> Schema:
    found: Schema = root["$defs"][given["$ref"].removeprefix(REF)]
    return found


def _stripped(schema: Any, *, names: bool = False) -> Any:
    """Leave out what only we read: titles that repeat keys, our own words."""
    if isinstance(schema, list):
        return [_stripped(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _stripped(value, names=key in ("properties", "$defs") and not names)
        for key, value in schema.items()
        if names or key not in ("title", EXPECTED)
    }


# ---- tables --------------------------------------------------------------------

Row: TypeAlias = tuple[str, str, str | None, str]


class _Rows:
    """The rows of a table. A section that stands in several places is told once."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._told: dict[str, str] = {}

    def below(self, schema: Schema, path: str) -> Iterator[Row]:
        required = schema.get("required", ())
        for key, given in schema.get("properties", {}).items():
            default = given.get("default")
            text = "required" if key in required else None
            if default not in (None, ""):
                text = f"`{_literal(default)}`"
            meaning = " ".join(given.get("description", "").split())
            yield from self._row(f"{path}{key}", given, text, meaning)

    def _row(
        self, path: str, given: Schema, default: str | None, meaning: str
    ) -> Iterator[Row]:
        given = _plain(given)
        if "$ref" in given:
            yield from self._section(path, given, default, meaning)
        elif given.get("type") == "array" and _refs(given["items"]):
            ways = _refs(given["items"])
            told = self._already(ways, f"{path}[]")
            kind = _list_of("list", given) + (f", each {told}" if told else "")
            yield path, kind, default, meaning
            for way in () if told else ways:
                yield from self.below(_target(way, self._root), f"{path}[].")
        elif ways := _refs(given):
            told = self._already(ways, path)
            yield path, told or "exactly one of the next", default, meaning
            rows: dict[str, Row] = {}  # what two of them have in common: once
            for way in () if told else ways:
                for row in self.below(_target(way, self._root), f"{path}."):
                    rows.setdefault(row[0], _optional(row, path))
            yield from rows.values()
        elif values := _values(given):
            yield from self._row(f"{path}.<name>", values, default, meaning)
        else:
            yield path, _type(given), default, meaning
            for way in given.get("oneOf", ()):
                if "$ref" in way:
                    yield from self.below(_target(way, self._root), f"{path}.")

    def _section(
        self, path: str, given: Schema, default: str | None, meaning: str
    ) -> Iterator[Row]:
        section = _target(given, self._root)
        said = meaning or " ".join(section.get("description", "").split())
        if told := self._already([given], path):
            yield path, told, default, said
            return
        if default == "required" or meaning or not section.get("properties"):
            kind = "keys" if section.get("properties") else "`{}`"
            yield path, kind, default, said
        yield from self.below(section, f"{path}.")

    def _already(self, ways: list[Schema], path: str) -> str | None:
        """Say where the same stands, if it was told before; remember it if not."""
        first = ways[0]["$ref"]
        if first.removeprefix(REF) in APART:
            return APART[first.removeprefix(REF)]
        before = self._told.setdefault(first, path)
        return None if before == path else f"as `{before}`"


def _optional(row: Row, path: str) -> Row:
    """Call no key required that is one of several."""
    key, kind, needed, meaning = row
    is_one = needed == "required" and "." not in key[len(path) + 1 :]
    return key, kind, None if is_one else needed, meaning


def _literal(value: object) -> object:
    """Write true and false as YAML does."""
    return str(value).lower() if isinstance(value, bool) else value


def _plain(given: Schema) -> Schema:
    """Take `x or null` for x: nobody writes null."""
    ways = [way for way in given.get("anyOf", ()) if way.get("type") != "null"]
    return ways[0] if len(ways) == 1 else given


def _refs(given: Schema) -> list[Schema]:
    """Return the sections that may stand here."""
    ways = given.get("oneOf") or given.get("anyOf") or [given]
    return ways if all("$ref" in way for way in ways) else []


def _values(given: Schema) -> Schema | None:
    """Return what the values of a map are like."""
    maps = [*given.get("patternProperties", {}).values()]
    maps += [given[key] for key in ("additionalProperties",) if given.get(key)]
    return maps[0] if maps else None


def _type(given: Schema) -> str:
    match given:
        case {"x-expected": str(said)}:
            return said
        case {"enum": list(words)} | {"const": words}:
            words = words if isinstance(words, list) else [words]
            return ", ".join(f"`{_literal(word)}`" for word in words)
        case {"anyOf": [one, {"type": "array", "items": items} as several]} if (
            one == items
        ):
            return f"{_type(one)}; or {_list_of('a list', several)} of these"
        case {"anyOf": list(ways)} | {"oneOf": list(ways)}:
            return "; or ".join(map(_type, ways))
        case {"type": "array", "items": dict(items)}:
            return f"{_list_of('list', given)}, of: {_type(items)}"
        case {"$ref": str()}:
            return "keys"
        case {"type": "boolean"}:
            return "`true`, `false`"
        case {"type": "integer" | "number", "minimum": low, "maximum": high}:
            return f"{low} to {high}"
        case {"type": "integer" | "number"}:
            return "number"
        case _:
            most = given.get("maxLength")
            return f"text, up to {most:,}" if most else "text"


def _list_of(text: str, given: Schema) -> str:
    most = given.get("maxItems")
    return f"{text} of up to {most:,}" if most else text


def _default(key: str, given: str | None, own: dict[str, dict[str, Any]]) -> str:
    section, _, name = key.partition(".")
    if name in own.get(section, {}):
        return "in `language`"
    if not name and section in own:
        return ""
    return given or ""
