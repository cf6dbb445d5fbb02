import base64
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stepfun.examples import EXAMPLES, named
from tests.stepfun.test_sound import wav
from voicebot.errors import LocalProtocolError, RemoteProtocolError
from voicebot.stepfun.tts_stream import (
    UNKNOWN_TYPE_CHARACTERS,
    UNKNOWN_TYPES,
    Connected,
    Created,
    Failed,
    Finished,
    Flushed,
    Phase,
    SentenceBegun,
    SentenceEnded,
    Spoken,
    StreamEvent,
    TtsStream,
    VoiceSettings,
)

SETTINGS = VoiceSettings("stepaudio-2.5-tts", "ganliannvsheng")


def hear(stream: TtsStream, name: str, **data: Any) -> StreamEvent | None:
    """Give it one of the documented frames, changed."""
    event = EXAMPLES[f"wt.s.{name}"]
    return stream.receive(json.dumps({**event, "data": {**event["data"], **data}}))


def writing(settings: VoiceSettings = SETTINGS) -> TtsStream:
    """A stream that has been told how to speak."""
    stream = TtsStream(settings)
    assert hear(stream, "connection.done") == Connected()
    stream.create()
    assert hear(stream, "response.created") == Created()
    return stream


def said(*frames: bytes) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in frames]


def test_an_utterance_goes_as_the_page_says() -> None:
    settings = replace(
        SETTINGS,
        instruction="calm, friendly receptionist, medium pace",
        pronunciations=("SMS/S M S",),
        markdown_filter=True,
    )
    stream = TtsStream(settings)
    assert hear(stream, "connection.done") == Connected()
    assert said(stream.create()) == [EXAMPLES["wt.c.create"]]
    assert hear(stream, "response.created") == Created()
    text = EXAMPLES["wt.c.text.delta"]["data"]["text"]
    assert said(*stream.write(text)) == [EXAMPLES["wt.c.text.delta"]]
    assert said(stream.flush()) == [EXAMPLES["wt.c.text.flush"]]
    assert said(stream.finish()) == [EXAMPLES["wt.c.text.done"]]
    sentence = "Your appointment is on Friday at nine thirty."
    assert hear(stream, "sentence.start") == SentenceBegun(sentence)
    samples = base64.b64decode(EXAMPLES["wt.s.audio.delta"]["data"]["audio"])
    assert hear(stream, "audio.delta") == Spoken(samples)
    assert stream.spoken
    assert hear(stream, "sentence.end") == SentenceEnded(sentence)
    assert hear(stream, "flushed") == Flushed()
    assert hear(stream, "audio.done") == Finished()
    assert stream.phase is Phase.ENDED
    assert stream.session_id == "01a07c5a90e37bb2a14c0f55d2c7e908"


def test_what_is_not_asked_for_is_left_out() -> None:
    stream = TtsStream(SETTINGS)
    hear(stream, "connection.done")
    (event,) = said(stream.create())
    optional = {"instruction", "pronunciation_map", "markdown_filter"}
    assert not optional & set(event["data"])


@pytest.mark.parametrize("name", sorted(named("wt.s.")))
def test_every_documented_event_is_known(name: str) -> None:
    stream = TtsStream(SETTINGS)
    if name != "wt.s.connection.done":
        stream = writing()
        stream.phase = Phase.CREATING
    assert stream.receive(json.dumps(EXAMPLES[name])) is not None
    assert not stream.unknown


def test_a_long_text_is_sent_in_pieces_and_an_empty_one_not_at_all() -> None:
    stream = writing()
    frames = said(*stream.write("字" * 2001))
    assert [len(frame["data"]["text"]) for frame in frames] == [1000, 1000, 1]
    assert stream.write("") == []


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"mode": "word"}, "data.mode: expected one of default, sentence, got word"),
        ({"rate_hz": 11025}, "data.sample_rate: expected one of .*, got 11025"),
        ({"speed": 2.5}, "data.speed_ratio: expected 0.5 to 2, got 2.5"),
        ({"volume": 0.0}, "data.volume_ratio: expected 0.1 to 2, got 0"),
        ({"instruction": ""}, "data.instruction: expected 1 to 200 characters, got 0"),
        (
            {"instruction": "calm", "model": "step-tts-mini"},
            "data.instruction: expected none for step-tts-mini",
        ),
    ],
)
def test_settings_above_a_limit_are_not_made(
    members: dict[str, Any], problem: str
) -> None:
    with pytest.raises(LocalProtocolError, match=problem):
        replace(SETTINGS, **members)


def test_half_a_character_cannot_be_sent() -> None:
    with pytest.raises(LocalProtocolError, match="tts.text.delta: expected Unicode"):
        writing().write("\ud800")


COMMANDS: list[Callable[[TtsStream], object]] = [
    TtsStream.create,
    TtsStream.flush,
    TtsStream.finish,
    lambda stream: stream.write("Hello."),
]
ALLOWED = {
    Phase.CONNECTED: COMMANDS[:1],
    Phase.WRITING: COMMANDS[1:],
}


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_every_phase(
    phase: Phase, command: Callable[[TtsStream], object]
) -> None:
    stream = writing()
    stream.phase = phase
    if command in ALLOWED.get(phase, []):
        assert command(stream)
    else:
        with pytest.raises(LocalProtocolError, match=r"^event.type: expected"):
            command(stream)


def test_the_pages_own_mislabelled_sample_is_understood() -> None:
    stream = TtsStream(SETTINGS)
    hear(stream, "connection.done")
    stream.create()
    assert hear(stream, "connection.done") == Created()


@pytest.mark.parametrize("phase", [Phase.CONNECTED, Phase.WRITING, Phase.FINISHING])
@pytest.mark.parametrize("name", ["connection.done", "response.created"])
def test_a_beginning_in_the_middle_is_refused(phase: Phase, name: str) -> None:
    stream = writing()
    stream.phase = phase
    with pytest.raises(RemoteProtocolError, match=r"event.type: expected another when"):
        hear(stream, name)


def test_a_stream_cannot_be_created_before_it_is_connected() -> None:
    with pytest.raises(RemoteProtocolError, match="expected another when nothing"):
        hear(TtsStream(SETTINGS), "response.created")


@pytest.mark.parametrize(
    "kind", ["response.audio.done", "tts.response.audio.done", "tts.response.done"]
)
def test_the_end_has_three_names(kind: str) -> None:
    assert writing().receive(json.dumps({"type": kind})) == Finished()


def test_a_header_in_every_piece_and_half_a_sample_are_no_sound() -> None:
    stream = writing()

    def heard(audio: bytes) -> StreamEvent | None:
        text = base64.b64encode(audio).decode()
        return hear(stream, "audio.delta", audio=text)

    assert heard(wav(b"\1\2")) == Spoken(b"\1\2")
    assert heard(wav(b"\3\4")) == Spoken(b"\3\4")
    assert heard(b"\5") is None
    assert heard(b"\6\7") == Spoken(b"\5\6")
    assert heard(b"") is None
    with pytest.raises(RemoteProtocolError, match="audio: expected pcm, got mp3"):
        heard(b"ID3")


@pytest.mark.parametrize(
    ("event", "status", "detail"),
    [
        (EXAMPLES["wt.s.error"], 503, "server_error"),
        ({"data": {"code": "402"}}, 402, "quota_exceeded"),
        ({"data": {"code": "voice_gone"}}, 101, "voice_gone"),
        ({"data": {"code": "a caller said so"}}, 101, "speech_failed"),
        ({"data": {}}, 101, "speech_failed"),
        ({"code": "451"}, 451, "moderated"),
        ({}, 101, "speech_failed"),
    ],
)
def test_a_failure_is_named_however_little_it_tells(
    event: dict[str, Any], status: int, detail: str
) -> None:
    stream = TtsStream(SETTINGS)  # it may come at any time
    failed = stream.receive(json.dumps({**event, "type": "tts.response.error"}))
    assert isinstance(failed, Failed)
    assert (failed.error.status, failed.error.detail) == (status, detail)
    assert stream.phase is Phase.ENDED


def test_unknown_events_are_counted_up_to_a_limit() -> None:
    stream = writing()
    for _ in range(2):
        for number in range(UNKNOWN_TYPES + 5):
            kind = f"tts.new{number}." + "x" * 100
            assert stream.receive(json.dumps({"type": kind})) is None
    assert len(stream.unknown) == UNKNOWN_TYPES
    assert set(stream.unknown.values()) == {2}
    assert all(len(kind) == UNKNOWN_TYPE_CHARACTERS for kind in stream.unknown)


@given(st.sampled_from(sorted(named("wt.s."))), st.none() | st.text() | st.integers())
def test_no_frame_makes_it_raise_anything_undocumented(name: str, odd: object) -> None:
    for stream in (TtsStream(SETTINGS), writing()):
        for data in (odd, {"audio": odd, "text": odd, "session_id": odd, "code": odd}):
            event = {"type": EXAMPLES[name]["type"], "data": data}
            with suppress(RemoteProtocolError):  # refused, as documented
                stream.receive(json.dumps(event))


def test_words_and_sound_stay_out_of_a_traceback() -> None:
    shown = repr([SentenceBegun("Hello"), SentenceEnded("Hello"), Spoken(b"Hello")])
    assert "Hello" not in shown
