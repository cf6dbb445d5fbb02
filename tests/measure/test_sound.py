"""The line's noises and echoes have the levels and delays that are asked for."""

import numpy as np
import pytest

from voicebot.measure.sound import (
    Echo,
    EchoPath,
    band,
    dbov,
    fade_in,
    from_ulaw,
    noise,
    set_level,
    to_ulaw,
    tones,
)


def test_noise_has_its_level_and_is_always_the_same() -> None:
    for color in ("white", "pink"):
        assert dbov(noise(color, 5)) == pytest.approx(-20, abs=0.01)
    assert noise("white", 5)[0] == pytest.approx(5799.387456)
    assert (noise("white", 5, 1) != noise("white", 5)).any()


def test_silence_has_a_level_too() -> None:
    assert dbov(np.zeros(160)) == pytest.approx(-120)
    assert dbov(np.zeros(0)) == pytest.approx(-120)


@pytest.mark.parametrize("delay_ms", [80, 250, 900])
@pytest.mark.parametrize("speakerphone", [False, True])
def test_an_echo_comes_back_as_late_and_as_loud_as_asked(
    delay_ms: int, speakerphone: bool
) -> None:
    path = EchoPath(Echo(-12, delay_ms, speakerphone), carrier_ms=60)
    bot = np.concatenate([set_level(noise("white", 3), -30.0), np.zeros(16000)])
    back = np.concatenate(
        [path.push(bot[at : at + 160]) for at in range(0, len(bot), 160)]
    )
    begins = int((np.abs(back) > 1).nonzero()[0][0])
    assert begins == pytest.approx(8 * (delay_ms - 60), abs=24)
    assert dbov(back[begins : begins + 24000]) == pytest.approx(-42, abs=1.0)


def test_a_wall_takes_the_high_tones() -> None:
    dull = band(noise("white", 2), 200, 1800)
    spectrum = np.abs(np.fft.rfft(dull)) ** 2
    hz = np.fft.rfftfreq(len(dull), 1 / 8000)
    assert spectrum[hz > 3000].mean() < 0.01 * spectrum[(hz > 400) & (hz < 1500)].mean()


def test_what_is_too_loud_is_clipped_and_what_is_faded_in_begins_with_nothing() -> None:
    assert from_ulaw(to_ulaw(np.array([1e6, -1e6]))).tolist() == [32124, -32124]
    faded = fade_in(np.ones(1000), 80)
    assert (faded[0], faded[320], faded[640]) == (0, pytest.approx(0.5, abs=0.01), 1)
    assert dbov(tones(770, 1336, 100, -12.0)) == pytest.approx(-12, abs=0.01)
