"""
The bridge that everybody writes first, to be measured against: `python -m
voicebot.bench.naive`.

As samples do it: aiohttp and websockets on asyncio, `json` for every frame, audioop's
`ratecv` both ways, one append for each frame of the caller, StepFun's own turn
detection, `clear` when it hears speech. It checks no signature, paces nothing, keeps
no record, and knows not what was heard. Nothing of it is ours, and nothing of it is
made slow.

Settings: the environment variables that it reads are those of the server.
"""

import asyncio
import base64
import json
import os
import warnings

from aiohttp import WSMsgType, web
from websockets.asyncio.client import ClientConnection, connect

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

MODEL = "stepaudio-2.5-realtime"
GREETING = (
    "Say exactly the following, word for word, and nothing else: "
    "Hello, this is the office. What can I do for you?"
)
FRAME = 160

routes = web.RouteTableDef()


@routes.get("/healthz")
async def healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


@routes.post("/twilio/voice")
async def voice(_: web.Request) -> web.Response:
    stream = os.environ["VOICEBOT_PUBLIC_URL"].replace("http", "ws", 1)
    twiml = f'<Response><Connect><Stream url="{stream}/media"/></Connect></Response>'
    return web.Response(text=twiml, content_type="text/xml")


@routes.get("/media")
async def media(request: web.Request) -> web.WebSocketResponse:
    caller = web.WebSocketResponse()
    await caller.prepare(request)
    url = os.environ["VOICEBOT_STEPFUN_BASE_URL"].replace("http", "ws", 1)
    key = os.environ["VOICEBOT_STEPFUN_API_KEY"]
    async with connect(
        f"{url}/realtime?model={MODEL}",
        additional_headers={"Authorization": f"Bearer {key}"},
        compression=None,  # it would deflate every frame, which nobody needs
    ) as model:
        await model.send(
            json.dumps(
                {
                    "type": "session.update",
                    "session": {
                        "modalities": ["text", "audio"],
                        "instructions": "You are a clerk.",
                        "voice": "linjiajiejie",
                        "input_audio_format": "pcm16",
                        "output_audio_format": "pcm16",
                        "turn_detection": {
                            "type": "server_vad",
                            "silence_duration_ms": 500,
                            "energy_awakeness_threshold": 1200,
                        },
                    },
                }
            )
        )
        words = {"type": "input_text", "text": GREETING}
        item = {"type": "message", "role": "user", "content": [words]}
        await model.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await model.send(json.dumps({"type": "response.create"}))
        started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        out = asyncio.create_task(to_caller(model, caller, started))
        try:
            await to_model(caller, model, started)
        finally:
            out.cancel()
            await asyncio.wait([out])
    return caller


async def to_model(
    caller: web.WebSocketResponse,
    model: ClientConnection,
    started: "asyncio.Future[str]",
) -> None:
    state = None
    async for frame in caller:
        if frame.type is not WSMsgType.TEXT:
            break
        message = json.loads(frame.data)
        if message["event"] == "start":
            started.set_result(message["start"]["streamSid"])
        elif message["event"] == "media":
            ulaw = base64.b64decode(message["media"]["payload"])
            pcm = audioop.ulaw2lin(ulaw, 2)
            pcm, state = audioop.ratecv(pcm, 2, 1, 8000, 24000, state)
            audio = base64.b64encode(pcm).decode()
            await model.send(
                json.dumps({"type": "input_audio_buffer.append", "audio": audio})
            )
        elif message["event"] == "stop":
            break


async def to_caller(
    model: ClientConnection,
    caller: web.WebSocketResponse,
    started: "asyncio.Future[str]",
) -> None:
    state = None
    stream_sid = await started
    rest = b""
    async for frame in model:
        event = json.loads(frame)
        if event["type"] == "response.audio.delta":
            pcm = base64.b64decode(event["delta"])
            pcm, state = audioop.ratecv(pcm, 2, 1, 24000, 8000, state)
            rest += audioop.lin2ulaw(pcm, 2)
            while len(rest) >= FRAME:
                payload = base64.b64encode(rest[:FRAME]).decode()
                rest = rest[FRAME:]
                await caller.send_str(
                    json.dumps(
                        {
                            "event": "media",
                            "streamSid": stream_sid,
                            "media": {"payload": payload},
                        }
                    )
                )
        elif event["type"] == "input_audio_buffer.speech_started":
            await caller.send_str(
                json.dumps({"event": "clear", "streamSid": stream_sid})
            )


def main() -> None:
    """Serve until killed."""
    app = web.Application()
    app.add_routes(routes)
    web.run_app(
        app,
        host="127.0.0.1",
        port=int(os.environ["VOICEBOT_PORT"]),
        access_log=None,
        print=lambda _: print("listens: voice webhook", flush=True),
    )


if __name__ == "__main__":
    main()
