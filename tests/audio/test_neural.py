"""The neural voice detector."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.signals import noise, speech, tone
from tests.twins import each_twin
from voicebot.audio.framing import ULAW_SILENCE
from voicebot.audio.neural import (
    BEHIND,
    LEAD_BYTES,
    WINDOW,
    NeuralVad,
    _index,
)

CORPUS = files("voicebot.measure") / "corpus"
WEIGHTS = (files("voicebot.audio") / "silero" / "silero_8k.npz").read_bytes()

twin = each_twin(__name__, "NeuralVad")


def vad() -> NeuralVad:
    return NeuralVad(WEIGHTS)


def windows(ulaw: bytes) -> list[bytes]:
    last = len(ulaw) - WINDOW + 1
    return [ulaw[at : at + WINDOW] for at in range(0, last, WINDOW)]


def test_it_finds_what_the_runtime_finds_with_which_it_is_published() -> None:
    known = json.loads((Path(__file__).parent / "silero.json").read_text())
    hear = vad().listen()
    found = [hear(each) for each in windows((CORPUS / known["heard"]).read_bytes())]
    assert found == pytest.approx(known["found"], abs=1e-4)
    assert (min(found) < 0.2, max(found) > 0.9) == (True, True)


def test_a_convolution_sees_each_frame_and_both_beside_it() -> None:
    values = np.concatenate((np.arange(10, 18, dtype=np.float32), BEHIND))
    seen = values[_index(4, 2, 2)].tolist()
    assert seen == [[0, 0, 10, 11, 12, 13, 1], [12, 13, 14, 15, 16, 17, 1]]


def test_less_than_a_window_is_no_voice() -> None:
    assert vad().listen()(speech()[: WINDOW - 1]) == 0.0


def test_a_listener_keeps_to_what_it_found_until_it_knows_more() -> None:
    hear, line = vad().listen(), speech(seconds=0.3)
    found = [hear(line[at : at + WINDOW // 2]) for at in range(0, 2048, WINDOW // 2)]
    assert found[2::2] == found[1:-1:2]
    assert len(set(found)) == 1 + 8


def test_a_line_leaves_nothing_behind_for_the_next() -> None:
    first, second = vad().listen(), vad().listen()
    for each in windows(speech(seconds=0.4)):
        first(each)
    assert second(speech(seconds=0.04)) == vad().listen()(speech(seconds=0.04))


@given(cuts=st.lists(st.integers(1, 400), max_size=8))
@settings(max_examples=20, deadline=None)
def test_a_listener_finds_the_same_however_its_line_is_cut(cuts: list[int]) -> None:
    ulaw = speech(seconds=0.25)
    whole, parts, at = vad().listen(), vad().listen(), 0
    for size in cuts:
        parts(ulaw[at : at + size])
        at += size
    assert parts(ulaw[at:]) == whole(ulaw)


def test_of_more_at_once_it_hears_the_end_as_of_a_line_that_begins() -> None:
    line = speech(seconds=3.0)
    fresh, other = vad().listen(), vad().listen()
    other(line[:2000])  # and is in the middle of a window
    at_most = other(line[2000 : 2000 + LEAD_BYTES])
    again = other(line[-LEAD_BYTES - 1 :])
    assert again == fresh(line[-LEAD_BYTES:])
    assert at_most != again
    assert other(line[:WINDOW]) == fresh(line[:WINDOW])


@pytest.mark.parametrize("weights", [b"", b"no weights"])
def test_what_are_no_weights_is_refused(weights: bytes) -> None:
    with pytest.raises((ValueError, EOFError)):
        NeuralVad(weights)


def likeliest(ulaw: bytes, last_s: float) -> float:
    """The highest probability of a voice in the last part of a line."""
    hear = vad().listen()
    found = [hear(each) for each in windows(ulaw)]
    return max(found[-round(8000 * last_s / WINDOW) :])


def test_it_tells_a_voice_from_other_sounds() -> None:
    quiet = noise(seconds=0.4, level_dbov=-60)
    assert likeliest(quiet + speech(seconds=0.24), 0.24) > 0.5
    for other in (
        ULAW_SILENCE * 5120,
        noise(seconds=0.64, level_dbov=-30),
        tone(697, 1209, seconds=0.64),
    ):
        assert likeliest(other, 0.24) < 0.2
    before = speech(seconds=0.3) + noise(seconds=0.6, level_dbov=-60)
    assert likeliest(before, 0.24) < 0.5  # it was over by then


@pytest.mark.parametrize("pause_s", [1, 5, 30])
@pytest.mark.parametrize("said", ["libri_consider", "allison_hello", "joe_wait"])
def test_after_a_long_silence_it_is_sure_of_a_voice_as_soon_though_it_skipped_it(
    said: str, pause_s: int
) -> None:
    voice = (CORPUS / f"{said}.ulaw").read_bytes()
    line = voice + ULAW_SILENCE * (8000 * pause_s)
    line += ULAW_SILENCE * (-len(line) % WINDOW)
    never_skips, skips = vad().listen(), vad().listen()
    for each in windows(line):
        never_skips(each)
    skips(line)
    found = [(never_skips(each), skips(each)) for each in windows(voice)]
    sure = [[n for n, both in enumerate(found) if both[who] >= 0.9] for who in (0, 1)]
    assert sure[1][0] <= sure[0][0] + 1  # 32 ms
