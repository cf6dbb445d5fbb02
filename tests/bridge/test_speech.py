"""The bot's voice: paced, booked to who said it, and cut."""

from collections.abc import Iterable

import pytest

from tests.audio.signals import speech, tone
from voicebot.audio.level import FLOOR_DBOV
from voicebot.audio.timbre import Sound
from voicebot.audio.vad import VadFrame
from voicebot.bridge.model import Action, ClearCaller, MarkCaller, PlayToCaller
from voicebot.bridge.speech import TAPE_BYTES, BotSpeech

A, B, C = (bytes([byte]) * 800 for byte in (0xA0, 0xB0, 0xC0))  # 100 ms each


def bot(lead_ms: int = 300) -> BotSpeech:
    return BotSpeech(lead_ms, start_buffer_ms=20)


def played(actions: Iterable[Action]) -> bytes:
    return b"".join(each.ulaw for each in actions if isinstance(each, PlayToCaller))


def test_what_is_sent_says_when_it_will_be_heard() -> None:
    said = bot()
    said.add(said.begin("r1", 1, 5.0), 2 * A)
    said.complete()
    assert list(said.pump(5.0)) == [
        PlayToCaller(A, 5.0),
        PlayToCaller(A, 5.1),
        MarkCaller("g0.1"),
    ]
    assert said.heard_at(5.0) == pytest.approx(5.2)
    assert not said.waiting


def test_a_mark_stands_every_200_ms_and_at_the_end() -> None:
    said = bot(lead_ms=2000)
    said.add(said.begin("r1", 1, 5.0), 5 * A)
    said.complete()
    sent, marks = 0, []
    for action in said.pump(5.0):
        if isinstance(action, MarkCaller):
            marks.append(sent // 8)
        else:
            sent += len(played([action]))
    assert marks == [200, 400, 500]


def test_bytes_are_booked_to_who_said_them() -> None:
    said = bot(lead_ms=2000)
    first = said.begin("r1", 1, 5.0)
    first.text = "Only words so far"
    said.add(first, A)
    said.complete()
    second = said.begin("r2", 2, 5.0)
    said.add(second, B)
    third = said.begin("r3", 3, 5.0)
    assert played(said.pump(5.0)) == A + B
    assert said.speaker is second
    said.add(third, C)
    assert played(said.pump(5.1)) == C
    assert said.speaker is third
    assert [spoken.first for spoken in (first, second, third)] == [0, 800, 1600]
    starts = [spoken.started_at for spoken in (first, second, third)]
    assert starts == pytest.approx([5.0, 5.1, 5.2])


def test_a_cut_says_how_much_of_each_was_heard() -> None:
    said = bot(lead_ms=2000)
    for number, ulaw in enumerate((A, B, C)):
        said.add(said.begin(f"r{number}", number, 5.0), ulaw)
    said.complete()
    list(said.pump(5.0))
    cut, clear = said.cut(5.15)
    assert clear == ClearCaller(5.15)
    assert [(spoken.seq, heard_ms) for spoken, heard_ms in cut] == [
        (0, 100),
        (1, 50),
        (2, 0),
    ]
    assert not said.waiting
    assert said.utterances == []


def test_nothing_of_what_was_cut_is_ever_sent() -> None:
    said = bot()
    said.add(said.begin("r1", 1, 5.0), 10 * A)
    list(said.pump(5.0))
    said.cut(5.1)
    assert list(said.pump(5.2)) == []
    said.add(said.begin("r2", 2, 5.2), B)
    said.complete()
    assert played(said.pump(5.2)) == B


def test_marks_after_a_cut_are_of_a_new_generation() -> None:
    said = bot()
    said.add(said.begin("r1", 1, 5.0), A)
    said.complete()
    list(said.pump(5.0))
    said.cut(5.05)
    said.add(said.begin("r2", 2, 6.0), A)
    said.complete()
    assert list(said.pump(6.0))[-1] == MarkCaller("g1.2")


def test_what_was_never_sent_began_when_it_was_made() -> None:
    said = bot()
    spoken = said.begin("r1", 1, 5.0)
    assert spoken.started_at == 5.0
    assert said.cut(7.0)[0] == [(spoken, 0.0)]


def test_each_is_taken_out_when_it_was_heard_to_its_end() -> None:
    said = bot(lead_ms=2000)
    said.add(said.begin("r1", 1, 5.0), A)
    said.complete()
    second = said.begin("r2", 2, 5.0)
    said.add(second, B)
    list(said.pump(5.0))
    assert said.take_heard(5.05) == []
    assert [spoken.seq for spoken, _ in said.take_heard(5.101)] == [1]
    assert said.take_heard(9.0) == []  # more may come
    said.complete()
    assert said.take_heard(9.0) == [(second, 100)]


def test_an_answer_without_a_sound_was_heard_at_once() -> None:
    said = bot()
    spoken = said.begin("r1", 1, 5.0)
    assert said.take_heard(5.0) == []
    said.complete()
    assert said.heard_at(5.0) == 5.0
    assert said.take_heard(5.0) == [(spoken, 0.0)]


def test_it_says_when_it_runs_dry_only_if_more_must_come() -> None:
    said = bot()
    assert said.heard_at(5.0) is said.dry_at(5.0) is None
    said.add(said.begin("r1", 1, 5.0), A)
    list(said.pump(5.0))
    assert said.heard_at(5.0) is None
    assert said.dry_at(5.0) == said.dry_at(8.0) == pytest.approx(5.1)
    said.add(said.utterances[0], A[:80])  # not enough to go on
    assert said.due_at(8.0) is None
    assert said.dry_at(8.0) == pytest.approx(5.1)
    said.add(said.utterances[0], A)
    assert said.due_at(8.0) == 8.0
    assert said.dry_at(8.0) is None
    said.complete()
    assert said.dry_at(8.0) is None
    assert said.heard_at(8.0) is None  # something is still to be sent


SILENT = VadFrame(False, -70.0, Sound.SILENCE, -62.0)


def test_the_echo_is_known_once_the_bot_was_heard_for_so_long() -> None:
    said = bot()
    said.add(said.begin("r1", 1, 5.0), speech(level_dbov=-20.0))
    list(said.pump(5.0))
    said.complete()
    for tick in range(200):
        now = 5.0 + 0.02 * tick
        list(said.pump(now))
        said.line_heard(SILENT, now)
        assert said.knows_echo(now) is (now >= 6.5 - 1e-9), now
    assert said.margin_db == 6.0  # there is none


def test_the_gate_rises_with_the_voice_and_falls_with_the_cut() -> None:
    said = bot()
    assert said.gate_dbov(5.0) == FLOOR_DBOV
    said.add(said.begin("r1", 1, 5.0), speech(level_dbov=-20.0))
    list(said.pump(5.0))
    assert said.gate_dbov(5.2) > -45
    said.cut(5.2)
    assert said.gate_dbov(6.5) == FLOOR_DBOV


def test_who_paused_when_all_was_said_has_nothing_to_go_on_with() -> None:
    said = bot()
    spoken = said.begin("r1", 1, 5.0)
    said.add(spoken, A)
    said.complete()
    list(said.pump(5.0))
    assert said.pause(6.0, "fade") == [ClearCaller(6.0)]
    said.resume(0.1)
    assert list(said.pump(6.1)) == []
    assert said.take_heard(6.1) == [(spoken, 100.0)]


def test_a_pause_keeps_what_was_not_heard_of_two_that_speak() -> None:
    said = bot(lead_ms=2000)
    first, second = said.begin("r1", 1, 5.0), said.begin("r2", 2, 5.0)
    said.add(first, 2 * A)
    said.add(second, 2 * B)
    list(said.pump(5.0))
    said.begin("r3", 3, 5.05)  # nothing of it has come
    said.pause(5.1, "immediate")
    said.complete()
    assert (first.sent, second.sent) == (800, 0)
    said.resume(0.1)
    assert played(said.pump(5.2)) == A + 2 * B
    assert said.take_heard(6.0)[:2] == [(first, 200.0), (second, 200.0)]


def test_after_a_pause_for_a_fade_what_died_away_is_not_said_again() -> None:
    said = bot(lead_ms=2000)
    voice = speech(seconds=1.0, level_dbov=-20.0)
    spoken = said.begin("r1", 1, 5.0)
    said.add(spoken, voice)
    said.complete()
    list(said.pump(5.0))
    actions = said.pause(5.05, "fade")
    tail = played(actions)
    said.resume(0.2)
    assert len(tail) + len(played(said.pump(5.3))) == len(voice) - 400
    assert said.take_heard(7.0) == [(spoken, 1000.0)]


def test_between_two_words_a_pause_sends_nothing_more() -> None:
    said = bot(lead_ms=2000)
    voice = speech(seconds=0.4, level_dbov=-20.0)
    said.add(said.begin("r1", 1, 5.0), voice + b"\xff" * 3200 + voice)
    said.complete()
    list(said.pump(5.0))
    assert said.pause(5.6, "fade") == [ClearCaller(5.6)]


# ---- the word that was broken off --------------------------------------------------


def word(ms: int) -> bytes:
    return tone(220, 730, 1410, seconds=ms / 1000)


def gap(ms: int) -> bytes:
    return b"\xff" * (8 * ms)


# A word of 360 ms, and one of 710 with a `t` in it: from 440, closed from 660 to 720.
TWO_WORDS = word(360) + gap(80) + word(220) + gap(60) + word(430) + gap(400)


def broken_off(text: str, at_ms: int, pause_s: float, ulaw: bytes = TWO_WORDS) -> int:
    """The bot pauses at that point of what it says; where it goes on, in ms."""
    said, now = bot(), 5.0
    spoken = said.begin("r1", 1, now)
    spoken.text = text
    said.add(spoken, ulaw)
    said.complete()
    while now < 5.0 + at_ms / 1000:
        list(said.pump(now))
        now += 0.02
    said.pause(5.0 + at_ms / 1000, "immediate")
    assert spoken.sent == 8 * at_ms
    said.resume(pause_s)
    return spoken.sent // 8


def test_after_a_long_pause_the_text_tells_where_the_word_began() -> None:
    assert broken_off("going whatever", 900, 0.5) == 440 - 20


def test_without_a_text_the_last_dip_is_taken_for_the_beginning() -> None:
    assert broken_off("", 900, 0.5) == 720 - 20


def test_a_text_that_does_not_fit_is_as_good_as_none() -> None:
    ulaw = (word(300) + gap(200)) * 6
    assert broken_off("a", 2650, 0.5, ulaw) == 2500 - 20


@pytest.mark.parametrize(("pause_s", "goes_on_at_ms"), [(0.39, 900), (0.4, 420)])
def test_after_a_short_pause_it_goes_on_with_the_next_sample(
    pause_s: float, goes_on_at_ms: int
) -> None:
    assert broken_off("going whatever", 900, pause_s) == goes_on_at_ms


def test_an_answer_that_is_longer_than_the_tape_is_searched_for_a_dip() -> None:
    ulaw = (word(300) + gap(200)) * 40
    at_ms = TAPE_BYTES // 8 + 3150
    assert broken_off("one two six ten " * 10, at_ms, 0.5, ulaw) == at_ms - 170


def test_what_had_not_begun_begins_with_its_first_sample() -> None:
    said = bot()
    spoken = said.begin("r1", 1, 5.0)
    spoken.text = "going whatever"
    said.add(spoken, TWO_WORDS)
    said.complete()
    list(said.pump(5.0))
    said.pause(5.0, "immediate")
    said.resume(0.5)
    assert spoken.sent == 0
    assert played(said.pump(5.5)) == TWO_WORDS[: 8 * 300]


def test_the_text_of_the_answer_before_is_none_of_this_one() -> None:
    """Two speak one behind the other: the tape holds both, the word is the second's."""
    said, now = bot(), 5.0
    first = said.begin("r1", 1, now)
    first.text = "go"
    said.add(first, word(300) + gap(100))
    second = said.begin("r2", 2, now)
    second.text = "going whatever"
    said.add(second, TWO_WORDS)
    said.complete()
    while now < 6.3:
        list(said.pump(now))
        now += 0.02
    said.pause(6.3, "immediate")
    assert (first.sent, second.sent) == (8 * 400, 8 * 900)
    said.resume(0.5)
    assert (first.sent, second.sent) == (8 * 400, 8 * 420)
