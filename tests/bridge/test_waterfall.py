"""The steps of an answer, from the caller's last word to what a mark has proved."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.bridge.calls import STOP, Call, pcm
from voicebot.bridge.model import (
    Action,
    BotAudio,
    BotText,
    CallerText,
    ClearCaller,
    CommitAudio,
    Event,
    MarkCaller,
    MarkReturned,
    NoteDecision,
    Outcome,
    PlayToCaller,
    ReplyDone,
    ReplyStarted,
    Rule,
    ServerSpeechStarted,
    ServerSpeechStopped,
    TurnCommitted,
)
from voicebot.bridge.settings import Prompt, Settings
from voicebot.bridge.waterfall import NoteLatency, Waterfall


class Watched(Call):
    """A call whose answers are followed."""

    def __init__(self, settings: Settings | None = None, **wants: Any) -> None:
        self.waterfall = Waterfall(100.0)
        self.latencies: list[NoteLatency] = []
        super().__init__(settings, **wants)

    def give(self, *events: Event) -> list[Action]:
        actions: list[Action] = []
        for event in events:
            self._keep(self.waterfall.happened(event, self.now))
            actions += super().give(event)
        return actions

    def _note(self, actions: Iterable[Action]) -> list[Action]:
        taken = super()._note(actions)
        for action in taken:
            self._keep(self.waterfall.did(action, self.now))
        return taken

    def _keep(self, note: NoteLatency | None) -> None:
        if note:
            self.latencies.append(note)


def answer_after(call: Watched, seconds: float, response_id: str = "r1") -> None:
    call.wait(seconds)
    call.answer(response_id, ms=2000)
    call.wait(1.0)


def test_every_step_of_an_answer_is_timed_and_then_proved_by_a_mark() -> None:
    call = Watched()
    call.wait(0.5)
    began = call.now
    call.turn()
    answer_after(call, 0.3)
    first, last = call.latencies
    (caller,) = (note for note in call.notes().values() if note.who == "caller")
    (ended, *_) = call.took(NoteDecision)
    assert (first.seq, first.caller_seq) == (ended.seq, caller.seq)
    assert first.heard_by == "clock"
    assert first.committed_ms == ended.decided_ms
    assert abs(first.spoken_ms - caller.ended_ms) <= 20
    assert first.delta_ms == first.committed_ms + 300
    assert first.delta_ms <= first.sent_ms <= first.heard_ms
    assert last == replace(first, heard_by="mark", heard_ms=last.heard_ms)
    assert last.heard_ms >= last.sent_ms
    assert first.spoken_ms > round((began - 100.0) * 1000)


def test_no_mark_leaves_an_estimate() -> None:
    call = Watched(marks=False)
    call.turn()
    answer_after(call, 0.3)
    (note,) = call.latencies
    assert note.heard_by == "clock"


def test_with_the_models_own_vad_the_commit_is_the_news_of_it() -> None:
    call = Watched(Settings(owner="server", barge_in=STOP))
    call.say(1.0)
    call.give(ServerSpeechStarted())
    call.say(0.2)
    call.wait(0.7)
    call.give(ServerSpeechStopped())
    call.wait(0.1)
    call.give(TurnCommitted("i1"))
    answer_after(call, 0.3)
    note = call.latencies[-1]
    assert note.committed_ms is not None
    assert note.delta_ms == note.committed_ms + 300


def test_a_filler_is_no_answer() -> None:
    filler = Prompt("One moment.", b"\xff" * 8000)
    call = Watched(Settings(barge_in=STOP, fillers=(filler,), filler_after_s=0.5))
    call.turn()
    answer_after(call, 2.5)
    notes = {note.seq: note for note in call.latencies}
    (note,) = notes.values()
    assert note.delta_ms == (note.committed_ms or 0) + 2500
    assert note.sent_ms >= note.delta_ms


def test_each_answer_has_its_own_and_the_first_answers_nothing() -> None:
    call = Watched()
    call.give(ReplyStarted("r0"), BotAudio("r0", pcm(400)), ReplyDone("r0"))
    call.wait(1.0)
    for number in (1, 2):
        call.turn(f"i{number}")
        answer_after(call, 0.2, f"r{number}")
        call.wait(1.5)
    assert len({note.seq for note in call.latencies}) == 2
    assert [note.heard_by for note in call.latencies] == 2 * ["clock", "mark"]


# ---- by hand: what a bridge does only now and then -----------------------------------

ENDED = NoteDecision(
    seq=4,
    kind="end_of_turn",
    at_ms=0,
    decided_ms=1000,
    rule=Rule.SILENCE,
    outcome=Outcome.UNANSWERED,
    caller_seq=2,
    trace="",
    features={"silence_ms": 500},
)
ANSWERED = replace(ENDED, outcome=Outcome.ANSWERED, features={"reply_ms": 900})
FRAME = PlayToCaller(b"\xff" * 160, 1.6)


def begun() -> Waterfall:
    waterfall = Waterfall(0.0)
    assert waterfall.did(ENDED, 1.0) is None
    assert waterfall.did(CommitAudio(), 1.0) is None
    return waterfall


def answered(waterfall: Waterfall) -> NoteLatency:
    assert waterfall.happened(BotAudio("r1", b""), 1.3) is None
    assert waterfall.did(FRAME, 1.4) is None
    note = waterfall.did(ANSWERED, 1.4)
    assert note
    return note


def test_a_mark_tells_less_what_was_played_before_it() -> None:
    waterfall = begun()
    note = answered(waterfall)
    assert note == NoteLatency(4, 2, 500, 1000, 1300, 1400, 1600, "clock")
    waterfall.did(FRAME, 1.4)
    waterfall.did(MarkCaller("m1"), 1.4)
    waterfall.did(FRAME, 1.5)  # behind the mark
    waterfall.did(MarkCaller("m2"), 1.5)
    assert waterfall.happened(MarkReturned("m0"), 1.6) is None
    proved = waterfall.happened(MarkReturned("m1"), 1.7)
    assert proved == replace(note, heard_ms=1660, heard_by="mark")
    assert waterfall.happened(MarkReturned("m2"), 1.9) is None


def test_words_that_come_before_the_audio_are_steps_of_their_own() -> None:
    waterfall = begun()
    waterfall.happened(CallerText("i1", "Are you"), 1.1)
    waterfall.happened(CallerText("i2", "open?"), 1.15)
    waterfall.happened(BotText("r1", "Yes."), 1.2)
    waterfall.happened(BotText("r1", " We are."), 1.25)
    waterfall.happened(CallerText("i3", "late"), 1.26)
    note = answered(waterfall)
    assert (note.understood_ms, note.written_ms) == (1150, 1200)


def test_words_that_come_behind_the_audio_are_none() -> None:
    waterfall = Waterfall(0.0)
    waterfall.happened(CallerText("i0", "Before."), 0.8)
    waterfall.happened(BotAudio("r0", b""), 0.9)
    waterfall.did(ENDED, 1.0)
    waterfall.happened(BotText("r0", "of the answer before"), 1.1)
    waterfall.happened(BotAudio("r1", b""), 1.2)
    waterfall.happened(BotText("r1", "Yes."), 1.25)
    waterfall.happened(CallerText("i1", "open?"), 1.26)
    waterfall.did(FRAME, 1.4)
    note = waterfall.did(ANSWERED, 1.4)
    assert note
    assert (note.understood_ms, note.written_ms) == (None, None)


def test_a_mark_that_comes_too_early_is_not_before_the_frame() -> None:
    waterfall = begun()
    answered(waterfall)
    waterfall.did(MarkCaller("m1"), 1.4)
    proved = waterfall.happened(MarkReturned("m1"), 1.41)
    assert proved
    assert proved.heard_ms == 1400


def test_what_was_cleared_is_proved_by_no_mark() -> None:
    waterfall = begun()
    answered(waterfall)
    waterfall.did(MarkCaller("m1"), 1.4)
    waterfall.did(ClearCaller(1.5), 1.5)
    assert waterfall.happened(MarkReturned("m1"), 1.5) is None


def test_the_audio_of_an_older_answer_is_not_the_first_of_the_new_one() -> None:
    waterfall = Waterfall(0.0)
    waterfall.happened(BotAudio("r0", b""), 0.9)
    waterfall.did(ENDED, 1.0)
    waterfall.happened(BotAudio("r0", b""), 1.1)
    waterfall.happened(BotAudio("r1", b""), 1.3)
    waterfall.happened(BotAudio("r1", b""), 1.35)
    note = waterfall.did(ANSWERED, 1.4)
    assert note
    assert (note.delta_ms, note.committed_ms) == (1300, None)


@pytest.mark.parametrize(
    "answer",
    [
        replace(ANSWERED, seq=9),
        replace(ANSWERED, features={}),
        replace(ENDED, kind="barge_in"),
        replace(ENDED, outcome=Outcome.TOO_EARLY),
    ],
)
def test_what_is_no_answer_to_the_turn_has_no_latency(answer: NoteDecision) -> None:
    assert begun().did(answer, 1.4) is None


def test_a_turn_that_is_noted_again_is_still_the_same() -> None:
    waterfall = begun()
    waterfall.did(ENDED, 1.2)
    assert answered(waterfall).committed_ms == 1000
    assert waterfall.happened(TurnCommitted("i1"), 1.5) is None
    assert waterfall.did(CommitAudio(), 1.5) is None
