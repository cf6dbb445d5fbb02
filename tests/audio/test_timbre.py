"""Which sounds have a pitch, which have formants, and which are tones."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.audio.signals import (
    HZ,
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
from tests.twins import each_twin
from voicebot.audio.framing import ULAW_FRAME
from voicebot.audio.g711 import ulaw_to_pcm16
from voicebot.audio.level import dbov
from voicebot.audio.timbre import LONGEST, Ear, Sound, is_periodic, shape_of

SAMPLES = LONGEST + ULAW_FRAME

twin = each_twin(__name__, "Ear")


def frames(line: bytes) -> list[bytes]:
    """Linear samples, 20 ms each."""
    pcm = ulaw_to_pcm16(line)
    return [pcm[at : at + 320] for at in range(0, len(pcm) - 319, 320)]


def sounds(line: bytes, ear: Ear | None = None, *, noise_dbov: float = -96) -> str:
    """The letters of what frames sound like; those below -45 dBov are left out."""
    ear = ear or Ear()
    heard = ""
    for at, pcm in enumerate(frames(line)):
        level = dbov(line[at * ULAW_FRAME : (at + 1) * ULAW_FRAME])
        if level < -45:
            ear.skip(pcm)
        else:
            heard += ear.judge(pcm, min(10 ** ((noise_dbov - level) / 10), 1.0))
    return heard


def share(letter: Sound, heard: str) -> float:
    return Counter(heard)[letter] / len(heard)


def sines(*hz: float, count: int = SAMPLES) -> NDArray[np.float64]:
    wave, at = np.zeros(count), np.arange(count) / HZ
    for each in hz:
        wave += 8000 * np.sin(2 * np.pi * each * at + 1)
    return wave


def test_words_are_mostly_voice() -> None:
    heard = sounds(speech())
    assert share(Sound.VOICE, heard) > 0.8
    assert share(Sound.TONE, heard) == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_cough_is_noise(seed: int) -> None:
    assert share(Sound.NOISE, sounds(cough(seed=seed))) == 1


@pytest.mark.parametrize("hz", [110, 150, 190, 200])
def test_a_murmur_is_a_hum_once_it_has_lasted(hz: float) -> None:
    heard = sounds(hum(hz=hz))
    assert heard[:2] == "vv"
    assert set(heard[3:]) == {Sound.HUM}


@pytest.mark.parametrize("level_dbov", [-40, -20])
def test_noise_is_noise(level_dbov: float) -> None:
    assert share(Sound.NOISE, sounds(noise(level_dbov=level_dbov))) == 1
    assert share(Sound.NOISE, sounds(pink_noise(level_dbov=level_dbov))) > 0.9


def test_an_instrument_sounds_like_a_voice() -> None:
    assert share(Sound.VOICE, sounds(music())) > 0.8


@pytest.mark.parametrize("hz", [(440, 480), (350, 440), (697, 1209), (425,), (50,)])
def test_the_signals_of_the_network_are_tones(hz: tuple[float, ...]) -> None:
    assert share(Sound.TONE, sounds(tone(*hz))) > 0.95


def sung(second_hz: Callable[[float], float], second: float) -> bytes:
    """0.4 s of 140 Hz, a formant at 280 Hz and one that moves, 0 to 1 as strong."""
    at = np.arange(round(0.4 * HZ)) / HZ
    moving = np.array([second_hz(each) for each in at / 0.4])
    wave = np.zeros(len(at))
    for hz in np.arange(140, 3600, 140):
        gain = second / (1 + ((hz - moving) / 90) ** 2)
        gain += 1 / (1 + ((hz - 280) / 90) ** 2)
        wave += gain * np.sin(2 * np.pi * hz * at + hz)
    return ulaw(wave, -26)


def test_a_dull_pitch_that_changes_is_a_voice() -> None:
    assert share(Sound.HUM, sounds(sung(lambda _: 1200, 0.1))) > 0.8
    moves = sung(lambda at: 1200 + 900 * np.sin(20 * at), 0.1)
    assert share(Sound.VOICE, sounds(moves)) > 0.9


def test_a_bright_pitch_that_stays_is_a_voice() -> None:
    assert share(Sound.VOICE, sounds(sung(lambda _: 2200, 0.5))) == 1
    assert share(Sound.VOICE, sounds(sung(lambda _: 800, 0.7))) == 1


def test_a_murmur_that_opens_is_a_voice_at_once_and_a_hum_again_when_it_is_held() -> (
    None
):
    ear = Ear()
    assert sounds(hum(), ear)[3:] == "h" * 14
    assert set(sounds(speech(seconds=0.1), ear)) == {Sound.VOICE}
    heard = sounds(hum(seconds=0.6), ear)
    assert heard[1:3] == "vv"
    assert heard[-15:] == "h" * 15


@pytest.mark.parametrize("level_db", [-12, 12])
def test_a_murmur_may_swell_and_fade(level_db: float) -> None:
    pcm = np.frombuffer(ulaw_to_pcm16(hum(seconds=0.5)), "<i2").astype(float)
    swell = 10 ** (np.linspace(0, level_db, len(pcm)) / 20)
    assert share(Sound.HUM, sounds(ulaw(pcm * swell, -26))) > 0.8


def test_what_was_heard_before_a_pause_is_forgotten() -> None:
    ear = Ear()
    murmur = hum(seconds=0.1)
    assert sounds(murmur, ear)[-1] == Sound.HUM
    assert sounds(murmur[:160], ear)[0] == Sound.HUM
    for _ in range(50):
        ear.skip(bytes(320))
    assert sounds(murmur, ear)[:2] == "vv"


def test_a_murmur_begins_anew_after_a_breath() -> None:
    ear = Ear()
    assert sounds(hum(), ear)[-1] == Sound.HUM
    assert set(sounds(noise(seconds=0.06, level_dbov=-20), ear)) == {Sound.NOISE}
    heard = sounds(hum(), ear).lstrip(Sound.NOISE)
    assert heard[0] == Sound.VOICE
    assert heard[3:] == Sound.HUM * len(heard[3:])


def test_silence_is_no_voice() -> None:
    assert Ear().judge(bytes(320), 1.0) is Sound.NOISE


def test_the_noise_of_a_line_does_not_make_a_murmur_a_voice() -> None:
    def murmur(colour: bytes, noise_dbov: float, ear: Ear) -> str:
        return sounds(mixed(colour, hum(seconds=0.5)), ear, noise_dbov=noise_dbov)

    white = noise(seconds=0.5, level_dbov=-36)
    assert share(Sound.VOICE, murmur(white, -96, Ear())) > 0.9
    # White noise is brighter than what is expected of a line, until it is learned.
    assert share(Sound.VOICE, murmur(white, -36, Ear())) > 0.5
    ear = Ear()
    sounds(noise(seconds=2, level_dbov=-36), ear, noise_dbov=-36)
    assert share(Sound.HUM, murmur(white, -36, ear)) > 0.9


def test_noise_far_above_the_line_teaches_nothing_about_it() -> None:
    taught, untaught = Ear(), Ear()
    sounds(noise(seconds=2, level_dbov=-20), taught, noise_dbov=-60)
    for ear in (taught, untaught):
        for _ in range(50):
            ear.skip(bytes(320))
    murmur = mixed(hum(), noise(seconds=0.35, level_dbov=-42))
    heard = [sounds(murmur, ear, noise_dbov=-42) for ear in (taught, untaught)]
    assert heard[0] == heard[1]


@pytest.mark.parametrize("hz", [[60], [3990], [110, 3900], [1000, 1000.5]])
def test_peaks_at_the_edges_of_the_spectrum_are_tones_too(hz: list[float]) -> None:
    assert shape_of(sines(*hz, count=160)).tone


def test_three_tones_are_a_chord_and_may_be_speech() -> None:
    assert not shape_of(sines(500, 1200, 2500, count=160)).tone


def test_two_low_harmonics_are_a_high_voice() -> None:
    low, high = sines(220, count=160), sines(440, count=160)
    assert not shape_of(low + high).tone
    assert not shape_of(low + 0.15 * high).tone
    assert shape_of(low + 0.02 * high).tone  # no more than μ-law makes of one sine
    assert shape_of(sines(220, 880, count=160)).tone  # too far from each other
    assert shape_of(sines(350, 440, count=160)).tone  # both too high: a dial tone


def test_offset_and_rumble_are_left_out_of_what_is_audible() -> None:
    shape = shape_of(sines(1500, count=160) + 20_000)
    assert shape.audible == pytest.approx(shape.high, rel=1e-3)
    assert shape.bands.sum() == pytest.approx(shape.audible)
    assert shape_of(sines(500, count=160)).high < 1e-4 * shape.audible


@pytest.mark.parametrize("hz", [72, 100, 150, 220, 300, 400, 1000])
def test_what_repeats_itself_has_a_pitch(hz: float) -> None:
    assert is_periodic(sines(hz))


@pytest.mark.parametrize("hz", [5, 20, 30])
def test_rumble_has_no_pitch(hz: float) -> None:
    assert not is_periodic(sines(hz))


def test_silence_has_no_pitch() -> None:
    assert not is_periodic(np.zeros(SAMPLES))


def test_a_pitch_is_heard_through_noise_as_loud_as_itself() -> None:
    wave = sines(130, 260, 390)
    hiss = np.random.default_rng(7).normal(scale=np.std(wave), size=SAMPLES)
    assert not is_periodic(hiss)
    assert is_periodic(wave + 0.7 * hiss)
