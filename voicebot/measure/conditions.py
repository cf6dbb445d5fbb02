"""The rows of the report: which calls are made for each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from random import Random
from typing import Final, TypeVar

import numpy as np

from voicebot.audio.framing import ulaw_bytes
from voicebot.errors import ConfigError
from voicebot.measure.corpus import Clip, Corpus, load
from voicebot.measure.scenario import (
    CALLER_DB,
    Kind,
    Scenario,
    Stimulus,
    joined,
    spoken,
)
from voicebot.measure.sound import (
    Echo,
    Samples,
    band,
    dbov,
    gain,
    noise,
    set_level,
    tones,
)

T = TypeVar("T")

CALLER_DBOV: Final = -26.0
DELAYS_MS: Final = (80, 250, 450, 900)
COLORS: Final = ("white", "pink", "babble")
NOTHING: Final = Stimulus(np.zeros(ulaw_bytes(200)))

# A call is one of its condition's: what it is, and which number it has.
Make = Callable[["Draw", int], Scenario]


class Draw:
    """The dice of one condition; each clip comes up before one comes twice."""

    def __init__(self, condition: str) -> None:
        self.condition = condition
        self._random = Random(condition)
        self._decks: dict[tuple[str, ...], list[Clip]] = {}

    def clip(self, *kinds: str, murmured: bool = False) -> Clip:
        deck = self._decks.setdefault(kinds, [])
        if not deck:
            deck += [c for c in load().of(*kinds) if c.murmured is murmured]
            deck.sort(key=lambda clip: (self._random.random(), clip.name))
        return deck.pop()

    def between(self, low: int, high: int) -> int:
        return low + int(self._random.random() * (high - low))

    def call(
        self, kind: Kind, stimulus: Stimulus, number: int, after_ms: int | None = None
    ) -> Scenario:
        words = 14 if kind is Kind.INTERRUPTION else 9
        return Scenario(
            "",
            self.condition,
            kind,
            stimulus,
            self.between(1200, 3400) if after_ms is None else after_ms,
            real_mood=number % 2 == 1,
            bot_words=words,
            bot_seed=number % 4,
        )

    def interruption(self, number: int) -> Scenario:
        stimulus = spoken(self.clip("interruption", "soft"))
        return self.call(Kind.INTERRUPTION, stimulus, number)

    def distraction(self, number: int, stimulus: Stimulus = NOTHING) -> Scenario:
        return self.call(Kind.DISTRACTOR, stimulus, number)


def conditions() -> dict[str, list[Scenario]]:
    """All calls, by condition, in the order of the report."""
    return {name: _calls(name) for name in _CONDITIONS}


def chosen(names: Sequence[str]) -> dict[str, list[Scenario]]:
    """
    The calls of some conditions.

    Raises:
        ConfigError: there is no such condition.
    """
    for name in names:
        if name not in _CONDITIONS:
            known = ", ".join(_CONDITIONS)
            raise ConfigError(f"--condition {name}: unknown; known: {known}")
    return {name: _calls(name) for name in _CONDITIONS if name in names}


def _calls(name: str) -> list[Scenario]:
    draw = Draw(name)
    made = [make(draw, n) for count, make in _CONDITIONS[name] for n in range(count)]
    return [
        replace(each, name=f"{name}/{each.kind}/{n}") for n, each in enumerate(made)
    ]


# ---- backgrounds -----------------------------------------------------------------


@cache
def _babble() -> Samples:
    """Six people who talk at once."""
    clips = list(load().of("interruption"))
    streams = []
    for talker in range(6):
        random = Random(f"babble {talker}")
        order = sorted(clips, key=lambda clip: (random.random(), clip.name))
        streams.append(np.concatenate([clip.samples for clip in order])[: 20 * 8000])
    return np.asarray(np.sum(streams, axis=0))


def _noise(snr_db: float, number: int) -> Samples:
    color = COLORS[number % 3]
    samples = _babble() if color == "babble" else noise(color, 20)
    return set_level(samples, CALLER_DBOV - snr_db)


def _music(corpus: Corpus, number: int, level_dbov: float) -> Samples:
    clips = corpus.of("music")
    samples = clips[number % len(clips)].samples
    return samples * gain(level_dbov - dbov(samples))


def _talk(draw: Draw, ms: int) -> Stimulus:
    """Somebody else in the room, or on television: softer, and dull."""
    samples, words = np.zeros(0), []
    while len(samples) < ulaw_bytes(ms):
        clip = draw.clip("interruption")
        samples = np.concatenate([samples, clip.samples])
        words.append(clip.words)
    far = band(samples, 200, 1800)
    far *= gain(-40.0 - -22.0)
    return Stimulus(far, " ".join(words), 0, round(len(far) / 8), None, "side talk")


# ---- the calls of a condition ------------------------------------------------------


def _turning(n: int) -> int:
    """0 to 3, each as often for even numbers as for odd ones: these differ in mood."""
    return (n + n // 4) % 4


def _in_noise(snr_db: float) -> list[tuple[int, Make]]:
    def interruption(draw: Draw, n: int) -> Scenario:
        return replace(draw.interruption(n), background=_noise(snr_db, n))

    def steady(draw: Draw, n: int) -> Scenario:
        return replace(draw.distraction(n), background=_noise(snr_db, n))

    def sudden(draw: Draw, n: int) -> Scenario:
        burst = _noise(snr_db, n)[: 2 * 8000]
        stimulus = Stimulus(burst, "", 0, 2000, None, COLORS[n % 3])
        return draw.distraction(n, stimulus)

    return [(9, interruption), (3, steady), (3, sudden)]


def _echoing(*gains_db: float, speakerphone: bool = False) -> list[tuple[int, Make]]:
    def echo(n: int) -> Echo:
        return Echo(gains_db[n % len(gains_db)], DELAYS_MS[_turning(n)], speakerphone)

    def interruption(draw: Draw, n: int) -> Scenario:
        return replace(draw.interruption(n), echo=echo(n))

    def alone(draw: Draw, n: int) -> Scenario:
        return replace(draw.distraction(n), echo=echo(n))

    return [(8, interruption), (8, alone)]


def _with_music(level_dbov: float) -> list[tuple[int, Make]]:
    def interruption(draw: Draw, n: int) -> Scenario:
        return replace(draw.interruption(n), background=_music(load(), n, level_dbov))

    def alone(draw: Draw, n: int) -> Scenario:
        return replace(draw.distraction(n), background=_music(load(), n, level_dbov))

    return [(6, interruption), (6, alone)]


def _sounds(level_db: float, kind: str, *, murmured: bool = False) -> Make:
    def make(draw: Draw, n: int) -> Scenario:
        return draw.distraction(n, spoken(draw.clip(kind, murmured=murmured), level_db))

    return make


def _clean(draw: Draw, n: int) -> Scenario:
    return draw.interruption(n)


def _alone(draw: Draw, n: int) -> Scenario:
    return draw.distraction(n)


def _unmarked(draw: Draw, n: int) -> Scenario:
    return replace(draw.interruption(n), marks=False)


def _soft(draw: Draw, n: int) -> Scenario:
    if n % 2:
        stimulus = spoken(draw.clip("interruption"), fade_ms=80)
    else:
        stimulus = spoken(draw.clip("soft"))
    return draw.call(Kind.INTERRUPTION, stimulus, n)


def _side_talk(draw: Draw, n: int) -> Scenario:
    return draw.distraction(n, _talk(draw, 2500))


def _key(draw: Draw, n: int) -> Scenario:
    leak = tones(770, 1336, 40, -12.0)
    stimulus = Stimulus(leak, "", 0, 40, "5", "key")
    return draw.call(Kind.INTERRUPTION, stimulus, n)


def _key_tone(draw: Draw, n: int) -> Scenario:
    pairs = ((697, 1209), (770, 1336), (852, 1477), (941, 1336))
    leak = tones(*pairs[n % 4], (120, 250)[n % 2], -12.0)
    stimulus = Stimulus(leak, "", 0, round(len(leak) / 8), None, "tone")
    return draw.distraction(n, stimulus)


def _turn(draw: Draw, n: int) -> Scenario:
    stimulus = spoken(draw.clip("interruption"))
    return draw.call(Kind.TURN, stimulus, n, after_ms=600)


def _paused_turn(draw: Draw, n: int) -> Scenario:
    clips = draw.clip("interruption"), draw.clip("interruption")
    first, second = (spoken(clip) for clip in clips)
    stimulus = joined(first, second, (300, 450, 600, 900)[_turning(n)])
    return draw.call(Kind.TURN, stimulus, n, after_ms=600)


_CONDITIONS: Final[dict[str, list[tuple[int, Make]]]] = {
    "clean": [(20, _clean), (4, _alone)],
    "without marks": [(10, _unmarked)],
    "noise 20 dB": _in_noise(20),
    "noise 10 dB": _in_noise(10),
    "noise 5 dB": _in_noise(5),
    "echo -30 dB": _echoing(-30),
    "echo -20 dB": _echoing(-20),
    "echo -12 dB": _echoing(-12),
    "echo -6 dB": _echoing(-6),
    "speakerphone": _echoing(-10, speakerphone=True),
    "music -36 dBov": _with_music(-36),
    "music -31 dBov": _with_music(-31),
    "soft onset": [(12, _soft)],
    "murmurs": [(12, _sounds(CALLER_DB, "backchannel", murmured=True))],
    "backchannel": [(16, _sounds(CALLER_DB, "backchannel"))],
    "cough": [
        (16, _sounds(CALLER_DB + 2, "cough")),
        (4, _sounds(CALLER_DB - 10, "breath")),
        (4, _sounds(CALLER_DB - 6, "click")),
    ],
    "side talk": [(8, _side_talk)],
    "dtmf": [(6, _key), (8, _key_tone)],
    "turn ends": [(10, _turn)],
    "turn pauses": [(12, _paused_turn)],
}


def names() -> Iterator[str]:
    """The conditions, in the order of the report."""
    yield from _CONDITIONS
