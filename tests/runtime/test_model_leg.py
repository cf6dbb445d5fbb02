"""The model's leg against servers that aren't as they should be."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, get_args

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection, serve

from tests.audio.signals import speech
from tests.canary import KEY
from voicebot.audio.resample import UlawToPcm24
from voicebot.bridge.model import (
    AmendReply,
    AppendAudio,
    AskToSay,
    CancelReply,
    CommitAudio,
    Ending,
    FindTurns,
    PeerLost,
    ReplyDone,
    ServerSpeechStarted,
    SessionReady,
)
from voicebot.errors import UpstreamError
from voicebot.flow.model import Input
from voicebot.runtime.dialogue import (
    DEFAULT_VOICE,
    HARMLESS,
    MAX_BAD_FRAMES,
    WAITING_FRAMES,
)
from voicebot.runtime.live import Full
from voicebot.runtime.model_leg import ModelLeg, _refusal
from voicebot.runtime.model_socket import realtime
from voicebot.sim.stepfun import (
    Mood,
    OfflineStepFun,
    Reply,
    Scenario,
    ScriptedMind,
    Utterance,
)
from voicebot.stepfun.address import realtime_url
from voicebot.stepfun.realtime import events
from voicebot.stepfun.realtime.commands import ServerVad, SessionConfig
from voicebot.stepfun.realtime.history import Means
from voicebot.store.faults import Fault

CONFIG = SessionConfig("Be brief.", "linjiajiejie", turn_detection=None)
CREATED = {"type": "session.created", "session": {"id": "0" * 32}}
STARTED = {"type": "input_audio_buffer.speech_started", "item_id": "i"}
BAD_VOICE = {"type": "error", "error": {"message": "voice x is not valid"}}

Script = Callable[[web.WebSocketResponse], Awaitable[None]]


def updated(**session: object) -> dict[str, object]:
    return {"type": "session.updated", "session": {"id": "0" * 32} | session}


@asynccontextmanager
async def server(script: Script) -> AsyncIterator[str]:
    """Speaks as the script says, then closes."""

    async def realtime(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json(CREATED)
        await script(socket)
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/realtime", realtime)
    async with TestServer(app) as running:
        yield str(running.make_url("/realtime")).replace("http", "ws")


async def run(script: Script) -> tuple[ModelLeg, list[Input]]:
    """Run a leg until the server is done with it."""
    delivered: list[Input] = []
    async with server(script) as url, asyncio.timeout(10):
        leg = ModelLeg(realtime(url, KEY), CONFIG, set())
        await leg.run(delivered.append)
    return leg, delivered


async def test_a_server_that_keeps_its_own_vad_on_is_a_fault() -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        vad = {"type": "server_vad"}
        await socket.send_json(updated(voice="linjiajiejie", turn_detection=vad))

    leg, delivered = await run(script)
    assert delivered == [SessionReady(), PeerLost(Ending.STEPFUN_LOST)]
    assert list(leg.faults) == ["stepfun.other_turn_detection", "stepfun.lost"]


async def test_a_server_that_speaks_in_another_voice_is_a_fault() -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await socket.send_json(updated(voice="another", turn_detection={"type": ""}))

    leg, _ = await run(script)
    assert list(leg.faults) == ["stepfun.other_voice", "stepfun.lost"]


async def test_a_voice_is_replaced_once_and_not_for_ever() -> None:
    asked: list[str] = []

    async def script(socket: web.WebSocketResponse) -> None:
        async for frame in socket:
            asked.append(orjson.loads(frame.data)["session"]["voice"])
            await socket.send_json(BAD_VOICE)

    leg, delivered = await run(script)
    assert asked == ["linjiajiejie", DEFAULT_VOICE]
    assert delivered == [PeerLost(Ending.STEPFUN_LOST, heals=False)]
    assert leg.faults[Fault.STEPFUN_BAD_VOICE] == 2


async def test_garbage_is_dropped_unless_there_is_nothing_else() -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        for frame in (["[]"] * MAX_BAD_FRAMES + ['{"type": "unheard.of"}']) * 3:
            await socket.send_str(frame)
        await socket.send_json(updated(voice="linjiajiejie"))
        await socket.send_bytes(b"\x00")
        for _ in range(MAX_BAD_FRAMES + 1):
            await socket.send_str("{")
        await socket.receive()  # until the leg has gone

    leg, delivered = await run(script)
    assert delivered == [SessionReady(), PeerLost(Ending.STEPFUN_LOST)]
    assert (
        leg.faults[Fault.STEPFUN_BAD_FRAME] == 3 * MAX_BAD_FRAMES + MAX_BAD_FRAMES + 1
    )


async def test_garbage_in_texts_that_are_heard_ends_the_session_too() -> None:
    async def script(socket: web.WebSocketResponse) -> None:
        await good(socket)
        for _ in range(2 * MAX_BAD_FRAMES):
            await socket.send_str("{")
        await socket.receive()  # until the leg has gone

    leg, delivered = await run(script)
    assert delivered == [SessionReady(), PeerLost(Ending.STEPFUN_LOST)]
    assert leg.faults[Fault.STEPFUN_BAD_FRAME] == MAX_BAD_FRAMES + 1
    assert leg.faults[Fault.STEPFUN_LOST] == 1


async def test_a_bug_in_what_hears_is_raised_where_the_leg_runs() -> None:
    def deliver(event: Input) -> None:
        if isinstance(event, ServerSpeechStarted):
            raise ZeroDivisionError

    async def script(socket: web.WebSocketResponse) -> None:
        await good(socket)
        await socket.send_json(STARTED)
        await socket.receive()  # until the leg has gone

    async with server(script) as url, asyncio.timeout(10):
        leg = ModelLeg(realtime(url, KEY), CONFIG, set())
        with pytest.raises(ExceptionGroup) as caught:
            await leg.run(deliver)
    assert caught.group_contains(ZeroDivisionError)


async def test_what_was_sent_before_the_session_was_ready_goes_first() -> None:
    got: list[str] = []

    async def script(socket: web.WebSocketResponse) -> None:
        await good(socket)
        got.extend([(await socket.receive_json())["type"] for _ in range(3)])

    def deliver(event: Input) -> None:
        if isinstance(event, SessionReady):
            leg.send(CommitAudio())

    async with server(script) as url, asyncio.timeout(10):
        leg = ModelLeg(realtime(url, KEY), CONFIG, set())
        leg.send(AppendAudio(bytes(960)))
        leg.send(CancelReply())
        await leg.run(deliver)
    kinds = [kind.rpartition(".")[2] for kind in got]
    assert kinds == ["append", "cancel", "commit"]


async def test_more_than_can_wait_for_a_session_is_dropped_and_an_order_ends_it() -> (
    None
):
    opened: list[web.WebSocketResponse] = []

    async def script(socket: web.WebSocketResponse) -> None:
        opened.append(socket)
        await good(socket)
        await socket.receive()

    delivered: list[Input] = []
    async with server(script) as url, asyncio.timeout(10):
        leg = ModelLeg(realtime(url, KEY), CONFIG, set())
        for _ in range(WAITING_FRAMES + 2):
            leg.send(AppendAudio(bytes(960)))
        assert leg.faults == {Fault.STEPFUN_WRITE_BLOCKED: 2}
        leg.send(CommitAudio())
        await leg.run(delivered.append)
    assert len(opened) == 1
    assert delivered == [PeerLost(Ending.STEPFUN_LOST)]


async def test_a_server_that_does_not_read_loses_audio_and_then_the_call() -> None:
    blocked = asyncio.Event()
    delivered: list[Input] = []

    async def handler(connection: ServerConnection) -> None:
        await connection.send(orjson.dumps(CREATED), text=True)
        await connection.recv()
        connection.transport.pause_reading()
        await connection.send(orjson.dumps(updated(voice="linjiajiejie")), text=True)
        await blocked.wait()
        connection.transport.abort()

    def deliver(event: Input) -> None:
        delivered.append(event)
        if isinstance(event, SessionReady):
            while not leg.faults:
                leg.send(AppendAudio(bytes(48_000)))
            leg.send(CommitAudio())
            blocked.set()

    async with (
        serve(handler, "127.0.0.1", 0, compression=None) as running,
        asyncio.timeout(10),
    ):
        host, port = next(iter(running.sockets)).getsockname()
        leg = ModelLeg(realtime(f"ws://{host}:{port}/", KEY), CONFIG, set())
        await leg.run(deliver)
    assert delivered == [SessionReady(), PeerLost(Ending.STEPFUN_LOST)]
    assert leg.faults == {Fault.STEPFUN_WRITE_BLOCKED: 2, Fault.STEPFUN_LOST: 1}


@pytest.mark.parametrize("null_is_echoed", [True, False])
async def test_who_finds_turns_may_change_in_a_call_and_is_no_fault(
    null_is_echoed: bool,
) -> None:
    """The server tells so each time, in other words than the session began with."""
    heard: list[Input] = []
    over = asyncio.Event()
    voice = UlawToPcm24().push(speech(seconds=1.0, level_dbov=-20.0))

    def deliver(event: Input) -> None:
        match event:
            case SessionReady():
                leg.send(FindTurns(by_server=False))
                leg.send(AppendAudio(voice))  # nobody listens for a turn
                leg.send(FindTurns(by_server=True))
                leg.send(AppendAudio(voice))
                leg.send(FindTurns(by_server=False))
                leg.send(AskToSay("One two."))
            case ServerSpeechStarted():
                heard.append(event)
            case ReplyDone():
                over.set()
            case _:
                pass

    mood = replace(Mood.burst(), null_is_echoed=null_is_echoed)
    async with OfflineStepFun(Listener(), mood).running() as stepfun:
        url = realtime_url(stepfun.base_url, "stepaudio-2.5-realtime")
        leg = ModelLeg(
            realtime(url, KEY), replace(CONFIG, turn_detection=ServerVad()), set()
        )
        running = asyncio.create_task(leg.run(deliver))
        async with asyncio.timeout(10):
            await over.wait()
        running.cancel()
        await asyncio.wait([running])
    assert heard == [ServerSpeechStarted()]
    assert leg.faults == {}
    received = stepfun.statistics.received
    assert received["session.update"] == 1 + 3
    assert received["input_audio_buffer.clear"] == 3


# ---- repairs ---------------------------------------------------------------------


async def test_a_repair_that_is_refused_is_a_fault_and_becomes_a_note() -> None:
    got: list[dict[str, Any]] = []
    message = {"id": "i", "type": "message", "role": "assistant"}

    async def script(socket: web.WebSocketResponse) -> None:
        await socket.receive()
        await socket.send_json(updated(voice="linjiajiejie"))
        added = {"type": "response.output_item.added", "response_id": "r"}
        await socket.send_json(added | {"item": message})
        await socket.send_json({"type": "conversation.item.created", "item": message})
        await socket.send_json({"type": "response.done", "response": {"id": "r"}})
        got.append(await socket.receive_json())
        got.append(await socket.receive_json())
        about = {"message": "cannot find item i", "event_id": got[0]["event_id"]}
        await socket.send_json({"type": "error", "error": about})
        got.append(await socket.receive_json())

    def deliver(event: Input) -> None:
        if event == ReplyDone("r"):
            leg.send(AmendReply("r", "We open"))

    refused: set[Means] = set()
    async with server(script) as url, asyncio.timeout(10):
        leg = ModelLeg(realtime(url, KEY), CONFIG, refused)
        with capture_logs() as logs:
            await leg.run(deliver)
    kinds = [frame["type"].rpartition(".")[2] for frame in got]
    assert kinds == ["delete", "create", "create"]
    assert [frame["item"]["role"] for frame in got[1:]] == ["assistant", "system"]
    assert leg.faults[Fault.STEPFUN_REPAIR_REFUSED] == 1
    assert refused == {Means.DELETE}
    told = [entry for entry in logs if entry["event"] == "the model refuses a repair"]
    assert [entry["means"] for entry in told] == ["delete"]
    assert "We open" not in str(logs)


class Listener(ScriptedMind):
    """Says what it is asked to, and keeps what it was asked with."""

    def __init__(self) -> None:
        super().__init__(Scenario(()))
        self.histories: list[list[tuple[str, str]]] = []

    def answer(self, instructions: str, history: Sequence[Utterance]) -> Reply:
        self.histories.append([(each.role, each.text) for each in history])
        return super().answer(instructions, history)


async def interrupted_twice(mood: Mood) -> tuple[Listener, ModelLeg, Counter[str]]:
    """A caller hears one word of each of two answers, and all of a third."""
    mind, words = Listener(), ["One two.", "Three four.", "Five six."]
    over = asyncio.Event()

    def deliver(event: Input) -> None:
        match event:
            case SessionReady():
                leg.send(AskToSay(words[0]))
            case ReplyDone(response_id) if len(mind.histories) < len(words):
                said = words[len(mind.histories) - 1]
                leg.send(AmendReply(response_id, said.partition(" ")[0]))
                leg.send(AskToSay(words[len(mind.histories)]))
            case ReplyDone():
                over.set()
            case _:
                pass

    async with OfflineStepFun(mind, mood).running() as stepfun:
        url = realtime_url(stepfun.base_url, "stepaudio-2.5-realtime")
        leg = ModelLeg(realtime(url, KEY), CONFIG, set())
        running = asyncio.create_task(leg.run(deliver))
        async with asyncio.timeout(10):
            await over.wait()
        running.cancel()
        await asyncio.wait([running])
    return mind, leg, stepfun.statistics.received


async def test_the_model_remembers_what_was_heard() -> None:
    mind, leg, _ = await interrupted_twice(Mood.burst())
    said = [text for role, text in mind.histories[-1] if role == "assistant"]
    assert said == ["One", "Three"]
    assert leg.faults == {}


@pytest.mark.parametrize(
    ("mood", "said"),
    [
        (
            replace(Mood.burst(), refuses_delete=True),
            ["One two.", "One", "Three four."],
        ),
        (replace(Mood.burst(), refuses_assistant_items=True), ["Three four."]),
    ],
    ids=["delete", "assistant items"],
)
async def test_a_model_that_refuses_repairs_is_told_in_notes(
    mood: Mood, said: list[str]
) -> None:
    mind, leg, received = await interrupted_twice(mood)
    assert leg.faults == {"stepfun.repair_refused": 1}
    assert received["conversation.item.delete"] == 1  # and never again
    last = mind.histories[-1]
    assert [text for role, text in last if role == "assistant"] == said
    notes = [text for role, text in last if role == "system"]
    assert [("One" in note, "Three" in note) for note in notes] == [
        (True, False),
        (False, True),
    ]


# ---- another session --------------------------------------------------------------


async def good(socket: web.WebSocketResponse) -> None:
    """Open a session, and say what it is asked."""
    configured = orjson.loads((await socket.receive()).data)
    assert configured["session"]["instructions"]
    await socket.send_json(updated(voice="linjiajiejie", turn_detection={"type": ""}))


async def test_another_session_is_opened_when_the_call_asks_for_it() -> None:
    delivered: list[Input] = []
    instructions: list[str] = []
    heard: list[str] = []

    async def script(socket: web.WebSocketResponse) -> None:
        asked = orjson.loads((await socket.receive()).data)
        instructions.append(asked["session"]["instructions"])
        await socket.send_json(updated(voice="linjiajiejie"))
        if len(instructions) == 2:
            heard.append(orjson.loads((await socket.receive()).data)["type"])

    def deliver(event: Input) -> None:
        delivered.append(event)
        if isinstance(event, SessionReady) and len(delivered) == 1:
            leg.instruct(replace(CONFIG, instructions="Be long.", voice="another"))
        if isinstance(event, PeerLost) and len(delivered) == 2:
            leg.redial(asyncio.get_running_loop().time() + 5)
            leg.send(AskToSay("One."))

    async with server(script) as url, asyncio.timeout(10):
        leg = ModelLeg(realtime(url, KEY), CONFIG, set())
        await leg.run(deliver)
    lost = PeerLost(Ending.STEPFUN_LOST)
    assert delivered == [SessionReady(), lost, SessionReady(), lost]
    assert instructions == ["Be brief.", "Be long."]  # and in the voice of before
    assert heard == ["conversation.item.create"]
    assert leg.faults[Fault.STEPFUN_LOST] == 2


async def test_a_session_that_is_open_and_mute_is_closed_for_another() -> None:
    opened: list[web.WebSocketResponse] = []
    delivered: list[Input] = []

    async def script(socket: web.WebSocketResponse) -> None:
        opened.append(socket)
        await good(socket)
        if len(opened) == 1:
            await socket.receive()  # until the leg has gone

    def deliver(event: Input) -> None:
        delivered.append(event)
        if len(delivered) == 1:
            leg.redial(asyncio.get_running_loop().time() + 5)

    async with server(script) as url, asyncio.timeout(10):
        leg = ModelLeg(realtime(url, KEY), CONFIG, set())
        await leg.run(deliver)
    lost = PeerLost(Ending.STEPFUN_LOST)
    assert delivered == [SessionReady(), SessionReady(), lost]
    assert leg.faults[Fault.STEPFUN_LOST] == 1  # we were the one to close the first


async def test_a_session_that_isnt_open_in_time_is_none() -> None:
    delivered: list[Input] = []
    opened: list[web.WebSocketResponse] = []

    async def script(socket: web.WebSocketResponse) -> None:
        opened.append(socket)
        if len(opened) == 1:
            await good(socket)
        else:
            await socket.receive()  # its configuration
            await socket.receive()  # until the leg has gone

    def deliver(event: Input) -> None:
        delivered.append(event)
        if len(delivered) == 2:
            leg.redial(asyncio.get_running_loop().time() + 0.1)

    async with server(script) as url, asyncio.timeout(10):
        leg = ModelLeg(realtime(url, KEY), CONFIG, set())
        await leg.run(deliver)
    lost = PeerLost(Ending.STEPFUN_LOST)
    assert delivered == [SessionReady(), lost, lost]


async def test_a_refusal_for_good_says_so() -> None:
    delivered: list[Input] = []
    offline = OfflineStepFun(
        ScriptedMind(Scenario(())), Mood.kind(), api_key="other", refusals=()
    )
    async with offline.running() as stepfun, asyncio.timeout(10):
        url = realtime_url(stepfun.base_url, "stepaudio-2.5-realtime")
        await ModelLeg(realtime(url, KEY), CONFIG, set()).run(delivered.append)
    assert delivered == [PeerLost(Ending.STEPFUN_REFUSED, heals=False)]


def test_all_that_can_go_wrong_has_a_code() -> None:
    for kind in set(events.ErrorKind) - HARMLESS:
        assert Fault(f"stepfun.{kind}")
    for full in get_args(Full):
        assert Fault(f"admission.{full}")


@pytest.mark.parametrize(
    ("detail", "status", "fault"),
    [
        ("whatever_they_say", 402, Fault.STEPFUN_QUOTA_EXCEEDED),
        ("whatever_they_say", 418, Fault.STEPFUN_REFUSED),
        ("whatever_they_say", 503, Fault.STEPFUN_SERVER_ERROR),
        ("TimeoutError", None, Fault.STEPFUN_UNREACHABLE),
        ("bad_voice", None, Fault.STEPFUN_BAD_VOICE),
    ],
)
def test_a_refusal_is_one_of_our_codes_whatever_the_service_calls_it(
    detail: str, status: int | None, fault: Fault
) -> None:
    assert _refusal(UpstreamError("stepfun", detail, status)) is fault
