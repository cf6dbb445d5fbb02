"""Messages of audio at known places, by either twin."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.twilio.examples import EXAMPLES, frame
from tests.twins import each_twin
from voicebot.twilio.media import media_tail, media_text, read_media

twin = each_twin(__name__, "read_media", "media_text", native="voicebot.twilio.native")

TEXT = frame("ws.media")
SID = b'"%b"' % EXAMPLES["ws.media"]["streamSid"].encode()
TAIL = media_tail(SID)


def saying(payload: bytes) -> bytes:
    head, _, rest = TEXT.partition(b'"payload":"')
    return head + b'"payload":"' + payload + rest[rest.index(b'"') :]


def test_a_message_is_read_where_it_is_written_as_ever() -> None:
    expected = b64decode(EXAMPLES["ws.media"]["media"]["payload"])
    assert read_media(TEXT, TAIL) == (1629, expected)


@given(st.binary(max_size=1000))
def test_any_audio_is_read(ulaw: bytes) -> None:
    assert read_media(saying(b64encode(ulaw)), TAIL) == (1629, ulaw)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 159, 160, 161, 190, 191, 192, 193, 1600])
def test_audio_of_any_length_is_written_and_read(size: int) -> None:
    ulaw = bytes(at * 7 % 256 for at in range(size))
    expected = b'{"event":"media","streamSid":%b,"media":{"payload":"%b"}}'
    assert media_text(SID, ulaw) == expected % (SID, b64encode(ulaw))
    assert read_media(saying(b64encode(ulaw)), TAIL) == (1629, ulaw)


@pytest.mark.parametrize(
    "payload",
    [b"f", b"fw", b"fw=", b"fw==fw==", b"f===", b"====", b"=", b"==", b"fw=a", b"f=a="]
    + [
        b"fwf\n",
        b" fwf",
        b"fw-_",
        b"\\/fw",
        b'fw"f',
        b"fw==\n",
        b"\xe9wfw",
        b"\x00fff",
    ],
)
def test_what_is_no_base64_needs_a_closer_look(payload: bytes) -> None:
    assert read_media(saying(payload), TAIL) is None
    # Nor does it matter where it stands.
    assert read_media(saying(b"AAAA" * 70 + payload), TAIL) is None


@pytest.mark.parametrize("byte", range(256))
def test_each_character_is_one_of_base64_or_is_not(byte: int) -> None:
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for before in (b"AAA", b"AAAA" * 20 + b"AAA"):
        read = read_media(saying(before + bytes((byte,))), TAIL)
        expected = bytes(len(before) // 4 * 3 + 2)
        if byte in alphabet:
            value = bytes((alphabet.index(byte),))
            assert read == (1629, expected + value)
        else:
            assert read == ((1629, expected) if byte == ord("=") else None)


def test_the_last_character_may_have_bits_that_say_nothing() -> None:
    assert read_media(saying(b"fx=="), TAIL) == (1629, b"\x7f")
    assert read_media(saying(b"fwB="), TAIL) == (1629, b"\x7f\x00")


@pytest.mark.parametrize(
    "text",
    [
        *(TEXT[:size] for size in range(len(TEXT))),
        TEXT + b" ",
        b" " + TEXT,
        TEXT.replace(b"inbound", b"outbound"),
        TEXT.replace(b'"sequenceNumber":"', b'"sequenceNumber":"x'),
        TEXT.replace(b'"chunk":"', b'"chunk":"-'),
        TEXT.replace(b'"timestamp":"1629"', b'"timestamp":""'),
        TEXT.replace(b'"timestamp":"1629"', b'"timestamp":"12345678901"'),
        TEXT.replace(b'"streamSid":"MZ', b'"streamSid":"MY'),
    ],
)
def test_anything_else_needs_a_closer_look(text: bytes) -> None:
    assert read_media(text, TAIL) is None


@pytest.mark.parametrize("tail", [b"", b'"', TAIL[1:], TAIL[-1:], TEXT[-200:]])
def test_the_payload_ends_where_the_tail_begins(tail: bytes) -> None:
    assert read_media(TEXT, tail) is None


def test_numbers_have_as_many_digits_as_they_need() -> None:
    long = TEXT.replace(b'"chunk":"', b'"chunk":"' + b"9" * 50)
    long = long.replace(b'"timestamp":"1629"', b'"timestamp":"9999999999"')
    read = read_media(long, TAIL)
    assert read
    assert read[0] == 9_999_999_999
