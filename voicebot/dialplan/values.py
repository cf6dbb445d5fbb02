"""The kinds of value that stand in dialplan files, each refusing what it is not."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from voicebot.dialplan.migrate import VERSION

E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")  # Source: ITU-T E.164, 6.1
PREFIX: Final = re.compile(r"\+[1-9][0-9]{0,13}\*")
LABEL: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")  # BCP 47
VOICE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
HEADER: Final = re.compile(r"X-[A-Za-z0-9-]{1,60}")
DURATION: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m)")
MONEY: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
UNIT_MS: Final = {"ms": 1, "s": 1000, "m": 60_000}
UNSPEAKABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")

PLACE: Final = re.compile(
    r"\{\{ *(?P<name>[a-z][a-z0-9_-]{0,63}) *(?:\|(?P<fallback>[^{}\n]{0,200}))?\}\}"
)
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

ANONYMOUS: Final = "anonymous"
EXPECTED: Final = "x-expected"  # in a JSON Schema: what our own error says


def word(pattern: re.Pattern[str], expected: str) -> BeforeValidator:
    """Text that looks like this, and nothing that merely turns into it."""

    def check(value: object) -> str:
        if isinstance(value, str) and pattern.fullmatch(value):
            return value
        raise PydanticCustomError("word", "expected {what}", {"what": expected})

    schema = {"type": "string", "pattern": f"^({pattern.pattern})$"}
    return _checked(check, schema, expected)


def _checked(
    check: Callable[[object], Any], schema: dict[str, Any], expected: str
) -> BeforeValidator:
    """Give a check its JSON Schema, and say in it what is expected."""
    told = WithJsonSchema({**schema, EXPECTED: expected})
    return BeforeValidator(check, json_schema_input_type=Annotated[Any, told])


def duration(
    low: str, high: str, unit: str, *, bare: bool = False, word: str = ""
) -> BeforeValidator:
    """
    A duration between two others, as a number of `unit`.

    Args:
        bare: for keys that name their unit: a whole number is a duration, too.
        word: what stands for None, if anything does.
    """
    low_ms, high_ms = _milliseconds(low), _milliseconds(high)
    said = f"expected {word + ' or ' if word else ''}a duration of {low} to {high}"
    message = said if bare else f"{said}, with its unit (ms, s or m)"

    def check(value: object) -> float | None:
        if word and value == word:
            return None
        text = f"{value}{unit}" if bare and type(value) is int else value
        if isinstance(text, str) and DURATION.fullmatch(text):
            ms = _milliseconds(text)
            if low_ms <= ms <= high_ms:
                return round(ms) if unit == "ms" else ms / UNIT_MS[unit]
        raise PydanticCustomError("duration", message)

    units: dict[str, Any] = {"type": "string", "pattern": f"^({DURATION.pattern})$"}
    ways = [units]
    ways += [{"type": "integer", "minimum": 0}] if bare else []
    ways += [{"const": word}] if word else []
    either = f"{low} to {high}" + (f", or `{word}`" if word else "")
    return _checked(check, {"anyOf": ways} if ways[1:] else units, either)


def money(
    low: str, high: str, what: str = "yuan", such_as: str = "2.50"
) -> BeforeValidator:
    """An amount, of yuan say, between two others, as a whole number of millionths."""
    low_ucny, high_ucny = _millionths(low), _millionths(high)
    message = f"expected {what}, {low} to {high}, such as {such_as}"

    def check(value: object) -> int:
        # What was written: a float of a file has few digits, and says them all.
        text = str(value) if isinstance(value, str | int | float) else ""
        if MONEY.fullmatch(text) and low_ucny <= _millionths(text) <= high_ucny:
            return _millionths(text)
        raise PydanticCustomError("money", message)

    ways: list[dict[str, Any]] = [
        {"type": "number", "minimum": float(low)},
        {"type": "string", "pattern": f"^({MONEY.pattern})$"},
    ]
    return _checked(check, {"anyOf": ways}, f"{what}, {low} to {high}")


def _millionths(yuan: str) -> int:
    whole, _, part = yuan.partition(".")
    return int(whole + f"{part:0<6}")


def _milliseconds(text: str) -> float:
    match = DURATION.fullmatch(text)
    assert match, text
    return float(match[1]) * UNIT_MS[match[2]]


def _speakable(text: str) -> str:
    if UNSPEAKABLE.search(text):
        raise PydanticCustomError("control", "expected text without control characters")
    return text


def this_version(value: object) -> object:
    """Refuse all but 2; 2.0, which equals it, too."""
    if type(value) is int and value == VERSION:
        return value
    raise PydanticCustomError("version", "expected {ours}", {"ours": VERSION})


def filled(value: object) -> object:
    """Refuse an empty list."""
    if value == []:
        raise PydanticCustomError("empty", "expected at least one")
    return value


def listed(value: object) -> object:
    """Allow a list of one to be written without its brackets; refuse one of none."""
    return [value] if isinstance(value, str | int | float) else filled(value)


def as_text(value: object) -> object:
    """Take a bare number, true or false for the text that it is."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


SPEAKABLE: Final = AfterValidator(_speakable)

Flag = Annotated[bool, Field(strict=True)]

# Text that is not blank, without its margins.
Line = Annotated[str, StringConstraints(True, min_length=1, max_length=200), SPEAKABLE]
Speech = Annotated[
    str, StringConstraints(True, min_length=1, max_length=1000), SPEAKABLE
]
Prose = Annotated[
    str, StringConstraints(True, min_length=1, max_length=20_000), SPEAKABLE
]

Language = Annotated[str, word(LANGUAGE, "a language tag such as en, zh or en-US")]
Phone = Annotated[str, word(E164, "a phone number such as '+12025550123'")]
Label = Annotated[str, word(LABEL, "a name of a-z, 0-9, - and _, with a letter first")]
Callee = Annotated[
    str,
    word(
        re.compile(f"{E164.pattern}|{LABEL.pattern}"),
        "the label of a number, or a phone number such as '+12025550123'",
    ),
]
Caller = Annotated[
    str,
    word(
        re.compile(f"{E164.pattern}|{PREFIX.pattern}|{ANONYMOUS}"),
        "a phone number such as '+12025550123', the beginning of one such as "
        "'+44*', or anonymous",
    ),
]
Voice = Annotated[str, word(VOICE, "the id of a voice, such as linjiajiejie")]
