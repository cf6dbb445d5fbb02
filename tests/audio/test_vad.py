"""What sounds like speech, and what only looks so to a detector."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audio.signals import (
    cough,
    hum,
    mixed,
    music,
    noise,
    pink_noise,
    speech,
    tone,
)
from tests.audio.signals import ulaw as levelled
from tests.audio.test_neural import vad as neural
from tests.twins import each_twin
from voicebot.audio.floor import QUIETEST_DBOV
from voicebot.audio.framing import ULAW_FRAME, ULAW_SILENCE
from voicebot.audio.g711 import ulaw_to_pcm16
from voicebot.audio.level import FLOOR_DBOV, dbov
from voicebot.audio.neural import LEAD_BYTES
from voicebot.audio.timbre import Sound
from voicebot.audio.vad import ENTER_DB, LEAVE_DB, SURE, Vad, VadFrame

twin = each_twin(__name__, "Vad")

SECOND = ULAW_SILENCE * 8000
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


WEIGHTS = {Sound.VOICE: 1.0, Sound.HUM: 0.25, Sound.NOISE: 0.2}
ENOUGH_MS = 140
"""How much evidence makes a bot that speaks pause."""


def evidence_ms(frames: list[VadFrame]) -> list[float]:
    """How much speech was heard by each frame, a pause of 200 ms ending it."""
    total, pause, heard = 0.0, 0, []
    for frame in frames:
        pause = 0 if frame.speech else pause + 1
        if frame.speech:
            total += 20 * WEIGHTS.get(frame.sound, 0.0)
        if pause >= 10:
            total = 0.0
        heard.append(total)
    return heard


def trace(frames: list[VadFrame]) -> str:
    return "".join(each.sound.upper() if each.speech else each.sound for each in frames)


def voiced(ulaw: bytes, gate_dbov: float = FLOOR_DBOV) -> list[bool]:
    return [frame.speech for frame in Vad().push(ulaw, gate_dbov)]


def keys(tone_s: float, gap_s: float) -> bytes:
    """All sixteen keys of a telephone, one after the other, ten milliseconds late."""
    gap = ULAW_SILENCE * round(8000 * gap_s)
    return ULAW_SILENCE * 80 + b"".join(
        tone(row, column, seconds=tone_s) + gap for row in ROWS for column in COLUMNS
    )


def cadence(*hz: float, on_s: float, off_s: float) -> bytes:
    return (tone(*hz, seconds=on_s) + ULAW_SILENCE * round(8000 * off_s)) * 3


@pytest.mark.parametrize(
    "ulaw",
    [
        pytest.param(SECOND, id="silence"),
        pytest.param(b"\x7f" * 8000, id="negative silence"),
        pytest.param(b"\x20" * 8000, id="offset"),
        pytest.param(noise(seconds=3, level_dbov=-50), id="white noise"),
        pytest.param(tone(50, level_dbov=-30), id="hum"),
        pytest.param(cadence(440, 480, on_s=2, off_s=1), id="ringback, US"),
        pytest.param(cadence(400, 450, on_s=0.4, off_s=0.2), id="ringback, UK"),
        pytest.param(cadence(425, on_s=1, off_s=4), id="ringback, Europe and China"),
        pytest.param(cadence(480, 620, on_s=0.5, off_s=0.5), id="busy, US"),
        pytest.param(cadence(350, on_s=0.35, off_s=0.35), id="busy, China"),
        pytest.param(tone(350, 440, seconds=3), id="dial tone"),
        pytest.param(cadence(950, on_s=0.33, off_s=0), id="information tone"),
        pytest.param(cadence(1100, on_s=0.5, off_s=3), id="fax that calls"),
        pytest.param(tone(2100, seconds=3), id="fax that answers"),
        pytest.param(keys(0.05, 0.05), id="keys, 50 ms"),
        pytest.param(keys(0.1, 0.1), id="keys, 100 ms"),
    ],
)
def test_what_nobody_said_is_no_speech(ulaw: bytes) -> None:
    assert not any(voiced(ulaw))


def test_loud_noise_is_no_speech_once_the_line_is_known() -> None:
    assert not any(voiced(noise(seconds=3, level_dbov=-35))[5:])


@pytest.mark.parametrize("hz", range(200, 3500, 110))
def test_no_single_tone_is_speech(hz: int) -> None:
    assert not any(voiced(tone(hz, seconds=0.4)))


@pytest.mark.parametrize("level_dbov", [-15.0, -26.0, -36.0])
def test_speech_is_noticed_within_200_ms(level_dbov: float) -> None:
    frames = voiced(SECOND + speech(level_dbov=level_dbov))
    assert not any(frames[:50])
    assert any(frames[50:60])


@pytest.mark.parametrize("colour", [noise, pink_noise])
@pytest.mark.parametrize("below_db", [20, 10, 5])
def test_speech_is_noticed_in_noise(
    colour: Callable[..., bytes], below_db: float
) -> None:
    ulaw = mixed(
        colour(seconds=4, level_dbov=-26 - below_db), 2 * SECOND + speech(seconds=1.5)
    )
    frames = Vad().push(ulaw)
    assert not any(frame.speech for frame in frames[50:100])
    # As loud as that and from one frame to the next, it isn't the background at once.
    assert max(evidence_ms(frames[:100])) < (160 if below_db == 5 else 20)
    assert max(evidence_ms(frames)[100:120]) >= ENOUGH_MS
    assert not any(frame.speech for frame in frames[180:])


def test_the_verdict_ends_soon_after_the_speech() -> None:
    frames = voiced(speech() + SECOND)
    assert not any(frames[105:])


def test_speech_below_the_gate_is_taken_for_echo() -> None:
    assert not any(voiced(speech(level_dbov=-30), gate_dbov=-15))
    assert any(voiced(speech(level_dbov=-30), gate_dbov=-40))


def test_speech_below_the_level_of_a_line_is_ignored() -> None:
    assert not any(voiced(speech(level_dbov=-55)))
    frames = Vad(min_dbov=-70).push(speech(level_dbov=-55))
    assert any(frame.speech for frame in frames)


@pytest.mark.parametrize(
    ("votes", "verdicts"),
    [
        ("11", "01"),
        ("101", "001"),
        ("1001", "0000"),
        ("10010", "00000"),
        ("1100", "0110"),
    ],
)
def test_speech_is_two_of_the_last_three_frames(votes: str, verdicts: str) -> None:
    ulaw = speech()
    start = (voiced(ulaw).index(True) - 1) * ULAW_FRAME
    vad = Vad()
    vad.push(ulaw[:start], gate_dbov=0)  # above anything: no vote
    for at, (vote, verdict) in enumerate(zip(votes, verdicts, strict=True)):
        frame = ulaw[start + at * ULAW_FRAME :][:ULAW_FRAME]
        (heard,) = vad.push(frame, gate_dbov=FLOOR_DBOV if vote == "1" else 0)
        assert heard.speech is (verdict == "1")


def test_a_frame_has_the_level_of_its_own_20_ms() -> None:
    loud = tone(1000, seconds=0.02, level_dbov=-20)
    quiet, noisy = Vad().push(ULAW_SILENCE * ULAW_FRAME + loud)
    assert quiet == VadFrame(False, FLOOR_DBOV, Sound.SILENCE, QUIETEST_DBOV)
    assert noisy == VadFrame(False, dbov(loud), Sound.TONE, QUIETEST_DBOV)


@given(st.lists(st.integers(0, 700), max_size=12), st.binary(max_size=500))
@settings(max_examples=30)
def test_chunks_do_not_change_a_verdict(sizes: list[int], junk: bytes) -> None:
    ulaw = speech(seconds=0.5) + junk
    vad, frames, at = Vad(), list[VadFrame](), 0
    for size in [*sizes, len(ulaw)]:
        frames += vad.push(ulaw[at : at + size])
        at += size
    assert frames == Vad().push(ulaw)
    assert len(frames) == len(ulaw) // ULAW_FRAME


@pytest.mark.parametrize("level_dbov", [-18.0, -26.0, -36.0])
def test_words_are_enough_evidence_within_a_quarter_of_a_second(
    level_dbov: float,
) -> None:
    heard = evidence_ms(Vad().push(SECOND + speech(level_dbov=level_dbov)))
    within = round((250 + 130) / 20)  # its syllables have gaps of 130 ms
    assert heard[50 + within] >= ENOUGH_MS


@pytest.mark.parametrize(
    "ulaw",
    [
        *[
            pytest.param(cough(seconds=each / 20, seed=each), id=f"cough {each}")
            for each in range(4, 10)
        ],
        pytest.param(cough(level_dbov=-14), id="loud cough"),
        *[pytest.param(hum(hz=each), id=f"mm {each}") for each in (110, 150, 200)],
        pytest.param(
            hum(seconds=0.16) + SECOND[:400] + hum(seconds=0.2, hz=180), id="mm-hm"
        ),
        pytest.param(noise(seconds=0.02, level_dbov=-15), id="click"),
        pytest.param(noise(seconds=0.8, level_dbov=-34), id="breath"),
        pytest.param(pink_noise(seconds=4, level_dbov=-35), id="street"),
    ],
)
def test_what_is_no_word_is_never_enough_evidence(ulaw: bytes) -> None:
    assert max(evidence_ms(Vad().push(SECOND + ulaw + SECOND))) < ENOUGH_MS


def test_a_keyboard_is_never_enough_evidence() -> None:
    key = noise(seconds=0.01, level_dbov=-22)
    keys = b"".join(key + ULAW_SILENCE * gap for gap in range(700, 2400, 17))
    assert max(evidence_ms(Vad().push(keys))) < ENOUGH_MS


@pytest.mark.parametrize("level_dbov", [-26.0, -36.0])
def test_hold_music_stops_being_speech_after_three_seconds(level_dbov: float) -> None:
    frames = Vad().push(SECOND + music(seconds=8, level_dbov=level_dbov))
    assert not any(frame.speech for frame in frames[200:])
    assert frames[-1].floor_dbov > level_dbov - 3


def test_somebody_speaks_above_the_music() -> None:
    frames = Vad().push(mixed(music(seconds=8, level_dbov=-38), 4 * SECOND + speech()))
    assert not any(frame.speech for frame in frames[150:200])
    heard = evidence_ms(frames)
    assert max(heard[200:220]) >= ENOUGH_MS
    assert any(frame.speech for frame in frames[280:300])  # still, after 1.6 s


def test_a_monologue_is_heard_to_its_end() -> None:
    frames = Vad().push(speech(seconds=20))
    assert {frame.floor_dbov for frame in frames} == {QUIETEST_DBOV}
    ends = [frame.speech for frame in frames[-100:]]
    assert sum(ends) > 50


def test_comfort_noise_after_digital_silence_is_silence() -> None:
    vad = Vad(min_dbov=-70.0)
    vad.push(2 * SECOND)
    frames = vad.push(noise(seconds=1, level_dbov=-60))
    assert set(trace(frames)) == {"."}


def test_noise_that_jumps_is_the_new_background_within_three_seconds() -> None:
    vad = Vad()
    vad.push(noise(seconds=3, level_dbov=-50))
    frames = vad.push(pink_noise(seconds=5, level_dbov=-34))
    assert frames[-1].floor_dbov == pytest.approx(-34, abs=3)
    assert not any(frame.speech for frame in frames[150:])


def test_speech_goes_on_at_a_level_at_which_it_would_not_begin() -> None:
    syllable = np.frombuffer(ulaw_to_pcm16(speech()[640:1280]), "<i2").astype(float)
    loud = levelled(syllable, -20.0)

    def heard_after(before: bytes) -> str:
        vad = Vad()
        background = vad.push(noise(seconds=2, level_dbov=-40))[-1].floor_dbov
        vad.push(before)
        soft = levelled(syllable[:160], background + (ENTER_DB + LEAVE_DB) / 2)
        return trace(vad.push(soft))

    assert heard_after(b"") == "."
    assert heard_after(loud) == "V"


def test_a_trace_tells_words_from_murmurs_and_noise() -> None:
    assert set(trace(Vad().push(SECOND + speech()))) <= {*".vVhHnN"}
    assert "V" in trace(Vad().push(SECOND + speech()))
    murmur = trace(Vad().push(SECOND + hum())).strip(".")
    assert set(murmur[:2].upper()) == {"V"}
    assert set(murmur[3:]) == {"H"}
    assert set(trace(Vad().push(SECOND + cough()))) == {*".nN"}
    assert set(trace(Vad().push(SECOND + tone(440, 480)))) == {*".t"}


# ---- with a neural detector that listens ------------------------------------------


def listened(
    ulaw: bytes, found: Callable[[int], float], gate_dbov: float = FLOOR_DBOV
) -> list[VadFrame]:
    """What is found if the neural detector gives `found` of each frame's number."""
    now = 0

    def listen(unheard: bytes) -> float:
        assert ulaw[: (now + 1) * ULAW_FRAME].endswith(unheard)
        return found(now)

    vad, frames = Vad(listen=listen), []
    for now in range(len(ulaw) // ULAW_FRAME):
        frames += vad.push(ulaw[now * ULAW_FRAME : (now + 1) * ULAW_FRAME], gate_dbov)
    return frames


NOISY = noise(seconds=1.0, level_dbov=-35)
WHISPER = noise(seconds=0.4, level_dbov=-30)


def test_in_noise_what_the_neural_detector_is_sure_of_is_a_voice() -> None:
    frames = listened(NOISY + WHISPER, lambda n: 0.95 * (n >= 50))[50:]
    assert trace(frames)[1:] == "V" * 19
    unsure = listened(NOISY + WHISPER, lambda n: 0.85 * (n >= 50))[50:]
    assert "V" not in trace(unsure)


def test_what_is_no_louder_than_the_background_or_the_gate_is_no_voice() -> None:
    more_noise = noise(seconds=1.4, level_dbov=-35)
    assert not any(f.speech for f in listened(more_noise, lambda n: 0.95)[50:])
    echo = listened(NOISY + WHISPER, lambda n: 0.95 * (n >= 50), gate_dbov=-25.0)
    assert not any(frame.speech for frame in echo)


def test_a_key_is_none_whatever_the_neural_detector_says() -> None:
    assert not any(f.speech for f in listened(tone(697, 1209, seconds=1), lambda n: 1))


def test_a_murmur_stays_one_on_a_clean_line() -> None:
    murmur = SECOND[:1600] + hum(seconds=0.4)
    frames = listened(murmur, lambda n: 0.99)
    assert trace(frames)[-10:] == "H" * 10


@pytest.mark.parametrize(("probability", "letter"), [(0.94, "H"), (0.99, "V")])
def test_in_noise_a_murmur_is_a_voice_if_that_is_as_good_as_certain(
    probability: float, letter: str
) -> None:
    line = noise(seconds=2.0, level_dbov=-48) + mixed(
        hum(seconds=0.4), noise(seconds=0.4, level_dbov=-48)
    )
    frames = listened(line, lambda n: probability * (n >= 100))
    assert trace(frames)[-10:] == letter * 10


def test_of_music_only_the_loudest_hides_a_voice_unless_it_is_full_of_voices() -> None:
    loud, soft = (music(seconds=5, level_dbov=level) for level in (-22, -30))
    played = b"".join(
        (loud if at % 3200 < 1120 else soft)[at : at + ULAW_FRAME]
        for at in range(0, len(soft), ULAW_FRAME)
    )
    line = played + speech(seconds=0.4, level_dbov=-25)
    found = listened(line, lambda n: 0.95 * (n >= 250))[250:]
    among_voices = listened(line, lambda n: 0.95)[250:]
    heard, unheard = (sum(f.speech for f in each) for each in (found, among_voices))
    assert (heard >= 10, unheard <= 2) == (True, True), (heard, unheard)


def test_a_frame_tells_the_likeliest_voice_of_the_last_240_ms() -> None:
    loud = noise(seconds=1.0, level_dbov=-30)
    frames = listened(loud, lambda n: 0.3 * (n in (10, 20)))
    found = [n for n, frame in enumerate(frames) if frame.voice == 0.3]
    assert found == [*range(10, 32)]
    assert {frame.voice for frame in frames} == {0.0, 0.3}
    assert {frame.voice for frame in Vad().push(SECOND)} == {None}


def asked(*pieces: bytes, in_turn: bool = False) -> list[tuple[int, int]]:
    """When a neural detector is asked: each frame's number, how many it is given."""
    line, found, now = b"".join(pieces), list[tuple[int, int]](), 0

    def listen(unheard: bytes) -> float:
        assert line[: (now + 1) * ULAW_FRAME].endswith(unheard)
        found.append((now, len(unheard) // ULAW_FRAME))
        return 0.95

    vad = Vad(listen=listen)
    for now in range(len(line) // ULAW_FRAME):
        frame = line[now * ULAW_FRAME : (now + 1) * ULAW_FRAME]
        vad.push(frame, in_turn=in_turn)
    return found


def test_a_silent_line_costs_nothing() -> None:
    soft = noise(seconds=5.0, level_dbov=-46)
    assert asked(ULAW_SILENCE * 40_000, soft) == []


def test_steady_noise_is_hardly_ever_asked_about_once_it_is_known() -> None:
    found = [now for now, _ in asked(noise(seconds=10.0, level_dbov=-35))]
    assert len([now for now in found if now >= 100]) < 400 / 10


def test_it_is_asked_from_the_first_loud_frame_on_and_given_what_was_before() -> None:
    found = asked(SECOND, speech(seconds=0.1))
    assert found[0] == (50, LEAD_BYTES // ULAW_FRAME + 1)  # so it begins anew
    assert found[1:3] == [(51, 1), (52, 1)]


def test_a_pause_between_words_is_given_as_a_whole() -> None:
    word, pause = speech(seconds=0.1), SECOND[: 12 * ULAW_FRAME]
    found = asked(SECOND, word, pause, word)
    given = [many for now, many in found if now >= 55]
    assert (sum(given), max(given)) == (found[-1][0] - found[4][0], 13)


def test_a_neural_detector_that_fails_is_heard_of_and_asked_again() -> None:
    given = list[bytes]()

    def listen(unheard: bytes) -> float:
        given.append(unheard)
        if len(given) == 1:
            raise ZeroDivisionError
        return 0.95

    vad, line = Vad(listen=listen), SECOND[:1600] + speech(seconds=0.1)
    with pytest.raises(ZeroDivisionError):
        vad.push(line[: 1600 + ULAW_FRAME])
    frames = vad.push(line[1600 + ULAW_FRAME :])
    assert given[1] == line[: 1600 + 2 * ULAW_FRAME]
    assert frames[0].voice == 0.95


def test_on_a_clean_line_a_turn_that_has_begun_costs_nothing() -> None:
    assert asked(SECOND, speech(seconds=1.0), in_turn=True) == []
    noisy = noise(seconds=2.0, level_dbov=-40)
    assert asked(noisy, speech(seconds=0.4), in_turn=True)


@given(cuts=st.lists(st.integers(1, 700), max_size=8))
@settings(max_examples=10, deadline=None)
def test_how_the_line_is_cut_changes_nothing_for_a_neural_detector(
    cuts: list[int],
) -> None:
    line, parts, at = SECOND + speech(seconds=0.4), list[VadFrame](), 0
    vad = Vad(listen=neural().listen())
    for size in cuts:
        parts += vad.push(line[at : at + size])
        at += size
    parts += vad.push(line[at:])
    assert parts == Vad(listen=neural().listen()).push(line)
    assert max(frame.voice or 0.0 for frame in parts) > SURE
