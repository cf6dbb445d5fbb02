import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stepfun.examples import EXAMPLES
from voicebot.errors import LocalProtocolError, RemoteProtocolError, UpstreamError
from voicebot.stepfun.asr import (
    AUDIO_BYTES,
    PATH,
    AsrDelta,
    AsrReader,
    AsrRequest,
    AsrUsage,
    Transcript,
)

WAV = b"RIFF\0\0\0\0WAVEfmt "


def read(*events: dict[str, Any] | bytes) -> list[AsrDelta | Transcript | None]:
    reader = AsrReader()
    return [
        reader.receive(each if isinstance(each, bytes) else json.dumps(each).encode())
        for each in events
    ]


def deltas(*texts: str) -> list[str]:
    """What each delta adds."""
    events = [{"type": "transcript.text.delta", "delta": text} for text in texts]
    return [event.text for event in read(*events) if isinstance(event, AsrDelta)]


def test_a_request_holds_what_the_page_documents() -> None:
    documented = EXAMPLES["as.req"]
    request = AsrRequest(
        b"\0\0" * 24, rate_hz=8000, language="en", hotwords=("Linden Dental",)
    )
    body = json.loads(request.body())
    assert body["audio"]["input"] == documented["audio"]["input"]
    assert body["audio"]["data"] == "A" * 64
    assert PATH == "/audio/asr/sse"


def test_a_file_tells_its_own_rate() -> None:
    body = json.loads(AsrRequest(WAV, "wav", itn=False, timestamps=True).body())
    assert body["audio"]["input"] == {
        "transcription": {
            "model": "stepaudio-2.5-asr",
            "enable_itn": False,
            "enable_timestamp": True,
        },
        "format": {"type": "wav"},
    }


@pytest.mark.parametrize(
    ("format", "audio"),
    [
        ("wav", WAV),
        ("mp3", b"ID3\x04"),
        ("mp3", b"\xff\xfb\x90"),
        ("ogg", b"OggS"),
        ("pcm", b"\0\0"),
    ],
)
def test_a_clip_is_of_its_format(format: Any, audio: bytes) -> None:
    assert AsrRequest(audio, format).body()


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"audio": b""}, "audio.data: expected 1 to 40000000 bytes, got 0"),
        ({"audio": bytes(AUDIO_BYTES + 2)}, "bytes, got 40000002"),
        (
            {"audio": b"123"},
            "expected whole samples of two bytes, as the format is pcm",
        ),
        ({"audio": b"1234", "format": "wav"}, "expected a WAV header, as the format"),
        ({"audio": b"RIFF1234AVI ", "format": "wav"}, "got 12 bytes of something else"),
        ({"audio": b"\xff", "format": "mp3"}, "expected an MP3 header"),
        ({"audio": WAV, "format": "ogg"}, "expected an Ogg header"),
        ({"rate_hz": 7999}, "format.rate: expected 8000 to 48000, got 7999"),
        ({"hotwords": ("x",) * 201}, "hotwords: expected up to 200, got 201"),
        (
            {"hotwords": ("x", " ")},
            r"hotwords\[1\]: expected 1 to 100 characters, got 0",
        ),
        ({"hotwords": ("x" * 101,)}, r"hotwords\[0\]: .* got 101"),
    ],
)
def test_a_request_above_a_limit_is_not_made(
    members: dict[str, Any], problem: str
) -> None:
    with pytest.raises(LocalProtocolError, match=problem):
        AsrRequest(**{"audio": b"\0\0"} | members)


def test_half_a_character_cannot_be_sent() -> None:
    with pytest.raises(LocalProtocolError, match="got a lone surrogate"):
        AsrRequest(b"\0\0", hotwords=("\ud800",)).body()


def test_the_documented_events_are_read() -> None:
    delta, timed, done = read(
        EXAMPLES["as.delta"], EXAMPLES["as.delta.ts"], EXAMPLES["as.done"]
    )
    assert delta == AsrDelta("Can I come ")
    assert timed == AsrDelta("on Friday", 420, 910)
    assert done == Transcript(
        "Can I come on Friday morning instead?",
        AsrUsage(53, 11),
        "sse_1792310500123456789",
        (AsrDelta("on Friday", 420, 910),),
    )


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (EXAMPLES["as.error"], "transcription_failed"),
        ({"type": "error", "code": "decode_failed"}, "decode_failed"),
        ({"type": "error", "code": 500}, "transcription_failed"),
        ({"error": {"type": "engine_busy", "message": "later"}}, "engine_busy"),
        ({"error": "what the caller said, +15550100"}, "transcription_failed"),
    ],
)
def test_an_error_is_named_and_never_quoted(event: dict[str, Any], code: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        read(event)
    assert (caught.value.detail, caught.value.status) == (code, 200)


def test_what_is_not_known_is_passed_over() -> None:
    assert read({"type": "transcript.text.mood"}, {}) == [None, None]


def test_what_is_left_out_counts_as_nothing() -> None:
    [done] = read({"type": "transcript.text.done", "text": "", "usage": {}})
    assert done == Transcript("")
    [done] = read({"type": "transcript.text.done", "text": "", "meta": {}})
    assert done == Transcript("")
    [done] = read(
        {"type": "transcript.text.done", "text": "", "meta": {"session_id": "two ids"}}
    )
    assert done == Transcript("")  # what isn't like an id isn't logged


@pytest.mark.parametrize(
    "given",
    [
        ("Can I ", "come ", "on Friday"),  # as documented
        ("Can I ", "Can I come ", "Can I come on Friday"),
    ],
)
def test_deltas_may_add_or_repeat(given: tuple[str, ...]) -> None:
    assert deltas(*given) == ["Can I ", "come ", "on Friday"]


def test_a_word_that_is_said_twice_is_no_repetition() -> None:
    assert deltas("No", ", ", "No, thanks") == ["No", ", ", "No, thanks"]
    assert deltas("我", "我们") == ["我", "我们"]


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        (b'{"type": "transcript.te', "event: expected JSON, got 23 characters"),
        (b"[]", "event: expected an object, got list"),
        (b'{"type": "transcript.text.delta"}', "event.delta: missing"),
        (b'{"type": "transcript.text.done"}', "event.text: missing"),
        (
            b'{"type": "transcript.text.done", "text": "", "usage": []}',
            "event.usage: expected an object, got list",
        ),
    ],
)
def test_what_is_no_event_is_not_taken_for_one(event: bytes, problem: str) -> None:
    with pytest.raises(RemoteProtocolError, match=problem):
        read(event)


def test_the_words_stay_out_of_a_traceback() -> None:
    said = read(EXAMPLES["as.delta.ts"], EXAMPLES["as.done"])
    assert "Friday" not in repr(said)
    assert "Linden" not in repr(AsrRequest(b"\0\0", hotwords=("Linden Dental",)))


@given(st.lists(st.text(max_size=5), max_size=6))
def test_the_deltas_of_whole_texts_come_to_the_last(words: list[str]) -> None:
    """Of texts so far, each longer than the one before, the last is all of it."""
    so_far = ["".join(words[: count + 1]) for count in range(len(words))]
    so_far = [text for text in dict.fromkeys(so_far) if len(text) > 1]
    assert "".join(deltas(*so_far)) == (so_far[-1] if so_far else "")
