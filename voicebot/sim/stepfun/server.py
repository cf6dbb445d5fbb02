"""The offline StepFun as a server: realtime sessions, speech both ways, chat."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from aiohttp import web

from voicebot.sim.stepfun import asr, chat, streams
from voicebot.sim.stepfun.connection import serve_session
from voicebot.sim.stepfun.mind import Mind, Reply
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.profile import MODELS, PLAN_MODELS
from voicebot.sim.stepfun.session import OfflineSession, SessionWatch
from voicebot.sim.stepfun.speech import (
    FORMATS,
    BadRequest,
    check_model,
    read_request,
    synthesize,
)
from voicebot.sim.stepfun.speech_events import send_events
from voicebot.sim.stepfun.tts_socket import SpeechSocket
from voicebot.sim.stepfun.voices import VoiceShop
from voicebot.sim.stepfun.wire import GARBAGE, JsonObject, uuid4
from voicebot.sim.stepfun.writer import Writer

PLAN: Final = "/step_plan/v1"
OPEN: Final = "/v1"
MOST_BYTES: Final = 64_000_000  # of a request: no page gives a limit

# Status -> type and message of the JSON error.
REFUSALS: Final = {
    400: ("request_params_invalid", "bad parameters"),
    401: ("invalid_api_key", "the API key is not valid"),
    402: ("quota_exceeded", "you exceeded your quota: check plan and billing"),
    404: ("model_not_found", "model is not on this channel"),
    429: ("rate_limit_exceeded", "too many requests or connections"),
    451: ("content_moderation", "the content was refused"),
    500: ("server_error", "internal error"),
    503: ("server_error", "overloaded, try again later"),
}


@dataclass(slots=True)
class Statistics:
    """What a server has seen so far."""

    opened: int = 0
    """Realtime sessions; those still open are `opened - closed`."""
    closed: int = 0
    refused: int = 0
    """Upgrades that were answered with an error."""
    session_s: float = 0.0
    """Seconds for which sessions were open: what a plan bills. Ended ones only."""
    heard_s: float = 0.0
    """Audio received in ended sessions."""
    said_s: float = 0.0
    """Audio sent in ended sessions."""
    speech_requests: int = 0
    speech_sockets: int = 0
    """On which text was spoken, opened; those still open are the difference."""
    speech_sockets_closed: int = 0
    spoken_characters: int = 0
    """Of text that was spoken: what StepFun bills."""
    chat_requests: int = 0
    asr_requests: int = 0
    abandoned: int = 0
    """Streamed answers that the client didn't wait for."""
    received: Counter[str] = field(default_factory=Counter)
    """Client events by type, of ended sessions; "?" is a frame that is none."""
    drops: Counter[str] = field(default_factory=Counter)
    """Why sessions were ended from here: idle, expired, fault."""


class OfflineStepFun:
    """
    Speaks StepFun's protocols, with a mind of its own.

    One mood is for all sessions; `mood` may be replaced while it runs, and counts
    for the sessions that open from then on.

    Args:
        api_key: the only key that is let in; None lets in any.
        refusals: HTTP statuses for the first upgrades, such as (402, 500).
        speech_refusals: the same for the first that are about speech and voices.
        chat_mind: answers in writing, whatever is asked; None: as `mind` does aloud,
            but choosing where a choice is offered, and filling in forms.
        chat_refusals: the same for the first requests to do so.
        asr_refusals: the same for the first clips to be transcribed.
        seed: decides everything that chance does.
        watch: makes who measures a session that opens.
    """

    def __init__(
        self,
        mind: Mind,
        mood: Mood,
        *,
        api_key: str | None = None,
        refusals: Iterable[int] = (),
        speech_refusals: Iterable[int] = (),
        chat_mind: chat.ChatMind | None = None,
        chat_refusals: Iterable[int] = (),
        asr_refusals: Iterable[int] = (),
        seed: int = 0,
        watch: Callable[[], SessionWatch] | None = None,
    ) -> None:
        self.mood = mood
        self.statistics = Statistics()
        self.base_url = ""
        """Such as http://127.0.0.1:8431/step_plan/v1, while it runs."""
        self._mind = mind
        self._api_key = api_key
        self._refusals = list(refusals)
        self._speech_refusals = list(speech_refusals)
        self._chat_mind = chat_mind
        self._writer = Writer(mind)
        self._chat_refusals = list(chat_refusals)
        self._asr_refusals = list(asr_refusals)
        self._random = Random(seed)
        self._watch = watch
        self.voices = VoiceShop(mind, lambda: self.mood.speech, seed)
        self._sockets: set[web.WebSocketResponse] = set()

    def application(self) -> web.Application:
        """Build the application, to be run by whoever calls."""
        app = web.Application(middlewares=[self._errors], client_max_size=MOST_BYTES)
        app.on_shutdown.append(self._close_all)
        for prefix in (PLAN, OPEN):
            app.router.add_get(f"{prefix}/realtime", self._realtime)
            app.router.add_post(f"{prefix}/audio/speech", self._speech)
            app.router.add_get(f"{prefix}/realtime/audio", self._speech_socket)
            app.router.add_post(f"{prefix}/files", self._voices)
            app.router.add_post(f"{prefix}/audio/voices/preview", self._voices)
            app.router.add_post(f"{prefix}/audio/voices", self._voices)
            app.router.add_get(f"{prefix}/audio/voices", self._voices)
            app.router.add_get(f"{prefix}/audio/system_voices", self._voices)
            app.router.add_post(f"{prefix}/chat/completions", self._chat)
            app.router.add_post(f"{prefix}/audio/asr/sse", self._asr)
        return app

    @asynccontextmanager
    async def running(
        self, host: str = "127.0.0.1", port: int = 0
    ) -> AsyncIterator["OfflineStepFun"]:
        """Listen; port 0 takes any that is free."""
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=5)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            self.base_url = f"http://{host}:{runner.addresses[0][1]}{PLAN}"
            yield self
        finally:
            await runner.cleanup()

    # Requests

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        try:
            self._admit(request)
        except BadRequest:
            self.statistics.refused += 1
            raise
        websocket = web.WebSocketResponse(autoping=False, max_msg_size=21_000_000)
        websocket.headers["X-Trace-Id"] = uuid4(self._random)
        await websocket.prepare(request)
        loop = asyncio.get_running_loop()
        session = OfflineSession(
            self.mood,
            random=Random(self._random.getrandbits(64)),
            now=loop.time(),
            model=request.query["model"],
        )
        session.watch = self._watch() if self._watch else None
        began_at = loop.time()
        self.statistics.opened += 1
        self._sockets.add(websocket)
        try:
            drop = await serve_session(session, self._mind, websocket, request)
            if drop is not None:
                self.statistics.drops[drop.reason] += 1
        finally:
            self._sockets.discard(websocket)
            self.statistics.closed += 1
            self.statistics.session_s += loop.time() - began_at
            self.statistics.heard_s += session.heard_ms / 1000
            self.statistics.said_s += session.said_ms / 1000
            self.statistics.received += session.received
        return websocket

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        _refuse_first(self._speech_refusals)
        self.statistics.speech_requests += 1
        body = await _json(request)
        wanted = read_request(body, on_plan=request.path.startswith(PLAN))
        sound = await asyncio.to_thread(synthesize, self._mind, wanted)
        self.statistics.spoken_characters += len(wanted.text)
        if wanted.as_events:
            random = Random(self._random.getrandbits(64))
            mood = self.mood.speech
            return await send_events(request, wanted, sound, mood, random)
        return web.Response(
            body=sound,
            content_type=FORMATS[wanted.format][0],
            headers={"X-Trace-Id": uuid4(self._random)},
        )

    async def _speech_socket(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        _refuse_first(self._speech_refusals)
        on_plan = request.path.startswith(PLAN)
        check_model(request.query.get("model"), on_plan=on_plan)
        websocket = web.WebSocketResponse()
        websocket.headers["X-Trace-Id"] = uuid4(self._random)
        await websocket.prepare(request)
        random = Random(self._random.getrandbits(64))
        speech = SpeechSocket(websocket, request, self._mind, self.mood.speech, random)
        self.statistics.speech_sockets += 1
        self._sockets.add(websocket)
        try:
            await speech.serve()
        finally:
            self._sockets.discard(websocket)
            self.statistics.speech_sockets_closed += 1
            self.statistics.spoken_characters += speech.characters
        return websocket

    async def _voices(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        _refuse_first(self._speech_refusals)
        on_plan = request.path.startswith(PLAN)
        query = dict(request.query)
        shop = self.voices
        match request.method, request.path.removeprefix(PLAN if on_plan else OPEN):
            case "POST", "/files":
                answer = await shop.upload(request, on_plan=on_plan)
            case "POST", "/audio/voices/preview":
                answer = await shop.preview(await _json(request), on_plan=on_plan)
            case "POST", _:
                answer = await shop.clone(await _json(request), on_plan=on_plan)
            case _, "/audio/voices":
                answer = shop.page(query, on_plan=on_plan)
            case _:
                answer = shop.official(query, on_plan=on_plan)
        headers = {"X-Trace-Id": uuid4(self._random)}
        return web.json_response(answer, headers=headers)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        _refuse_first(self._chat_refusals)
        self.statistics.chat_requests += 1
        body = await _json(request)
        wanted = chat.read_request(body, on_plan=request.path.startswith(PLAN))
        trace_id = uuid4(self._random)
        headers = {"X-Trace-Id": trace_id}
        is_garbage = self._random.random() < self.mood.chat_garbage
        await asyncio.sleep(self._random.uniform(*self.mood.chat_s))
        if is_garbage:
            return web.Response(text=self._random.choice(GARBAGE), headers=headers)
        said = await asyncio.to_thread(self._write, wanted)
        write = chat.chunks if wanted.as_stream else chat.completion
        answer = write(
            wanted, said.text, random=self._random, now=time.time(), call=said.call
        )
        if isinstance(answer, dict):
            return web.json_response(answer, headers=headers)
        return await self._stream(request, answer, trace_id, self.mood.word_s)

    def _write(self, wanted: chat.ChatRequest) -> Reply:
        heard = tuple(asr.listened(self._mind, each) for each in wanted.messages)
        wanted = replace(wanted, messages=heard)
        if self._chat_mind:
            return Reply(self._chat_mind.chat(wanted.messages))
        return self._writer.write(wanted)

    async def _asr(self, request: web.Request) -> web.StreamResponse:
        self._authorize(request)
        _refuse_first(self._asr_refusals)
        self.statistics.asr_requests += 1
        body = await _json(request)
        wanted = asr.read_request(body, on_plan=request.path.startswith(PLAN))
        await asyncio.sleep(self._random.uniform(*self.mood.asr_s))
        clip = await asyncio.to_thread(asr.understand, self._mind, wanted)
        if clip and self._random.random() < self.mood.deaf:
            clip = replace(clip, text="")
        repeats = self.mood.asr_repeats
        events = asr.events(clip, wanted, random=self._random, repeats=repeats)
        return await self._stream(request, events, uuid4(self._random))

    async def _stream(
        self,
        request: web.Request,
        events: Iterable[JsonObject],
        trace_id: str,
        gap_s: float = 0.0,
    ) -> web.StreamResponse:
        response, whole = await streams.send_events(
            request,
            events,
            mood=self.mood,
            random=self._random,
            trace_id=trace_id,
            gap_s=gap_s,
        )
        self.statistics.abandoned += not whole
        return response

    # Who may come in

    def _admit(self, request: web.Request) -> None:
        self._authorize(request)
        _refuse_first(self._refusals)
        on_plan = request.path.startswith(PLAN)
        if request.query.get("model") not in (PLAN_MODELS if on_plan else MODELS):
            raise BadRequest(400, "request_params_invalid", "model is not valid")

    def _authorize(self, request: web.Request) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        wrong = self._api_key is not None and key != self._api_key
        if scheme != "Bearer" or not key or wrong:
            raise BadRequest(401, *REFUSALS[401])
        if request.path.startswith(self.mood.no_credit):
            raise BadRequest(402, *REFUSALS[402])

    @web.middleware
    async def _errors(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        try:
            if request.path in self.mood.missing:
                raise BadRequest(404, *REFUSALS[404])
            return await handler(request)
        except BadRequest as bad:
            return web.json_response(
                {"error": {"type": bad.kind, "message": bad.message}},
                status=bad.status,
                headers={"X-Trace-Id": uuid4(self._random)},
            )

    async def _close_all(self, _app: web.Application) -> None:
        for websocket in list(self._sockets):
            await websocket.close(code=1001)


async def _json(request: web.Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        raise BadRequest(400, REFUSALS[400][0], "the body is not JSON") from None


def _refuse_first(statuses: list[int]) -> None:
    if statuses:
        status = statuses.pop(0)
        kind, message = REFUSALS.get(status, ("server_error", "no more is known"))
        raise BadRequest(status, kind, message)
