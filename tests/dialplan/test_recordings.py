"""Greetings that an operator has recorded, as files have them."""

import wave
from io import BytesIO
from pathlib import Path

import pytest

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, mistakes, written
from voicebot.dialplan.load import load
from voicebot.dialplan.recordings import MAX_BYTES, Clip, read_clip

DESK = PERSONA.replace("{text: Hello.}", "{text: Hello., audio: audio/hello.wav}")


def wav(
    seconds: float = 0.5, *, rate: int = 16_000, width: int = 2, of: int = 1
) -> bytes:
    held = BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(of)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(b"\1" * (round(seconds * rate) * width * of))
    return held.getvalue()


def folder_with(folder: Path, data: bytes, name: str = "hello.wav") -> Path:
    written(folder, desk=DESK.replace("hello.wav", name))
    (folder / "audio").mkdir(exist_ok=True)
    (folder / "audio" / name).write_bytes(data)
    return folder


def test_a_recording_belongs_to_the_plan_and_to_its_revision(tmp_path: Path) -> None:
    plan = load(folder_with(tmp_path, wav()))
    assert plan.clips["desk", "en"] == Clip("pcm16", 16_000, b"\1" * 16_000)
    other = load(folder_with(tmp_path, wav(0.6)))
    assert other.revision != plan.revision
    assert load(folder_with(tmp_path, wav())).revision == plan.revision


def test_each_language_may_have_its_own(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, wav())
    (folder / "audio" / "bonjour.ulaw").write_bytes(b"\xff" * 800)
    more = "also_speaks: [fr]\nin: {fr: {greeting: {text: Bonjour., audio: %s}}}\n"
    written(folder, desk=DESK + more % "audio/bonjour.ulaw")
    assert load(folder).clips == {
        ("desk", "en"): Clip("pcm16", 16_000, b"\1" * 16_000),
        ("desk", "fr"): Clip("ulaw", 8000, b"\xff" * 800),
    }


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.wav", wav(width=1), "16-bit mono PCM of 8000 to 96000 Hz, got 8-bit of 1"),
        ("a.wav", wav(of=2), "got 16-bit of 2 channels, 16000 Hz"),
        ("a.wav", wav(rate=4000), "got 16-bit of 1 channels, 4000 Hz"),
        ("a.wav", b"RIFF", "got a file that ends too soon"),
        ("a.wav", b"ID3 and so on, all of it", "got file does not start with RIFF id"),
        ("a.wav", wav(0), "expected up to 60 s of audio, got 0 s"),
        ("a.wav", wav(61, rate=8000), "expected up to 60 s of audio, got 61 s"),
        ("a.ulaw", b"", "expected up to 60 s of audio, got 0 s"),
        ("a.mp3", b"x", "expected a .wav or .ulaw file, got .mp3"),
        ("a", b"x", "expected a .wav or .ulaw file, got none"),
        ("a.ulaw", b"x" * (MAX_BYTES + 1), "expected at most 8 MiB"),
    ],
)
def test_what_cannot_be_played_is_told(
    tmp_path: Path, name: str, data: bytes, told: str
) -> None:
    (found,) = mistakes(folder_with(tmp_path, data, name))
    assert found.startswith(
        f"personas/desk.yaml:4:33: greeting.audio: 'audio/{name}': "
    )
    assert told in found


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../hello.wav", "expected a file below"),
        ("/etc/passwd", "expected a file below"),
        ("audio", "expected a regular file"),
        ("audio/none.wav", "cannot be read: No such file or directory"),
    ],
)
def test_other_files_are_not_read(tmp_path: Path, name: str, told: str) -> None:
    folder = folder_with(tmp_path, wav())
    desk = DESK.replace("audio/hello.wav", name)
    (found,) = mistakes(written(folder, NUMBERS + ROUTES, desk=desk))
    assert "desk.yaml:4:33: greeting.audio: " in found
    assert told in found


def test_half_a_sample_is_none() -> None:
    data = wav()
    assert isinstance(read_clip(".WAV", data[:-1]), Clip)


@pytest.mark.parametrize(
    ("greeting", "told"),
    [
        ("{model: true, audio: a.wav}", "4:32: greeting.audio: has no meaning with"),
        ("{model: true, protect: 1s}", "4:34: greeting.protect: has no meaning with"),
        (
            "{text: 'Hi {{name}}.', audio: audio/hello.wav}",
            "4:18: greeting.text: is recorded",
        ),
        ("{protect: 1s}", "4:11: greeting.text: missing"),
        ("{text: '', model: false}", "4:18: greeting.text: expected some text"),
        ("{text: '  '}", "4:18: greeting.text: expected some text"),
    ],
)
def test_a_greeting_is_said_in_one_way(
    tmp_path: Path, greeting: str, told: str
) -> None:
    desk = PERSONA.replace("{text: Hello.}", greeting)
    desk += "vars: {name: {from: lookup, default: ''}}\n"
    found = mistakes(written(folder_with(tmp_path, wav()), desk=desk))
    assert any(told in line for line in found), found


def test_a_model_that_greets_needs_no_words_and_may_inherit_some(
    tmp_path: Path,
) -> None:
    desk = PERSONA.replace("{text: Hello.}", "{model: true}")
    heir = "extends: desk\ntitle: Heir\ngreeting: {text: Hi., model: true}\n"
    plan = load(written(tmp_path, desk=desk, heir=heir))
    assert plan.personas["desk"].greeting.text == ""
    assert plan.personas["heir"].greeting.text == "Hi."
