"""
Each way alone: a round trip can't tell a filter from none, because the samples that
a bare decimation takes out are the ones that a bare interpolation put in.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.audio.signals import speech, tone
from tests.twins import each_twin
from voicebot.audio.g711 import pcm16_to_ulaw, ulaw_to_pcm16
from voicebot.audio.resample import DOWN, UP, Pcm24ToUlaw, UlawToPcm24, pcm24_to_16

SETTLED = 100  # outputs until the filter is full

twin = each_twin(__name__, "Pcm24ToUlaw", "UlawToPcm24")


def samples(pcm: bytes) -> NDArray[np.int16]:
    return np.frombuffer(pcm, "<i2")


def sine(hz: float, *, amplitude: float = 8000, count: int = 24_000) -> bytes:
    """A second of it at 24 kHz."""
    wave = amplitude * np.sin(2 * np.pi * hz * np.arange(count) / 24_000)
    return np.rint(wave).astype("<i2").tobytes()


def amplitudes(pcm: bytes, rate_hz: int) -> NDArray[np.float64]:
    """How much of each whole hertz there is, over one second that has settled."""
    wave = samples(pcm)[-rate_hz:] * np.hanning(rate_hz + 1)[:-1]
    return np.abs(np.fft.rfft(wave)) * 4 / rate_hz


def db(ratio: float) -> float:
    return float(20 * np.log10(max(ratio, 1e-12)))


@pytest.mark.parametrize("hz", [300, 1000, 2000, 3000, 3400])
def test_up_passes_the_telephone_band_and_leaves_no_images(hz: int) -> None:
    ulaw = tone(hz, seconds=1.1, level_dbov=-12)
    before = amplitudes(ulaw_to_pcm16(ulaw), 8000)
    after = amplitudes(UlawToPcm24().push(ulaw), 24_000)
    assert db(after[hz] / before[hz]) == pytest.approx(0, abs=0.1)
    # From 4.6 kHz on nothing remains but rounding: of the tone, and of what μ-law
    # added to it.
    assert db(after[4600:].max() / after[hz]) < -60


@pytest.mark.parametrize("hz", [300, 1000, 2000, 3000, 3400])
def test_down_passes_the_telephone_band(hz: int) -> None:
    ulaw = Pcm24ToUlaw().push(sine(hz, count=26_400))
    got = amplitudes(ulaw_to_pcm16(ulaw), 8000)
    assert db(got[hz] / 8000) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("hz", [4600, 5000, 7000, 7999, 9000, 11_800])
def test_down_lets_nothing_fold_into_the_telephone_band(hz: int) -> None:
    # Loud enough for an alias of -60 dB to be 32: four steps of μ-law.
    ulaw = Pcm24ToUlaw().push(sine(hz, amplitude=32_000))
    heard = samples(ulaw_to_pcm16(ulaw))[SETTLED:]
    assert db(np.abs(heard).max() / 32_000) < -60


@pytest.mark.parametrize("hz", [4600, 5000, 7000, 8000, 9000, 11_800])
def test_the_filter_itself_stops_72_db(hz: int) -> None:
    taps = DOWN[:, -1][-97 - 2 : -2]  # the newest output of a row sees them all
    at = np.arange(len(taps))
    assert db(float(np.abs(np.sum(taps * np.exp(-2j * np.pi * hz / 24_000 * at))))) < (
        -71.5
    )


def test_up_delays_by_48_samples() -> None:
    click = b"\x80" + b"\xff" * 99
    pcm = samples(UlawToPcm24().push(click))
    assert pcm.argmax() == 48
    assert pcm[48] == pytest.approx(32124, rel=0.01)


def test_down_delays_by_16_samples() -> None:
    click = np.zeros(300, "<i2")
    click[0] = 30_000
    pcm = samples(ulaw_to_pcm16(Pcm24ToUlaw().push(click.tobytes())))
    assert pcm.argmax() == 16


def test_the_end_of_an_utterance_comes_out_without_a_flush() -> None:
    ulaw = tone(1000, seconds=0.5)
    pcm = samples(UlawToPcm24().push(ulaw))
    assert np.abs(pcm[-72:]).max() > 0.9 * np.abs(pcm).max()  # 3 ms
    heard = samples(ulaw_to_pcm16(Pcm24ToUlaw().push(sine(1000))))
    assert np.abs(heard[-24:]).max() > 0.9 * np.abs(heard).max()


def test_there_and_back_is_the_same_4_ms_later() -> None:
    ulaw = speech()
    back = Pcm24ToUlaw().push(UlawToPcm24().push(ulaw))
    sent = samples(ulaw_to_pcm16(ulaw))[:-32].astype(float)
    got = samples(ulaw_to_pcm16(back))[32:].astype(float)
    assert db(float(np.std(got - sent) / np.std(sent))) < -35


def test_all_sums_are_exact_in_float64_so_no_order_of_them_matters() -> None:
    for matrix in (UP, DOWN):
        scaled = matrix * 2.0**24
        assert (scaled == np.rint(scaled)).all()
        assert np.abs(scaled).sum(axis=0).max() * 32768 < 2**53


cuts = st.lists(st.integers(0, 700), max_size=12)
seeds = st.integers(0, 2**32 - 1)


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    """Cut data into pieces of these sizes, and one of what is left."""
    ends = np.cumsum([0, *sizes]).tolist()
    return [
        data[start:end] for start, end in zip(ends, [*ends[1:], len(data)], strict=True)
    ]


@given(seeds, st.integers(0, 3000), cuts)
@settings(max_examples=60)
def test_chunks_do_not_change_a_bit_on_the_way_up(
    seed: int, size: int, sizes: list[int]
) -> None:
    ulaw = np.random.default_rng(seed).bytes(size)
    stream = UlawToPcm24()
    pcm = b"".join(stream.push(piece) for piece in pieces(ulaw, sizes))
    assert pcm == UlawToPcm24().push(ulaw)
    assert len(pcm) == 6 * size


@given(seeds, st.integers(0, 9000), cuts)
@settings(max_examples=60)
def test_chunks_do_not_change_a_bit_on_the_way_down(
    seed: int, size: int, sizes: list[int]
) -> None:
    pcm = np.random.default_rng(seed).bytes(size)
    stream = Pcm24ToUlaw()
    ulaw = b"".join(stream.push(piece) for piece in pieces(pcm, sizes))
    assert ulaw == Pcm24ToUlaw().push(pcm)
    assert len(ulaw) == size // 6


def test_a_byte_at_a_time_is_as_good_as_all_at_once() -> None:
    pcm = sine(440, count=1000)
    stream = Pcm24ToUlaw()
    ulaw = b"".join(stream.push(pcm[at : at + 1]) for at in range(len(pcm)))
    assert ulaw == Pcm24ToUlaw().push(pcm)


def test_overload_is_clipped_and_does_not_wrap_around() -> None:
    square = (b"\x80" * 8 + b"\x00" * 8) * 20
    up = samples(UlawToPcm24().push(square))
    assert (int(up.max()), int(up.min())) == (32767, -32768)
    assert np.abs(np.diff(up.astype(int))).max() < 32768
    loud = np.repeat(np.array([32767, -32768], "<i2"), 24)
    heard = Pcm24ToUlaw().push(np.tile(loud, 20).tobytes())
    assert {0x80, 0x00} <= set(heard)


def test_silence_stays_silent() -> None:
    assert UlawToPcm24().push(b"\xff" * 160) == bytes(960)
    assert Pcm24ToUlaw().push(bytes(960)) == b"\xff" * 160
    assert pcm16_to_ulaw(bytes(2)) == b"\xff"


def test_streams_do_not_share_their_past() -> None:
    quiet, loud = UlawToPcm24(), UlawToPcm24()
    loud.push(b"\x80" * 160)
    assert quiet.push(b"\xff" * 160) == bytes(960)


@pytest.mark.parametrize("hz", [300, 1000, 2000, 3000, 3400])
def test_recognisers_get_the_telephone_band_as_it_is(hz: int) -> None:
    before = sine(hz, count=3 * 24_000)
    at_16 = pcm24_to_16(before)
    assert len(at_16) == 2 * 3 * 16_000
    spectrum = amplitudes(at_16, 16_000)
    assert db(spectrum[hz] / amplitudes(before, 24_000)[hz]) == pytest.approx(
        0, abs=0.2
    )
    spectrum[hz - 3 : hz + 4] = 0
    assert db(spectrum.max() / 8000) < -35


def test_a_clip_at_16_khz_is_two_samples_for_three() -> None:
    assert samples(pcm24_to_16(samples_of(0, 16, 32, 48, 64, 80, 7))).tolist() == [
        *(0, 24),
        *(48, 73),  # nothing is known behind the last
    ]
    loud = samples(pcm24_to_16(samples_of(-32768, 32767, 32767)))
    assert loud.tolist() == [-32768, 32767]
    assert pcm24_to_16(b"") == pcm24_to_16(bytes(5)) == b""


def samples_of(*values: int) -> bytes:
    return np.array(values, "<i2").tobytes()
