"""A recording is silent where something private was said, and else as it was."""

import os
import wave
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.errors import StoreError
from voicebot.store.muting import (
    BOT,
    CALLER,
    EDGE_MS,
    MARGIN_MS,
    MARGIN_SHARE,
    Mute,
    Share,
    Silence,
    mute_spans,
    shares,
    silence,
    silences,
    since,
)
from voicebot.store.recordings import HEADER, StereoRecording

LOUD, QUIET = 0x00, 0xFF
VOICE, PAUSE = -20.0, -70.0


def mute(path: Path, mutes: Sequence[Mute]) -> int:
    return silence(path, silences(path, mutes))


def recorded(path: Path, caller: bytes, bot: bytes) -> Path:
    recording = StereoRecording(path)
    recording.write(bytes(b for pair in zip(caller, bot, strict=True) for b in pair))
    recording.close()
    return path


def sides(path: Path) -> tuple[bytes, bytes]:
    sound = path.read_bytes()[HEADER.size :]
    return sound[0::2], sound[1::2]


def silent_ms(side: bytes) -> list[tuple[int, int]]:
    """Where one side is silent, to the millisecond."""
    found: list[tuple[int, int]] = []
    for ms in range(len(side) // 8):
        if side[8 * ms : 8 * ms + 8] == bytes([QUIET]) * 8:
            if found and found[-1][1] == ms:
                found[-1] = (found[-1][0], ms + 1)
            else:
                found.append((ms, ms + 1))
    return found


def test_words_share_a_turn_by_how_long_they_take_to_say() -> None:
    (share,) = shares("幺三八零", [(1, 3)])
    assert (share.start, share.end) == (0.25, 0.75)
    (share,) = shares("my pin is 4271", [(10, 14)])
    assert 0.3 < share.start < 0.5
    assert share.end == 1


def test_what_lies_beyond_a_text_has_no_share() -> None:
    assert shares("1234", [(2, 9), (4, 9)]) == (Share(0.5, 1),)
    assert shares(" ", [(0, 1)]) == ()
    assert shares("", []) == ()


def test_what_is_private_is_silenced_with_a_margin() -> None:
    margin = MARGIN_MS + round(MARGIN_SHARE * 10_000)
    assert mute_spans(1000, 11_000, [Share(0.4, 0.6)]) == [
        (5000 - margin, 7000 + margin)
    ]


def test_at_the_edges_of_a_turn_a_bit_more_than_the_turn_is() -> None:
    assert mute_spans(1000, 2000, [Share(0, 1)]) == [(1000 - EDGE_MS, 2000 + EDGE_MS)]
    assert mute_spans(100, 2000, [Share(0, 1)]) == [(0, 2000 + EDGE_MS)]


def test_what_is_close_together_is_silenced_as_one() -> None:
    two = [Share(0.8, 0.9), Share(0.1, 0.2)]
    assert len(mute_spans(0, 1000, two)) == 1
    assert len(mute_spans(0, 10_000, two)) == 2
    inner = [Share(0, 1), Share(0.5, 0.6)]
    assert mute_spans(1000, 2000, inner) == [(700, 2300)]


def test_pauses_are_no_speech() -> None:
    # Words for a second, a pause for eight, digits for a second.
    levels = [VOICE] * 50 + [PAUSE] * 400 + [VOICE] * 50
    ((start, end),) = mute_spans(0, 10_000, [Share(0.5, 1)], levels)
    margin = MARGIN_MS + round(MARGIN_SHARE * 10_000)
    assert (start, end) == (9000 - margin, 10_000 + EDGE_MS)
    ((start, end),) = mute_spans(0, 10_000, [Share(0, 0.5)], levels)
    assert (start, end) == (0, 1000 + margin)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 5000),
    st.integers(0, 20_000),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted), max_size=4),
    st.lists(st.sampled_from([VOICE, PAUSE]), max_size=30),
)
def test_spans_are_in_order_within_reach_and_hold_what_is_private(
    began: int, length: int, parts: list[list[float]], levels: Sequence[float]
) -> None:
    said = [Share(start, end) for start, end in parts]
    spans = mute_spans(began, began + length, said, levels)
    assert all(start <= end for start, end in spans)
    assert all(a[1] < b[0] for a, b in zip(spans, spans[1:], strict=False))
    for start, end in spans:
        assert start >= 0
        assert began - EDGE_MS <= start
        assert end <= began + length + EDGE_MS
    for share in said if not levels else ():
        first, last = (began + part * length for part in (share.start, share.end))
        assert any(start <= first and last <= end for start, end in spans)


def test_one_side_of_a_recording_is_silenced_and_nothing_else(tmp_path: Path) -> None:
    sound = bytes([LOUD]) * 8 * 10_000
    path = recorded(tmp_path / "a.wav", sound, sound)
    before = path.read_bytes()
    whole = Share(0, 1)
    assert mute(path, [Mute(CALLER, 2000, 4000, (whole,))]) == 2000 + 2 * EDGE_MS
    caller, bot = sides(path)
    assert silent_ms(caller) == [(2000 - EDGE_MS, 4000 + EDGE_MS)]
    assert bot == sound
    assert path.read_bytes()[: HEADER.size] == before[: HEADER.size]
    mute(path, [Mute(BOT, 9000, 20_000, (whole,))])
    assert silent_ms(sides(path)[1]) == [(9000 - EDGE_MS, 10_000)]


def test_silencing_twice_is_silencing_once(tmp_path: Path) -> None:
    sound = bytes([LOUD]) * 8 * 3000
    path = recorded(tmp_path / "a.wav", sound, sound)
    where = silences(path, [Mute(CALLER, 1000, 2000, (Share(0.2, 0.4),))])
    assert where == (Silence(CALLER, 700, 1920),)
    assert sides(path) == (sound, sound)
    assert silence(path, where) == silence(path, where) == 1220
    assert silent_ms(sides(path)[0]) == [(700, 1920)]


def test_where_the_words_are_is_heard_in_the_recording(tmp_path: Path) -> None:
    # A long pause before the digits: by time alone they would be far before.
    voice, pause = bytes([LOUD]) * 8000, bytes([QUIET]) * 8 * 8000
    path = recorded(tmp_path / "a.wav", voice + pause + voice, voice + pause + voice)
    mute(path, [Mute(CALLER, 0, 10_000, (Share(0.5, 1),))])
    caller, _ = sides(path)
    assert silent_ms(caller)[-1] == (1000, 10_000)
    assert caller[:8000] == voice


def test_a_later_stream_of_a_call_has_a_recording_of_its_own() -> None:
    first, later = Mute(CALLER, 100, 300, ()), Mute(BOT, 5000, 6000, ())
    assert since([first, later], 0) == (first, later)
    assert since([first, later], 4500) == (Mute(BOT, 500, 1500, ()),)


def test_a_long_recording_is_silenced_block_by_block(tmp_path: Path) -> None:
    sound = bytes([LOUD]) * 8 * 30_000
    path = recorded(tmp_path / "a.wav", sound, sound)
    mute(path, [Mute(BOT, 0, 30_000, (Share(0, 1),))])
    assert sides(path) == (sound, bytes([QUIET]) * len(sound))


def test_what_is_not_in_the_header_yet_is_silenced_too(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    recording = StereoRecording(path)
    recording.write(bytes([LOUD, LOUD]) * 4000)
    recording.flush()
    recording.write(bytes([LOUD, LOUD]) * 4000)
    assert mute(path, [Mute(CALLER, 0, 1000, (Share(0, 1),))]) == 1000
    recording.close()
    assert sides(path) == (bytes([QUIET]) * 8000, bytes([LOUD]) * 8000)


def test_a_recording_stays_one_that_can_be_played(tmp_path: Path) -> None:
    path = recorded(tmp_path / "a.wav", b"\0" * 800, b"\0" * 800)
    size = path.stat().st_size
    mute(path, [Mute(CALLER, 0, 100, (Share(0, 1),))])
    assert path.stat().st_size == size
    with path.open("rb") as file, pytest.raises(wave.Error, match="unknown format: 7"):
        wave.open(file)  # noqa: SIM115 - all of its header is read before that


@pytest.mark.parametrize("data", [b"", b"RIFF", b"OggS" + b"\0" * 100])
def test_what_is_no_recording_of_ours_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(StoreError, match="expected a stereo μ-law recording"):
        silence(path, [])
    with pytest.raises(StoreError, match="expected a stereo μ-law recording"):
        silences(path, [])
    assert path.read_bytes() == data


def test_a_disk_that_fails_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="No such file"):
        mute(tmp_path / "none.wav", [])
    path = recorded(tmp_path / "a.wav", b"\0" * 800, b"\0" * 800)

    def failing(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", failing)
    with pytest.raises(StoreError, match="No space left"):
        mute(path, [Mute(CALLER, 0, 100, (Share(0, 1),))])
