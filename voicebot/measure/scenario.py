"""One measured call: what the line carries, and when the caller speaks."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from voicebot.audio.framing import ulaw_bytes
from voicebot.measure.corpus import Clip, extent
from voicebot.measure.sound import Echo, Samples, fade_in, gain

CALLER_DB: Final = -4.0  # on top of the corpus' -22 dBov: -26, a usual caller


class Kind(StrEnum):
    """What a call is to show."""

    INTERRUPTION = "interruption"  # the caller means it: the bot must stop
    DISTRACTOR = "distractor"  # nobody means to interrupt: the bot must go on
    TURN = "turn"  # the bot is silent, the caller speaks: is it let finish?


@dataclass(frozen=True, slots=True)
class Stimulus:
    """What the caller's side does once, besides the background."""

    samples: Samples
    words: str = ""
    """What the model understands of all of it."""
    onset_ms: int = 0
    """Where its energy begins, and where it ends."""
    end_ms: int = 0
    key: str | None = None
    """A key that is pressed as it begins."""
    names: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    A call. Everything that chance decides in it follows from its name.

    Attributes:
        after_ms: the stimulus begins once so much of the bot was heard; in a TURN,
            so long after the call began.
        background: what the line carries all the time, over and over.
        bot_words: how many words the bot's first answer has.
    """

    name: str
    condition: str
    kind: Kind
    stimulus: Stimulus
    after_ms: int
    background: Samples | None = None
    echo: Echo | None = None
    marks: bool = True
    real_mood: bool = False
    bot_words: int = 14
    bot_seed: int = 0


def spoken(clip: Clip, level_db: float = CALLER_DB, fade_ms: int = 0) -> Stimulus:
    """A clip as a caller says it, maybe softly at first."""
    samples = clip.samples
    if fade_ms:
        first = ulaw_bytes(clip.onset_ms)
        soft = fade_in(samples[first:], fade_ms)
        samples = np.concatenate([samples[:first], soft])
    onset_ms, end_ms = extent(samples) if fade_ms else (clip.onset_ms, clip.end_ms)
    return Stimulus(
        samples * gain(level_db), clip.words, onset_ms, end_ms, None, clip.name
    )


def joined(first: Stimulus, second: Stimulus, pause_ms: int) -> Stimulus:
    """Say one after the other, with a pause from the one's end to the other's onset."""
    before = first.samples[: ulaw_bytes(first.end_ms)]
    after = second.samples[ulaw_bytes(second.onset_ms) :]
    pause = np.zeros(ulaw_bytes(pause_ms))
    end_ms = first.end_ms + pause_ms + second.end_ms - second.onset_ms
    return replace(
        first,
        samples=np.concatenate([before, pause, after]),
        words=f"{first.words} {second.words}",
        end_ms=end_ms,
        names=f"{first.names}+{second.names}",
    )
