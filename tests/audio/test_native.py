"""
The module in C gives the verdicts of its twins, and takes nothing else for its own.

All sums of whole samples are exact in both; levels are compared bit by bit. Only the
spectrum isn't: its last bits depend on the order of the sums, which makes 1e-13 of a
power; no verdict on these sounds hangs on as little. The neural detector's numbers are
of 24 bits, so that its probabilities are alike to 1e-4 only.
"""

import gc
import resource
import sys
import weakref
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_file_location
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.audio.signals import (
    cough,
    hum,
    mixed,
    music,
    noise,
    pink_noise,
    speech,
    tone,
    ulaw,
)
from tests.twins import CODES, NATIVE
from voicebot.audio import echo, floor, level, neural, resample, timbre, vad
from voicebot.audio.framing import ULAW_FRAME
from voicebot.audio.g711 import ulaw_to_pcm16
from voicebot.audio.vad import VadFrame

if "c" not in CODES:
    pytest.skip("there is no module in C: see `make compiled`", allow_module_level=True)

native: Any = import_module(NATIVE)

CORPUS: Final = Path(__file__).parents[2] / "voicebot" / "measure" / "corpus"
SEEDS: Final = st.integers(0, 2**32 - 1)
FRAME: Final = bytes(2 * ULAW_FRAME)
LOUD: Final = tone(600, level_dbov=-20)[: 3 * ULAW_FRAME]
WEIGHTS: Final = (files("voicebot.audio") / "silero" / "silero_8k.npz").read_bytes()
NEURAL: Final = native.NeuralVad(WEIGHTS)


def corpus() -> bytes:
    """Two minutes of recorded voices."""
    return b"".join(path.read_bytes() for path in sorted(CORPUS.glob("*.ulaw")))


SOUNDS: dict[str, Callable[[], bytes]] = {
    "voices": corpus,
    "voices in noise": lambda: mixed(corpus(), noise(seconds=130, level_dbov=-35)),
    "voices in a street": lambda: mixed(
        corpus(), pink_noise(seconds=130, level_dbov=-32)
    ),
    "voices and music": lambda: mixed(corpus(), music(seconds=60, level_dbov=-34)),
    "synthetic": lambda: b"".join(
        (
            speech(),
            hum(),
            cough(),
            music(),
            noise(level_dbov=-20),
            pink_noise(level_dbov=-30),
            *(tone(hz, 2.1 * hz, seconds=0.3) for hz in range(60, 1900, 40)),
            *(tone(200, hz, seconds=0.2) for hz in range(400, 1000, 10)),
            b"\xff" * 1600 + b"\x7f\x00\x80" * 1600,
        )
    ),
}


def frames(line: bytes) -> list[bytes]:
    whole = range(0, len(line) - ULAW_FRAME + 1, ULAW_FRAME)
    return [line[at : at + ULAW_FRAME] for at in whole]


@pytest.mark.parametrize("sound", SOUNDS)
def test_a_line_is_heard_alike(sound: str) -> None:
    line = frames(SOUNDS[sound]())
    one, other = (twin(min_dbov=-60) for twin in (vad.Vad, native.Vad))
    heard = [verdict for frame in line for verdict in one.push(frame, -50.0)]
    assert heard == [verdict for frame in line for verdict in other.push(frame, -50.0)]
    assert len({frame.sound for frame in heard}) >= 3
    assert {frame.voice for frame in heard} == {None}


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("likely", [0.2, 1.0])
def test_a_line_is_heard_alike_with_a_neural_detector(
    sound: str, likely: float
) -> None:
    """Or what stands for one, as the real one is never sure of most of this."""
    line, told = SOUNDS[sound]() + b"123", list[list[object]]()
    for twin in (vad.Vad, native.Vad):
        chance, given = np.random.default_rng(1), list[object]()

        def listen(
            unheard: bytes,
            chance: np.random.Generator = chance,
            given: list[object] = given,
        ) -> float:
            given.append(unheard)
            return float(chance.random() ** (0.1 / likely))

        one, at, cuts = twin(listen=listen), 0, np.random.default_rng(2)
        while at < len(line):
            size = int(cuts.choice([0, 7, 160, 160, 160, 161, 400, 3000]))
            gate_dbov, in_turn = cuts.choice([-96.0, -50.0, -30.0]), cuts.random() < 0.3
            given += one.push(line[at : at + size], float(gate_dbov), in_turn=in_turn)
            at += size
        told.append(given)
    assert told[0] == told[1]
    assert len({each.sound for each in told[0] if isinstance(each, VadFrame)}) >= 3


def test_a_neural_detector_may_do_what_it_wants() -> None:
    """Even what makes no sense: chunks that are heard while one is."""
    cuts, pushes = np.random.default_rng(1), 0

    def listen(unheard: bytes) -> float:
        nonlocal pushes
        pushes += 1
        if pushes < 50:
            one.push(LOUD[: int(cuts.integers(len(LOUD)))])
        return 0.5

    one = native.Vad(listen=listen)
    assert len(one.push(10 * LOUD + LOUD[:100])) == 30
    assert pushes > 50


@pytest.mark.parametrize("sound", SOUNDS)
def test_each_frame_is_judged_alike(sound: str) -> None:
    """However soft it is, and though a line that never changes is its background."""
    one, other = timbre.Ear(), native.Ear()
    for at, frame in enumerate(frames(SOUNDS[sound]())):
        pcm, share = ulaw_to_pcm16(frame), at % 7 / 7
        assert one.judge(pcm, share) is other.judge(pcm, share)


@pytest.mark.parametrize("sound", SOUNDS)
def test_a_voice_is_as_likely(sound: str) -> None:
    line = SOUNDS[sound]()
    one, other = neural.NeuralVad(WEIGHTS).listen(), NEURAL.listen()
    chance, at = np.random.default_rng(2), 0
    while at < len(line):
        size = int(chance.choice([ULAW_FRAME, ULAW_FRAME, 7, 1920, 2080, 2240]))
        chunk = line[at : at + size]
        assert other(chunk) == pytest.approx(one(chunk), abs=1e-4)
        at += size


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_a_voice_is_as_likely_in_any_bytes(seed: int) -> None:
    chance = np.random.default_rng(seed)
    one, other = neural.NeuralVad(WEIGHTS).listen(), NEURAL.listen()
    for size in chance.integers(0, 3000, 10):
        chunk = chance.bytes(int(size))
        assert other(chunk) == pytest.approx(one(chunk), abs=1e-4)


@pytest.mark.parametrize("sound", SOUNDS)
def test_a_line_is_heard_alike_with_either_detector(sound: str) -> None:
    line = SOUNDS[sound]()
    heard: list[list[tuple[bool, timbre.Sound]]] = []
    for made in (NEURAL, neural.NeuralVad(WEIGHTS)):
        heard_by = vad.Vad(listen=made.listen())
        found = [each for frame in frames(line) for each in heard_by.push(frame)]
        heard.append([(each.speech, each.sound) for each in found])
    assert heard[0] == heard[1]


def made_up(chance: np.random.Generator) -> NDArray[np.float64]:
    """A quarter of a second of something: sines, harmonics, noise, clicks, clipped."""
    count = 2000
    at = np.arange(count) / 8000
    wave = chance.normal(scale=10 ** chance.uniform(-3, 0), size=count)
    pitch_hz = chance.uniform(50, 450)
    for harmonic in range(1, int(chance.integers(1, 30))):
        strength = chance.random() / harmonic ** chance.uniform(0, 2)
        wave += strength * np.sin(2 * np.pi * harmonic * pitch_hz * at)
    if chance.random() < 0.2:
        wave[:: int(chance.integers(2, 200))] += 5
    return wave


@given(SEEDS)
@settings(max_examples=60)
def test_any_sound_is_judged_alike(seed: int) -> None:
    chance = np.random.default_rng(seed)
    ears = timbre.Ear(), native.Ear()
    for _ in range(3):
        pcm = ulaw_to_pcm16(ulaw(made_up(chance), chance.uniform(-50, 3)))
        for begin in range(0, len(pcm) - len(FRAME), len(FRAME)):
            frame = pcm[begin : begin + len(FRAME)]
            share = float(chance.random())
            if chance.random() < 0.1:
                for ear in ears:
                    ear.skip(frame)
            one, other = (ear.judge(frame, share) for ear in ears)
            assert one is other


@given(SEEDS)
@settings(max_examples=60)
def test_any_samples_are_judged_alike(seed: int) -> None:
    """Also such as μ-law has none of, at full scale."""
    chance = np.random.default_rng(seed)
    ears = timbre.Ear(), native.Ear()
    for _ in range(10):
        few = chance.integers(-32768, 32768, int(chance.integers(1, 161)), np.int16)
        frame = np.resize(few, ULAW_FRAME).tobytes()
        assert ears[0].judge(frame) is ears[1].judge(frame)


levels = st.floats(-100.0, 3.0)


@given(st.lists(st.tuples(levels, st.booleans()), max_size=400))
@settings(max_examples=60)
def test_floors_are_alike(line: list[tuple[float, bool]]) -> None:
    one, other = floor.NoiseFloor(), native.NoiseFloor()
    for level_dbov, pitched in line:
        for each in (one, other):
            each.push(level_dbov, pitched=pitched)
        assert (one.dbov, one.middle_dbov) == (other.dbov, other.middle_dbov)


@given(SEEDS, st.floats(0, 0.1), st.floats(0, 0.1), st.integers(-60, 0))
@settings(max_examples=40, deadline=None)
def test_gates_are_alike(seed: int, cuts: float, leaps: float, gain_db: int) -> None:
    """A bot with pauses, of which something may come back, and all that can be told."""
    chance = np.random.default_rng(seed)
    line = corpus()
    bot = frames(line[int(chance.integers(len(line) // 2)) :])[:1000]
    one, other = echo.EchoGate(), native.EchoGate()
    now, silent = 1000 * chance.random(), 0
    for at, frame in enumerate(bot):
        now += 0.02
        silent = int(chance.integers(80)) if chance.random() < 0.01 else silent - 1
        starts_at = now + (chance.uniform(-2, 12) if chance.random() < leaps else 0.2)
        cut_at = now + chance.uniform(-1, 1)
        heard = level.dbov(bot[at - 10]) + gain_db + chance.normal()
        if chance.random() < 0.1:
            heard = float(chance.uniform(-96, 0))
        asked, cut, voiceless = (bool(chance.random() < p) for p in (0.5, cuts, 0.2))
        background = float(chance.uniform(-70, -40))
        said = frame[: int(chance.choice([1, 80, 160, 160]))]
        told = []
        for gate in (one, other):
            if silent <= 0:
                gate.played(said, starts_at)
            told.append(gate.gate_dbov(now) if asked else 0.0)
            if cut:
                gate.cut(cut_at)
            gate.heard(heard, now, background, voiceless=voiceless)
            told.append(gate.gate_dbov(now))
        assert told[:2] == told[2:]
        assert one.learned == other.learned


cuttings = st.lists(st.integers(0, 2000), max_size=12)


@given(SEEDS, cuttings)
@settings(max_examples=60)
def test_rates_are_changed_alike(seed: int, cuts: list[int]) -> None:
    chance = np.random.default_rng(seed)
    up, down = resample.UlawToPcm24(), resample.Pcm24ToUlaw()
    up_c, down_c = native.UlawToPcm24(), native.Pcm24ToUlaw()
    for size in cuts:
        data = chance.bytes(size)
        pcm = up.push(data)
        assert up_c.push(data) == pcm
        for each in (pcm, data):
            assert down_c.push(each) == down.push(each)


def test_every_sample_becomes_the_same_code() -> None:
    """Held for long enough, a sample comes out of the filter as it went in."""
    for first in range(-32768, 32768, 257):
        pcm = np.full(300, first, "<i2").tobytes()
        assert native.Pcm24ToUlaw().push(pcm) == resample.Pcm24ToUlaw().push(pcm)


@given(st.binary(max_size=400))
@settings(max_examples=50)
def test_levels_are_alike(sound: bytes) -> None:
    assert native.dbov(sound) == level.dbov(sound)
    assert native.dbov(bytes(range(256))) == level.dbov(bytes(range(256)))


# ---- what is wrong is said, and nothing else happens -----------------------------


def released() -> memoryview:
    view = memoryview(bytearray(FRAME))
    view.release()
    return view


BASIS: Final = "stft.forward_basis_buffer"
ANSWER: Final = "decoder.decoder.2.weight"
SHORT: Final[dict[str, NDArray[np.float32]]] = {
    BASIS: np.zeros((130, 1, 126), np.float32)
}
FEW_ANSWERS: Final[dict[str, NDArray[np.float32]]] = {
    ANSWER: np.zeros((1, 64, 1), np.float32)
}


def weights(other: dict[str, NDArray[np.float32]] | None = None) -> bytes:
    """Those of the detector but for these; none at all without."""
    real = np.load(BytesIO(WEIGHTS)) if other else {}
    saved = BytesIO()
    np.savez(saved, allow_pickle=False, **{**real, **(other or {})})
    return saved.getvalue()


ABSURD: list[tuple[type[Exception], str, Callable[[], object]]] = [
    (TypeError, "bytes-like", lambda: native.dbov("text")),
    (ValueError, "released", lambda: native.dbov(released())),
    (BufferError, "contiguous", lambda: native.dbov(memoryview(FRAME)[::2])),
    (TypeError, "expected no arguments", lambda: native.Ear(1)),
    (TypeError, "expected no arguments", lambda: native.EchoGate(bot=1)),
    (TypeError, "expected no arguments", lambda: native.UlawToPcm24(b"")),
    (TypeError, "missing .* 'weights'", lambda: native.NeuralVad()),
    (TypeError, "bytes-like", lambda: native.NeuralVad(1)),
    (KeyError, "forward_basis", lambda: native.NeuralVad(weights())),
    (ValueError, "not|pickled", lambda: native.NeuralVad(b"no weights")),
    (ValueError, "expected 66560 bytes", lambda: native.NeuralVad(weights(SHORT))),
    (ValueError, "expected 512 bytes", lambda: native.NeuralVad(weights(FEW_ANSWERS))),
    (TypeError, "cannot create", lambda: type(NEURAL.listen().__self__)()),
    (TypeError, "argument", lambda: NEURAL.listen(b"")),
    (TypeError, "bytes-like", lambda: NEURAL.listen()("text")),
    (ValueError, "released", lambda: NEURAL.listen()(released())),
    (BufferError, "contiguous", lambda: NEURAL.listen()(memoryview(FRAME)[::2])),
    (TypeError, "not an acceptable base", lambda: type("My", (native.Ear,), {})),
    (TypeError, "immutable", lambda: setattr(native.Ear, "judge", None)),
    (AttributeError, "judge", lambda: setattr(native.Ear(), "judge", None)),
    (AttributeError, "readonly", lambda: setattr(native.NoiseFloor(), "dbov", 0.0)),
    (TypeError, r"native\.Ear", lambda: native.Ear.skip(native.EchoGate(), FRAME)),
    (TypeError, r"native\.Ear", lambda: native.Ear.judge(object(), FRAME)),
    (ValueError, "expected 320 bytes, got 318", lambda: native.Ear().judge(FRAME[2:])),
    (ValueError, "expected 320 bytes, got 0", lambda: native.Ear().skip(b"")),
    (ValueError, "released", lambda: native.Ear().skip(released())),
    (TypeError, "bytes-like", lambda: native.Ear().judge([0] * 320)),
    (TypeError, "real number", lambda: native.Ear().judge(FRAME, "loud")),
    (ValueError, "noise_share: .* NaN", lambda: native.Ear().judge(FRAME, np.nan)),
    (TypeError, "needs the argument 'pcm'", lambda: native.Ear().judge()),
    (TypeError, "2 positional", lambda: native.Ear().judge(FRAME, 0.0, 0.0)),
    (TypeError, "several values for 'pcm'", lambda: native.Ear().judge(FRAME, pcm=0)),
    (TypeError, "unexpected .* 'loud'", lambda: native.Ear().judge(FRAME, loud=1)),
    (TypeError, "bytes-like", lambda: native.Vad().push("text")),
    (ValueError, "released", lambda: native.Vad().push(released())),
    (ValueError, "gate_dbov: .* NaN", lambda: native.Vad().push(FRAME, np.nan)),
    (TypeError, "2 positional", lambda: native.Vad().push(FRAME, -50.0, True)),
    (ZeroDivisionError, "zero", lambda: native.Vad().push(FRAME, in_turn=Bad())),
    (TypeError, "positional", lambda: native.Vad(-45.0)),
    (TypeError, "real number", lambda: native.Vad(min_dbov="soft")),
    (TypeError, "not callable", lambda: native.Vad(listen=1).push(LOUD)),
    (TypeError, "real number", lambda: native.Vad(listen=bytes).push(LOUD)),
    (TypeError, "1 positional", lambda: native.NoiseFloor().push(-40.0, True)),
    (TypeError, "needs .* 'pitched'", lambda: native.NoiseFloor().push(-40.0)),
    (ValueError, "dbov: ", lambda: native.NoiseFloor().push(np.nan, pitched=True)),
    (TypeError, "real number", lambda: native.NoiseFloor().push(None, pitched=True)),
    (ZeroDivisionError, "zero", lambda: native.NoiseFloor().push(0.0, pitched=Bad())),
    (OverflowError, "starts_at: ", lambda: native.EchoGate().played(FRAME, np.inf)),
    (OverflowError, "at: ", lambda: native.EchoGate().cut(-1e300)),
    (OverflowError, "now: ", lambda: native.EchoGate().gate_dbov(1e300)),
    (OverflowError, "now: ", lambda: native.EchoGate().heard(-20.0, np.inf)),
    (ValueError, "now: ", lambda: native.EchoGate().heard(-20.0, np.nan)),
    (ValueError, "floor_dbov: ", lambda: native.EchoGate().heard(-9.0, 1.0, np.nan)),
    (TypeError, "bytes-like", lambda: native.EchoGate().played(12, 1.0)),
    (ValueError, "released", lambda: native.EchoGate().played(released(), 1.0)),
    (
        ZeroDivisionError,
        "zero",
        lambda: native.EchoGate().heard(0.0, 1.0, voiceless=Bad()),
    ),
    (AttributeError, "writable", lambda: setattr(native.EchoGate(), "learned", None)),
    (TypeError, "bytes-like", lambda: native.UlawToPcm24().push("text")),
    (ValueError, "released", lambda: native.UlawToPcm24().push(released())),
    (TypeError, "bytes-like", lambda: native.Pcm24ToUlaw().push(3)),
    (ValueError, "released", lambda: native.Pcm24ToUlaw().push(released())),
]


class Bad:
    """Says neither yes nor no."""

    def __bool__(self) -> bool:
        return bool(1 // 0)


@pytest.mark.parametrize(("error", "says", "call"), ABSURD)
def test_what_makes_no_sense_is_refused(
    error: type[Exception], says: str, call: Callable[[], object]
) -> None:
    with pytest.raises(error, match=says):
        call()


def test_what_is_no_bytes_but_like_them_is_taken() -> None:
    for like in (bytearray(FRAME), memoryview(FRAME), np.frombuffer(FRAME, np.uint8)):
        assert native.Ear().judge(like) is timbre.Sound.NOISE
        assert native.UlawToPcm24().push(like) == native.UlawToPcm24().push(FRAME)
    line = bytearray(FRAME)
    native.dbov(line)
    line.clear()  # nobody holds it


def test_a_refused_frame_changes_nothing() -> None:
    line = frames(corpus())[:300]
    ears = timbre.Ear(), native.Ear()
    for frame in line:
        with pytest.raises(ValueError, match="expected 320"):
            ears[1].skip(frame)
        pcm = ulaw_to_pcm16(frame)
        assert ears[0].judge(pcm) is ears[1].judge(pcm)


def test_times_may_be_absurd_as_long_as_they_are_seconds() -> None:
    chance = np.random.default_rng(1)
    moments = [-1e12, -1e6, -1.0, 0.0, 1e-9, 5.0, 9.99, 10.0, 1e6, 1e12]
    for _ in range(300):
        gates = echo.EchoGate(), native.EchoGate()
        for _ in range(50):
            at, kind = float(chance.choice(moments)), int(chance.integers(4))
            size = int(chance.choice([0, 1, 159, 160, 161, 160 * 600]))
            for gate in gates:
                match kind:
                    case 0:
                        gate.played(b"\x80" * size, at)
                    case 1:
                        gate.cut(at)
                    case _:
                        gate.heard(-30.0, at)
            assert gates[0].gate_dbov(at) == gates[1].gate_dbov(at)


def test_c_is_not_taken_for_another_version_of_its_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(echo, "DELAYS", 51)
    with pytest.raises(ImportError, match=r"echo.DELAYS: .* for 50, and it is 51"):
        import_again()
    monkeypatch.undo()
    monkeypatch.delattr(timbre, "VALLEY")
    with pytest.raises(AttributeError, match="VALLEY"):
        import_again()


def test_c_reads_the_numbers_of_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(floor, "QUIETEST_DBOV", -50.0)
        assert import_again().NoiseFloor().dbov == -50.0
    assert import_again().NoiseFloor().dbov == floor.QUIETEST_DBOV


def import_again() -> Any:
    spec = spec_from_file_location(NATIVE, native.__file__)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- nothing is lost -------------------------------------------------------------


VOICE: Final = frames(corpus())[:200]
SAMPLES: Final = [ulaw_to_pcm16(frame) for frame in VOICE]


def once() -> None:
    """A life of each."""
    ear, gate, noise_floor = native.Ear(), native.EchoGate(), native.NoiseFloor()
    up, down = native.UlawToPcm24(), native.Pcm24ToUlaw()
    heard, whole = native.Vad(listen=lambda unheard: 0.5), native.Vad()
    native.NeuralVad(WEIGHTS)
    hear = NEURAL.listen()
    for at, (frame, pcm) in enumerate(zip(VOICE, SAMPLES, strict=True)):
        now = at * 0.02
        ear.judge(pcm, noise_share=0.1)
        ear.skip(pcm)
        level_dbov = native.dbov(frame)
        assert len(heard.push(frame + pcm[:80])) + len(whole.push(frame)) in (2, 3)
        gate.played(frame, starts_at=now + 0.1)
        echo_dbov = native.dbov(VOICE[at - 10]) - 12
        gate.heard(echo_dbov, now, min(gate.gate_dbov(now), -90.0))
        noise_floor.push(level_dbov, pitched=True)
        down.push(up.push(frame))
        down.push(pcm)
        hear(frame)
    for _ in range(50):
        assert gate.learned
    gate.cut(0.0)


def test_nothing_is_lost_in_many_calls() -> None:
    def used(times: int) -> tuple[int, int, list[int]]:
        """Kilobytes at the most, pieces of memory, and who is referred to how often."""
        for _ in range(times):
            once()
            for error, _, call in ABSURD:
                with pytest.raises(error):
                    call()
        gc.collect()
        most_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return (
            most_kb,
            sys.getallocatedblocks(),
            [sys.getrefcount(each) for each in held],
        )

    types = native.Ear, native.EchoGate, native.NoiseFloor, native.UlawToPcm24
    held = [*timbre.Sound, *types, native.Pcm24ToUlaw, native.Vad, native.NeuralVad]
    held += [NEURAL, FRAME, VOICE[0], SAMPLES[0]]
    used(15)
    before, after = used(1), used(50)  # 1e5 calls
    assert after[0] - before[0] < 512
    assert after[1] - before[1] < 500
    assert after[2] == before[2]


def test_who_listens_is_let_go_with_the_line() -> None:
    """Also if it knows the line itself."""

    class Listener:
        line: Any = None

        def listen(self, unheard: bytes) -> float:
            return 0.0

    listener = Listener()
    listener.line = native.Vad(listen=listener.listen)
    gone = weakref.ref(listener)
    del listener
    gc.collect()
    assert gone() is None
