"""The offline StepFun on real sockets; nobody waits for speech to play."""

import asyncio
import base64
import io
import json
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any, Literal

import pytest
import soundfile
import uvloop
from aiohttp import (
    ClientSession,
    ClientWebSocketResponse,
    WSMsgType,
    WSServerHandshakeError,
    web,
)
from aiohttp.test_utils import make_mocked_request
from websockets.asyncio.client import ClientConnection, connect

from tests.sim.stepfun.harness import HELLO, silence, tone
from voicebot.sim.stepfun import At, Mood, OfflineStepFun, ScriptedMind
from voicebot.sim.stepfun.babble import babble
from voicebot.sim.stepfun.connection import serve_session
from voicebot.sim.stepfun.session import Drop, OfflineSession
from voicebot.sim.stepfun.tap import Tap
from voicebot.sim.twilio.wire import Opcode, masked, upgrade

KEY = {"Authorization": "Bearer step-secret"}
MODEL = "stepaudio-2.5-realtime"
SPEECH: dict[str, Any] = {
    "model": "stepaudio-2.5-tts",
    "input": "Good morning.",
    "voice": "ganliannvsheng",
    "response_format": "pcm",
}


def offline(mood: Mood | None = None, **members: Any) -> OfflineStepFun:
    mind = ScriptedMind(HELLO)
    return OfflineStepFun(mind, mood or Mood.burst(), api_key="step-secret", **members)


@asynccontextmanager
async def socket(
    server: OfflineStepFun, **options: Any
) -> AsyncIterator[ClientWebSocketResponse]:
    url = f"{server.base_url}/realtime?model={MODEL}"
    async with (
        ClientSession(headers=KEY) as http,
        http.ws_connect(url, **options) as websocket,
    ):
        yield websocket


async def refused(server: OfflineStepFun, url: str = "", **headers: str) -> int:
    url = url or f"{server.base_url}/realtime?model={MODEL}"
    async with ClientSession(headers=headers or KEY) as http:
        with pytest.raises(WSServerHandshakeError) as caught:
            await http.ws_connect(url)
        return caught.value.status


async def until(websocket: ClientWebSocketResponse, kind: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while not events or events[-1]["type"] != kind:
        events.append(await websocket.receive_json(timeout=5))
    return events


async def spoken_turn(websocket: ClientWebSocketResponse) -> None:
    detection = {"type": "server_vad", "energy_awakeness_threshold": 1000}
    session = {"turn_detection": detection}
    await websocket.send_json({"type": "session.update", "session": session})
    audio = base64.b64encode(tone(800) + silence(500)).decode()
    await websocket.send_json({"type": "input_audio_buffer.append", "audio": audio})


async def test_a_turn_is_heard_and_answered() -> None:
    async with offline().running() as server, socket(server) as websocket:
        assert (await until(websocket, "session.created"))[0]["session"]["id"]
        await spoken_turn(websocket)
        events = await until(websocket, "response.done")
        audio = b"".join(
            base64.b64decode(event["delta"])
            for event in events
            if event["type"] == "response.audio.delta"
        )
        assert audio == babble(HELLO.lines[0].say)
    statistics = server.statistics
    assert (statistics.opened, statistics.closed, statistics.refused) == (1, 1, 0)
    assert statistics.received["input_audio_buffer.append"] == 1
    assert statistics.heard_s == pytest.approx(1.3)
    assert statistics.said_s == pytest.approx(len(audio) / 48000, abs=0.001)
    assert statistics.session_s > 0


async def test_without_the_key_nobody_gets_in() -> None:
    async with offline().running() as server:
        assert await refused(server, Authorization="Bearer other") == 401
        assert await refused(server, Authorization="step-secret") == 401
        assert await refused(server, Nothing="x") == 401
        async with (
            ClientSession() as http,
            http.post(f"{server.base_url}/audio/speech", json=SPEECH) as response,
        ):
            assert response.status == 401
            assert (await response.json())["error"]["type"] == "invalid_api_key"
            assert response.headers["X-Trace-Id"]
    assert server.statistics.refused == 3


async def test_the_plan_has_one_model_and_the_open_platform_more() -> None:
    async with offline().running() as server:
        older = "/realtime?model=step-audio-2"
        assert await refused(server, server.base_url + older) == 400
        assert await refused(server, server.base_url + "/realtime") == 400
        url = server.base_url.replace("/step_plan", "") + older
        async with (
            ClientSession(headers=KEY) as http,
            http.ws_connect(url) as websocket,
        ):
            created = await websocket.receive_json(timeout=5)
            assert created["session"]["model"] == "step-audio-2"


async def test_the_first_upgrades_can_be_refused() -> None:
    async with offline(refusals=(402, 429, 500, 418)).running() as server:
        assert [await refused(server) for _ in range(4)] == [402, 429, 500, 418]
        async with socket(server) as websocket:
            await until(websocket, "session.created")


async def test_a_lost_connection_has_no_close_frame() -> None:
    mood = Mood(all_at_once=True, think_s=(0.0, 0.0), drops=At(1, 1))
    async with offline(mood).running() as server, socket(server) as websocket:
        await spoken_turn(websocket)
        events = await until(websocket, "response.audio.delta")
        assert events
        last = await websocket.receive(timeout=5)
        assert last.type in (WSMsgType.CLOSED, WSMsgType.ERROR)
        assert websocket.close_code in (None, 1006)
    assert server.statistics.drops == {"fault": 1}


async def test_pings_are_answered_and_silence_loses_the_connection() -> None:
    mood = Mood(idle_s=0.05)
    async with (
        offline(mood).running() as server,
        socket(server, autoping=False) as websocket,
    ):
        await until(websocket, "session.created")
        await websocket.ping(b"there?")
        pong = await websocket.receive(timeout=5)
        assert (pong.type, pong.data) == (WSMsgType.PONG, b"there?")
        last = await websocket.receive(timeout=5)
        assert last.type in (WSMsgType.CLOSED, WSMsgType.ERROR)
    assert server.statistics.drops == {"idle": 1}


async def test_a_session_that_is_too_old_is_closed() -> None:
    mood = Mood(session_s=0.05, expiry_code=1000)
    async with offline(mood).running() as server, socket(server) as websocket:
        await until(websocket, "session.created")
        last = await websocket.receive(timeout=5)
        assert last.type is WSMsgType.CLOSE
        assert websocket.close_code == 1000
    assert server.statistics.drops == {"expired": 1}


async def test_stopping_the_server_closes_what_is_open() -> None:
    async with offline().running() as server:
        http = ClientSession(headers=KEY)
        url = f"{server.base_url}/realtime?model={MODEL}"
        websocket = await http.ws_connect(url)
        await until(websocket, "session.created")
    assert (await websocket.receive(timeout=5)).type is WSMsgType.CLOSE
    await http.close()
    assert server.statistics.closed == 1


async def test_sessions_do_not_mix() -> None:
    async with (
        offline().running() as server,
        socket(server) as one,
        socket(server) as two,
    ):
        await spoken_turn(one)
        await spoken_turn(two)
        first = await until(one, "response.done")
        second = await until(two, "response.done")
        assert first[0]["session"]["id"] != second[0]["session"]["id"]
        assert first[-1]["response"]["id"] != second[-1]["response"]["id"]


UPDATE = '{"type": "session.update", "session": {}}'
CLEAR = '{"type": "input_audio_buffer.clear"}'


async def kinds(websocket: ClientConnection, count: int) -> list[str]:
    async with asyncio.timeout(5):
        return [json.loads(await websocket.recv())["type"] for _ in range(count)]


@pytest.mark.parametrize("compression", ["deflate", None])
async def test_a_message_in_pieces_is_not_overtaken(
    compression: Literal["deflate"] | None,
) -> None:
    server = offline()
    async with server.running():
        url = f"{server.base_url}/realtime?model={MODEL}".replace("http", "ws")
        async with connect(
            url, additional_headers=KEY, compression=compression
        ) as websocket:
            await websocket.send(CLEAR)
            await websocket.send([UPDATE[:9], UPDATE[9:]])
            await websocket.send(CLEAR)
            await websocket.send(b"no text")
            cleared = "input_audio_buffer.cleared"
            created, *rest = await kinds(websocket, 5)
    assert created == "session.created"
    assert rest == [cleared, "session.updated", cleared, "error"]


@asynccontextmanager
async def raw(
    server: OfflineStepFun,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A WebSocket of which the test writes each byte itself."""
    url = f"{server.base_url}/realtime?model={MODEL}"
    host, port = url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    key = base64.b64encode(bytes(16)).decode()
    writer.write(upgrade(url, key, {**KEY, "Host": host}))
    async with asyncio.timeout(5):
        await reader.readuntil(b"session.created")
        yield reader, writer
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_text_may_come_byte_by_byte_and_the_client_leave_in_one() -> None:
    async with offline().running() as server, raw(server) as (reader, writer):
        for byte in masked(Opcode.TEXT, UPDATE.encode(), 7) * 2:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        await reader.readuntil(b"session.updated")
        await reader.readuntil(b"session.updated")
        writer.write(masked(Opcode.PONG, b"", 7))
        writer.write(masked(Opcode.TEXT, UPDATE.encode(), 7)[:9])
        writer.write_eof()
        await reader.read()
    assert server.statistics.closed == 1
    assert server.statistics.received == {"session.update": 2}


class Below(asyncio.Protocol):
    """aiohttp's, as far as a tap knows it."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def data_received(self, data: bytes) -> None:
        self.told.append(data)

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")


class Line(asyncio.Transport):
    """That of a tap."""

    def __init__(self, below: Below) -> None:
        super().__init__()
        self.protocol: asyncio.BaseProtocol = below
        self.is_lost = False

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return self.is_lost


def test_a_tap_that_leaves_hands_over_what_it_holds() -> None:
    heard: list[str] = []
    below = Below()
    line = Line(below)
    tap = Tap(line, heard.append)
    assert line.get_protocol() == tap
    text = masked(Opcode.TEXT, b"hello", 7)
    tap.pause_writing()
    tap.resume_writing()
    tap.data_received(text + text[:4])
    tap.leave()
    assert line.get_protocol() == below
    assert heard == ["hello"]
    assert below.told == ["pause", "resume", text[:4]]


def test_a_tap_on_a_lost_line_lets_it_be() -> None:
    below = Below()
    line = Line(below)
    tap = Tap(line, print)
    tap.data_received(b"\x81")
    line.is_lost = True
    tap.leave()
    assert below.told == []


async def test_who_watches_is_told_of_each_frame_that_leaves() -> None:
    sent: list[str] = []

    class Watch:
        def heard(self, pcm16: bytes) -> None: ...

        def sends(self, frame: str) -> None:
            sent.append(json.loads(frame)["type"])

    async with offline(watch=Watch).running() as server, socket(server) as websocket:
        events = await until(websocket, "session.created")
        await spoken_turn(websocket)
        events += await until(websocket, "response.done")
    assert sent == [event["type"] for event in events]


async def test_a_client_that_is_gone_after_the_upgrade_has_no_session() -> None:
    request = make_mocked_request("GET", "/")
    session = OfflineSession(Mood.kind(), random=Random(1), now=0.0)
    websocket = web.WebSocketResponse()
    request.protocol.transport = None
    assert await serve_session(session, ScriptedMind(HELLO), websocket, request) is None


async def test_a_bug_of_ours_ends_the_session_and_is_raised(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    async with offline().running() as server, raw(server) as (reader, writer):
        monkeypatch.setattr(OfflineSession, "receive", breaks)
        writer.write(masked(Opcode.TEXT, UPDATE.encode(), 7) * 2)
        with suppress(ConnectionError):
            await reader.read()
    assert "ZeroDivisionError" in caplog.text


def test_on_uvloop_a_session_is_woken_when_something_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked, look = 0, OfflineSession.close_due

    def counted(session: OfflineSession, now: float) -> Drop | None:
        nonlocal looked
        looked += 1
        return look(session, now)

    monkeypatch.setattr(OfflineSession, "close_due", counted)

    async def answered() -> int:
        mood = Mood(think_s=(0.0103, 0.0103), speed=20.0)
        async with offline(mood).running() as server, socket(server) as websocket:
            await spoken_turn(websocket)
            return len(await until(websocket, "response.done"))

    events = uvloop.run(answered())
    assert looked < 2 * events  # a timer that fires too early does so for a millisecond


# Text to speech


async def speak(**members: Any) -> tuple[int, bytes]:
    async with (
        offline().running() as server,
        ClientSession(headers=KEY) as http,
        http.post(f"{server.base_url}/audio/speech", json={**SPEECH, **members}) as got,
    ):
        return got.status, await got.read()


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24000, 48000])
async def test_pcm_comes_at_the_rate_that_was_asked_for(rate_hz: int) -> None:
    status, pcm16 = await speak(sample_rate=rate_hz)
    assert status == 200
    seconds = len(babble(SPEECH["input"])) / 48000
    assert len(pcm16) / 2 / rate_hz == pytest.approx(seconds, abs=0.001)


async def test_directions_in_brackets_are_not_spoken() -> None:
    assert (await speak(input="(smiling)Good morning."))[1] == babble("Good morning.")
    assert (await speak(input="（微笑）"))[1] == b""


async def test_speed_and_volume_change_the_sound() -> None:
    _, plain = await speak()
    _, quick = await speak(speed=2.0)
    _, soft = await speak(volume=0.1)
    assert len(quick) == pytest.approx(len(plain) / 2, abs=4)
    assert max(soft[1::2]) <= max(plain[1::2])


async def test_other_formats_can_be_read_back() -> None:
    _, data = await speak(response_format="wav", sample_rate=8000)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getnchannels()) == (8000, 1)
    for kind in ("mp3", "flac", "opus"):
        _, data = await speak(response_format=kind)
        samples, rate_hz = soundfile.read(io.BytesIO(data))
        assert len(samples) / rate_hz == pytest.approx(0.9, abs=0.4)


async def test_speech_can_come_as_events() -> None:
    _, body = await speak(stream_format="sse")
    lines = [
        line.removeprefix("data: ") for line in body.decode().split("\n\n") if line
    ]
    assert lines[-1] == "[DONE]"
    events = [json.loads(line) for line in lines[:-1]]
    assert events[-1] == {"type": "speech.audio.done", "audio": ""}
    audio = b"".join(base64.b64decode(event["audio"]) for event in events)
    assert audio == babble(SPEECH["input"])


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"input": "x" * 1001}, 400),
        ({"input": ""}, 400),
        ({"input": None}, 400),
        ({"voice": "nobody"}, 400),
        ({"model": "tts-1"}, 400),
        ({"model": "step-tts-mini"}, 404),
        ({"response_format": "aac"}, 400),
        ({"sample_rate": 44100}, 400),
        ({"sample_rate": 8000.0}, 400),
        ({"speed": 3}, 400),
        ({"speed": "fast"}, 400),
        ({"volume": True}, 400),
        ({"instruction": "x" * 201}, 400),
        ({"voice_label": {"language": "English"}}, 400),
        ({"stream_format": "ws"}, 400),
        ({"response_format": "opus", "sample_rate": 22050}, 400),
        ({"input": "x" * 1000, "instruction": "calm", "speed": 1}, 200),
    ],
)
async def test_which_requests_are_served(members: dict[str, Any], status: int) -> None:
    got, body = await speak(**members)
    assert got == status
    if got != 200:
        assert json.loads(body)["error"]["message"]


@pytest.mark.parametrize("body", ["nonsense", "[]"])
async def test_a_body_that_is_no_request_is_refused(body: str) -> None:
    async with (
        offline().running() as server,
        ClientSession(headers=KEY) as http,
        http.post(f"{server.base_url}/audio/speech", data=body) as response,
    ):
        assert response.status == 400


async def test_speech_requests_are_refused_by_http_errors_of_their_own() -> None:
    async with (
        offline(speech_refusals=(402, 429)).running() as server,
        ClientSession(headers=KEY) as http,
    ):
        found = []
        for _ in range(3):
            url = f"{server.base_url}/audio/speech"
            async with http.post(url, json=SPEECH) as response:
                found.append(response.status)
        assert found == [402, 429, 200]
        assert server.statistics.speech_requests == 1
