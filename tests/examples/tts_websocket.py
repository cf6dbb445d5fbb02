"""Text that is spoken while it is written, by websocket-client."""

import base64
import json
import os
import sys

import websocket

socket = websocket.create_connection(
    os.environ["STEP_BASE_URL"].replace("http", "ws", 1)
    + "/realtime/audio?model=stepaudio-2.5-tts",
    header={"Authorization": f"Bearer {os.environ['STEP_API_KEY']}"},
    timeout=20,
)
hello = json.loads(socket.recv())
session = {"session_id": hello["data"]["session_id"]}


def send(kind: str, **members: object) -> None:
    socket.send(json.dumps({"type": kind, "data": {**session, **members}}))


send(
    "tts.create",
    voice_id="ganliannvsheng",
    response_format="pcm",
    sample_rate=8000,
)
for piece in ("Your appointment ", "is on Friday. ", "See you then."):
    send("tts.text.delta", text=piece)
send("tts.text.done")

sound = b""
while True:
    event = json.loads(socket.recv())
    match event["type"]:
        case "tts.response.sentence.start":
            print("sentence:", event["data"]["text"].strip())
        case "tts.response.audio.delta":
            sound += base64.b64decode(event["data"]["audio"])
        case "tts.response.audio.done":
            break
        case "tts.response.error":
            sys.exit(event["data"]["message"])
        case _:
            pass
socket.close()
with open(sys.argv[1], "wb") as file:
    file.write(sound)
