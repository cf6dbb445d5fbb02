"""Words are vowels between silences here: where they begin and end is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.signals import noise, tone
from voicebot.audio.boundary import faded, word_end, word_start
from voicebot.audio.framing import ULAW_SILENCE, ulaw_bytes
from voicebot.audio.g711 import ulaw_to_pcm16
from voicebot.audio.level import dbov

MS = 8


def word(ms: int, level_dbov: float = -20.0) -> bytes:
    return tone(220, 730, 1410, seconds=ms / 1000, level_dbov=level_dbov)


def pause(ms: int) -> bytes:
    return ULAW_SILENCE * (ms * MS)


# 0 .. 300 a word, .. 400 a pause, .. 700 a word, .. 800 a pause, .. 1100 a word
WORDS = pause(100).join([word(300)] * 3)


@pytest.mark.parametrize("at_ms", [430, 500, 650, 690])
def test_a_word_starts_a_little_before_it_is_heard(at_ms: int) -> None:
    assert word_start(WORDS, at_ms * MS) == (400 - 20) * MS


def test_the_last_word_is_the_one_that_counts() -> None:
    assert word_start(WORDS, 1000 * MS) == (800 - 20) * MS


def test_a_position_need_not_be_a_round_one() -> None:
    assert word_start(WORDS, 500 * MS + 3) == (400 - 20) * MS
    assert word_end(WORDS, 500 * MS + 3) == 700 * MS


@pytest.mark.parametrize("at", [300 * MS, 350 * MS + 7, 400 * MS])
def test_between_two_words_nothing_is_moved(at: int) -> None:
    assert word_start(WORDS, at) == at
    assert word_end(WORDS, at) == at


def test_what_is_said_first_begins_a_word() -> None:
    assert word_start(WORDS, 250 * MS) == 0
    assert word_start(WORDS, 0) == 0


@pytest.mark.parametrize("at_ms", [610, 700])
def test_a_word_whose_start_is_out_of_reach_goes_on_where_it_was(at_ms: int) -> None:
    assert word_start(word(1000), at_ms * MS) == at_ms * MS
    assert word_start(pause(100) + word(1000), at_ms * MS) == at_ms * MS


def test_the_reach_is_kept_when_a_start_is_put_a_little_earlier() -> None:
    assert word_start(WORDS, 510 * MS, reach_ms=120) == 390 * MS
    assert word_start(WORDS, 510 * MS, reach_ms=100) == 510 * MS


def test_a_weak_sound_parts_words_where_no_pause_does() -> None:
    line = word(600) + word(50, -45.0) + word(600)
    assert word_start(line, 800 * MS) == (650 - 20) * MS
    assert word_end(line, 500 * MS) == 600 * MS


def test_a_pause_counts_before_a_weak_sound_that_is_nearer() -> None:
    line = word(600) + pause(50) + word(200) + word(50, -45.0) + word(600)
    assert word_start(line, 1000 * MS) == (650 - 20) * MS


@pytest.mark.parametrize(
    "between",
    [pause(20), word(30, -45.0), word(200, -35.0)],
    ids=["short", "short and weak", "weak"],
)
def test_a_dip_that_is_short_or_shallow_parts_no_words(between: bytes) -> None:
    line = word(600) + between + word(600)
    assert word_start(line, 900 * MS) == 900 * MS
    assert word_end(line, 500 * MS) is None


def test_noise_of_the_line_hides_no_pause() -> None:
    line = word(300) + noise(seconds=0.1, level_dbov=-60.0) + word(300)
    assert word_start(line, 500 * MS) == (400 - 20) * MS
    assert word_end(line, 200 * MS) == 300 * MS


def test_a_word_ends_where_the_next_dip_begins() -> None:
    assert word_end(WORDS, 500 * MS) == 700 * MS
    assert word_end(WORDS, 450 * MS, reach_ms=250) == 700 * MS


def test_an_end_out_of_reach_is_none() -> None:
    assert word_end(WORDS, 440 * MS) is None
    assert word_end(WORDS, 500 * MS, reach_ms=190) is None


def test_audio_that_breaks_off_ends_no_word() -> None:
    assert word_end(WORDS, 1000 * MS) is None
    assert word_end(WORDS + pause(20), 1000 * MS) is None
    assert word_end(WORDS + pause(30), 1000 * MS) == 1100 * MS


def test_in_silence_every_position_is_between_words() -> None:
    assert word_start(pause(2000), 1000 * MS) == 1000 * MS
    assert word_end(pause(2000), 1000 * MS) == 1000 * MS


def test_nothing_has_no_words() -> None:
    assert word_start(b"", 0) == 0
    assert word_end(b"", 0) is None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from([-10.0, -25.0, -45.0, -90.0])),
        min_size=1,
        max_size=8,
    ),
    st.data(),
)
def test_what_is_found_is_within_reach(
    parts: list[tuple[int, float]], data: st.DataObject
) -> None:
    line = b"".join(word(ms, level) if ms else b"" for ms, level in parts)
    at = data.draw(st.integers(0, len(line)))
    reach_ms = data.draw(st.integers(0, 600))
    assert max(0, at - reach_ms * MS) <= word_start(line, at, reach_ms) <= at
    end = word_end(line, at, reach_ms)
    assert end is None or at <= end <= at + reach_ms * MS


def test_a_fade_goes_from_full_to_silence() -> None:
    full = word(100)
    fade = faded(full)
    assert len(fade) == ulaw_bytes(40)
    assert fade[-1:] == ULAW_SILENCE
    quarters = [
        dbov(fade[at : at + 80]) - dbov(full[at : at + 80]) for at in (0, 80, 240)
    ]
    assert quarters == pytest.approx([-0.4, -3.1, -22.6], abs=1.5)


def test_a_fade_never_grows() -> None:
    steady = b"\x90" * 320
    samples = np.frombuffer(ulaw_to_pcm16(faded(steady)), "<i2")
    assert (np.diff(samples) <= 0).all()


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_fade_of_little_is_as_long_as_that(size: int) -> None:
    fade = faded(word(100)[50 : 50 + size])
    assert len(fade) == size
    assert fade[-1:] in (b"", ULAW_SILENCE)


def test_a_fade_of_no_time_is_empty() -> None:
    assert faded(WORDS, 0) == b""
