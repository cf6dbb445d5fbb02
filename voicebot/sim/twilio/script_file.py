"""
Reads a caller's script from a YAML file.

    steps:
      - say: hello.wav              # when the bot has spoken and is quiet
        wait_quiet_ms: 700
      - interrupt: sorry.wav        # into the bot's words
        after_ms: 1500
      - keys: "12#"
      - wait_ms: 500
      - hang_up: true
        wait_quiet_ms: 1000

Files are found next to the script. `say` and `interrupt` also take `label` and
`timeout_ms`; a label is the file's name unless another is given. Who reads a script may
let it say words, too: what doesn't end with `.wav`. `weight: 3` beside `steps` is for
`voicebot load`: so many parts of the callers do this.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from voicebot.errors import ConfigError
from voicebot.sim.twilio.files import cannot_read
from voicebot.sim.twilio.script import (
    TIMEOUT_MS,
    HangUp,
    Interrupt,
    Keys,
    Say,
    Script,
    Step,
    Wait,
)

MAX_MS: Final = 600_000
MAX_WEIGHT: Final = 1000
OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    "say": frozenset({"label", "wait_quiet_ms", "timeout_ms"}),
    "interrupt": frozenset({"label", "after_ms", "timeout_ms"}),
    "keys": frozenset({"wait_quiet_ms", "timeout_ms"}),
    "wait_ms": frozenset(),
    "hang_up": frozenset({"wait_quiet_ms", "timeout_ms"}),
}
TOP: Final = frozenset({"steps", "weight"})
NUMBER: Final = re.compile(r"step ([0-9]+): ")

Voices = Callable[[Path], bytes]
"""Reads a WAV file as μ-law; may raise ConfigError."""

Speak = Callable[[str], bytes]
"""Says words, as μ-law."""


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """All that stands in a file."""

    steps: tuple[Step, ...]
    at: str
    """file:line:column of `steps`."""
    weight: int = 1


def load_script(path: Path, read_voice: Voices) -> Script:
    """
    Read a script and the voices that it names.

    Raises:
        ConfigError: the text begins with file:line:column, and the number of the step.
    """
    return Script(load_script_file(path, read_voice).steps)


def load_script_file(
    path: Path, read_voice: Voices, speak: Speak | None = None
) -> ScriptFile:
    """
    Read a script and what stands beside it.

    Args:
        speak: without it, only files can be said.

    Raises:
        ConfigError: as of `load_script`.
    """
    root = _read(path)
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{_at(path, root)}: expected a list `steps`")
    top = {str(key.value): (key, value) for key, value in root.value}
    for name, (key, _) in top.items():
        if name not in TOP:
            raise ConfigError(f"{_at(path, key)}: {name}: unknown beside steps")
    key, steps = top.get("steps", (root, None))
    if not isinstance(steps, yaml.SequenceNode) or not steps.value:
        raise ConfigError(f"{_at(path, key)}: expected a list `steps`")
    loaded = [
        _step(_Fields(path, node, number), read_voice, speak)
        for number, node in enumerate(steps.value, 1)
    ]
    try:
        Script(loaded)
    except ConfigError as exc:
        number = NUMBER.match(str(exc))
        assert number
        node = steps.value[int(number[1]) - 1]
        raise ConfigError(f"{_at(path, node)}: {exc}") from None
    return ScriptFile(tuple(loaded), _at(path, key), _weight(path, top))


def _read(path: Path) -> yaml.Node | None:
    try:
        text = path.read_text(encoding="utf-8")
        yaml.safe_load(text)  # all values can be made
        return yaml.compose(text, yaml.SafeLoader)
    except OSError as exc:
        raise cannot_read(path, exc) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected UTF-8 text") from None
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: expected YAML") from None
    except (yaml.YAMLError, ValueError, RecursionError):  # a date without a day, [[[…
        raise ConfigError(f"{path}: expected YAML") from None


def _at(path: Path, node: yaml.Node | None) -> str:
    if node is None:  # of an empty file
        return f"{path}:1:1"
    mark = node.start_mark
    return f"{path}:{mark.line + 1}:{mark.column + 1}"


def _plain(node: yaml.Node) -> object:
    """What a node is worth, as YAML reads it."""
    return yaml.SafeLoader("").construct_object(node, deep=True)


def _whole(value: object, low: int, high: int) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if low <= value <= high else None


def _weight(path: Path, top: Mapping[str, tuple[yaml.Node, yaml.Node]]) -> int:
    if "weight" not in top:
        return 1
    _, node = top["weight"]
    weight = _whole(_plain(node), 1, MAX_WEIGHT)
    if weight is None:
        raise ConfigError(f"{_at(path, node)}: weight: expected 1 to {MAX_WEIGHT}")
    return weight


class _Fields:
    """One step, as it stands in the file."""

    def __init__(self, path: Path, node: yaml.Node, number: int) -> None:
        self.folder = path.parent
        self.number = number
        self._path, self._node = path, node
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        self._keys = {str(key.value): key for key, _ in pairs}
        self._values = {str(key.value): value for key, value in pairs}
        kinds = [key for key in self._keys if key in OPTIONS]
        if len(kinds) != 1:
            raise self.wrong(f"expected one of {', '.join(OPTIONS)}")
        self.kind: str = kinds[0]
        for key, at in self._keys.items():
            if key != self.kind and key not in OPTIONS[self.kind]:
                raise self.wrong(f"{key}: unknown with {self.kind}", at)

    def text(self, key: str, default: str | None = None) -> str:
        node = self._values.get(key)
        value = default if node is None else _plain(node)
        if not isinstance(value, str) or not value:
            raise self.wrong(f"{key}: expected text", node)
        return value

    def ms(self, key: str, default: int) -> int:
        node = self._values.get(key)
        if node is None:
            return default
        value = _whole(_plain(node), 0, MAX_MS)
        if value is None:
            raise self.wrong(f"{key}: expected 0 to {MAX_MS} ms", node)
        return value

    def optional_ms(self, key: str) -> int | None:
        return self.ms(key, 0) if key in self._values else None

    def wrong(self, text: str, at: yaml.Node | None = None) -> ConfigError:
        where = _at(self._path, at or self._node)
        return ConfigError(f"{where}: step {self.number}: {text}")


def _step(fields: _Fields, read_voice: Voices, speak: Speak | None) -> Step:
    if fields.kind == "wait_ms":
        return Wait(fields.ms("wait_ms", 0))
    timeout_ms = fields.ms("timeout_ms", TIMEOUT_MS)
    if fields.kind in ("keys", "hang_up"):
        quiet_ms = fields.optional_ms("wait_quiet_ms")
        if fields.kind == "keys":
            return Keys(fields.text("keys"), quiet_ms, timeout_ms)
        return HangUp(quiet_ms, timeout_ms)
    ulaw, name = _said(fields, read_voice, speak)
    label = fields.text("label", name)
    if fields.kind == "say":
        return Say(ulaw, label, fields.ms("wait_quiet_ms", 700), timeout_ms)
    return Interrupt(ulaw, label, fields.ms("after_ms", 1500), timeout_ms)


def _said(
    fields: _Fields, read_voice: Voices, speak: Speak | None
) -> tuple[bytes, str]:
    """What is said, and what it is called if nobody says otherwise."""
    what = fields.text(fields.kind)
    if speak and not what.endswith(".wav"):
        return speak(what), f"words {fields.number}"
    file = fields.folder / what
    try:
        return read_voice(file), file.stem
    except ConfigError as exc:
        raise fields.wrong(str(exc)) from None
