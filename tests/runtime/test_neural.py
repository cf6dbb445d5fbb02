"""Loading the neural voice detector."""

from tests.audio.signals import speech
from voicebot.runtime.neural import load_neural


def test_the_weights_come_with_the_package() -> None:
    assert load_neural().listen()(speech(seconds=0.6)) > 0.5
