"""`/realtime/audio` of the offline StepFun, as any client sees it."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import soundfile
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OPEN, PLAN, OfflineStepFun
from voicebot.sim.stepfun.speech_mood import SpeechMood

Event = dict[str, Any]

TEXT = "Good morning. We cost 3.50 an hour. Come in!"
SENTENCES = ["Good morning.", "We cost 3.50 an hour.", "Come in!"]


class Client:
    """Sends events and reads what comes back."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.session_id = ""

    async def send(self, kind: str, **data: Any) -> None:
        data = {"session_id": self.session_id, **data}
        await self.socket.send_str(json.dumps({"type": kind, "data": data}))

    async def next(self) -> Event:
        event = await self.socket.receive_json()
        assert isinstance(event, dict)
        assert event["event_id"]
        return event

    async def rest(self) -> list[Event]:
        """Read until the server closes."""
        events = []
        async for message in self.socket:
            assert message.type is WSMsgType.TEXT
            events.append(json.loads(message.data))
        return events


@asynccontextmanager
async def connected(
    path: str = PLAN, model: str = "stepaudio-2.5-tts", **speech: Any
) -> AsyncIterator[Client]:
    mood = Mood(speech=replace(SpeechMood.burst(), **speech))
    server = OfflineStepFun(ScriptedMind(Scenario(())), mood)
    async with asyncio.timeout(20), server.running(), ClientSession() as http:
        url = f"{server.base_url.replace(PLAN, path)}/realtime/audio?model={model}"
        headers = {"Authorization": "Bearer any"}
        async with http.ws_connect(url, headers=headers) as socket:
            client = Client(socket)
            event = await client.next()
            assert event["type"] == "tts.connection.done"
            client.session_id = event["data"]["session_id"]
            yield client


def heard(events: list[Event]) -> list[bytes]:
    return [
        base64.b64decode(event["data"]["audio"])
        for event in events
        if event["type"] == "tts.response.audio.delta"
    ]


async def test_it_is_told_in_the_order_of_the_page_and_closes() -> None:
    async with connected() as client:
        await client.send("tts.create", voice_id="ganliannvsheng")
        assert (await client.next())["type"] == "tts.response.created"
        for at in range(0, len(TEXT), 5):
            await client.send("tts.text.delta", text=TEXT[at : at + 5])
        await client.send("tts.text.done")
        events = await client.rest()
    kinds = [event["type"].removeprefix("tts.") for event in events]
    assert kinds[-1] == "response.audio.done"
    assert [x for x in kinds[:-1] if x != "response.audio.delta"] == [
        "response.sentence.start",
        "response.sentence.end",
    ] * 3
    begun = [e for e in events if e["type"] == "tts.response.sentence.start"]
    assert [event["data"]["text"] for event in begun] == SENTENCES
    statuses = [e["data"]["status"] for e in events if "status" in e["data"]]
    assert statuses.count("finished") == 3


@pytest.mark.parametrize("form", ["wav", "mp3", "flac", "opus"])
async def test_each_piece_is_a_file_unless_it_is_streamed(form: str) -> None:
    async with connected() as client:
        manner = {"voice_id": "ganliannvsheng", "response_format": form}
        await client.send("tts.create", sample_rate=48000, **manner)
        await client.next()
        await client.send("tts.text.delta", text="Good morning, everybody.")
        await client.send("tts.text.done")
        pieces = heard(await client.rest())
    assert len(pieces) > 1
    for piece in pieces:
        assert soundfile.info(io.BytesIO(piece)).samplerate == 48000


@pytest.mark.parametrize("form", ["mp3", "flac", "opus"])
async def test_a_streamed_file_is_put_together_of_its_pieces(form: str) -> None:
    async with connected() as client:
        manner = {"voice_id": "ganliannvsheng", "response_format": f"{form}_stream"}
        await client.send("tts.create", sample_rate=48000, **manner)
        await client.next()
        await client.send("tts.text.delta", text="Good morning, everybody.")
        await client.send("tts.text.done")
        whole = b"".join(heard(await client.rest()))
    assert soundfile.info(io.BytesIO(whole)).duration > 1


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"voice_id": "nobody"},
        {"instruction": "x" * 201},
        {"voice_label": {"emotion": "happy"}},
        {"response_format": "aac"},
        {"sample_rate": 44100},
        {"speed_ratio": 9},
        {"mode": "word"},
        {"session_id": "another"},
    ],
)
async def test_a_wrong_beginning_is_refused(data: Event) -> None:
    async with connected() as client:
        voice = {"voice_id": "ganliannvsheng"} if data else {}
        await client.send("tts.create", **voice | data)
        event = await client.next()
    assert event["type"] == "tts.response.error"
    assert event["data"]["code"] == "400"
    assert event["data"]["details"]["error"] == event["data"]["message"]


@pytest.mark.parametrize(
    "frame", ["", "[]", "{}", '{"type": 7}', '{"type": "tts.create"}']
)
async def test_what_is_no_event_is_refused(frame: str) -> None:
    async with connected() as client:
        await client.socket.send_str(frame)
        assert (await client.next())["type"] == "tts.response.error"


async def test_text_needs_a_beginning_and_has_a_limit() -> None:
    async with connected(anonymous_errors=True) as client:
        await client.send("tts.text.delta", text="Hello.")
        first = await client.next()
        await client.send("tts.cancel")
        second = await client.next()
        await client.send("tts.create", voice_id="ganliannvsheng")
        await client.next()
        await client.send("tts.text.delta", text="x" * 1001)
        third = await client.next()
    for event in (first, second, third):
        assert event["type"] == "tts.response.error"
        assert "session_id" not in event["data"]


async def test_directions_are_not_spoken() -> None:
    async with connected() as client:
        await client.send("tts.create", voice_id="ganliannvsheng")
        await client.next()
        await client.send("tts.text.delta", text="(smiling)")
        await client.send("tts.text.done")
        assert heard(await client.rest()) == []


async def test_a_socket_on_which_nothing_happens_is_closed() -> None:
    async with connected(idle_s=0.05) as client:
        assert await client.rest() == []


@pytest.mark.parametrize(
    ("path", "model", "status"),
    [(PLAN, "step-tts-2", 404), (OPEN, "step-tts-2", 101), (OPEN, "tts-1", 400)],
)
async def test_older_models_are_on_the_open_platform_only(
    path: str, model: str, status: int
) -> None:
    server = OfflineStepFun(ScriptedMind(Scenario(())), Mood.burst())
    async with asyncio.timeout(20), server.running(), ClientSession() as http:
        url = f"{server.base_url.replace(PLAN, path)}/realtime/audio?model={model}"
        headers = {"Authorization": "Bearer any", **UPGRADE}
        async with http.get(url, headers=headers) as answer:
            assert answer.status == status


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
}
