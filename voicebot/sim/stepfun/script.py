"""A mind that follows a script: deterministic, and needs no engine."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import yaml

from voicebot.errors import ConfigError
from voicebot.sim.stepfun.babble import babble
from voicebot.sim.stepfun.mind import Call, Reply, Utterance
from voicebot.sim.stepfun.wit import verbatim


@dataclass(frozen=True, slots=True)
class Line:
    """One turn of the caller, and the answer to it."""

    hear: str
    """What is understood, whatever the caller's audio was."""
    say: str = ""
    reply_after_ms: int = 0
    """Extra time before the answer begins."""
    call: str | None = None
    """A function to call after `say`."""
    arguments: dict[str, Any] = field(default_factory=dict)
    then: str = "All right."
    """What is said when the function's output is there."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """The lines of a conversation, in order."""

    lines: tuple[Line, ...]
    otherwise: str = "Is there anything else?"
    """What is said when no line fits."""

    @classmethod
    def load(cls, path: Path) -> "Scenario":
        """
        Read a scenario from YAML: a list of lines, each a table of Line's members.

        Raises:
            ConfigError: it can't be read, or isn't such a list.
        """
        try:
            value = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
            raise ConfigError(f"{path}: {exc}") from exc
        if not isinstance(value, list):
            raise ConfigError(f"{path}: expected a list of lines")
        return cls(tuple(_line(item, f"{path}: {n}") for n, item in enumerate(value)))


def _line(value: Any, where: str) -> Line:
    kinds = {
        "hear": str,
        "say": str,
        "reply_after_ms": int,
        "call": str,
        "arguments": dict,
        "then": str,
    }
    if not isinstance(value, dict) or "hear" not in value:
        raise ConfigError(f"{where}: expected a table with 'hear'")
    for key, item in value.items():
        if key not in kinds:
            raise ConfigError(f"{where}.{key}: unknown key; known: {', '.join(kinds)}")
        if not isinstance(item, kinds[key]):
            raise ConfigError(f"{where}.{key}: expected {kinds[key].__name__}")
    return Line(**value)


class ScriptedMind:
    """
    Hears and says what a scenario tells, in its order.

    Where the conversation stands is read from its history, so that it goes on in a
    second session into which the history was carried. A request to say given words
    is obeyed and doesn't count as a line.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario

    def hear(self, pcm16: bytes, history: Sequence[Utterance]) -> str:
        upcoming = self._scenario.lines[self._next(history) :]
        return upcoming[0].hear if upcoming else ""

    def answer(self, instructions: str, history: Sequence[Utterance]) -> Reply:
        last = history[-1] if history else Utterance("system", "")
        line = self._current(history)
        if last.role == "tool":
            return Reply(line.then if line else last.text)
        if not last.spoken and (words := verbatim(last.text)):
            return Reply(words)
        if line is None or last.role == "user" and last.text != line.hear:
            return Reply(self._scenario.otherwise)
        arguments = orjson.dumps(line.arguments).decode()
        call = Call(line.call, arguments) if line.call else None
        return Reply(line.say, line.reply_after_ms, call)

    def speak(self, text: str, voice: str, language: str) -> bytes:
        return babble(text)

    def _current(self, history: Sequence[Utterance]) -> Line | None:
        number = self._next(history)
        return self._scenario.lines[number - 1] if number else None

    def _next(self, history: Sequence[Utterance]) -> int:
        """Count the lines that are behind us."""
        lines = self._scenario.lines
        number = 0
        for utterance in history:
            if utterance.role != "user":
                continue
            for later in range(number, len(lines)):
                if lines[later].hear == utterance.text:
                    number = later + 1
                    break
        return number
