"""How a measured call is conducted, and other settings to try."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from voicebot.bridge.settings import BargeIn, Profile, Prompt, Settings
from voicebot.errors import ConfigError

BACKCHANNEL: Final = (
    *("mm", "mm-hm", "mhm", "uh-huh", "yeah", "yes", "okay", "ok", "right"),
    *("i see", "sure", "嗯", "嗯嗯", "对", "好", "好的", "是的", "哦"),
)
# What is said, not set.
SPOKEN: Final = (Prompt, tuple[Prompt, ...], tuple[tuple[str, Profile], ...])

STOP_WORDS: Final = (
    *("wait", "stop", "hold on", "no", "one moment"),
    *("等等", "等一下", "停", "不对"),
)


def base_settings(*, greets: bool) -> Settings:
    """
    The bridge's defaults, with backchannel and stop words of two languages.

    Args:
        greets: whether the bot speaks first. Its greeting isn't rendered, so that
            the model speaks it, as it speaks every answer.
    """
    return Settings(
        greeting=Prompt("Good morning." if greets else ""),
        barge_in=BargeIn(backchannel=BACKCHANNEL, stop_words=STOP_WORDS),
    )


def overridden(settings: Settings, assignments: Iterable[str]) -> Settings:
    """
    Change settings by `key=value`, such as `barge_in.min_ms=200`.

    Raises:
        ConfigError: there is no such key, or the value isn't one of it.
    """
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set {assignment}: expected key=value")
        settings = _set(settings, key.split("."), text, key)
    return settings


def _set(table: Any, path: list[str], text: str, key: str) -> Any:
    hints = get_type_hints(type(table))
    names = [each.name for each in fields(table) if hints[each.name] not in SPOKEN]
    known = [each for each in names if each != "owner"]  # that is an option of its own
    name, *rest = path
    if name not in known:
        raise ConfigError(f"--set {key}: unknown key; known: {', '.join(known)}")
    value = getattr(table, name)
    if is_dataclass(value):
        if not rest:
            raise ConfigError(f"--set {key}: expected {key}.something=value")
        return replace(table, **{name: _set(value, rest, text, key)})
    if rest:
        raise ConfigError(f"--set {key}: {name} has no keys")
    return replace(table, **{name: _value(hints[name], text, key)})


def _value(hint: Any, text: str, key: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, UnionType) and NoneType in get_args(hint):
        if text in ("", "none"):
            return None
        return _value(next(a for a in get_args(hint) if a is not NoneType), text, key)
    if origin is Literal:
        if text not in get_args(hint):
            raise ConfigError(
                f"--set {key}: expected {' or '.join(get_args(hint))}, got {text!r}"
            )
        return text
    if hint is bool:
        if text not in ("true", "false"):
            raise ConfigError(f"--set {key}: expected true or false, got {text!r}")
        return text == "true"
    if hint == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return _number(hint, text, key)


def _number(kind: type[int] | type[float], text: str, key: str) -> int | float:
    try:
        number = kind(text)
    except ValueError:
        number = -1
    if not 0 <= number < 1e9:  # nan isn't, either
        what = "a whole number" if kind is int else "a number"
        raise ConfigError(f"--set {key}: expected {what} from 0 on, got {text!r}")
    return number
