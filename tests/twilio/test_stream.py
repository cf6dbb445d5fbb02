"""Frames in, messages out: what Twilio documents, and everything else."""

import copy
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twilio.examples import EXAMPLES, frame
from voicebot.errors import LocalProtocolError, RemoteProtocolError
from voicebot.twilio.messages import (
    Connected,
    Dtmf,
    Mark,
    Media,
    Message,
    Start,
    Stop,
)
from voicebot.twilio.stream import (
    MAX_IGNORED_KINDS,
    MAX_KIND_LENGTH,
    OTHER_KINDS,
    MediaStream,
)

STREAM_SID = "MZ9d9403d49f3141873f88d84a4f2d2210"
CALL_SID = "CA6de61b0d87adff60554523e2158a7654"
ACCOUNT_SID = "ACc9e4d7bf209deee415fd458af404eeb9"

START = Start(STREAM_SID, CALL_SID, ACCOUNT_SID, {}, "audio/x-mulaw", 8000, 1)


def started() -> MediaStream:
    stream = MediaStream()
    stream.receive(frame("ws.start"))
    return stream


def payload(name: str) -> bytes:
    return b64decode(EXAMPLES[name]["media"]["payload"])


def changed(name: str, **paths: object) -> bytes:
    """Write an example with other values; `a__b=1` sets message.a.b, None drops it."""
    message: Any = copy.deepcopy(EXAMPLES[name])
    for path, value in paths.items():
        *parents, key = path.split("__")
        place = message
        for parent in parents:
            place = place[parent]
        if value is None:
            del place[key]
        else:
            place[key] = value
    return json.dumps(message, separators=(",", ":")).encode()


FIRST_AUDIO = payload("ws.media.first")


@pytest.mark.parametrize("write", [bytes, bytes.decode], ids=["bytes", "str"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ws.connected", Connected()),
        ("ws.media.first", Media(148, FIRST_AUDIO)),
        ("ws.media", Media(1629, payload("ws.media"))),
        ("ws.media.after_other", Media(2908, payload("ws.media.after_other"))),
        ("ws.media.gap", Media(3588, payload("ws.media.gap"))),
        ("ws.dtmf", Dtmf("5")),
        ("ws.mark.played", Mark("r3:g1:end")),
        ("ws.mark.cleared", Mark("r4:g2:m6")),
        ("ws.stop", Stop()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_documented_message_is_read(
    name: str, message: Message, write: Callable[[bytes], bytes | str]
) -> None:
    assert started().receive(write(frame(name))) == message


def test_twenty_milliseconds_are_160_bytes() -> None:
    assert len(FIRST_AUDIO) == 160


@pytest.mark.parametrize(
    ("name", "stream_sid", "parameters"),
    [
        (
            "ws.start",
            STREAM_SID,
            {
                "token": "q7Zb0mW4xK1vN8sT2yR5uE",
                "bot": "front-desk",
                "caller": "+15550100123",
            },
        ),
        ("ws.start.noparams", STREAM_SID, {}),
        ("ws.start.unidirectional", "MZ2b5d4f827369e1f0ddcd4d2c23052095", {}),
    ],
)
def test_start_names_the_call_and_carries_our_parameters(
    name: str, stream_sid: str, parameters: dict[str, str]
) -> None:
    stream = MediaStream()
    message = stream.receive(frame(name))
    assert message == Start(
        stream_sid, CALL_SID, ACCOUNT_SID, parameters, "audio/x-mulaw", 8000, 1
    )
    assert stream.start is message


def test_start_without_parameters_at_all_has_none() -> None:
    without = changed("ws.start", start__customParameters=None)
    assert MediaStream().receive(without) == START


def test_connected_comes_before_the_stream_is_known() -> None:
    stream = MediaStream()
    assert stream.receive(frame("ws.connected")) == Connected()
    assert stream.start is None


@pytest.mark.parametrize(
    "name", ["ws.media", "ws.dtmf", "ws.mark.played", "ws.stop"], ids=str
)
def test_nothing_of_a_stream_comes_before_start(name: str) -> None:
    with pytest.raises(
        RemoteProtocolError, match=r"message\.event: expected 'start' first, got"
    ):
        MediaStream().receive(frame(name))


@pytest.mark.parametrize("write", [bytes, bytes.decode], ids=["bytes", "str"])
@pytest.mark.parametrize(
    "name", ["ws.media", "ws.dtmf", "ws.mark.played", "ws.stop"], ids=str
)
def test_another_streams_message_is_refused(
    name: str, write: Callable[[bytes], bytes | str]
) -> None:
    foreign = changed(name, streamSid="MZ" + "0" * 32)
    with pytest.raises(
        RemoteProtocolError, match=r"message\.streamSid: expected that of 'start'"
    ):
        started().receive(write(foreign))


def test_a_repeated_start_says_nothing_new() -> None:
    stream = started()
    first = stream.start
    assert stream.receive(frame("ws.start.noparams")) is None
    assert stream.start is first


@pytest.mark.parametrize(
    "other",
    [
        frame("ws.start.unidirectional"),
        changed("ws.start", start__callSid="CA" + "0" * 32),
        changed("ws.start", start__accountSid="AC" + "0" * 32),
    ],
    ids=["stream", "call", "account"],
)
def test_the_first_start_wins(other: bytes) -> None:
    stream = started()
    first = stream.start
    with pytest.raises(RemoteProtocolError, match=r"message\.start: expected once"):
        stream.receive(other)
    assert stream.start is first
    assert stream.receive(frame("ws.media")) is not None


def test_a_start_that_contradicts_itself_is_refused() -> None:
    stream = MediaStream()
    with pytest.raises(
        RemoteProtocolError, match=r"message\.streamSid: expected that of message\.star"
    ):
        stream.receive(changed("ws.start", streamSid="MZ" + "0" * 32))
    assert stream.start is None


@pytest.mark.parametrize(
    ("key", "value", "got"),
    [
        ("encoding", "audio/x-L16", r"'audio/x-L16', 8000 Hz, 1 channels"),
        ("sampleRate", 16000, r"'audio/x-mulaw', 16000 Hz, 1 channels"),
        ("channels", 2, r"'audio/x-mulaw', 8000 Hz, 2 channels"),
        ("encoding", "x" * 1000, rf"'{'x' * 32}', 8000 Hz, 1 channels"),
    ],
)
def test_only_telephone_audio_is_taken(key: str, value: object, got: str) -> None:
    stream = MediaStream()
    path: dict[str, Any] = {f"start__mediaFormat__{key}": value}
    with pytest.raises(
        RemoteProtocolError, match=rf"message\.start\.mediaFormat: .* got {got}$"
    ):
        stream.receive(changed("ws.start", **path))
    assert stream.start is None


@pytest.mark.parametrize("key", list("0123456789*#ABCD"))
def test_every_key_of_a_telephone_is_read(key: str) -> None:
    assert started().receive(changed("ws.dtmf", dtmf__digit=key)) == Dtmf(key)


@pytest.mark.parametrize("digit", ["", "12", "E", "a", "\u0665", " 1", "w"])
def test_another_key_is_refused_and_not_quoted(digit: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        started().receive(changed("ws.dtmf", dtmf__digit=digit))
    assert str(caught.value) == (
        "message.dtmf.digit: expected one of 0-9 * # A-D,"
        f" got a string of {len(digit)} characters"
    )


def test_what_we_send_is_not_heard_as_the_caller() -> None:
    assert started().receive(changed("ws.media", media__track="outbound")) is None


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "message: expected JSON, got 0 characters of something else"),
        (b"\x80\x81", "message: expected JSON, got 2 characters of something else"),
        ("\ud800", "message: expected JSON, got 1 characters of something else"),
        (b"[]", "message: expected an object, got list"),
        (b"[" * 9000, "message: expected JSON, got 9000 characters of something else"),
        (b"{}", "message.event: missing"),
        (b'{"event":7}', "message.event: expected text, got int"),
        (changed("ws.media", streamSid=None), "message.streamSid: missing"),
        (changed("ws.media", media=None), "message.media: missing"),
        (changed("ws.media", media=[]), "message.media: expected an object, got list"),
        (changed("ws.media", media__track=None), "message.media.track: missing"),
        (changed("ws.media", media__payload=None), "message.media.payload: missing"),
        (
            changed("ws.media", media__payload="f3/!"),
            "message.media.payload: expected base64, got a string of 4 characters",
        ),
        (
            changed("ws.media", media__timestamp="-20"),
            "message.media.timestamp: expected a whole number,"
            " got a string of 3 characters",
        ),
        (
            changed("ws.media", media__timestamp="1" * 11),
            "message.media.timestamp: expected a whole number,"
            " got a string of 11 characters",
        ),
        (changed("ws.dtmf", dtmf__digit=None), "message.dtmf.digit: missing"),
        (changed("ws.mark.played", mark__name=None), "message.mark.name: missing"),
        (changed("ws.start", start=None), "message.start: missing"),
        (changed("ws.start", streamSid=None), "message.streamSid: missing"),
        (
            changed("ws.start", start__mediaFormat=None),
            "message.start.mediaFormat: missing",
        ),
        (
            changed("ws.start", start__callSid=7),
            "message.start.callSid: expected text, got int",
        ),
        (
            changed("ws.start", start__customParameters={"a": 1}),
            "message.start.customParameters.a: expected text, got int",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and ":" in value else "",
)
def test_a_malformed_frame_is_refused_with_its_place(
    data: bytes | str, text: str
) -> None:
    stream = started()
    with pytest.raises(RemoteProtocolError) as caught:
        stream.receive(data)
    assert str(caught.value) == text
    assert stream.receive(frame("ws.media")) is not None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed("ws.media", media__payload=""), Media(1629, b"")),
        (changed("ws.media", media__payload="fw=="), Media(1629, b"\x7f")),
        (changed("ws.media", media__timestamp=1629, media__payload="fw=="), None),
        (frame("ws.media.first").replace(b'"payload":"f3/', b'"payload":"f3\\/'), None),
        (json.dumps(EXAMPLES["ws.media.first"]).encode(), None),
        (changed("ws.media.first", extra={"added": "later"}), None),
    ],
    ids=["empty", "one-sample", "number", "escaped", "spaced", "extended"],
)
def test_audio_is_read_however_it_is_written(
    data: bytes, message: Media | None
) -> None:
    read = started().receive(data)
    assert isinstance(read, Media)
    assert message is None or read == message


def test_a_payload_may_not_begin_where_the_frame_ends() -> None:
    """The head's last quote is not the tail's first one."""
    whole = changed("ws.media", media__payload="")
    head, quote, tail = whole.rpartition(b'"},"streamSid"')
    broken = head + (quote + tail)[1:]
    with pytest.raises(RemoteProtocolError, match="expected JSON"):
        started().receive(broken)


def test_kinds_that_twilio_may_add_are_counted_and_ignored() -> None:
    stream = MediaStream()
    for kind in ("hold", "hold", "k" * 1000):
        assert stream.receive(json.dumps({"event": kind})) is None
    assert stream.ignored == {"hold": 2, "k" * MAX_KIND_LENGTH: 1}


def test_a_peer_that_invents_kinds_cannot_fill_our_memory() -> None:
    stream = MediaStream()
    for number in range(1000):
        stream.receive(json.dumps({"event": f"kind {number}"}))
    assert len(stream.ignored) == MAX_IGNORED_KINDS + 1
    assert stream.ignored[OTHER_KINDS] == 1000 - MAX_IGNORED_KINDS
    assert stream.ignored.total() == 1000


@pytest.mark.parametrize("name", ["ws.out.media.20ms", "ws.out.media.100ms"])
def test_audio_is_sent_as_documented(name: str) -> None:
    sent = started().play(payload(name))
    assert sent == frame(name)


def test_a_mark_and_a_clear_are_sent_as_documented() -> None:
    assert started().mark("r3:g1:end") == frame("ws.out.mark")
    assert started().clear() == frame("ws.out.clear")


@pytest.mark.parametrize(
    "send",
    [lambda s: s.play(b"\xff"), lambda s: s.mark("m"), lambda s: s.clear()],
    ids=["media", "mark", "clear"],
)
def test_nothing_is_sent_before_start(send: Callable[[MediaStream], bytes]) -> None:
    with pytest.raises(LocalProtocolError, match="expected after 'start'"):
        send(MediaStream())


def test_a_mark_needs_a_name() -> None:
    with pytest.raises(LocalProtocolError, match=r"mark\.name: expected text, got an"):
        started().mark("")


@settings(max_examples=100)
@given(sid=st.text(st.characters(codec="utf-8")), audio=st.binary(max_size=400))
def test_frames_are_json_whatever_the_stream_is_called(sid: str, audio: bytes) -> None:
    stream = MediaStream()
    stream.receive(changed("ws.start", streamSid=sid, start__streamSid=sid))
    assert json.loads(stream.clear()) == {"event": "clear", "streamSid": sid}
    sent = json.loads(stream.play(audio))
    assert sent == {
        "event": "media",
        "streamSid": sid,
        "media": {"payload": b64encode(audio).decode()},
    }
    heard = changed("ws.media", streamSid=sid, media__payload=sent["media"]["payload"])
    assert stream.receive(heard) == Media(1629, audio)


@settings(max_examples=100)
@given(name=st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_marks_name_comes_back_as_it_was_sent(name: str) -> None:
    stream = started()
    sent = json.loads(stream.mark(name))
    sent["sequenceNumber"] = "9"
    assert stream.receive(json.dumps(sent)) == Mark(name)


def outcome(stream: MediaStream, data: bytes | str) -> Message | str | None:
    try:
        return stream.receive(data)
    except RemoteProtocolError as exc:
        return str(exc)


media_frames = st.builds(
    lambda sequence, track, chunk, timestamp, audio, sid: (
        f'{{"event":"media","sequenceNumber":"{sequence}","media":{{"track":"{track}",'
        f'"chunk":"{chunk}","timestamp":"{timestamp}","payload":"{audio}"}},'
        f'"streamSid":"{sid}"}}'
    ),
    st.integers(0, 10**12) | st.sampled_from(["", "x", '"', "-1"]),
    st.sampled_from(["inbound", "outbound", "both"]),
    st.integers(0, 10**12) | st.sampled_from(["", "\\u0031", "1.5"]),
    st.integers(-1, 10**12) | st.sampled_from(["", "0", "007", "\\u0031"]),
    st.binary(max_size=200).map(lambda audio: b64encode(audio).decode())
    | st.text("Az09+/=\\-_ \n", max_size=8),
    st.just(STREAM_SID) | st.sampled_from(["", STREAM_SID[:-1], "MZ" + "0" * 32]),
)


@settings(max_examples=300)
@given(
    text=media_frames,
    cut=st.integers(0, 400),
    length=st.integers(0, 30),
    patch=st.text('{}[]",:\\ 0aA=/+', max_size=3),
    patched=st.booleans(),
)
def test_the_fast_path_reads_what_the_full_parse_reads(
    text: str, cut: int, length: int, patch: str, patched: bool
) -> None:
    """Text takes the full parse, bytes the short cut."""
    if patched:
        text = text[:cut] + patch + text[cut + length :]
    stream = started()
    assert outcome(stream, text.encode()) == outcome(stream, text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9**9) | st.text(max_size=5),
    lambda values: (
        st.lists(values, max_size=2)
        | st.dictionaries(
            st.sampled_from(["track", "timestamp", "payload", "digit", "name"]),
            values,
            max_size=4,
        )
    ),
    max_leaves=6,
)
messages = st.fixed_dictionaries(
    {"event": st.sampled_from(["start", "media", "dtmf", "mark", "stop", "new"])},
    optional={
        "streamSid": st.just(STREAM_SID),
        **{key: json_values for key in ("start", "media", "dtmf", "mark", "stop")},
    },
)


@settings(max_examples=200)
@given(st.text() | st.binary() | messages.map(json.dumps))
def test_no_frame_makes_the_parser_raise_anything_undocumented(
    data: str | bytes,
) -> None:
    for stream in (MediaStream(), started()):
        with suppress(RemoteProtocolError):  # rejected, as documented
            stream.receive(data)
