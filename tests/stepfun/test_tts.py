import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.stepfun.examples import EXAMPLES, named
from tests.stepfun.test_sound import wav
from voicebot.errors import LocalProtocolError, RemoteProtocolError, UpstreamError
from voicebot.stepfun.realtime.session import RealtimeSession
from voicebot.stepfun.tts import SpeechReader, SpeechRequest, read_speech


def request(
    text: str = "Hello.", model: str = "stepaudio-2.5-tts", **members: Any
) -> SpeechRequest:
    return SpeechRequest(model, text, "ganliannvsheng", **members)


def test_a_request_holds_what_the_page_documents() -> None:
    documented = EXAMPLES["ht.req"]
    whole = request(documented["input"], instruction=documented["instruction"])
    body = json.loads(whole.body())
    not_sent = {"stream_format", "markdown_filter"}  # raw audio; plain text
    assert body == {k: v for k, v in documented.items() if k not in not_sent}
    as_events = replace(whole, markdown_filter=True).body(as_events=True)
    assert json.loads(as_events) == documented


def test_a_plain_request_has_no_instruction() -> None:
    body = json.loads(request(rate_hz=24000, speed=1.2, volume=0.8).body())
    assert body == {
        "model": "stepaudio-2.5-tts",
        "input": "Hello.",
        "voice": "ganliannvsheng",
        "response_format": "pcm",
        "sample_rate": 24000,
        "speed": 1.2,
        "volume": 0.8,
    }


@pytest.mark.parametrize("name", sorted(named("ht.sse")))
def test_the_events_of_its_other_answer_mean_nothing_to_a_realtime_session(
    name: str,
) -> None:
    session = RealtimeSession()
    assert session.receive(json.dumps(EXAMPLES[name])) is None
    assert session.unknown == {EXAMPLES[name]["type"]: 1}


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"text": ""}, "input: expected 1 to 1000 characters, got 0"),
        ({"text": "x" * 1001}, "input: expected 1 to 1000 characters, got 1001"),
        (
            {"format": "aac"},
            "response_format: expected one of pcm, wav, mp3, flac, opus, got aac",
        ),
        ({"rate_hz": 44100}, "sample_rate: expected one of .*, got 44100"),
        ({"speed": 0.4}, "speed: expected 0.5 to 2, got 0.4"),
        ({"speed": float("nan")}, "speed: expected 0.5 to 2, got nan"),
        ({"volume": 2.1}, "volume: expected 0.1 to 2, got 2.1"),
        ({"instruction": "x" * 201}, "instruction: expected 1 to 200 characters"),
        (
            {"instruction": "calm", "model": "step-tts-2"},
            "instruction: expected none for step-tts-2, got one",
        ),
    ],
)
def test_a_request_above_a_limit_is_not_made(
    members: dict[str, Any], problem: str
) -> None:
    with pytest.raises(LocalProtocolError, match=problem):
        request(**members)


def test_a_request_at_its_limits_is_made() -> None:
    for rate_hz in (8000, 16000, 22050, 24000, 48000):
        request("字" * 1000, rate_hz=rate_hz, speed=0.5, instruction="x" * 200)


def test_half_a_character_cannot_be_sent() -> None:
    with pytest.raises(LocalProtocolError, match="got a lone surrogate"):
        request("\ud800").body()


def test_the_text_stays_out_of_a_traceback() -> None:
    assert "Hello" not in repr(request())


def test_how_a_word_is_said_and_what_is_left_out_can_be_told() -> None:
    whole = request(pronunciations=("SMS/S M S",), markdown_filter=True, format="mp3")
    body = json.loads(whole.body())
    assert body["pronunciation_map"] == {"tone": ["SMS/S M S"]}
    assert body["markdown_filter"] is True
    assert body["response_format"] == "mp3"


def test_only_samples_are_streamed() -> None:
    with pytest.raises(LocalProtocolError, match="expected pcm for events, got mp3"):
        request(format="mp3").body(as_events=True)


# ---- the whole answer ----------------------------------------------------------


@pytest.mark.parametrize("body", [b"\1\2\3\4", b"\1\2\3\4\5", wav(b"\1\2\3\4")])
def test_samples_are_whole_and_have_no_header(body: bytes) -> None:
    assert read_speech(request(), body) == b"\1\2\3\4"


def test_a_file_is_given_as_it_is() -> None:
    assert read_speech(request(format="wav"), wav()) == wav()


@pytest.mark.parametrize(
    ("wanted", "body", "problem"),
    [
        ("pcm", b"OggS", "audio: expected pcm, got opus"),
        ("pcm", wav(rate_hz=24000), "audio: expected .* at 8000 Hz"),
        ("mp3", wav(), "audio: expected mp3, got wav"),
        ("wav", b"\0\0", "audio: expected wav, got something else"),
    ],
)
def test_another_kind_of_audio_is_refused(
    wanted: Any, body: bytes, problem: str
) -> None:
    with pytest.raises(RemoteProtocolError, match=problem):
        read_speech(request(format=wanted), body)


# ---- the answer event by event -------------------------------------------------


def delta(audio: bytes) -> dict[str, Any]:
    text = base64.b64encode(audio).decode()
    return {"type": "speech.audio.delta", "audio": text}


DONE = EXAMPLES["ht.sse.done"]


def read(*events: dict[str, Any]) -> tuple[bytes, bool]:
    """The samples, and whether all were there."""
    reader = SpeechReader(8000)
    heard = [reader.receive(json.dumps(event).encode()) for event in events]
    return b"".join(heard), reader.ended


def test_documented_events_are_read() -> None:
    event = EXAMPLES["ht.sse.delta"]
    samples = base64.b64decode(event["audio"])
    assert read(event) == (samples, False)
    assert read(event, DONE) == (samples, True)


@pytest.mark.parametrize(
    "events",
    [
        (delta(b"\1\2\3"), delta(b"\4")),  # an odd byte
        (delta(wav(b"\1\2")), delta(wav(b"\3\4"))),  # a header in each
        (delta(b"\1\2\3\4"), {**DONE, "audio": "AQIDBA=="}),  # all once more
        ({"type": "speech.weather"}, delta(b"\1\2\3\4")),
    ],
)
def test_oddities_sound_as_they_should(events: tuple[dict[str, Any], ...]) -> None:
    assert read(*events)[0] == b"\1\2\3\4"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'{"type": "spe', "event: expected JSON"),
        (b'{"type": "speech.audio.delta"}', "event.audio: missing"),
        (b'{"type": "speech.audio.delta", "audio": "?"}', "expected base64"),
        (b'{"audio": ""}', "event.type: missing"),
        (json.dumps(delta(b"fLaC")).encode(), "audio: expected pcm, got flac"),
    ],
)
def test_half_an_event_and_other_nonsense_is_one_error(
    data: bytes, problem: str
) -> None:
    with pytest.raises(RemoteProtocolError, match=problem):
        SpeechReader(8000).receive(data)


@pytest.mark.parametrize(
    ("event", "status", "detail"),
    [
        (EXAMPLES["ht.sse.error"], 200, "speech_failed"),
        ({"code": "engine_down"}, 200, "engine_down"),
        ({"code": "429"}, 429, "rate_limited"),
        ({"code": "7"}, 200, "speech_failed"),
        ({"error": {"code": "content_moderation"}}, 200, "content_moderation"),
    ],
)
def test_a_failure_within_the_stream_is_named(
    event: dict[str, Any], status: int, detail: str
) -> None:
    with pytest.raises(UpstreamError) as caught:
        read({**event, "type": "speech.audio.error"})
    assert (caught.value.status, caught.value.detail) == (status, detail)
