"""The cascade's shell, over the offline StepFun."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from tests.audio.signals import speech
from voicebot.audio.resample import UlawToPcm24
from voicebot.dialplan.persona import Persona
from voicebot.errors import UpstreamError
from voicebot.net.chat import Chat
from voicebot.runtime import cascade
from voicebot.runtime.engines import Engines
from voicebot.runtime.model_socket import ModelSocket
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line, Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.stepfun.realtime import commands
from voicebot.stepfun.realtime.commands import SessionConfig
from voicebot.store.faults import Fault

PERSONA = Persona.model_validate(
    {
        "id": "desk",
        "title": "A desk",
        "language": "en-GB",
        "instructions": "Be kind.",
        "greeting": {"text": "Hello."},
        "pronounce": {"OPT": "O P T"},
        "model": {"engine": "cascade"},
        "fallback": {"engine": "cascade"},
    }
)
CONFIG = SessionConfig("Be kind.", "linjiajiejie", None)
HELLO = Line("Hello?", "Yes, the OPT is open.")
VOICE = UlawToPcm24().push(speech(seconds=1.5))
BURST = Mood.burst()
NOBODY = "http://127.0.0.1:9/v1"  # discards


class Peer:
    """A client of a cascade's socket."""

    def __init__(self, socket: ModelSocket) -> None:
        self._socket = socket

    async def send(self, *frames: bytes) -> None:
        for frame in frames:
            assert self.takes(frame)

    def takes(self, frame: bytes) -> bool:
        return self._socket.write(frame)

    async def until(self, kind: str) -> dict[str, object]:
        """Read up to the next event of this kind."""
        async with asyncio.timeout(10):
            while True:
                event = orjson.loads(await self._socket.read())
                if event["type"] == kind:
                    assert isinstance(event, dict)
                    return event

    async def ask(self) -> None:
        await self.send(
            commands.append(VOICE), commands.commit(), commands.create_response()
        )


class Account:
    """What the offline StepFun is asked, and what the call is told of it."""

    def __init__(self, stepfun: OfflineStepFun) -> None:
        self.stepfun = stepfun
        self.faults: Counter[Fault] = Counter()
        self.usage: Counter[str] = Counter()

    @asynccontextmanager
    async def session(self, config: SessionConfig = CONFIG) -> AsyncIterator[Peer]:
        async with ClientSession() as http:
            base_url = self.stepfun.base_url
            engines = Engines(http, Chat(http, base_url, "key"), base_url, "key")
            async with engines.dial(PERSONA)(self.faults, self.usage) as socket:
                peer = Peer(socket)
                await peer.until("session.created")
                await peer.send(commands.session_update(config))
                await peer.until("session.updated")
                yield peer


@asynccontextmanager
async def account(
    mood: Mood = BURST, line: Line = HELLO, api_key: str | None = None
) -> AsyncIterator[Account]:
    mind = ScriptedMind(Scenario((line,)))
    async with OfflineStepFun(mind, mood, api_key=api_key).running() as stepfun:
        yield Account(stepfun)


def status(done: dict[str, object]) -> object:
    """How the response ended that this event tells of."""
    assert isinstance(done["response"], dict)
    return done["response"]["status"]


async def test_a_turn_is_heard_answered_spoken_and_counted() -> None:
    async with account() as stepfun:
        async with stepfun.session() as peer:
            await peer.ask()
            heard = await peer.until(
                "conversation.item.input_audio_transcription.completed"
            )
            assert heard["transcript"] == HELLO.hear
            await peer.until("response.audio.delta")
            await peer.until("response.done")
        statistics = stepfun.stepfun.statistics
        assert statistics.speech_sockets == statistics.speech_sockets_closed
    assert stepfun.usage["cascade_asr_ms"] == 1500
    assert stepfun.usage["cascade_speech_halves"] == 15 + 2 * 8  # letters and others
    assert stepfun.usage["cascade_chat_prompt_tokens"] > 0
    assert stepfun.usage["cascade_chat_completion_tokens"] > 0
    assert not stepfun.faults


async def test_who_leaves_in_mid_sentence_leaves_nothing_open() -> None:
    mood = replace(BURST, speech=replace(BURST.speech, stalls_after=1))
    async with account(mood) as stepfun:
        async with stepfun.session() as peer:
            await peer.ask()
            await peer.until("response.audio.delta")
        statistics = stepfun.stepfun.statistics
        assert statistics.speech_sockets == statistics.speech_sockets_closed > 0


async def test_who_interrupts_stops_the_writing_and_the_speech() -> None:
    mood = replace(BURST, word_s=0.2, speech=replace(BURST.speech, pace=0.1))
    line = replace(HELLO, say="One, two. " + "And so on. " * 20)
    async with account(mood, line=line) as stepfun, stepfun.session() as peer:
        await peer.ask()
        await peer.until("response.audio.delta")
        await peer.send(commands.cancel_response())
        done = await peer.until("response.done")
        assert status(done) == "cancelled"
        spoken = stepfun.usage["cascade_speech_halves"]
        await peer.send(commands.clear())
        await peer.until("input_audio_buffer.cleared")
        assert stepfun.usage["cascade_speech_halves"] == spoken < 60
    statistics = stepfun.stepfun.statistics  # all handlers have ended
    assert statistics.abandoned == 1
    assert statistics.speech_sockets == statistics.speech_sockets_closed


@pytest.mark.parametrize("stage", ["asr_s", "chat_s"])
async def test_who_leaves_while_a_stage_works_closes_what_it_waits_for(
    stage: str,
) -> None:
    slow: dict[str, Any] = {stage: (0.5, 0.5)}
    asked = {"asr_s": "asr_requests", "chat_s": "chat_requests"}[stage]
    async with account(replace(BURST, **slow)) as stepfun, stepfun.session() as peer:
        statistics = stepfun.stepfun.statistics
        await peer.ask()
        async with asyncio.timeout(10):
            while not getattr(statistics, asked):  # noqa: ASYNC110 - tells nobody
                await asyncio.sleep(0)
    assert not stepfun.usage["cascade_speech_halves"]
    assert statistics.speech_sockets == statistics.speech_sockets_closed
    assert not stepfun.faults  # who leaves is nobody's fault


@pytest.mark.parametrize("stage", ["chat_s", "speech"])
async def test_at_each_stage_an_interruption_is_followed_by_an_answer(
    stage: str,
) -> None:
    slow: dict[str, Any] = {"chat_s": (0.3, 0.3)}
    if stage == "speech":
        slow = {"speech": replace(BURST.speech, first_s=(0.3, 0.3))}
    async with account(replace(BURST, **slow)) as stepfun, stepfun.session() as peer:
        await peer.ask()
        await peer.until("response.created")
        if stage == "speech":
            await peer.until("response.audio_transcript.delta")
        await peer.send(commands.cancel_response())
        assert status(await peer.until("response.done")) == "cancelled"
        await peer.ask()
        await peer.until("response.audio.delta")
        assert status(await peer.until("response.done")) == "completed"
    statistics = stepfun.stepfun.statistics
    assert statistics.speech_sockets == statistics.speech_sockets_closed
    assert not stepfun.faults


async def test_a_voice_that_falls_silent_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cascade, "SPEECH_S", 0.3)
    mood = replace(BURST, speech=replace(BURST.speech, stalls_after=0))
    async with account(mood) as stepfun, stepfun.session() as peer:
        await peer.ask()
        done = await peer.until("response.done")
        assert status(done) == "failed"
    assert stepfun.faults == {Fault.CASCADE_SPEECH: 2}


async def test_another_voice_has_a_socket_of_its_own() -> None:
    async with account() as stepfun, stepfun.session() as peer:
        await peer.send(
            commands.session_update(replace(CONFIG, voice="cixingnansheng"))
        )
        await peer.ask()
        await peer.until("response.audio.delta")
        await peer.until("response.done")
    assert not stepfun.faults


async def test_a_wrong_key_is_the_end_of_the_session() -> None:
    async with account(api_key="another") as stepfun, stepfun.session() as peer:
        await peer.ask()
        with pytest.raises(UpstreamError) as lost:
            await peer.until("response.created")
    assert lost.value.status == 401
    assert stepfun.faults == {Fault.CASCADE_ASR: 1}


async def test_from_a_client_that_doesnt_read_nothing_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cascade, "FRAMES", 2)
    async with account() as stepfun, stepfun.session() as peer:
        await peer.send(commands.clear(), commands.clear())
        assert not peer.takes(commands.clear())


async def test_an_answer_that_was_filtered_out_is_a_refusal() -> None:
    async def chat(request: web.Request) -> web.Response:
        delta = {"delta": {"content": ""}, "finish_reason": "content_filter"}
        event = orjson.dumps({"choices": [delta]})
        return web.Response(
            body=b"data: " + event + b"\n\ndata: [DONE]\n\n",
            content_type="text/event-stream",
        )

    app = web.Application()
    app.router.add_post("/v1/chat/completions", chat)
    faults: Counter[Fault] = Counter()
    async with TestServer(app) as server, ClientSession() as http:
        base_url = str(server.make_url("/v1"))
        engines = Engines(http, Chat(http, base_url, "key"), base_url, "key")
        async with engines.dial(PERSONA)(faults, Counter()) as socket:
            peer = Peer(socket)
            await peer.send(commands.create_response())
            done = await peer.until("response.done")
    assert status(done) == "failed"
    assert faults == {Fault.CASCADE_CHAT: 1}


async def test_engines_are_what_the_persona_says() -> None:
    async with ClientSession() as http:
        engines = Engines(http, Chat(http, NOBODY, "k"), NOBODY, "k")
        plain = Persona.model_validate(
            PERSONA.model_dump(by_alias=True, include={"id", "title", "language"})
            | {"instructions": "x", "greeting": {"text": "Hello."}}
        )
        assert engines.spare(PERSONA)
        assert engines.spare(plain) is None
        dialled = engines.dial(plain)(Counter(), Counter())
        with pytest.raises(UpstreamError):  # there is no such host
            await dialled.__aenter__()
