"""A spoken answer over the realtime WebSocket, by websocket-client."""

import base64
import json
import os
import sys
import wave
from typing import Any

import websocket

sound = bytearray()


def on_open(socket: websocket.WebSocketApp) -> None:
    print("open")


def on_message(socket: websocket.WebSocketApp, message: str) -> None:
    event: dict[str, Any] = json.loads(message)
    match event["type"]:
        case "session.created":
            session = {
                "modalities": ["text", "audio"],
                "instructions": "You are the receptionist of a dental clinic.",
                "voice": "linjiajiejie",
                "input_audio_format": "pcm16",
                "output_audio_format": "pcm16",
                "turn_detection": None,
            }
            send(socket, "session.update", session=session)
        case "session.updated":
            said = {"type": "input_text", "text": "When are you open?"}
            item = {"type": "message", "role": "user", "content": [said]}
            send(socket, "conversation.item.create", item=item)
            send(socket, "response.create")
        case "response.audio.delta":
            sound.extend(base64.b64decode(event["delta"]))
        case "response.audio_transcript.done":
            print("said:", event["transcript"])
        case "response.done":
            print("done:", event["response"]["status"])
            socket.close()
        case "error":
            print("error:", event["error"]["message"])
            socket.close()
        case _:
            pass


def send(socket: websocket.WebSocketApp, kind: str, **members: object) -> None:
    socket.send(json.dumps({"type": kind, **members}))


websocket.WebSocketApp(
    os.environ["STEP_BASE_URL"].replace("http", "ws", 1)
    + "/realtime?model=stepaudio-2.5-realtime",
    header={"Authorization": f"Bearer {os.environ['STEP_API_KEY']}"},
    on_open=on_open,
    on_message=on_message,
).run_forever()

with wave.open(sys.argv[1], "wb") as file:
    file.setparams((1, 2, 24000, 0, "NONE", ""))
    file.writeframes(bytes(sound))
