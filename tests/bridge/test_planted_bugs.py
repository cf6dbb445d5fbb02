"""The eight bugs that most such bridges have, planted: each is found by its test."""

from collections.abc import Callable

import pytest

from tests.bridge import test_barge_in as tests
from tests.twins import source_only
from voicebot.bridge import bridge
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.ledger import Ledger, _Run
from voicebot.bridge.model import (
    TRANSITIONS,
    CancelReply,
    ClearCaller,
    Moment,
    Phase,
)
from voicebot.bridge.replies import Replies
from voicebot.bridge.speech import BotSpeech

Plant = Callable[[pytest.MonkeyPatch], None]


def position_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "position_heard", lambda self, now: self.position_sent)


def marks_outlive_a_clear(patch: pytest.MonkeyPatch) -> None:
    clear = Ledger.clear

    def cleared(self: Ledger, now: float) -> int:
        marks = dict(self._marks)
        heard = clear(self, now)
        self._marks |= marks
        return heard

    patch.setattr(Ledger, "clear", cleared)


def marks_without_generation(patch: pytest.MonkeyPatch) -> None:
    """Named by a count that begins anew with each answer."""
    mark, clear = Ledger.mark, Ledger.clear

    def cleared(self: Ledger, now: float) -> int:
        heard = clear(self, now)
        self._mark_count = 0
        return heard

    def named(self: Ledger) -> str:
        generation, self.generation = self.generation, 0
        name = mark(self)
        self.generation = generation
        return name

    patch.setattr(Ledger, "clear", cleared)
    patch.setattr(Ledger, "mark", named)


def no_clamp(patch: pytest.MonkeyPatch) -> None:
    def position_at(self: _Run, now: float) -> int:
        return self.first + round((now - self.began_at) * 8000)

    patch.setattr(_Run, "position_at", position_at)
    patch.setattr(BotSpeech, "_heard_ms", staticmethod(lambda spoken, heard: heard / 8))


def late_audio_is_played(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Replies, "is_dead", lambda self, response_id: False)
    patch.setattr(Replies, "started", lambda self, response_id, *, welcome: True)


def interrupts_silence(patch: pytest.MonkeyPatch) -> None:
    def cut(self: Bridge, now: float, *, withdraw: bool = True) -> None:
        self._out += [ClearCaller(now), CancelReply()]

    patch.setattr(Bridge, "_cut", cut)


def no_protection(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Bridge, "_may_interrupt", lambda self, now: True)


def goodbye_can_be_cut(patch: pytest.MonkeyPatch) -> None:
    def hear(self: Bridge, ulaw: bytes, now: float) -> None:
        for at in range(0, len(ulaw), 160):
            self._caller_frame(ulaw[at : at + 160], now, now)

    def cut(self: Bridge, now: float, *, withdraw: bool = True) -> None:
        if self._speech.utterances:
            self._out.append(self._speech.cut(now)[1])

    patch.setattr(Bridge, "_caller_audio", hear)
    patch.setattr(Bridge, "_may_interrupt", lambda self, now: True)
    patch.setattr(Bridge, "_cut", cut)
    patch.setattr(
        bridge,
        "TRANSITIONS",
        {**TRANSITIONS, (Phase.CLOSING, Moment.CALLER_STARTED): Phase.CALLER},
    )


BUGS: list[tuple[Plant, Callable[[], None]]] = [
    (
        position_sent,
        tests.test_bug_1_the_position_is_of_what_was_heard_not_of_what_was_sent,
    ),
    (
        marks_outlive_a_clear,
        tests.test_bug_2_marks_that_come_back_because_of_the_clear_prove_nothing,
    ),
    (
        marks_without_generation,
        tests.test_bug_3_marks_of_an_answer_that_was_cut_are_not_those_of_the_next,
    ),
    (no_clamp, tests.test_bug_4_no_more_is_heard_than_was_made),
    (
        late_audio_is_played,
        tests.test_bug_5_late_audio_of_a_cancelled_answer_is_dropped,
    ),
    (interrupts_silence, tests.test_bug_6_nothing_is_interrupted_while_nothing_plays),
    (
        no_protection,
        tests.test_bug_7_a_protected_greeting_is_heard_and_so_is_who_spoke_into_it,
    ),
    (goodbye_can_be_cut, tests.test_bug_8_our_last_words_are_not_interrupted),
]


@source_only
@pytest.mark.parametrize(
    ("plant", "test"), BUGS, ids=[plant.__name__ for plant, _ in BUGS]
)
def test_its_test_fails_when_the_bug_is_planted(
    plant: Plant, test: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    test()  # passes without
    plant(monkeypatch)
    with pytest.raises((AssertionError, ValueError)):
        test()
