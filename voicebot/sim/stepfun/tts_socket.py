"""`/realtime/audio`: a text is written piece by piece, and spoken sentence by sentence.

One socket is one utterance. What is spoken takes time, and text comes in meanwhile: one
task reads, another one speaks.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from aiohttp import WSMsgType, web

from voicebot.sim.stepfun.mind import Mind
from voicebot.sim.stepfun.profile import is_voice
from voicebot.sim.stepfun.speech import (
    FORMATS,
    LONGEST_INPUT,
    LONGEST_INSTRUCTION,
    RATES_HZ,
    BadRequest,
    encoded,
    invalid,
    number,
    one_of,
    voiced,
)
from voicebot.sim.stepfun.speech_mood import SpeechMood
from voicebot.sim.stepfun.wire import JsonObject, base64

# One file for the whole utterance, cut into pieces; without it, each piece is a file.
STREAMED: Final = "_stream"
SOCKET_FORMATS: Final = (*FORMATS, "mp3_stream", "opus_stream", "flac_stream")
SENTENCE: Final = re.compile(r".*?(?:[。！？!?\n]+|\.(?=\s))", re.DOTALL)
MODES: Final = ("default", "sentence")
INBOX_ORDERS: Final = 1000


@dataclass(frozen=True, slots=True)
class Manner:
    """What tts.create asked for."""

    voice: str
    form: str
    rate_hz: int
    speed: float
    volume: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """To be spoken."""

    text: str


class Flush:
    """All before it has been spoken."""


class Done:
    """Nothing follows."""


Order = Sentence | Flush | Done


class _Ended(Exception):
    """Closes the task group from inside. Never leaves this module."""


class SpeechSocket:
    """
    Serves one utterance.

    Attributes:
        characters: that were spoken: what StepFun bills.
    """

    def __init__(
        self,
        websocket: web.WebSocketResponse,
        request: web.Request,
        mind: Mind,
        mood: SpeechMood,
        random: Random,
    ) -> None:
        self.characters = 0
        self._websocket = websocket
        self._request = request
        self._mind = mind
        self._mood = mood
        self._random = random
        self._session_id = f"{random.getrandbits(128):032x}"
        self._manner: Manner | None = None
        self._text = ""  # written, and no whole sentence yet
        self._orders: asyncio.Queue[Order] = asyncio.Queue(INBOX_ORDERS)
        self._pieces = 0
        self._whole = b""

    async def serve(self) -> None:
        """Run until all is spoken, or the client leaves."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._send("tts.connection.done")
                tasks.create_task(self._listen())
                tasks.create_task(self._speak())
        except* (_Ended, ConnectionError):
            pass
        await self._websocket.close()

    # Listening

    async def _listen(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._mood.idle_s):
                    message = await self._websocket.receive()
            except TimeoutError:
                raise _Ended from None
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                raise _Ended  # closed, by whichever side
            try:
                await self._take(message.data)
            except BadRequest as bad:
                await self._fail(bad.status, bad.message)

    async def _take(self, frame: str | bytes) -> None:
        kind, data = _read(frame)
        if data.get("session_id") != self._session_id:
            raise invalid("session_id is not valid")
        if kind == "tts.create":
            self._manner = _manner(data)
            mislabelled = self._mood.mislabels_created
            name = "connection.done" if mislabelled else "response.created"
            await self._send(f"tts.{name}")
        elif kind not in ("tts.text.delta", "tts.text.flush", "tts.text.done"):
            raise invalid("type is not valid")
        elif self._manner is None:
            raise invalid("tts.create must come first")
        elif kind == "tts.text.delta":
            for sentence in self._sentences(data.get("text")):
                await self._orders.put(sentence)
        else:
            if self._text.strip():
                await self._orders.put(Sentence(self._text.strip()))
            self._text = ""
            await self._orders.put(Flush() if kind == "tts.text.flush" else Done())

    def _sentences(self, text: object) -> Iterator[Sentence]:
        """Add text; return what is whole now."""
        if not isinstance(text, str) or len(text) > LONGEST_INPUT:
            raise invalid(f"text must have up to {LONGEST_INPUT} characters")
        self._text += text
        while match := SENTENCE.match(self._text):
            self._text = self._text[match.end() :]
            if whole := match[0].strip():
                yield Sentence(whole)

    # Speaking

    async def _speak(self) -> None:
        while True:
            match await self._orders.get():
                case Sentence(text):
                    await self._say(text)
                case Flush():
                    await self._send("tts.text.flushed")
                case Done():
                    whole = self._whole if self._mood.done_holds_all else b""
                    await self._send(self._mood.done_is_called, audio=base64(whole))
                    raise _Ended

    async def _say(self, text: str) -> None:
        manner = self._manner
        assert manner
        self.characters += len(text)
        pcm16 = await asyncio.to_thread(
            voiced,
            self._mind,
            text,
            manner.voice,
            rate_hz=manner.rate_hz,
            speed=manner.speed,
            volume=manner.volume,
        )
        await asyncio.sleep(self._random.uniform(*self._mood.first_s))
        await self._send("tts.response.sentence.start", text=text, started_at=0)
        loop = asyncio.get_running_loop()
        begun_at, sent_s = loop.time(), 0.0
        pieces = list(self._cut(pcm16, manner))
        for at, piece in enumerate(pieces):
            await self._misbehave()
            await asyncio.sleep(begun_at + sent_s / self._mood.pace - loop.time())
            seconds = self._mood.delta_ms / 1000
            await self._send(
                "tts.response.audio.delta",
                status="finished" if at == len(pieces) - 1 else "unfinished",
                audio=base64(piece),
                duration=seconds,
            )
            self._pieces += 1
            self._whole += piece
            sent_s += seconds
        await self._send("tts.response.sentence.end", text=text, ended_at=0)

    def _cut(self, pcm16: bytes, manner: Manner) -> Iterator[bytes]:
        """What each delta holds."""
        size = 2 * (manner.rate_hz * self._mood.delta_ms // 1000)
        if manner.form == "pcm" and not self._mood.wav_chunks:
            size += self._mood.odd_bytes
            yield from _slices(pcm16, size)
        elif manner.form.endswith(STREAMED):
            form = manner.form.removesuffix(STREAMED)
            yield from _slices(encoded(pcm16, form, manner.rate_hz), size)
        else:
            form = "wav" if manner.form == "pcm" else manner.form
            for piece in _slices(pcm16, size):
                yield encoded(piece, form, manner.rate_hz)

    async def _misbehave(self) -> None:
        """Do before a piece what the mood says."""
        mood = self._mood
        if mood.unknown_events:
            await self._send("tts.response.weather", sun=True)
        if self._pieces == mood.fails_after:
            await self._fail(503, "engine overloaded, retry later")
            raise _Ended
        if self._pieces == mood.drops_after and self._request.transport:
            self._request.transport.abort()
            raise _Ended
        if self._pieces == mood.stalls_after:
            await asyncio.Event().wait()  # until the client leaves

    async def _fail(self, status: int, message: str) -> None:
        session = None if self._mood.anonymous_errors else self._session_id
        details = {"error": message}
        data = {"code": str(status), "message": message, "details": details}
        if session is not None:
            data["session_id"] = session
        await self._write("tts.response.error", data)

    async def _send(self, kind: str, **members: Any) -> None:
        await self._write(kind, {"session_id": self._session_id, **members})

    async def _write(self, kind: str, data: JsonObject) -> None:
        event_id = f"{self._random.getrandbits(128):032x}"
        event = {"event_id": event_id, "type": kind, "data": data}
        await self._websocket.send_str(json.dumps(event))


def _read(frame: str | bytes) -> tuple[str, JsonObject]:
    """Read a client's frame: its type, and its data."""
    try:
        event = json.loads(frame)
    except ValueError:
        raise invalid("the frame is not JSON") from None
    match event:
        case {"type": str(kind), "data": dict(data)}:
            return kind, data
        case _:
            raise invalid("type and data are required")


def _manner(data: JsonObject) -> Manner:
    """
    Read tts.create.

    Raises:
        BadRequest: StepFun would refuse it.
    """
    voice, instruction = data.get("voice_id"), data.get("instruction", "")
    if not is_voice(voice):
        raise invalid("voice_id is not valid")
    if not isinstance(instruction, str) or len(instruction) > LONGEST_INSTRUCTION:
        raise invalid(f"instruction must have up to {LONGEST_INSTRUCTION} characters")
    if data.get("voice_label") is not None:
        raise invalid("voice_label is not supported by this model")
    one_of(data, "mode", MODES, "default")
    return Manner(
        voice=str(voice),
        form=one_of(data, "response_format", SOCKET_FORMATS, "mp3"),
        rate_hz=one_of(data, "sample_rate", RATES_HZ, 24000),
        speed=number(data, "speed_ratio", 0.5, 2.0),
        volume=number(data, "volume_ratio", 0.1, 2.0),
    )


def _slices(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]
