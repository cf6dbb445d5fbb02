"""Both sides of a call, lined up."""

from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.audio.framing import ULAW_SILENCE
from voicebot.audio.mixdown import Mixdown

MS = 8  # samples


def sides(stereo: bytes) -> tuple[bytes, bytes]:
    assert len(stereo) % 2 == 0
    return stereo[0::2], stereo[1::2]


def silence(ms: int) -> bytes:
    return ULAW_SILENCE * (ms * MS)


def test_the_caller_is_left_and_the_bot_is_right() -> None:
    mix = Mixdown()
    mix.caller(b"c" * MS, at_ms=0)
    mix.bot(b"b" * MS, at_ms=0)
    assert mix.take(1) == b"cb" * MS


def test_gaps_are_silence() -> None:
    mix = Mixdown()
    mix.caller(b"c" * MS, at_ms=1)
    mix.bot(b"b" * MS, at_ms=2)
    caller, bot = sides(mix.take(4))
    assert caller == silence(1) + b"c" * MS + silence(2)
    assert bot == silence(2) + b"b" * MS + silence(1)


def test_nothing_placed_is_silence() -> None:
    assert Mixdown().take(20) == silence(20) * 2


def test_what_is_written_later_wins_and_moves_nothing() -> None:
    mix = Mixdown()
    mix.caller(b"a" * 3 * MS, at_ms=0)
    mix.caller(b"b" * MS, at_ms=1)
    caller, _ = sides(mix.take(3))
    assert caller == b"a" * MS + b"b" * MS + b"a" * MS


def test_a_cut_silences_what_was_not_heard() -> None:
    mix = Mixdown()
    mix.caller(b"c" * 5 * MS, at_ms=0)
    mix.bot(b"a" * 3 * MS, at_ms=0)
    mix.bot(b"b" * 3 * MS, at_ms=3)
    mix.cut_bot(at_ms=2)
    mix.bot(b"n" * MS, at_ms=4)
    caller, bot = sides(mix.take(6))
    assert caller == b"c" * 5 * MS + silence(1)
    assert bot == b"a" * 2 * MS + silence(2) + b"n" * MS + silence(1)


def test_audio_goes_on_where_the_last_take_ended() -> None:
    mix = Mixdown()
    mix.bot(b"ab" * 2 * MS, at_ms=0)
    _, first = sides(mix.take(1))
    _, rest = sides(mix.take(5))
    assert first + rest == b"ab" * 2 * MS + silence(1)


def test_audio_for_a_time_that_was_taken_is_dropped() -> None:
    mix = Mixdown()
    assert mix.take(2) == silence(2) * 2
    mix.caller(b"o" * MS, at_ms=0)
    mix.caller(b"abcdefgh" * 2, at_ms=1)
    mix.bot(b"o" * MS, at_ms=-5)
    caller, bot = sides(mix.take(3))
    assert caller == b"abcdefgh"
    assert bot == silence(1)


def test_taking_less_than_was_taken_gives_nothing() -> None:
    mix = Mixdown()
    mix.take(20)
    assert mix.take(10) == mix.take(20) == b""
    assert len(mix.take(21)) == 2 * MS


def test_a_frame_that_claims_to_be_a_year_ahead_costs_no_memory() -> None:
    mix = Mixdown()
    mix.caller(b"c" * 160, at_ms=365 * 24 * 3600 * 1000)
    assert mix.take(20) == silence(20) * 2


def test_only_what_was_not_taken_is_kept() -> None:
    mix = Mixdown()
    for frame in range(500):
        mix.caller(b"c" * 160, at_ms=frame * 20)
        mix.bot(b"b" * 160, at_ms=frame * 20 + 100)
        mix.take(frame * 20)
    assert len(mix._caller._pieces) <= 1
    assert len(mix._bot._pieces) <= 7


placed = st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=200)), max_size=8)


@given(placed, st.integers(1, 50))
@settings(max_examples=60)
def test_how_audio_is_cut_into_chunks_does_not_change_the_recording(
    placed: list[tuple[int, bytes]], size: int
) -> None:
    whole, pieces = Mixdown(), Mixdown()
    for at_ms, ulaw in placed:
        whole.caller(ulaw, at_ms)
        whole.bot(ulaw, at_ms)
        for start in range(0, len(ulaw), size):
            piece = ulaw[start : start + size]
            pieces.caller(piece, at_ms + start / MS)
            pieces.bot(piece, at_ms + start / MS)
    assert whole.take(100) == pieces.take(100)


@given(placed, st.lists(st.floats(0, 120), max_size=6))
@settings(max_examples=60)
def test_how_the_recording_is_taken_does_not_change_it(
    placed: list[tuple[int, bytes]], untils: list[float]
) -> None:
    at_once, bit_by_bit = Mixdown(), Mixdown()
    for at_ms, ulaw in placed:
        at_once.bot(ulaw, at_ms)
        bit_by_bit.bot(ulaw, at_ms)
    taken = b""
    for until_ms in sorted(untils):
        taken += bit_by_bit.take(until_ms)
        assert len(taken) == 2 * int(8 * until_ms)
    assert taken + bit_by_bit.take(120) == at_once.take(120)


@given(placed, st.integers(0, 100))
@settings(max_examples=60)
def test_a_cut_leaves_the_past_alone_and_removes_all_that_follows(
    placed: list[tuple[int, bytes]], at_ms: int
) -> None:
    untouched, cut = Mixdown(), Mixdown()
    for start_ms, ulaw in placed:
        untouched.bot(ulaw, start_ms)
        cut.bot(ulaw, start_ms)
    cut.cut_bot(at_ms)
    _, before = sides(untouched.take(120))
    _, after = sides(cut.take(120))
    assert after[: at_ms * MS] == before[: at_ms * MS]
    assert after[at_ms * MS :] == silence(120 - at_ms)
