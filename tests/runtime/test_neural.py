"""Loading the neural voice detector."""

import sys
from importlib.util import find_spec

import pytest
from structlog.testing import capture_logs

from tests.audio.signals import speech
from voicebot.runtime.neural import load_neural


def test_without_the_extra_there_is_none_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with capture_logs() as logs:
        assert load_neural() is None
    assert ["voicebot[vad]" in entry["event"] for entry in logs] == [True]


@pytest.mark.skipif(
    find_spec("onnxruntime") is None,
    reason="onnxruntime isn't installed: install voicebot[vad]",
)
def test_the_model_comes_with_the_package() -> None:
    vad = load_neural()
    assert vad is not None
    assert vad.listen()(speech(seconds=0.6)) > 0.5
