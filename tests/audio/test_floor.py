"""How soon the background of a line is known, and what isn't taken for it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twins import each_twin
from voicebot.audio.floor import (
    MUSIC,
    MUSIC_HELD,
    MUSIC_RISE_DB,
    MUSIC_SHARE,
    MUSIC_SHARE_PER_DB,
    QUIETEST_DBOV,
    SOFT,
    STRAY,
    UNVOICED,
    WINDOW,
    NoiseFloor,
)
from voicebot.audio.level import FLOOR_DBOV

Frame = tuple[float, bool]
"""A level in dBov, and whether the frame has a pitch."""

SYLLABLE: list[Frame] = [(-22.0, True)] * 9 + [(-40.0, False)] + [(-58.0, False)] * 2
"""Three quarters of it voiced, and no pause: as fast as anybody talks."""

twin = each_twin(__name__, "NoiseFloor")


def floors(frames: list[Frame], floor: NoiseFloor | None = None) -> list[float]:
    floor = floor or NoiseFloor()
    levels = []
    for level, pitched in frames:
        floor.push(level, pitched=pitched)
        levels.append(floor.dbov)
    return levels


def noise(level: float, frames: int) -> list[Frame]:
    """Steady noise, a little uneven."""
    return [(level + (-1.0, 0.0, 1.0)[each % 3], False) for each in range(frames)]


def test_a_line_is_quiet_until_it_was_heard() -> None:
    assert NoiseFloor().dbov == QUIETEST_DBOV


def test_digital_silence_teaches_nothing() -> None:
    assert set(floors([(FLOOR_DBOV, False)] * 300)) == {QUIETEST_DBOV}


def test_noise_is_known_after_half_a_second() -> None:
    heard = floors(noise(-40.0, 200))
    assert heard[UNVOICED - 2] == QUIETEST_DBOV
    assert heard[UNVOICED - 1] == -41.0
    assert set(heard[UNVOICED:]) == {-41.0}


def test_a_stray_pitch_now_and_then_does_not_make_noise_a_voice() -> None:
    frames = noise(-40.0, UNVOICED)
    for at in range(STRAY):
        frames[at * 9] = (-39.0, True)
    assert floors(frames)[-1] == -41.0
    frames[STRAY * 9] = (-39.0, True)
    assert floors(frames)[-1] == QUIETEST_DBOV


@pytest.mark.parametrize(("before", "after"), [(-55.0, -35.0), (-35.0, -55.0)])
def test_the_floor_follows_when_noise_jumps(before: float, after: float) -> None:
    line = NoiseFloor()
    floors(noise(before, 500), line)
    heard = floors(noise(after, 30), line)
    assert heard[9] == pytest.approx(before, abs=1.0)
    assert heard[-1] == pytest.approx(after, abs=1.0)


def test_noise_stays_known_while_somebody_speaks_above_it() -> None:
    line = NoiseFloor()
    floors(noise(-40.0, 30), line)
    speech = [(max(level, -40.0), pitched) for level, pitched in SYLLABLE]
    assert set(floors(speech * 100, line)) == {-41.0, -40.0}


def test_a_monologue_does_not_raise_the_floor() -> None:
    frames = SYLLABLE * 84  # 20 s
    assert max(floors(frames)) <= -58.0


def test_a_hiss_is_forgotten_with_the_first_softer_frame() -> None:
    line = NoiseFloor()
    assert floors(noise(-35.0, 30), line)[-1] == -36.0
    assert floors([(-50.0, True)], line) == [-50.0]


def test_music_becomes_the_background_within_its_first_seconds() -> None:
    frames = [(-30.0 + each % 5, True) for each in range(200)]
    heard = floors(frames)
    assert max(heard[:50]) == QUIETEST_DBOV
    assert min(heard[125:]) >= -27.0


def test_what_is_known_to_be_music_may_have_less_pitch() -> None:
    def tune(share: float) -> list[Frame]:
        levels = (-30.0, -34.0)
        return [(levels[at % 2], at * share % 1 < share) for at in range(2 * WINDOW)]

    share = MUSIC_SHARE + 4 * MUSIC_SHARE_PER_DB - MUSIC_HELD / 2
    drums = tune(share)
    line = NoiseFloor()
    assert floors(tune(1.0), line)[-1] == -30.0
    assert set(floors(drums, line)) == {-30.0}
    assert floors(drums)[-1] == -34.0


def test_somebody_who_talks_above_music_is_not_its_crescendo() -> None:
    line = NoiseFloor()
    floors([(-36.0, True)] * 200, line)
    heard = floors([(-22.0, True)] * 50, line)
    assert -36.0 < heard[-1] <= -36.0 + 50 * MUSIC_RISE_DB


def test_the_floor_falls_when_music_ends() -> None:
    line = NoiseFloor()
    floors([(-30.0, True)] * 200, line)
    assert floors([(FLOOR_DBOV, False)] * 60, line)[-1] == QUIETEST_DBOV


frames_of_a_line = st.lists(
    st.tuples(st.floats(FLOOR_DBOV, 0.0), st.booleans()), max_size=3 * WINDOW
)


@given(frames_of_a_line)
@settings(max_examples=60)
def test_the_floor_lies_within_what_was_heard(frames: list[Frame]) -> None:
    heard = [QUIETEST_DBOV] * WINDOW + [max(each, QUIETEST_DBOV) for each, _ in frames]
    for at, floor in enumerate(floors(frames), 1):
        ranked = np.sort(heard[at : at + WINDOW])
        recent = min(heard[at + WINDOW - UNVOICED : at + WINDOW])
        assert ranked[0] <= floor <= max(ranked[MUSIC], recent)


@given(frames_of_a_line)
@settings(max_examples=60)
def test_with_some_pitch_the_floor_is_the_softest_tenth(frames: list[Frame]) -> None:
    # Too little of it for music, too much for noise.
    spoken = [(level, at % 5 == 0) for at, (level, _) in enumerate(frames)]
    heard = [QUIETEST_DBOV] * WINDOW + [max(each, QUIETEST_DBOV) for each, _ in spoken]
    for at, floor in enumerate(floors(spoken), 1):
        assert floor == np.sort(heard[at : at + WINDOW])[SOFT]


def test_of_music_the_middle_is_told_too() -> None:
    floor = NoiseFloor()
    levels = [-40.0] * 40 + [-30.0] * 60 + [-26.0] * 25
    for level in levels:
        floor.push(level, pitched=True)
    assert (floor.middle_dbov, floor.dbov) == (-30.0, -26.0)
    speech = NoiseFloor()
    for level, pitched in SYLLABLE * 20:
        speech.push(level, pitched=pitched)
        assert speech.middle_dbov == speech.dbov
