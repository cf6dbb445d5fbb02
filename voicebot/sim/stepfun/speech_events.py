"""`POST /audio/speech` with `stream_format: sse`: the answer, event by event."""

import asyncio
import json
from collections.abc import Iterator
from random import Random
from typing import Final

from aiohttp import web

from voicebot.sim.stepfun.speech import SpeechRequest, encoded
from voicebot.sim.stepfun.speech_mood import SpeechMood
from voicebot.sim.stepfun.wire import JsonObject, base64, uuid4

END: Final = b"data: [DONE]\n\n"


async def send_events(
    request: web.Request,
    wanted: SpeechRequest,
    sound: bytes,
    mood: SpeechMood,
    random: Random,
) -> web.StreamResponse:
    """
    Send a file, or pcm16, piece by piece.

    Args:
        sound: in the format that is wanted.
    """
    headers = {"Content-Type": "text/event-stream", "X-Trace-Id": uuid4(random)}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    await asyncio.sleep(random.uniform(*mood.first_s))
    loop = asyncio.get_running_loop()
    begun_at = loop.time()
    for at, piece in enumerate(_pieces(sound, wanted, mood)):
        event = _sse({"type": "speech.audio.delta", "audio": base64(piece)})
        if at == mood.fails_after:
            failure = {"type": "speech.audio.error", "message": "synthesis failed"}
            await response.write(_sse(failure) + END)
            return response
        if at == mood.drops_after and request.transport:
            await response.write(event[: len(event) // 2])
            request.transport.close()
            return response
        if at == mood.stalls_after:
            while request.transport is not None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
            return response
        if mood.unknown_events:
            await response.write(_sse({"type": "speech.weather", "sun": True}))
        due_at = begun_at + at * mood.delta_ms / 1000 / mood.pace
        await asyncio.sleep(due_at - loop.time())
        await response.write(event)
    whole = base64(sound) if mood.done_holds_all else ""
    await response.write(_sse({"type": "speech.audio.done", "audio": whole}) + END)
    return response


def _pieces(sound: bytes, wanted: SpeechRequest, mood: SpeechMood) -> Iterator[bytes]:
    size = 2 * (wanted.rate_hz * mood.delta_ms // 1000)
    if wanted.format == "pcm" and mood.odd_bytes:
        size += 1
    for at in range(0, len(sound), size):
        piece = sound[at : at + size]
        is_wav = wanted.format == "pcm" and mood.wav_chunks
        yield encoded(piece, "wav", wanted.rate_hz) if is_wav else piece


def _sse(event: JsonObject) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()
