"""What callers do under load: scripts, each with its weight, and marked for a call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from glob import glob
from math import gcd
from pathlib import Path
from typing import Final

from voicebot.errors import ConfigError
from voicebot.load.watermark import mark_caller
from voicebot.sim.stepfun.babble import babble
from voicebot.sim.twilio.script import HangUp, Interrupt, Keys, Say, Script, Step
from voicebot.sim.twilio.script_file import load_script_file
from voicebot.sim.twilio.wav import pcm24_to_ulaw, read_voice

STEADY: Final = Path(__file__).parent / "steady.yaml"
"""For callers who stay: the bot talks as much as in the budget."""

OURS: Final = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A caller's script."""

    name: str
    steps: tuple[Step, ...]
    weight: int

    def script(self, call: int, *, stays: bool = False) -> tuple[Script, list[bytes]]:
        """
        Make the script of one call, its number in all that is said.

        Args:
            stays: the steps come again and again instead of the hang-up, until the
                script is told to leave.

        Returns:
            The script; and the frames of it that begin a ping.
        """
        steps: list[Step] = []
        pings: list[bytes] = []
        for step in self.steps:
            if stays and isinstance(step, HangUp):
                continue
            if isinstance(step, Say | Interrupt):
                ulaw, ping = mark_caller(step.ulaw, call)
                pings += [ping] if ping else []
                steps.append(replace(step, ulaw=ulaw))
            else:
                steps.append(step)
        return Script(steps, repeats=stays), pings


def load_mix(patterns: Sequence[str]) -> list[Scenario]:
    """
    Read scenarios.

    Args:
        patterns: files, or patterns of files such as `scenarios/*.yaml`; with none,
            those that come along.

    Raises:
        ConfigError: a file is wrong, as file:line:column; or no file is there.
    """
    paths: list[Path] = []
    for pattern in patterns or [str(OURS / "*.yaml")]:
        found = sorted(glob(pattern)) or [pattern]
        if len(found) == 1 and any(letter in found[0] for letter in "*?["):
            raise ConfigError(f"{pattern}: no such file")
        paths += map(Path, found)
    return [_scenario(path) for path in paths]


def dealt(mix: Sequence[Scenario], number: int) -> Scenario:
    """
    Say which scenario the n-th call has: the weights hold in any run of calls.

    Args:
        mix: one scenario at least.
    """
    total = sum(scenario.weight for scenario in mix)
    # A stride that meets each place of the round once, so that neighbours differ.
    stride = next(n for n in range(total * 5 // 8 + 1, total + 2) if gcd(n, total) < 2)
    place = number * stride % total
    for scenario in mix:
        place -= scenario.weight
        if place < 0:
            break
    return scenario


def _scenario(path: Path) -> Scenario:
    file = load_script_file(path, read_voice, _spoken)
    if not any(isinstance(step, HangUp) for step in file.steps):
        raise ConfigError(f"{file.at}: expected a step hang_up: a call under load ends")
    if not any(isinstance(step, Say | Interrupt | Keys) for step in file.steps):
        raise ConfigError(f"{file.at}: expected a step say, interrupt or keys")
    return Scenario(path.stem, file.steps, file.weight)


def _spoken(words: str) -> bytes:
    return pcm24_to_ulaw(babble(words))
