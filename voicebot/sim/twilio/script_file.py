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
`timeout_ms`; a label is the file's name unless another is given.
"""

from collections.abc import Callable, Mapping
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
OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    "say": frozenset({"label", "wait_quiet_ms", "timeout_ms"}),
    "interrupt": frozenset({"label", "after_ms", "timeout_ms"}),
    "keys": frozenset(),
    "wait_ms": frozenset(),
    "hang_up": frozenset({"wait_quiet_ms", "timeout_ms"}),
}


def load_script(path: Path, read_voice: Callable[[Path], bytes]) -> Script:
    """
    Read a script and the voices that it names.

    Args:
        read_voice: reads a WAV file as μ-law; may raise ConfigError.

    Raises:
        ConfigError: the text begins with the file and the number of the step.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise cannot_read(path, exc) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected UTF-8 text") from None
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        where = f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}: expected YAML{where}") from None
    except (yaml.YAMLError, ValueError, RecursionError):  # a date without a day, [[[…
        raise ConfigError(f"{path}: expected YAML") from None
    steps = document.get("steps") if isinstance(document, dict) else None
    if not isinstance(steps, list) or not steps:
        raise ConfigError(f"{path}: expected a list `steps`")
    try:
        return Script(
            [
                _step(_Fields(step, number, path.parent), read_voice)
                for number, step in enumerate(steps, 1)
            ]
        )
    except ConfigError as exc:
        raise ConfigError(f"{path}: {exc}") from None


class _Fields:
    """One step, as it stands in the file."""

    def __init__(self, value: object, number: int, folder: Path) -> None:
        self.folder = folder
        self._number = number
        self._value = value if isinstance(value, dict) else {}
        kinds = [key for key in self._value if key in OPTIONS]
        if len(kinds) != 1:
            raise self.wrong(f"expected one of {', '.join(OPTIONS)}")
        self.kind: str = kinds[0]
        for key in self._value:
            if key != self.kind and key not in OPTIONS[self.kind]:
                raise self.wrong(f"{key}: unknown with {self.kind}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self._value.get(key, default)
        if not isinstance(value, str) or not value:
            raise self.wrong(f"{key}: expected text")
        return value

    def ms(self, key: str, default: int) -> int:
        value = self._value.get(key, default)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not 0 <= value <= MAX_MS:
            raise self.wrong(f"{key}: expected 0 to {MAX_MS} ms")
        return int(value)

    def optional_ms(self, key: str) -> int | None:
        return self.ms(key, 0) if key in self._value else None

    def wrong(self, text: str) -> ConfigError:
        return ConfigError(f"step {self._number}: {text}")


def _step(fields: _Fields, read_voice: Callable[[Path], bytes]) -> Step:
    if fields.kind == "keys":
        return Keys(fields.text("keys"))
    if fields.kind == "wait_ms":
        return Wait(fields.ms("wait_ms", 0))
    timeout_ms = fields.ms("timeout_ms", TIMEOUT_MS)
    if fields.kind == "hang_up":
        return HangUp(fields.optional_ms("wait_quiet_ms"), timeout_ms)
    file = fields.folder / fields.text(fields.kind)
    label = fields.text("label", file.stem)
    try:
        ulaw = read_voice(file)
    except ConfigError as exc:
        raise fields.wrong(str(exc)) from None
    if fields.kind == "say":
        return Say(ulaw, label, fields.ms("wait_quiet_ms", 700), timeout_ms)
    return Interrupt(ulaw, label, fields.ms("after_ms", 1500), timeout_ms)
