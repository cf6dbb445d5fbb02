"""The recordings that the measurement plays, and where the voice is in each."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

import numpy as np
import yaml

from voicebot.errors import ConfigError
from voicebot.measure.sound import Samples, from_ulaw, windows_dbov

FOLDER: Final = files("voicebot.measure") / "corpus"
WINDOW_MS: Final = 10
VOICE: Final = 300 // WINDOW_MS
REACH_DB: Final = 25.0
MURMURS: Final = ("mm", "mm-hm", "嗯", "嗯嗯")


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording: G.711 μ-law, 8000 Hz, mono, its voice at -22 dBov."""

    name: str
    kind: str
    """bot, interruption, soft, backchannel, cough, breath, click or music."""
    words: str
    """What is said; empty where nothing is."""
    language: str
    speaker: str
    ulaw: bytes
    onset_ms: int
    """Where its energy begins: see `extent`."""
    end_ms: int
    sha256: str
    licence: str

    @property
    def samples(self) -> Samples:
        return from_ulaw(self.ulaw)

    @property
    def murmured(self) -> bool:
        """Whether it is said with the lips closed, as all backchannel without words."""
        return self.words in MURMURS


@dataclass(frozen=True, slots=True)
class Corpus:
    version: int
    clips: tuple[Clip, ...]

    def of(self, *kinds: str) -> tuple[Clip, ...]:
        """The clips of these kinds, in the order of their names."""
        return tuple(clip for clip in self.clips if clip.kind in kinds)

    def named(self, name: str) -> Clip:
        return next(clip for clip in self.clips if clip.name == name)


def extent(samples: Samples) -> tuple[int, int]:
    """
    Find where a sound begins and ends.

    Its level is the mean power of the 20 ms windows that are within 25 dB of the
    loudest. It begins with the first of two 10 ms windows in a row that are less
    than 25 dB below that level, and ends with the last such window. A breath before
    the voice isn't its beginning: of the 300 ms that follow, half must be so loud.

    Returns:
        Milliseconds from the beginning of the samples.
    """
    windows = windows_dbov(samples, WINDOW_MS)
    loud = windows >= active_dbov(samples) - REACH_DB
    both = (loud[:-1] & loud[1:]).nonzero()[0]
    first = next((at for at in both if loud[at : at + VOICE].mean() >= 0.5), both[0])
    return int(first) * WINDOW_MS, (int(both[-1]) + 2) * WINDOW_MS


def active_dbov(samples: Samples) -> float:
    """The level of a voice, its pauses left out: dB relative to full scale."""
    windows = windows_dbov(samples, 20)
    loud = windows[windows > windows.max() - REACH_DB]
    return float(10 * np.log10((10 ** (loud / 10)).mean()))


@cache
def load() -> Corpus:
    """
    Read the corpus that comes with the package.

    Raises:
        ConfigError: a file isn't what the manifest says.
    """
    manifest = yaml.safe_load((FOLDER / "manifest.yaml").read_text("utf-8"))
    return Corpus(manifest["version"], tuple(map(_clip, manifest["clips"])))


def _clip(entry: dict[str, Any]) -> Clip:
    ulaw = (FOLDER / entry["file"]).read_bytes()
    found = sha256(ulaw).hexdigest()
    if found != entry["sha256"]:
        raise ConfigError(
            f"voicebot/measure/corpus/{entry['file']}: expected sha256"
            f" {entry['sha256'][:12]}…, got {found[:12]}…: reinstall voicebot"
        )
    return Clip(
        entry["file"].removesuffix(".ulaw"),
        entry["kind"],
        entry["words"],
        entry["language"],
        entry["speaker"],
        ulaw,
        entry["onset_ms"],
        entry["end_ms"],
        found,
        entry["licence"],
    )
