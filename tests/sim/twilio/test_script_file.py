"""Scripts as files: what they may say, and where their mistakes are."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicebot.errors import ConfigError
from voicebot.sim.twilio.ear import is_audible
from voicebot.sim.twilio.script import HangUp, Interrupt, Keys, Say, Script, Wait
from voicebot.sim.twilio.script_file import load_script, load_script_file
from voicebot.sim.twilio.wav import read_voice, write_stereo

VOICES = Path(__file__).parents[3] / "voicebot" / "sim" / "voices"


def script(folder: Path, text: str) -> Script:
    path = folder / "caller.yaml"
    path.write_text(text, encoding="utf-8")
    return load_script(path, lambda file: file.name.encode())


def test_every_kind_of_step(tmp_path: Path) -> None:
    loaded = script(
        tmp_path,
        """
        steps:
          - say: hello.wav
          - interrupt: sorry.wav
            label: no!
            after_ms: 900
            timeout_ms: 1000
          - keys: "12#"
          - keys: "3"
            wait_quiet_ms: 400
          - wait_ms: 500
          - hang_up: true
            wait_quiet_ms: 800
          - hang_up:
        """,
    )
    assert loaded._steps == (
        Say(b"hello.wav", "hello", 700, 20_000),
        Interrupt(b"sorry.wav", "no!", 900, 1000),
        Keys("12#"),
        Keys("3", 400),
        Wait(500),
        HangUp(800),
        HangUp(),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("steps: [", ":1:9: expected YAML"),
        ("steps: 2026-99-99", ": expected YAML"),
        ("steps: \x07", ": expected YAML"),
        ("- say: a", ":1:1: expected a list `steps`"),
        ("steps: []", ":1:1: expected a list `steps`"),
        ("steps: [1]", ":1:9: step 1: expected one of say, interrupt, keys"),
        ("steps: [{say: a, keys: '1'}]", ":1:9: step 1: expected one of"),
        (
            "steps: [{say: a}, {say: b, after_ms: 1}]",
            ":1:28: step 2: after_ms: unknown",
        ),
        ("steps: [{say: 1}]", ":1:15: step 1: say: expected text"),
        ("steps: [{keys: 12}]", ":1:16: step 1: keys: expected text"),
        ("steps: [{keys: 'a'}]", ":1:9: step 1: expected keys 0-9"),
        ("steps: [{wait_ms: -1}]", ":1:19: step 1: wait_ms: expected 0 to 600000 ms"),
        ("steps: [{wait_ms: true}]", ":1:19: step 1: wait_ms: expected 0 to 600000 ms"),
        ("weight: 0\nsteps: [hang_up]", ":2:9: step 1: expected one of"),
        ("weight: 0\nsteps: [{hang_up: }]", ":1:9: weight: expected 1 to 1000"),
        ("wait: 1\nsteps: [{hang_up: }]", ":1:1: wait: unknown beside steps"),
        ("steps: [{wait_ms: 1.5}]", ":1:19: step 1: wait_ms: expected 0 to 600000 ms"),
    ],
)
def test_a_mistake_is_found_by_file_and_step(
    tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        script(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'caller.yaml'}{problem}")


def test_words_are_said_if_somebody_can(tmp_path: Path) -> None:
    path = tmp_path / "caller.yaml"
    path.write_text("weight: 3\nsteps: [{say: Hello!}, {say: a.wav}]")
    loaded = load_script_file(path, lambda file: b"voice", str.encode)
    assert loaded.weight == 3
    assert loaded.steps == (Say(b"Hello!", "words 1"), Say(b"voice", "a"))
    with pytest.raises(ConfigError, match=r"caller\.yaml:2:9: step 1: .*Hello!: no"):
        load_script_file(path, read_voice)


def test_a_script_or_a_voice_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.yaml: no such file$"):
        load_script(tmp_path / "no.yaml", read_voice)
    path = tmp_path / "caller.yaml"
    path.write_text("steps: [{say: no.wav}]")
    with pytest.raises(
        ConfigError, match=r"caller\.yaml:1:9: step 1: .*no\.wav: no such"
    ):
        load_script(path, read_voice)
    with pytest.raises(ConfigError, match="is a folder$"):
        load_script(tmp_path, read_voice)
    path.write_bytes(b"steps: \xff")
    with pytest.raises(ConfigError, match="expected UTF-8 text$"):
        load_script(path, read_voice)


def test_what_is_no_voice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder$"):
        read_voice(tmp_path)
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(ConfigError, match=r"text\.wav: is not a WAV file$"):
        read_voice(tmp_path / "text.wav")


@pytest.mark.parametrize(
    "clip", sorted(VOICES.glob("*.wav")), ids=lambda clip: clip.stem
)
def test_the_voices_that_come_along_can_be_used(clip: Path) -> None:
    ulaw = read_voice(clip)
    assert 1.5 < len(ulaw) / 8000 < 4
    frames = [is_audible(ulaw[at : at + 160]) for at in range(0, len(ulaw), 160)]
    assert True in frames[:5]
    assert True in frames[-15:]
    assert sum(frames) / len(frames) > 0.5


def test_voices_of_24_khz_are_converted_and_other_rates_refused(
    tmp_path: Path,
) -> None:
    tone = np.sin(np.arange(24_000) / 10) / 2
    soundfile.write(tmp_path / "24.wav", tone, 24_000, subtype="PCM_16")
    ulaw = read_voice(tmp_path / "24.wav")
    assert len(ulaw) == 8000
    assert is_audible(ulaw[4000:4160])
    soundfile.write(tmp_path / "44.wav", tone, 44_100)
    with pytest.raises(ConfigError, match="got 1 channels at 44100 Hz"):
        read_voice(tmp_path / "44.wav")


def test_a_recording_has_two_channels(tmp_path: Path) -> None:
    write_stereo(tmp_path / "call.wav", b"\xff\x80" * 800)
    samples, rate_hz = soundfile.read(tmp_path / "call.wav", dtype="int16")
    assert (rate_hz, samples.shape) == (8000, (800, 2))
    assert not samples[:, 0].any()
    assert samples[:, 1].all()
    with pytest.raises(ConfigError, match="No such file"):
        write_stereo(tmp_path / "no" / "call.wav", b"")
