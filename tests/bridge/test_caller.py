"""The caller's voice on its way to the model."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.audio.signals import speech
from voicebot.bridge.caller import CallerVoice
from voicebot.bridge.turns import Change, Needs

SILENCE = b"\xff" * 160
VOICE = speech(seconds=4.0, level_dbov=-20.0)
ENOUGH = Needs()
MS = 48  # bytes of what the model gets


def voice(
    *,
    streaming: bool = False,
    max_turn_ms: int = 30_000,
    listen: Callable[[bytes], float] | None = None,
) -> CallerVoice:
    return CallerVoice(streaming=streaming, max_turn_ms=max_turn_ms, listen=listen)


def hear(
    heard: CallerVoice, ulaw: bytes, needs: Needs | None = ENOUGH
) -> list[Change | None]:
    return [push(heard, ulaw[at : at + 160], needs) for at in range(0, len(ulaw), 160)]


def push(
    heard: CallerVoice, ulaw: bytes, needs: Needs | None = ENOUGH
) -> Change | None:
    frame = heard.hear(ulaw, -96.0)
    change = heard.judge(frame, needs, 500) if frame else None
    if change in (Change.STOPPED, Change.FADED):
        heard.detector.reset()
    return change


def turn() -> tuple[CallerVoice, bytes, int]:
    """
    The caller was silent for a second, and has just begun a turn.

    Returns:
        What the model got so far, and how many ms of speech the line had carried.
    """
    heard, at = voice(), 0
    hear(heard, 50 * SILENCE)
    while push(heard, VOICE[at : at + 160]) is None:
        at += 160
    heard.begin_turn()
    batch = heard.take()
    assert batch is not None
    return heard, batch.pcm16, at // 8 + 20


def test_nothing_is_for_the_model_before_the_caller_speaks() -> None:
    heard = voice()
    hear(heard, 200 * SILENCE)
    assert heard.take() is None


def test_a_turn_holds_400_ms_from_before_the_first_speech() -> None:
    heard, pcm16, spoken_ms = turn()
    assert len(pcm16) == MS * (400 + heard.detector.turn_ms)
    silence_ms = len(pcm16) // MS - spoken_ms
    assert silence_ms > 200  # so nothing of what was said is missing
    assert set(pcm16[: MS * silence_ms]) == {0}
    assert any(pcm16[MS * silence_ms : MS * (silence_ms + 40)])


def test_a_turn_goes_to_the_model_in_batches_of_60_ms() -> None:
    heard, _, _ = turn()
    sizes = []
    for _ in range(9):
        hear(heard, SILENCE)
        batch = heard.take()
        sizes.append(len(batch.pcm16) // MS if batch else 0)
    assert sizes == [0, 0, 60] * 3


def test_a_short_turn_is_padded_to_what_the_model_accepts() -> None:
    heard, first, _ = turn()
    hear(heard, SILENCE)
    rest = heard.end_turn()
    assert len(first) + len(rest.pcm16) == MS * 1100
    assert set(rest.pcm16[-MS * 100 :]) == {0}


def test_a_long_turn_is_not_padded() -> None:
    heard, _, _ = turn()
    hear(heard, VOICE)
    heard.take()
    hear(heard, SILENCE)
    assert len(heard.end_turn().pcm16) == MS * 20


def test_the_next_turn_does_not_repeat_the_end_of_the_one_before() -> None:
    heard, _, _ = turn()
    hear(heard, VOICE)
    heard.end_turn()
    heard.detector.reset()
    hear(heard, 5 * SILENCE)
    assert heard.take() is None
    heard.begin_turn()
    batch = heard.take()
    assert batch is not None
    assert len(batch.pcm16) == MS * 100


def test_streaming_gives_the_model_everything_in_order() -> None:
    heard = voice(streaming=True)
    sizes = []
    for frame in range(12):
        hear(heard, SILENCE)
        batch = heard.take(live=frame >= 6)
        sizes.append(len(batch.pcm16) // MS if batch else 0)
    assert sizes == [0, 0, 60, 0, 0, 60, 20, 20, 20, 20, 20, 20]


def test_an_onset_that_may_not_begin_is_kept_for_as_long_as_a_turn() -> None:
    heard = voice(max_turn_ms=1000)
    hear(heard, VOICE, needs=None)
    heard.begin_turn()
    batch = heard.take()
    assert batch is not None
    assert len(batch.pcm16) == MS * 1400


@pytest.mark.parametrize("size", [1, 7, 80, 159, 160])
def test_how_the_line_is_cut_does_not_change_when_a_turn_begins(size: int) -> None:
    line = 50 * SILENCE + VOICE + 50 * SILENCE

    def changes(size: int) -> list[tuple[int, Change]]:
        heard = voice()
        found = []
        for at in range(0, len(line), size):
            change = push(heard, line[at : at + size])
            if change:
                found.append(((at + size) // 160, change))
        return found

    assert changes(size) == changes(160)
    turns = [each for _, each in changes(160) if each is not Change.WENT_ON]
    assert all(before != after for before, after in pairwise(turns))


@pytest.mark.parametrize(
    ("likely", "before", "sure"),
    [
        (0.95, SILENCE, True),
        (0.85, SILENCE, False),
        (0.95, VOICE[160:320], False),  # a room full of people, or music
        (None, SILENCE, False),  # nobody else listens
    ],
)
def test_a_voice_is_sure_if_a_neural_vad_hears_it_begin_in_silence(
    likely: float | None, before: bytes, sure: bool
) -> None:
    heard = voice(listen=None if likely is None else lambda ulaw: likely)
    hear(heard, 25 * before + VOICE[:800])
    assert heard.is_sure is sure


def test_a_voice_that_has_gone_on_for_long_is_not_sure_as_it_ends_in_silence() -> None:
    heard = voice(listen=lambda ulaw: 0.95)
    hear(heard, 25 * SILENCE + 30 * VOICE[160:320])
    assert not heard.is_sure
    hear(heard, SILENCE)
    assert heard.frame.voice == 0.95
    assert not heard.is_sure


def test_a_word_out_of_silence_is_still_sure_in_the_silence_behind_it() -> None:
    heard = voice(listen=lambda ulaw: 0.95)
    hear(heard, 25 * SILENCE + VOICE[:1600] + 5 * SILENCE)
    assert heard.is_sure
    hear(heard, 12 * SILENCE)
    assert not heard.is_sure  # that was long ago


def test_a_voice_that_was_there_from_the_first_frame_on_is_not_sure() -> None:
    heard = voice(listen=lambda ulaw: 0.95)
    hear(heard, VOICE[:800])
    assert not heard.is_sure


@pytest.mark.parametrize(
    ("likely", "certain"), [(None, False), (0.94, False), (0.95, True)]
)
def test_what_is_no_murmur_even_is_certain(likely: float | None, certain: bool) -> None:
    heard = voice(listen=None if likely is None else lambda ulaw: likely)
    hear(heard, VOICE[:800])
    assert heard.is_certain is certain


def test_a_voice_that_was_there_before_its_onset_begins_late() -> None:
    heard = voice(listen=lambda ulaw: 0.5)
    hear(heard, 9 * VOICE[160:320])
    late = [heard.begins_late]
    for frames in (1, 15):
        hear(heard, frames * VOICE[160:320])
        late.append(heard.begins_late)
    # 180 ms, 200 ms; half a second: what it hears is something else
    assert late == [False, True, False]


def test_out_of_silence_or_unheard_by_the_neural_vad_none_begins_late() -> None:
    heard = voice(listen=lambda ulaw: 0.5)
    hear(heard, 25 * SILENCE + VOICE[:1600])
    assert not heard.begins_late
    heard = voice(listen=lambda ulaw: 0.49)
    hear(heard, VOICE[:1600])
    assert not heard.begins_late


def test_what_was_rejected_may_have_been_the_first_word_of_a_turn() -> None:
    heard = voice()
    hear(heard, 50 * SILENCE + VOICE[:320] + 10 * SILENCE, needs=None)
    rejected_ms = heard.detector.turn_ms
    heard.reject()
    assert rejected_ms
    assert heard.detector.idle
    hear(heard, 5 * SILENCE + VOICE[:1600], needs=None)
    onset_ms = heard.detector.turn_ms
    heard.begin_turn()
    hear(heard, VOICE[:160])
    sent_ms = len(taken(heard)) / MS
    assert sent_ms >= 400 + rejected_ms + 100 + onset_ms


def taken(heard: CallerVoice) -> bytes:
    batch = heard.take(live=True)
    return batch.pcm16 if batch else b""


def test_when_it_streams_no_more_the_model_gets_turns_only() -> None:
    heard = voice(streaming=True)
    hear(heard, 2 * SILENCE)  # on its way, and not appended yet
    heard.stream(on=False)
    hear(heard, 50 * SILENCE)
    assert heard.take() is None
    hear(heard, VOICE[:3200])
    onset_ms = heard.detector.turn_ms
    heard.begin_turn()
    hear(heard, VOICE[3200:3360])
    assert len(taken(heard)) == MS * (400 + onset_ms + 20)


def test_a_turn_that_had_begun_when_it_streamed_is_sent_again_as_a_whole() -> None:
    heard = voice(streaming=True)
    hear(heard, 50 * SILENCE + VOICE[:800], needs=None)
    began = taken(heard)
    heard.stream(on=False)
    assert heard.take() is None
    hear(heard, VOICE[800:1600], needs=None)
    onset_ms = heard.detector.turn_ms
    heard.begin_turn()
    again = taken(heard)
    assert len(again) == MS * (400 + onset_ms)
    silence = len(again) - MS * 200  # the line has carried so much speech by now
    assert set(again[MS * 10 : silence]) == {0}  # behind what the resampler still held
    assert set(began[-MS * 100 :]) != {0}
    assert again[silence : silence + MS * 100] == began[-MS * 100 :]


def test_when_it_streams_again_in_silence_it_begins_with_the_line_as_it_is() -> None:
    heard = voice()
    hear(heard, 50 * SILENCE)
    heard.stream(on=True)
    assert taken(heard) == b""
    hear(heard, VOICE[:1600])
    assert len(taken(heard)) == MS * 200


def test_who_began_to_speak_before_it_streams_again_is_heard_whole() -> None:
    heard = voice()
    hear(heard, 50 * SILENCE + VOICE[:1600], needs=None)
    heard.stream(on=True)
    assert len(taken(heard)) == MS * (400 + heard.detector.turn_ms)
    hear(heard, VOICE[1600:2400], needs=None)
    assert len(taken(heard)) == MS * 100  # and once only


def test_a_turn_under_way_when_it_streams_again_is_not_begun_anew() -> None:
    heard, _, _ = turn()
    hear(heard, VOICE[:480])
    heard.stream(on=True)
    hear(heard, VOICE[480:960])
    assert len(taken(heard)) == MS * 60


@pytest.mark.parametrize("streaming", [True, False])
def test_a_neural_vad_hears_the_line_where_something_is_said(streaming: bool) -> None:
    shown = bytearray()

    def listen(ulaw: bytes) -> float:
        shown.extend(ulaw)
        return 0.25

    heard = CallerVoice(streaming=streaming, max_turn_ms=30_000, listen=listen)
    hear(heard, 10 * SILENCE + VOICE[:1600])
    assert (10 * SILENCE + VOICE[:1600]).startswith(bytes(shown))
    assert VOICE[:960] in bytes(shown)
    assert heard.frame.voice == pytest.approx(0.25)
