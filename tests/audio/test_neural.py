"""The neural voice detector."""

import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.audio.signals import noise, speech, tone
from voicebot.audio.framing import ULAW_SILENCE
from voicebot.audio.g711 import pcm16_to_ulaw
from voicebot.audio.neural import CONTEXT, WINDOW, NeuralVad

needs_onnx = pytest.mark.skipif(
    find_spec("onnxruntime") is None,
    reason="onnxruntime isn't installed: install voicebot[vad]",
)


class Recorded:
    """Answers with given probabilities, and keeps what it was asked."""

    def __init__(self, *answers: float) -> None:
        self.answers = list(answers)
        self.inputs: list[NDArray[np.float32]] = []
        self.states: list[float] = []

    def run(
        self, outputs: Sequence[str] | None, inputs: Mapping[str, object]
    ) -> Sequence[NDArray[np.float32]]:
        samples, state, rate = inputs["input"], inputs["state"], inputs["sr"]
        assert isinstance(samples, np.ndarray)
        assert isinstance(state, np.ndarray)
        assert isinstance(rate, np.ndarray)
        assert outputs == ("output", "stateN")
        assert (samples.dtype, samples.shape) == (np.float32, (1, CONTEXT + WINDOW))
        assert (state.dtype, state.shape) == (np.float32, (2, 1, 128))
        assert (rate.dtype, rate.shape, int(rate)) == (np.int64, (), 8000)
        self.inputs.append(samples.copy())
        self.states.append(float(state[0, 0, 0]))
        answer = self.answers[len(self.inputs) - 1]
        return [np.full((1, 1), answer, np.float32), state + 1]


def counting(samples: int) -> bytes:
    """Samples that all differ from their neighbours."""
    return pcm16_to_ulaw((np.arange(samples, dtype="<i2") * 37).tobytes())


def test_less_than_a_window_is_no_voice() -> None:
    session = Recorded()
    assert NeuralVad(b"", session).listen()(b"\x80" * (WINDOW - 1)) == 0.0
    assert session.inputs == []


def test_the_last_window_counts() -> None:
    hear = NeuralVad(b"", Recorded(0.9, 0.5, 0.2)).listen()
    found = [hear(counting(WINDOW)) for _ in range(3)]
    assert found == pytest.approx([0.9, 0.5, 0.2])


def test_each_window_sees_the_end_of_the_one_before_and_its_state() -> None:
    session = Recorded(0.1, 0.2, 0.3)
    NeuralVad(b"", session).listen()(counting(3 * WINDOW))
    first, second, third = session.inputs
    assert not first[0, :CONTEXT].any()
    assert np.array_equal(second[0, :CONTEXT], first[0, -CONTEXT:])
    assert np.array_equal(third[0, :CONTEXT], second[0, -CONTEXT:])
    assert session.states == [0.0, 1.0, 2.0]


def test_samples_are_parts_of_full_scale() -> None:
    session = Recorded(0.1)
    NeuralVad(b"", session).listen()(b"\x80" * WINDOW)  # the highest code
    assert session.inputs[0][0, CONTEXT:] == pytest.approx(32124 / 32768)


def test_a_call_leaves_nothing_behind_for_the_next() -> None:
    session = Recorded(*[0.1] * 4)
    vad = NeuralVad(b"", session)
    for _ in range(2):
        vad.listen()(counting(2 * WINDOW))
    assert session.states == [0.0, 1.0, 0.0, 1.0]


@given(cuts=st.lists(st.integers(1, 400), max_size=8))
@settings(max_examples=20)
def test_a_listener_finds_the_same_however_its_line_is_cut(cuts: list[int]) -> None:
    ulaw = counting(4 * WINDOW + 10)
    answers = 0.1, 0.7, 0.2, 0.4
    whole, parts = Recorded(*answers), Recorded(*answers)
    assert NeuralVad(b"", whole).listen()(ulaw) == pytest.approx(0.4)
    listener, at = NeuralVad(b"", parts).listen(), 0
    for size in cuts:
        listener(ulaw[at : at + size])
        at += size
    assert listener(ulaw[at:]) == pytest.approx(0.4)
    assert np.array_equal(whole.inputs, parts.inputs)
    assert whole.states == parts.states == [0.0, 1.0, 2.0, 3.0]


def test_a_listener_keeps_to_what_it_found_until_it_knows_more() -> None:
    listener = NeuralVad(b"", Recorded(0.7, 0.2)).listen()
    found = [listener(counting(WINDOW // 2)) for _ in range(4)]
    assert found == pytest.approx([0.0, 0.7, 0.7, 0.2])


def test_the_runtime_is_told_to_start_no_threads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[tuple[object, ...]] = []

    def session(model: bytes, options: object, providers: list[str]) -> Recorded:
        made.append((model, options, providers))
        return Recorded(0.7)

    fake = SimpleNamespace(SessionOptions=SimpleNamespace, InferenceSession=session)
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    assert NeuralVad(b"model").listen()(counting(WINDOW)) == pytest.approx(0.7)
    ((model, options, providers),) = made
    assert (model, providers) == (b"model", ["CPUExecutionProvider"])
    assert options == SimpleNamespace(
        inter_op_num_threads=1, intra_op_num_threads=1, log_severity_level=3
    )


def test_without_the_runtime_there_is_no_detector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError):
        NeuralVad(b"")


def likeliest(vad: NeuralVad, ulaw: bytes, last_s: float) -> float:
    """The highest probability of a voice in the last part of a line."""
    hear, last = vad.listen(), len(ulaw) - round(8000 * last_s)
    found = [(at, hear(ulaw[at : at + WINDOW])) for at in range(0, len(ulaw), WINDOW)]
    return max(probability for at, probability in found if at >= last)


@needs_onnx
def test_it_tells_a_voice_from_other_sounds() -> None:
    model = files("voicebot.audio") / "silero" / "silero_vad.onnx"
    vad = NeuralVad(model.read_bytes())
    quiet = noise(seconds=0.4, level_dbov=-60)
    assert likeliest(vad, quiet + speech(seconds=0.24), 0.24) > 0.5
    for other in (
        ULAW_SILENCE * 5120,
        noise(seconds=0.64, level_dbov=-30),
        tone(697, 1209, seconds=0.64),
        quiet + tone(440, seconds=0.24),
    ):
        assert likeliest(vad, other, 0.24) < 0.2
    before = speech(seconds=0.3) + noise(seconds=0.6, level_dbov=-60)
    assert likeliest(vad, before, 0.24) < 0.5  # it was over by then
