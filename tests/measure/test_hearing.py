"""What the model was given of the line, and what it understands of it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.audio.resample import UlawToPcm24
from voicebot.measure.corpus import load
from voicebot.measure.hearing import (
    CHUNK,
    covered,
    missing_at_start,
    spans,
    thinned,
    understood,
)
from voicebot.measure.sound import Samples, from_ulaw

CORPUS = load()
LINE = b"".join(
    CORPUS.named(name).ulaw
    for name in ("allison_circuits", "cards_queen", "go_forward")
)


def recorded(*pieces: tuple[int, int]) -> Samples:
    """Pieces of the line as the bridge sends them."""
    up = UlawToPcm24()
    return thinned(b"".join(up.push(LINE[first:end]) for first, end in pieces))


@given(st.integers(200, 8000), st.integers(8000, 20000))
@settings(max_examples=25, deadline=None)
def test_a_piece_of_the_line_is_found_but_for_its_silence(
    first: int, size: int
) -> None:
    piece = (first, first + size)
    found = spans(recorded(piece), from_ulaw(LINE))
    # Where a sound that dies away was cut in two, its first 100 ms are like nothing.
    first_sure = first + CHUNK
    loud = np.abs(from_ulaw(LINE)[first_sure : first + size]) > 100
    for at in (loud.nonzero()[0] + first_sure)[20:-20]:
        assert covered(found, (int(at), int(at) + 1))
    assert all(first - 20 <= begin <= end <= first + size + 20 for begin, end in found)


def test_a_hole_in_what_was_sent_is_found() -> None:
    found = spans(recorded((1600, 8000), (14400, 24000)), from_ulaw(LINE))
    assert covered(found, (1600, 8000)) > 5500
    assert covered(found, (8800, 13600)) == 0
    assert covered(found, (14400, 24000)) > 8500


def test_what_isnt_on_the_line_is_not_found() -> None:
    elsewhere = CORPUS.named("libri_had_he").samples
    assert spans(elsewhere, from_ulaw(LINE)) == []
    assert spans(np.zeros(8000), from_ulaw(LINE)) == []
    assert spans(np.zeros(10), from_ulaw(LINE)) == []


def test_no_sample_is_counted_twice() -> None:
    assert covered([(0, 100), (50, 150)], (20, 120)) == 100


def test_what_is_missing_at_the_start_is_told() -> None:
    assert missing_at_start([(90, 200)], (100, 180)) == 0
    assert missing_at_start([(0, 50), (130, 200)], (100, 180)) == 30
    assert missing_at_start([], (100, 180)) == 80


def test_only_the_words_that_were_recorded_are_understood() -> None:
    said = (8000, 16000)
    assert understood("one two six ten", said, [(8000, 16000)]) == "one two six ten"
    assert understood("one two six ten", said, [(12000, 16000)]) == "six ten"
    assert understood("one two six ten", said, []) == ""
    assert understood("", said, [said]) == ""
