"""Frames as in Twilio's documentation, and every way to get one wrong."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.sim.twilio.stream import (
    Clear,
    Mark,
    Media,
    StreamWarning,
    TwilioStream,
)

SID = "MZ9d9403d49f3141873f88d84a4f2d2210"


def stream() -> TwilioStream:
    return TwilioStream(
        account_sid="AC1", call_sid="CA1", stream_sid=SID, parameters={"token": "t"}
    )


def command(event: str, **fields: object) -> str:
    return json.dumps({"event": event, "streamSid": SID, **fields})


def test_the_first_message_has_no_ids() -> None:
    assert json.loads(stream().connected()) == {
        "event": "connected",
        "protocol": "Call",
        "version": "1.0.0",
    }


def test_start_is_number_one_and_its_format_holds_real_numbers() -> None:
    assert json.loads(stream().start()) == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": SID,
        "start": {
            "accountSid": "AC1",
            "streamSid": SID,
            "callSid": "CA1",
            "tracks": ["inbound"],
            "mediaFormat": {
                "encoding": "audio/x-mulaw",
                "sampleRate": 8000,
                "channels": 1,
            },
            "customParameters": {"token": "t"},
        },
    }


def test_numbers_are_strings_and_the_sequence_drifts_from_the_chunks() -> None:
    twilio = stream()
    twilio.start()
    first = json.loads(twilio.media(b"\xff" * 160, 0))
    assert (first["sequenceNumber"], first["media"]["chunk"]) == ("2", "1")
    assert first["media"]["timestamp"] == "147"
    assert first["media"]["track"] == "inbound"
    assert len(first["media"]["payload"]) == 216
    assert json.loads(twilio.dtmf("5"))["dtmf"] == {
        "track": "inbound_track",
        "digit": "5",
    }
    assert json.loads(twilio.mark("a"))["mark"] == {"name": "a"}
    third = json.loads(twilio.media(b"\xff" * 160, 20))
    assert (third["sequenceNumber"], third["media"]["chunk"]) == ("5", "2")
    stop = json.loads(twilio.stop())
    assert stop["stop"] == {"accountSid": "AC1", "callSid": "CA1"}
    assert stop["sequenceNumber"] == "6"


def test_timestamps_grow_like_the_clock_but_are_no_multiples_of_20() -> None:
    twilio = stream()
    times = [
        int(json.loads(twilio.media(b"x", 20 * n))["media"]["timestamp"])
        for n in range(100)
    ]
    assert times == sorted(times)
    assert abs(times[-1] - times[0] - 99 * 20) <= 2
    assert {time % 20 for time in times} != {0}


def test_media_mark_and_clear_are_understood() -> None:
    twilio = stream()
    assert twilio.receive(command("media", media={"payload": "//8="})) == Media(
        b"\xff\xff"
    )
    assert twilio.receive(command("mark", mark={"name": "a"})) == Mark("a")
    assert twilio.receive(command("clear")) == Clear()
    assert twilio.reported == []


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ("{", "message: not JSON"),
        ("[]", "message.event: expected media, mark or clear"),
        (command("flush"), "message.event: expected media, mark or clear"),
        ('{"event": ["media"]}', "message.event: expected media, mark or clear"),
        ('{"event": "clear"}', "message.streamSid: missing"),
        (command("clear", streamSid="MZ0"), "message.streamSid: not the one"),
        (command("clear", track="x"), "message.track: Twilio doesn't know"),
        (command("media"), "message.media: missing"),
        (command("media", media=[]), "message.media: expected an object"),
        (command("media", media={}), "message.media.payload: missing"),
        (command("media", media={"payload": 1}), "payload: expected text"),
        (command("media", media={"payload": "é"}), "payload: expected base64"),
        (command("media", media={"payload": "/7"}), "payload: expected base64"),
        (command("media", media={"payload": "_-8="}), "payload: expected base64"),
        (command("media", media={"payload": ""}), "payload: empty"),
        (
            command("media", media={"payload": "//8=", "track": "outbound"}),
            "message.media.track: Twilio doesn't know",
        ),
        (command("mark", mark={"name": ""}), "message.mark.name: empty"),
    ],
)
def test_a_bad_message_is_31951(frame: str, text: str) -> None:
    twilio = stream()
    assert twilio.receive(frame) is None
    assert twilio.reported[0].code == 31951
    assert text in twilio.reported[0].text


def test_a_binary_frame_is_31950_and_each_code_is_reported_once() -> None:
    twilio = stream()
    for frame in (b"\xff" * 160, b"", "{", command("flush")):
        assert twilio.receive(frame) is None
    assert twilio.reported == [
        StreamWarning(31950, "a binary frame"),
        StreamWarning(31951, "message: not JSON"),
    ]
    assert twilio.warnings == {31950: 2, 31951: 2}


@settings(max_examples=100)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)
def test_no_json_makes_it_raise(value: Any) -> None:
    twilio = stream()
    twilio.receive(json.dumps(value))
    twilio.receive(json.dumps({"event": "media", "streamSid": SID, "media": value}))
    assert twilio.warnings[31951] == 2
