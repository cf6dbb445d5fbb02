"""WebSocket frames as their bytes."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.sim.twilio.wire import (
    MESSAGE_BYTES,
    NO_STATUS,
    Opcode,
    Reader,
    WireError,
    close_code,
    masked,
    upgrade,
    upgraded,
)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, section 1.3, with its proof
PROOF = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def sent(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A frame of a server's, which masks nothing."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 65_536:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    return bytes([opcode | (0x80 if final else 0)]) + length + payload


def test_an_upgrade_is_asked_for_and_proved() -> None:
    request = upgrade("ws://127.0.0.1:80/a?b=c", KEY, {"Host": "bot"}).decode()
    first, *headers = request.split("\r\n")
    assert first == "GET /a?b=c HTTP/1.1"
    assert headers[0] == "Host: bot"
    assert f"Sec-WebSocket-Key: {KEY}" in headers
    assert headers[-2:] == ["", ""]
    answer = f"HTTP/1.1 101 Switching Protocols\r\nsec-websocket-accept: {PROOF}"
    assert upgraded(answer.encode(), KEY) == 101
    assert upgraded(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0", KEY) == 403


@pytest.mark.parametrize(
    "head", [b"", b"SSH-2.0-x", b"HTTP/1.1 yes", b"HTTP/1.1 101\r\nUpgrade: websocket"]
)
def test_what_proves_nothing_is_no_upgrade(head: bytes) -> None:
    with pytest.raises(WireError):
        upgraded(head, KEY)


@pytest.mark.parametrize("size", [0, 1, 5, 125, 126, 1000, 65_535, 65_536])
def test_a_frame_is_masked_as_the_rfc_has_it(size: int) -> None:
    payload = bytes(range(256)) * (size // 256 + 1)
    payload = payload[:size]
    frame = masked(Opcode.TEXT, payload, 0x37FA213D)
    head = {True: 2, False: 4}[size < 126] if size < 65_536 else 10
    assert frame[0] == 0x81
    assert frame[1] & 0x80
    length = frame[1] & 0x7F
    if length > 125:
        length = int.from_bytes(frame[2:head], "big")
    assert length == size
    key, body = frame[head : head + 4], frame[head + 4 :]
    assert bytes(byte ^ key[n % 4] for n, byte in enumerate(body)) == payload


@given(st.data(), st.lists(st.binary(max_size=300), max_size=6))
def test_how_the_network_cuts_it_does_not_matter(
    data: st.DataObject, payloads: list[bytes]
) -> None:
    line = b"".join(sent(Opcode.BINARY, payload) for payload in payloads)
    cuts = data.draw(st.lists(st.integers(0, len(line)), max_size=20).map(sorted))
    reader = Reader()
    got = [
        message
        for start, end in pairwise([0, *cuts, len(line)])
        for message in reader.feed(line[start:end])
    ]
    assert got == [(Opcode.BINARY, payload) for payload in payloads]


def test_a_message_in_fragments_with_a_ping_in_it() -> None:
    line = (
        sent(Opcode.TEXT, b"one, ", final=False)
        + sent(Opcode.PING, b"?")
        + sent(Opcode.CONTINUATION, b"two, ", final=False)
        + sent(Opcode.CONTINUATION, b"three")
        + sent(Opcode.TEXT, b"x" * 70_000)
    )
    assert Reader().feed(line) == [
        (Opcode.PING, b"?"),
        (Opcode.TEXT, b"one, two, three"),
        (Opcode.TEXT, b"x" * 70_000),
    ]


@pytest.mark.parametrize(
    "line",
    [
        masked(Opcode.TEXT, b"a server masks nothing", 1),
        bytes([0xC1, 0]),  # an extension that nobody agreed upon
        bytes([0x83, 0]),
        sent(Opcode.PING, b"", final=False),
        sent(Opcode.CONTINUATION, b"of nothing"),
        sent(Opcode.TEXT, b"", final=False) + sent(Opcode.TEXT, b""),
        b"\x82\x7f" + (MESSAGE_BYTES + 1).to_bytes(8, "big"),
    ],
)
def test_what_is_no_websocket(line: bytes) -> None:
    with pytest.raises(WireError) as raised:
        Reader().feed(line)
    assert raised.value.code == 1002


def test_fragments_have_a_limit_together() -> None:
    reader = Reader()
    half = b"\0" * (MESSAGE_BYTES // 2 + 1)
    reader.feed(sent(Opcode.BINARY, half, final=False))
    with pytest.raises(WireError, match="too long"):
        reader.feed(sent(Opcode.CONTINUATION, half, final=False))


def test_a_close_may_have_a_code() -> None:
    assert close_code((1001).to_bytes(2, "big") + b"bye") == 1001
    assert close_code(b"") == NO_STATUS


def test_json_survives_the_way_there() -> None:
    text = json.dumps({"event": "mark", "name": "ü"}).encode()
    frame = masked(Opcode.TEXT, text, 0xFFFFFFFF)
    assert bytes(byte ^ 0xFF for byte in frame[6:]) == text


def test_a_length_that_is_not_all_there_is_waited_for() -> None:
    whole = sent(Opcode.TEXT, b"x" * 70_000)
    reader = Reader()
    for at in range(12):
        assert reader.feed(whole[at : at + 1]) == []
    assert reader.feed(whole[12:]) == [(Opcode.TEXT, b"x" * 70_000)]
