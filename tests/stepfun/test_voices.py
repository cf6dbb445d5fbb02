import base64
import io
import json
import wave
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.stepfun.examples import EXAMPLES
from voicebot.errors import LocalProtocolError, RemoteProtocolError
from voicebot.sim.stepfun.profile import VOICES
from voicebot.stepfun import voices
from voicebot.stepfun.official_voices import NEWER, OFFICIAL, read_system_voices
from voicebot.stepfun.voices import (
    ClonedVoice,
    CloneRequest,
    MadeVoice,
    PreviewRequest,
    Reference,
    UploadedFile,
    VoicePage,
    list_query,
    read_file,
    read_made,
    read_page,
    read_preview,
)

MODEL = "stepaudio-2.5-tts"
FILE = "file-Ab3dE5gH7j"
SAID = "Good morning, you have reached Linden Dental."
SAMPLE = "How can I help you today?"


def recording(seconds: float, rate_hz: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setparams((1, 2, rate_hz, 0, "NONE", ""))
        output.writeframes(bytes(2 * round(seconds * rate_hz)))
    return file.getvalue()


def body(name: str, **changed: Any) -> bytes:
    return json.dumps({**EXAMPLES[name], **changed}).encode()


# ---- what is asked -------------------------------------------------------------


def test_a_preview_is_asked_for_as_documented() -> None:
    request = PreviewRequest(MODEL, FILE, SAMPLE, SAID, instruction="warm and clear")
    wanted = EXAMPLES["v.preview.req"]
    assert json.loads(request.body()) == {**wanted, "speed": 1.0, "volume": 1.0}
    plain = json.loads(PreviewRequest(MODEL, FILE, SAMPLE).body())
    assert not {"text", "instruction"} & set(plain)


def test_a_clone_is_asked_for_as_documented() -> None:
    asked = json.loads(CloneRequest(MODEL, FILE, SAID).body())
    assert asked == EXAMPLES["v.clone.req"]
    assert "text" not in json.loads(CloneRequest(MODEL, FILE).body())


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"sample_text": ""}, "sample_text: expected 1 to 1000 characters, got 0"),
        ({"text": "x" * 1001}, "text: expected 1 to 1000 characters, got 1001"),
        ({"format": "pcm"}, "response_format: expected one of .*, got pcm"),
        ({"rate_hz": 1}, "sample_rate: expected one of .*, got 1"),
        ({"speed": 3.0}, "speed: expected 0.5 to 2, got 3"),
        ({"volume": 3.0}, "volume: expected 0.1 to 2, got 3"),
        ({"instruction": "x" * 201}, "instruction: expected 1 to 200 characters"),
    ],
)
def test_a_preview_above_a_limit_is_not_asked_for(
    members: dict[str, Any], problem: str
) -> None:
    with pytest.raises(LocalProtocolError, match=problem):
        PreviewRequest(MODEL, FILE, **{"sample_text": SAMPLE, **members})


def test_a_clone_with_too_long_a_text_is_not_asked_for() -> None:
    with pytest.raises(LocalProtocolError, match="text: expected 1 to 1000"):
        CloneRequest(MODEL, FILE, "")


@pytest.mark.parametrize(
    "request_body",
    [
        PreviewRequest(MODEL, FILE, "\ud800").body,
        CloneRequest(MODEL, FILE, "\ud800").body,
    ],
)
def test_half_a_character_cannot_be_sent(request_body: Any) -> None:
    with pytest.raises(LocalProtocolError, match="got a lone surrogate"):
        request_body()


@pytest.mark.parametrize(
    "data", [recording(5.0), recording(10.0, 48000), b"ID3\4", b"\xff\xfb\x90\0"]
)
def test_a_recording_is_taken(data: bytes) -> None:
    assert Reference(data).data == data


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (recording(4.9), "file: expected 5 to 10 s of speech, got 4.9"),
        (recording(10.1), "file: expected 5 to 10 s of speech, got 10.1"),
        (recording(0), "file: expected 5 to 10 s of speech, got 0.0"),
        (
            recording(5)[:24] + bytes(8) + recording(5)[32:],
            "plain samples, got another",
        ),
        (recording(5)[:30], "file: expected a WAV file of plain samples, got another"),
        (b"RIFF\0\0\0\0WAVEjunk\0\0\0\0", "a WAV file of plain samples, got another"),
        (b"OggS", "file: expected WAV or MP3, got opus"),
        (b"hello", "file: expected WAV or MP3, got something else"),
    ],
)
def test_what_is_no_recording_of_a_voice_is_not_uploaded(
    data: bytes, problem: str
) -> None:
    with pytest.raises(LocalProtocolError, match=problem):
        Reference(data)


def test_a_recording_that_is_too_large_is_not_uploaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(voices, "REFERENCE_BYTES", 10)
    with pytest.raises(LocalProtocolError, match="file: expected up to 10 bytes"):
        Reference(b"ID3" + bytes(10))


def test_a_list_is_asked_for_page_by_page() -> None:
    assert list_query() == {"limit": "100", "order": "desc"}
    after = list_query(limit=1, order="asc", after="voice-tone-a")
    assert after == {"limit": "1", "order": "asc", "after": "voice-tone-a"}
    for limit in (0, 101):
        with pytest.raises(LocalProtocolError, match=f"expected 1 to 100, got {limit}"):
            list_query(limit=limit)


def test_private_words_and_recordings_stay_out_of_a_traceback() -> None:
    shown = repr(
        [
            PreviewRequest(MODEL, FILE, "secret", "secret"),
            CloneRequest(MODEL, FILE, "secret"),
            Reference(b"ID3secret"),
            read_preview(body("v.preview.res")),
        ]
    )
    assert "secret" not in shown
    assert "RIFF" not in shown


# ---- what is answered ----------------------------------------------------------


def test_documented_answers_are_read() -> None:
    assert read_file(body("v.file.res")) == UploadedFile(FILE, ready=True)
    preview = read_preview(body("v.preview.res"))
    audio = base64.b64decode(EXAMPLES["v.preview.res"]["sample_audio"])
    assert (preview.audio, preview.kind) == (audio, "wav")
    made = MadeVoice("voice-tone-Qw4eR6tY8u", duplicated=False)
    assert read_made(body("v.clone.res")) == made
    at = datetime.fromtimestamp(1792310060, UTC)
    voice = ClonedVoice("voice-tone-Qw4eR6tY8u", FILE, at)
    assert read_page(body("v.list.res")) == VoicePage((voice,), None)
    assert read_system_voices(body("v.system.res")) == ("ganliannvsheng",)


def test_a_preview_is_of_the_kind_that_its_beginning_tells() -> None:
    mp3 = base64.b64encode(b"ID3\4").decode()
    assert read_preview(body("v.preview.res", sample_audio=mp3)).kind == "mp3"


@pytest.mark.parametrize(
    ("status", "ready"),
    [("success", True), ("processed", True), (None, True), ("failed", False)],
)
def test_a_file_is_ready_or_not(status: str | None, ready: bool) -> None:
    assert read_file(body("v.file.res", status=status)).ready is ready


def test_a_clone_that_was_made_before_says_so() -> None:
    assert read_made(body("v.clone.res", duplicated=True)).duplicated
    assert not read_made(b'{"id": "voice-tone-a"}').duplicated


def test_a_list_goes_on_behind_its_last_voice() -> None:
    page = read_page(body("v.list.res", has_more=True))
    assert page.next_after == "voice-tone-Qw4eR6tY8u"
    nothing = read_page(body("v.list.res", has_more=True, data=[]))
    assert nothing == VoicePage((), None)


def test_a_voice_that_tells_little_is_listed_all_the_same() -> None:
    page = read_page(body("v.list.res", data=[{"id": "voice-tone-a"}]))
    assert page.voices == (ClonedVoice("voice-tone-a", "", None),)


@pytest.mark.parametrize(
    ("read", "answer", "problem"),
    [
        (read_file, b"[]", "file: expected an object, got list"),
        (read_file, b"{}", "file.id: missing"),
        (read_preview, b"{}", "preview.sample_audio: missing"),
        (
            read_preview,
            b'{"sample_audio": "AAAA"}',
            "preview.sample_audio: expected a sound file, got 3 bytes",
        ),
        (read_made, b"<html>", "voice: expected JSON, got 6 characters"),
        (read_page, b'{"data": 7}', "list.data: expected a list, got int"),
        (read_page, b'{"data": [{}]}', r"list.data\[0\].id: missing"),
        (read_page, b'{"data": [{"id": "a", "created_at": 1e99}]}', "created_at"),
        (
            read_page,
            b'{"data": [{"id": "a", "created_at": 99999999999999}]}',
            "created_at: expected seconds since 1970, got too many",
        ),
        (read_system_voices, b'{"voices": [7]}', "expected a list of texts"),
    ],
)
def test_another_answer_is_one_error(read: Any, answer: bytes, problem: str) -> None:
    with pytest.raises(RemoteProtocolError, match=problem):
        read(answer)


# ---- the official ones ---------------------------------------------------------


def test_the_official_voices_are_those_that_the_offline_stepfun_has() -> None:
    """Two readings of the page: a voice that is missing in one of them is a mistake."""
    ours = {each.voice for each in OFFICIAL if set(NEWER) & set(each.models)}
    old = {each.voice for each in OFFICIAL if each.models == ("step-tts-2",)}
    assert ours - old == VOICES


def test_some_are_recommended_for_the_telephone() -> None:
    recommended = [each.voice for each in OFFICIAL if each.phone]
    assert len(recommended) == 12
    assert recommended[0] == "shuangkuainansheng"
    assert len({each.voice for each in OFFICIAL}) == len(OFFICIAL) == 39
