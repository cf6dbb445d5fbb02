"""The server's end of a session's WebSocket, byte by byte."""

import pytest

from voicebot.sim.stepfun.frames import ClientFrame, Kind, client_frame, text_frame
from voicebot.sim.twilio.wire import Opcode, Reader, masked

SIZES = (0, 1, 5, 125, 126, 127, 65_535, 65_536, 70_001)
KEY = 0x01FE_A55A
OTHERS = {
    "bytes": masked(Opcode.BINARY, b"ab", KEY),
    "the last piece": masked(Opcode.CONTINUATION, b"ab", KEY),
    "the first piece": b"\x01" + masked(Opcode.TEXT, b"ab", KEY)[1:],
    "compressed": b"\xc1" + masked(Opcode.TEXT, b"ab", KEY)[1:],
    "not UTF-8": masked(Opcode.TEXT, b"\xff\xfe", KEY),
    "without a mask": b"\x81\x02ab",
    "no WebSocket": b"GET / HTTP/1.1\r\n",
}


@pytest.mark.parametrize("size", SIZES)
def test_a_whole_text_is_read(size: int) -> None:
    text = ("hé" * size)[: size // 2] + "x" * (size - size // 2)
    frame = masked(Opcode.TEXT, text.encode(), KEY)
    for before in (b"", b"any"):
        end = len(before) + len(frame)
        found = client_frame(before + frame + b"rest", len(before))
        assert found == ClientFrame(Kind.TEXT, text, end)


@pytest.mark.parametrize("size", [0, 126, 65_536])
def test_what_is_not_all_there_is_waited_for(size: int) -> None:
    frame = masked(Opcode.TEXT, b"x" * size, KEY)
    for end in (*range(14), len(frame) - 1):
        if end < len(frame):
            assert client_frame(frame[:end], 0) is None


@pytest.mark.parametrize("opcode", [Opcode.CLOSE, Opcode.PING, Opcode.PONG])
def test_control_frames_are_known(opcode: Opcode) -> None:
    frame = masked(opcode, b"\x03\xe8", KEY)
    assert client_frame(frame + b"rest", 0) == (Kind.CONTROL, "", len(frame))


@pytest.mark.parametrize("frame", OTHERS.values(), ids=OTHERS)
def test_the_rest_is_for_others_to_read(frame: bytes) -> None:
    assert client_frame(frame, 0) == (Kind.OTHER, "", 0)


@pytest.mark.parametrize("size", SIZES)
def test_a_client_reads_what_is_written(size: int) -> None:
    text = "é" * (size // 2) + "x" * (size % 2)
    read = Reader().feed(text_frame(text) + text_frame("next"))
    assert read == [(Opcode.TEXT, text.encode()), (Opcode.TEXT, b"next")]
