"""Broken dialplan files: mistakes that people make, and what attackers try.

Written by hand where the mistake is in how files hang together or in the YAML;
generated from the schema otherwise: every key of a file with values that it refuses.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES
from voicebot.dialplan.schema import json_schema

PLAN = NUMBERS + ROUTES


@dataclass(frozen=True, slots=True)
class Broken:
    """A folder that is refused, and what a problem must name."""

    why: str
    names: str
    plan: str = PLAN
    desk: str | bytes = PERSONA
    mixin: str = ""


BOMB = "b0: &b0 [x]\n" + "".join(
    f"b{n}: &b{n} [{f'*b{n - 1}, ' * 9}]\n" for n in range(1, 30)
)

BY_HAND = (
    # YAML
    Broken("alias bomb", "anchors (&name) are refused", desk=PERSONA + BOMB),
    Broken("alias", "aliases (*name) are refused", desk=PERSONA + "limits: *x\n"),
    Broken("merge key", "<<", desk=PERSONA + "<<: {title: x}\n"),
    Broken("tag", "tags (!name) are refused", desk=PERSONA + "owner: !!str x\n"),
    Broken("python tag", "tags (!name)", desk=PERSONA + "owner: !!python/name:os.x\n"),
    Broken("256 KiB + 1", "at most 256 KiB", desk=b"#" * (256 * 1024 + 1)),
    Broken("depth 21", "nested more than 20 deep", desk=f"a: {'[' * 21}{']' * 21}"),
    Broken("100 000 brackets", "nested more than 20 deep", desk="[" * 100_000),
    Broken("duplicate key", "duplicate key", desk=PERSONA + "title: Again\n"),
    Broken("tab", "a tab in the indentation", desk=PERSONA + "limits:\n\tidle: 5s\n"),
    Broken("full-width colon", "ASCII colon", desk=PERSONA + "owner：花\nfacts: []\n"),
    Broken("NUL", "control character U+0000", desk=PERSONA.encode() + b"\0"),
    Broken("escape", "control character U+001B", desk=PERSONA + "# \x1b[2J\n"),
    Broken("latin-1", "UTF-8", desk=PERSONA.encode() + b"owner: J\xf6rg\n"),
    Broken("UTF-16", "UTF-8", desk=PERSONA.encode("utf-16")),
    Broken("open quote", "never closed", desk=PERSONA + "owner: 'x\n"),
    Broken("open bracket", "not closed", desk=PERSONA + "keyterms: [a\nowner: b\n"),
    Broken("open brace", "not closed", desk=PERSONA + "limits: {idle: 5s\nowner: b\n"),
    Broken("two documents", "one document", desk=PERSONA + "---\ntitle: x\n"),
    Broken("colon in text", "needs quotes", desk=PERSONA + "owner: a: b\n"),
    Broken("key without colon", "colon missing", desk=PERSONA + "owner\n"),
    Broken("indentation", "indentation", desk=PERSONA + " owner: x\n"),
    Broken("list as file", "expected keys and values", desk="- a\n"),
    Broken("text as file", "expected keys and values", desk="hello\n"),
    Broken("empty file", "the file is empty", desk=""),
    Broken("only comments", "the file is empty", desk="# later\n"),
    Broken("structure as key", "word as key", desk=PERSONA + "[a]: b\n"),
    # traps of YAML 1.1
    Broken("bare no", "keyterms[0]", desk=PERSONA + "keyterms: [no]\n"),
    Broken("bare off", "barge_in.mode", desk=PERSONA + "barge_in: {mode: off}\n"),
    Broken("17:30", "limits.idle", desk=PERSONA + "limits: {idle: 17:30}\n"),
    Broken("seconds", "with its unit", desk=PERSONA + "limits: {idle: 20}\n"),
    Broken("blank before unit", "limits.idle", desk=PERSONA + "limits: {idle: 5 s}\n"),
    Broken("short number", "phone number", plan=PLAN.replace("+12025550100", "+1555…")),
    Broken("number without +", "e164", plan=PLAN.replace('"+12025550100"', "12025550")),
    Broken("number with blanks", "e164", plan=PLAN.replace("+1202", "+1 202 ")),
    Broken("two same numbers", "stands on line", plan=PLAN.replace("0120", "0100")),
    Broken("version 2", "version", plan=PLAN.replace("version: 1", "version: 2")),
    Broken("version as text", "version", plan=PLAN.replace(": 1\n", ": '1'\n", 1)),
    Broken("no routes", "routes", plan=NUMBERS + "routes: []\n"),
    Broken("nobody", "there is no persona 'dsk'", plan=PLAN.replace("desk}", "dsk}")),
    Broken(
        "two actions", "exactly one", plan=PLAN.replace("desk}", "desk, reject: x}")
    ),
    Broken("unreachable", "never reached", plan=PLAN + ROUTES[8:].replace("def", "x")),
    # inheritance
    Broken("extends nobody", "extends", desk="extends: nobody\n" + PERSONA),
    Broken("extends itself", "a chain that ends", desk="extends: desk\n" + PERSONA),
    Broken("mixes nothing", "mixins[0]", desk="mixins: [nothing]\n" + PERSONA),
    Broken(
        "mixin no list", "mixins", desk="mixins: calm\n" + PERSONA, mixin="owner: x"
    ),
    Broken("mixin extends", "extends", mixin="extends: desk\n"),
    Broken("mistake in a mixin", "mixins/calm.yaml", mixin="limits: {idle: 5}\n"),
    Broken("empty mixin", "the file is empty", mixin="\n"),
    Broken("append text", "facts+", desk=PERSONA + "facts+: one\n"),
    Broken(
        "append and replace", "got both", desk=PERSONA + "facts: [a]\nfacts+: [b]\n"
    ),
    Broken("append to text", "title+", desk=PERSONA + "title+: [b]\n"),
    Broken("append to nothing", "+", desk=PERSONA + "+: [b]\n"),
    Broken("only an abstract one", "desk", desk="abstract: true\n" + PERSONA),
    Broken("id", "the name of its file", desk="id: desk\n" + PERSONA),
    # variables
    Broken("undeclared", "no variable 'name'", desk=PERSONA + "facts: ['{{name}}']\n"),
    Broken("brace", "expected {{name}}", desk=PERSONA + "facts: ['{{Name}}']\n"),
    Broken("open place", "expected {{name}}", desk=PERSONA + "facts: ['{{name']\n"),
    Broken("logic", "expected {{name}}", desk=PERSONA + "facts: ['{{#if x}}']\n"),
    Broken("place in a title", "not filled in", desk=PERSONA + "owner: '{{x}}'\n"),
    Broken(
        "no value",
        "may have no value",
        desk=PERSONA + "vars: {x: {from: lookup}}\nfacts: ['{{x}}']\n",
    ),
    Broken("required", "vars.x", desk=PERSONA + "vars: {x: {required: true}}\n"),
    Broken("header", "vars.x.header", desk=PERSONA + "vars: {x: {from: header}}\n"),
    Broken("no header", "vars.x.header", desk=PERSONA + "vars: {x: {header: X-A}}\n"),
    Broken(
        "default of another type",
        "vars.x.default",
        desk=PERSONA + "vars: {x: {type: date, default: 2027-02-30}}\n",
    ),
    # a director
    Broken(
        "director without a name",
        "director.actions",
        desk=PERSONA + "director: {actions: [{when: x, do: goodbye}]}\n",
    ),
    Broken(
        "director with a number",
        "director.actions.a.do",
        desk=PERSONA + "director: {actions: {a: {when: x, do: {dial: '+1'}}}}\n",
    ),
    Broken(
        "director and nobody's tool",
        "there is no tool 'human'",
        desk=PERSONA + "director: {actions: {a: {when: x, tool: human}}}\n",
    ),
    Broken(
        "director told by the caller",
        "director.actions.a.when",
        desk=PERSONA + "vars: {x: {from: caller, default: y}}\n"
        "director: {actions: {a: {when: '{{x}}', do: goodbye}}}\n",
    ),
    # privacy
    Broken(
        "nothing that is private",
        "privacy.redact[0]",
        desk=PERSONA + "privacy: {redact: [birthdays]}\n",
    ),
    Broken(
        "kept out and kept",
        "privacy.redact",
        desk=PERSONA + "privacy: {redact: [phone], store: all}\n",
    ),
    Broken(
        "no words but their sound",
        "privacy.store",
        desk=PERSONA + "privacy: {store: metadata}\nrecording: {mode: always}\n",
    ),
    # one key against another
    Broken(
        "never confirmed", "barge_in.min_ms", desk=PERSONA + "barge_in: {min_ms: 2s}\n"
    ),
    Broken(
        "ignored and obeyed",
        "backchannel already",
        desk=PERSONA + "barge_in: {backchannel: [ok], stop_words: [OK]}\n",
    ),
    Broken(
        "endless prompt",
        "at most 32,000",
        desk=PERSONA + "facts:\n" + "- " + "x " * 9999 + "\n- " + "y " * 9999 + "\n",
    ),
)

REFUSED = ("[]", "{}", "[[x]]", "{x: 1}", "~", "no", "17", "-1.5", "'\\x1b'", '"\\e"')


def cases() -> Iterator[Broken]:
    yield from BY_HAND
    yield from _cut_short()
    yield from _of_keys("desk", json_schema("persona"), PERSONA)
    yield from _of_keys("plan", json_schema("dialplan"), PLAN)
    yield from _misspelt()


def _cut_short() -> Iterator[Broken]:
    """A file whose end isn't written yet; none of these is whole by chance."""
    data = PERSONA.encode()
    for percent in range(0, 90, 5):
        cut = data[: len(data) * percent // 100]
        yield Broken(f"cut at {percent} %", "desk.yaml", desk=cut)


def _of_keys(file: str, schema: dict[str, Any], good: str) -> Iterator[Broken]:
    for path, given in _leaves(schema, schema, ()):
        for value in REFUSED:
            if _may_pass(given, value):
                continue
            text = _with(good, path, value)
            why = f"{file}: {'.'.join(path)}: {value}"
            if file == "plan":
                yield Broken(why, path[0], plan=text)
            else:
                yield Broken(why, path[0], desk=text)


def _misspelt() -> Iterator[Broken]:
    schema = json_schema("persona")
    for path, _ in _leaves(schema, schema, ()):
        wrong = (*path[:-1], path[-1][::-1] + "x")
        text = _with(PERSONA, wrong, "x")
        yield Broken(f"unknown {'.'.join(wrong)}", "unknown key", desk=text)


def _leaves(
    schema: dict[str, Any], root: dict[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for key, given in schema["properties"].items():
        if key.endswith("+"):
            continue
        yield (*path, key), given
        if "$ref" in given:
            target = root["$defs"][given["$ref"].rpartition("/")[2]]
            yield from _leaves(target, root, (*path, key))


def _with(good: str, path: tuple[str, ...], value: str) -> str:
    """The file, with a value in place of what it says for a key."""
    head = f"{path[0]}:"
    kept: list[str] = []
    skipping = False
    for line in good.splitlines():
        skipping = line.startswith(head) or (skipping and line.startswith(" "))
        if not skipping:
            kept.append(line)
    nested = value
    for key in reversed(path[1:]):
        nested = f"{{{key}: {nested}}}"
    return "\n".join([*kept, f"{head} {nested}", ""])


def _may_pass(given: dict[str, Any], value: str) -> bool:
    """Whether a value may be good here; rather too often than too seldom."""
    if "$ref" in given or given.get("type") == "object":
        return value in ("{}", "{x: 1}") or "properties" in given
    ways = [given, *given.get("anyOf", ())]
    types = {way.get("type") for way in ways}
    if "array" in types and value in ("[]", "~"):
        return value == "[]" or "null" in types
    if "null" in types and value == "~":
        return True
    if "boolean" in types and value == "no":
        return True
    if types & {"integer", "number"} and value in ("17", "-1.5"):
        return True
    text = "string" in types and not any("enum" in w or "pattern" in w for w in ways)
    return text and value in ("'\\x1b'", "17", "-1.5", "no") and value == "'\\x1b'"
