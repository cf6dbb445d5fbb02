"""Frames that wait for each other: fewer, and nothing is later for it."""

from dataclasses import replace

import pytest

from tests.bridge.calls import FRAME_S, PLAIN, SILENCE, VOICE, Call, in_phase
from voicebot.bridge.model import (
    AppendAudio,
    AskForReply,
    CallerAudio,
    ClearCaller,
    CommitAudio,
    NoteDecision,
)
from voicebot.bridge.settings import BargeIn, Settings

PAUSING = Settings(barge_in=BargeIn("pause"))
DECIDED = (ClearCaller, CommitAudio, AskForReply, NoteDecision)
WORD = VOICE[: 160 * 15]
# Waits, speaks, pauses within the turn, waits for the answer.
TURN = 40 * SILENCE + VOICE[: 160 * 40] + 12 * SILENCE + WORD + 60 * SILENCE


class Gathering(Call):
    """Frames come at once, as many as the bridge says."""

    reads = 0

    def hear(self, ulaw: bytes) -> list:  # type: ignore[type-arg]
        before = len(self.log)
        gathered, patience = b"", self.bridge.patience
        for at in range(0, len(ulaw), 160):
            self._pass_until(self.now + FRAME_S)
            gathered += ulaw[at : at + 160]
            if len(gathered) >= 160 * patience:
                self.give(CallerAudio(gathered))
                self.reads += 1
                gathered, patience = b"", self.bridge.patience
        if gathered:
            self.give(CallerAudio(gathered))
        return [action for _, action in self.log[before:]]


def decided(call: Call) -> list[tuple[float, str]]:
    """What was decided of the caller, and when."""
    return [
        (round(at, 6), type(each).__name__)
        for at, each in call.log
        if isinstance(each, DECIDED)
    ]


def given(call: Call) -> int:
    """Bytes of the caller's that the model got."""
    return sum(len(each.pcm16) for each in call.took(AppendAudio))


@pytest.mark.parametrize("settings", [PLAIN, PAUSING], ids=["stop", "pause"])
@pytest.mark.parametrize("offset", range(5))
def test_a_turn_is_cut_out_as_it_is_frame_by_frame(
    settings: Settings, offset: int
) -> None:
    calls = Call(settings), Gathering(settings)
    for call in calls:
        call.hear(offset * SILENCE + TURN)
    by_frame, gathering = calls
    assert decided(gathering) == decided(by_frame)
    assert given(gathering) == given(by_frame)
    frames = len(TURN) // 160 + offset
    assert gathering.reads < frames / 2


@pytest.mark.parametrize("settings", [PLAIN, PAUSING], ids=["stop", "pause"])
@pytest.mark.parametrize("offset", range(5))
def test_an_interruption_stops_the_bot_as_soon(settings: Settings, offset: int) -> None:
    calls = Call(settings), Gathering(settings)
    for call in calls:
        call.turn()
        call.answer(ms=6000)
        call.hear((60 + offset) * SILENCE + VOICE[: 160 * 50] + 60 * SILENCE)
    by_frame, gathering = calls
    assert gathering.took(ClearCaller)
    assert decided(gathering) == decided(by_frame)


def most(call: Call) -> int:
    """Patience within three frames of silence: less while a batch is begun."""
    seen = []
    for _ in range(3):
        call.hear(SILENCE)
        seen.append(call.bridge.patience)
    return max(seen)


def test_while_a_word_may_begin_or_end_each_frame_counts() -> None:
    call = Call(PAUSING)
    call.wait(0.5)
    assert call.bridge.patience == 5
    call.hear(WORD[: 160 * 2])
    assert (call.phase, call.bridge.patience) == ("listening", 1)
    call.hear(WORD)
    assert (most(call), call.phase) == (3, "caller")
    call.wait(0.34)
    assert (most(call), call.phase) == (3, "caller")
    call.wait(0.06)
    assert (call.phase, call.bridge.patience) == ("caller", 1)


def test_while_the_bot_has_paused_each_frame_counts() -> None:
    call = Call(PAUSING)
    call.turn()
    call.answer(ms=6000)
    call.wait(1.0)
    seen = []
    for at in range(0, 160 * 40, 160):
        call.hear(VOICE[at : at + 160] if at < 160 * 9 else SILENCE)
        seen.append((call.phase, call.bridge.patience))
    paused = seen.index(("tentative", 1))
    assert set(seen[paused:]) == {("tentative", 1), ("speaking", 1)}
    assert seen[-1] == ("speaking", 1)  # a second syllable may come


def test_the_first_mark_is_to_be_known_to_the_frame() -> None:
    """Where none was seen, it is waited for, so nobody waits."""
    for marks, patience in ((True, 5), (False, 1)):
        call = Call(PAUSING, marks=marks)
        call.turn()
        call.answer(ms=6000)
        assert call.bridge.patience == 1
        call.wait(1.0)
        assert (call.phase, call.bridge.patience) == ("speaking", patience)


@pytest.mark.parametrize(("min_ms", "patience"), [(10, 1), (60, 3), (400, 5)])
def test_who_stops_for_less_waits_for_less(min_ms: int, patience: int) -> None:
    call = Call(replace(PAUSING, barge_in=BargeIn("pause", min_ms=min_ms)))
    call.turn()
    call.answer(ms=6000)
    call.wait(1.0)
    assert (call.phase, call.bridge.patience) == ("speaking", patience)


def test_who_is_about_to_hang_up_waits_for_nobody() -> None:
    """The last mark, and the close, are small and come alone."""
    for phase in ("closing", "ended"):
        call = in_phase(phase)
        call.wait(0.1)
        assert (call.phase, call.bridge.patience) == (phase, 1)


def test_the_models_own_vad_gets_each_frame_of_a_turn() -> None:
    call = Call(Settings(owner="server"))
    call.wait(0.5)
    assert most(call) == 3
    call.hear(WORD)
    assert (call.phase, call.bridge.patience) == ("caller", 1)


def test_who_was_read_late_waits_for_no_more_than_a_batch() -> None:
    call = Call(PAUSING)
    call.hear(WORD)
    while call.bridge.patience < 3:
        call.hear(VOICE[:160])
    call.give(CallerAudio(VOICE[: 4 * 160]))
    assert call.bridge.patience == 2  # one is left of the four
    before = len(call.took(AppendAudio))
    call.give(CallerAudio(VOICE[: 2 * 160]))
    assert len(call.took(AppendAudio)) == before + 1
    assert call.bridge.patience == 3
