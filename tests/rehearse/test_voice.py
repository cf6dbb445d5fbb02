"""Voices whose words' times are known."""

import pytest

from voicebot.audio.framing import ULAW_HZ, ulaw_bytes
from voicebot.measure.clock import Posts
from voicebot.rehearse.voice import answered, in_words, prompted, spoken, timed
from voicebot.sim.stepfun.babble import RATE_HZ, babble, syllables

TEXT = "Hold on, 嗯嗯 please."


def test_a_text_is_cut_at_its_syllables_and_says_which_begin_a_word() -> None:
    found = timed(TEXT)
    assert "".join(each.text for each in found) == TEXT
    words = ["".join(each.text for each in word) for word in in_words(found)]
    assert words == ["Hold ", "on, ", "嗯", "嗯 ", "please."]
    assert found[0].start == 0
    for before, after in zip(found, found[1:], strict=False):
        assert before.end <= after.start
    assert timed("…") == ()


def test_syllables_last_as_long_as_they_sound() -> None:
    length_ms = sum(ms for _, ms in syllables(TEXT))
    for rate_hz in (8000, RATE_HZ):
        assert len(babble(TEXT, rate_hz)) == 2 * rate_hz * length_ms // 1000
    assert spoken(TEXT).length_s == pytest.approx(length_ms / 1000)


def test_two_takes_have_no_bytes_in_common() -> None:
    one, other = answered(TEXT, 1), answered(TEXT, 2)
    assert (one.text, one.syllables) == (other.text, other.syllables)
    for at in range(0, len(one.ulaw) - 40, 40):
        piece = one.ulaw[at : at + 40]
        assert piece not in other.ulaw
        assert piece not in prompted(TEXT).ulaw
        assert one.ulaw.count(piece) == 1


def test_an_answer_is_as_long_for_the_model_as_for_the_caller() -> None:
    said = answered(TEXT, 1)
    assert len(said.pcm16) / 48 == pytest.approx(len(said.ulaw) / 8, abs=10)
    assert 0 <= len(said.ulaw) - len(prompted(TEXT).ulaw) <= ulaw_bytes(100)
    assert said.length_s == len(said.ulaw) / ULAW_HZ


def test_posts_arrive_by_their_time_and_then_in_the_order_sent() -> None:
    posts: Posts[str] = Posts()
    for at, what in ((2.0, "late"), (1.0, "first"), (1.0, "second")):
        posts.send(at, what)
    assert posts.next_at() == 1.0
    assert [posts.take() for _ in range(3)] == ["first", "second", "late"]
    assert posts.next_at() == float("inf")
