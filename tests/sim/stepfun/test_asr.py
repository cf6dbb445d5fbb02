"""The offline StepFun transcribes: what it refuses, what it makes of a clip."""

import io
import json
from base64 import b64encode
from random import Random
from typing import Any

import pytest
import soundfile
from aiohttp import ClientSession

from tests.sim.stepfun.harness import silence, tone
from tests.sim.stepfun.test_server import KEY, offline
from voicebot.sim.stepfun import Line, Mood, Scenario, ScriptedMind
from voicebot.sim.stepfun.asr import (
    AsrRequest,
    Clip,
    decoded,
    events,
    listened,
    read_request,
    understand,
)
from voicebot.sim.stepfun.babble import from_pcm16
from voicebot.sim.stepfun.chat import Said
from voicebot.sim.stepfun.speech import BadRequest

PCM = {"type": "pcm", "codec": "pcm_s16le", "rate": 24000, "bits": 16, "channel": 1}
WORDS = "I have 2 questions for Lindon Dental, please."


def clip(**members: Any) -> AsrRequest:
    given: dict[str, Any] = {
        "audio": tone(400),
        "format": "pcm",
        "rate_hz": 24000,
        "hotwords": (),
        "itn": True,
        "timestamps": False,
    }
    return AsrRequest(**given | members)


def body(data: object = None, **members: Any) -> dict[str, Any]:
    """A request of pcm; `members` of the transcription, or `format`."""
    format_ = members.pop("format", PCM)
    transcription = {"model": "stepaudio-2.5-asr"} | members
    audio = b64encode(tone(400)).decode() if data is None else data
    return {
        "audio": {
            "data": audio,
            "input": {"transcription": transcription, "format": format_},
        }
    }


def file_of(pcm16: bytes, name: str, rate_hz: int = 24000) -> bytes:
    file = io.BytesIO()
    samples = from_pcm16(pcm16) / 32768
    subtype = {"WAV": "PCM_16", "MP3": "MPEG_LAYER_III", "OGG": "OPUS"}[name]
    soundfile.write(file, samples, rate_hz, subtype, format=name)
    return file.getvalue()


def mind(words: str = WORDS) -> ScriptedMind:
    return ScriptedMind(Scenario((Line(words),)))


def heard(request: AsrRequest, words: str = WORDS) -> Clip:
    found = understand(mind(words), request)
    assert found
    return found


@pytest.mark.parametrize(
    ("given", "status", "message"),
    [
        ([], 400, "audio must have data"),
        ({"audio": {"data": "AAAA"}}, 400, "audio must have data"),
        (body(model="whisper-1"), 400, "model"),
        (body(model="stepaudio-2-asr-pro"), 404, "channel"),
        (body("***"), 400, "base64"),
        (body(""), 400, "empty"),
        (body(language="English"), 400, "language"),
        (body(language=7), 400, "language"),
        (body(hotwords="Linden"), 400, "hotwords"),
        (body(hotwords=[7]), 400, "hotwords"),
        (body(enable_itn="yes"), 400, "enable_itn"),
        (body(format={"type": "flac"}), 400, "type must be one of ogg"),
        (body(format={"type": "pcm"}), 400, "codec"),
        (body(format=PCM | {"rate": 4000}), 400, "rate"),
        (body(format=PCM | {"bits": "16"}), 400, "bits"),
        (body(format=PCM | {"channel": 2}), 400, "channel"),
    ],
)
def test_what_stepfun_refuses_is_refused(given: Any, status: int, message: str) -> None:
    with pytest.raises(BadRequest, match=message) as caught:
        read_request(given, on_plan=True)
    assert caught.value.status == status


def test_the_open_platform_has_more_models() -> None:
    read = read_request(body(model="stepaudio-2-asr-pro"), on_plan=False)
    assert read.rate_hz == 24000


@pytest.mark.parametrize(
    ("name", "format"), [("WAV", "wav"), ("MP3", "mp3"), ("OGG", "ogg")]
)
def test_files_are_heard(name: str, format: str) -> None:
    audio = file_of(tone(400), name)
    found = heard(clip(audio=audio, format=format))
    assert found.text == WORDS
    assert 380 <= found.milliseconds <= 480  # MP3 and Opus are padded


def test_samples_are_heard_at_their_rate() -> None:
    assert heard(clip(audio=tone(400), rate_hz=8000)).milliseconds == 1200


def test_silence_is_no_words() -> None:
    assert heard(clip(audio=silence(400))) == Clip("", 400)


@pytest.mark.parametrize(("audio", "format"), [(b"not a file", "wav"), (b"odd", "pcm")])
def test_what_is_no_audio_is_an_error_event(audio: bytes, format: str) -> None:
    wanted = clip(audio=audio, format=format)
    found = understand(mind(), wanted)
    assert found is None
    [event] = events(found, wanted, random=Random(0), repeats=False)
    assert (event["type"], event["message"]) == ("error", "audio decode failed")


def test_a_hot_word_is_understood_rather_than_what_sounds_like_it() -> None:
    found = heard(clip(hotwords=("Linden Dental", "Tooth")))
    assert found.text == "I have 2 questions for Linden Dental, please."


def test_numbers_are_spelt_unless_they_are_wanted_in_digits() -> None:
    assert heard(clip(itn=False), "Room 42.").text == "Room four two ."


def told(found: Clip, *, repeats: bool = False, **members: Any) -> list[dict[str, Any]]:
    return list(events(found, clip(**members), random=Random(0), repeats=repeats))


def test_deltas_add_up_and_the_last_event_has_all() -> None:
    *deltas, done = told(Clip("Can I come on Friday?", 1600))
    assert [each["delta"] for each in deltas] == ["Can I come ", "on Friday?"]
    assert {each["type"] for each in deltas} == {"transcript.text.delta"}
    assert "start_time" not in deltas[0]
    assert (done["type"], done["text"]) == (
        "transcript.text.done",
        "Can I come on Friday?",
    )
    assert done["usage"]["input_token_details"] == {
        "text_tokens": 0,
        "audio_tokens": 20,
    }
    assert done["meta"]["session_id"].startswith("sse_")


def test_deltas_may_repeat_all_so_far() -> None:
    *deltas, _ = told(Clip("Can I come on Friday?", 1600), repeats=True)
    assert [each["delta"] for each in deltas] == [
        "Can I come ",
        "Can I come on Friday?",
    ]


def test_deltas_say_when_they_were_spoken() -> None:
    first, second, _ = told(Clip("Can I come on Friday?", 2100), timestamps=True)
    assert (first["start_time"], first["end_time"]) == (0, 1100)
    assert (second["start_time"], second["end_time"]) == (1100, 2100)
    assert first["item_id"] == second["item_id"]


def test_a_message_of_a_chat_is_listened_to() -> None:
    wav = file_of(tone(400), "WAV")
    said = listened(mind(), Said("user", "And?", (wav, b"no file", b"")))
    assert said == Said("user", f"And?\n{WORDS}")
    quiet = file_of(silence(400), "WAV")
    assert listened(mind(), Said("user", "", (quiet,))) == Said("user", "")


def test_stereo_is_heard_as_one() -> None:
    file = io.BytesIO()
    soundfile.write(file, [[0.5, 0.1]] * 8000, 8000, "PCM_16", format="WAV")
    samples = decoded(file.getvalue())
    assert samples is not None
    assert len(samples) == 24000
    assert 0.25 < samples.max() < 0.35


# ---- the server ------------------------------------------------------------------


async def streamed(
    path: str, asked: object, mood: Mood | None = None, **members: Any
) -> tuple[int, list[str]]:
    """Status, and lines of the answer."""
    async with offline(mood, **members).running() as server, ClientSession() as http:
        url = f"{server.base_url}{path}"
        async with http.post(url, data=json.dumps(asked), headers=KEY) as answer:
            text = await answer.text()
            assert answer.headers["X-Trace-Id"]
            return answer.status, text.splitlines()


ASR = "/audio/asr/sse"
CHAT = "/chat/completions"
TALK = {
    "model": "stepaudio-2.5-chat",
    "messages": [{"role": "user", "content": "hello"}],
    "stream": True,
}


async def test_a_clip_is_transcribed_event_by_event() -> None:
    status, lines = await streamed(ASR, body())
    assert status == 200
    assert lines[-2:] == ["data: [DONE]", ""]
    assert json.loads(lines[-4].removeprefix("data: "))["text"] == "hello"


async def test_an_answer_is_written_event_by_event() -> None:
    status, lines = await streamed(CHAT, TALK)
    pieces = [json.loads(line.removeprefix("data: ")) for line in lines[:-3:2]]
    said = "".join(each["choices"][0]["delta"]["content"] for each in pieces)
    assert (status, said) == (
        200,
        "Hello, this is the clinic. How can I help you today?",
    )


@pytest.mark.parametrize(("path", "asked"), [(ASR, body()), (CHAT, TALK)])
async def test_a_stream_may_go_wrong(path: str, asked: object) -> None:
    fast: dict[str, Any] = {"asr_s": (0, 0), "chat_s": (0, 0), "word_s": 0}
    _, lines = await streamed(path, asked, Mood(stream_errors=1.0, **fast))
    assert json.loads(lines[-4].removeprefix("data: "))["error"]["type"]
    _, lines = await streamed(path, asked, Mood(stream_halves=1.0, **fast))
    with pytest.raises(ValueError, match="Unterminated|Expecting"):
        json.loads(lines[-1].removeprefix("data: "))


async def test_a_clip_may_not_be_understood() -> None:
    _, lines = await streamed(ASR, body(), Mood(asr_s=(0, 0), deaf=1.0))
    assert json.loads(lines[0].removeprefix("data: "))["text"] == ""


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (402, "quota_exceeded"),
        (429, "rate_limit_exceeded"),
        (451, "content_moderation"),
    ],
)
async def test_a_clip_may_be_refused(status: int, kind: str) -> None:
    got, [line] = await streamed(ASR, body(), asr_refusals=(status,))
    assert (got, json.loads(line)["error"]["type"]) == (status, kind)
