"""Prompts know how long they are."""

from voicebot.bridge.settings import Prompt


def test_a_rendered_prompt_is_as_long_as_its_audio() -> None:
    assert Prompt("Hello", bytes(8000)).length_ms == 1000
    assert Prompt("Hello", b"").length_ms == 0


def test_the_length_of_other_words_is_estimated() -> None:
    assert 200 < Prompt("Hello").length_ms < 500
    assert Prompt("").length_ms == 0
