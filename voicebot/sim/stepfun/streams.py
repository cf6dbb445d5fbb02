"""Answers that are sent event by event, and go wrong as the mood has it."""

import asyncio
import json
from collections.abc import Iterable
from random import Random

from aiohttp import web

from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.wire import JsonObject

DONE = b"data: [DONE]\n\n"
ERROR: JsonObject = {"error": {"type": "server_error", "message": "internal error"}}


async def send_events(
    request: web.Request,
    events: Iterable[JsonObject],
    *,
    mood: Mood,
    random: Random,
    trace_id: str,
    gap_s: float = 0.0,
) -> tuple[web.StreamResponse, bool]:
    """
    Answer with server-sent events.

    Args:
        gap_s: between two of them.

    Returns:
        Also whether all were sent: the client may have closed the connection.
    """
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "X-Trace-Id": trace_id}
    )
    frames = [_frame(event) for event in events]
    middle = len(frames) // 2
    if random.random() < mood.stream_errors:
        frames[middle:] = [_frame(ERROR), DONE]
    elif random.random() < mood.stream_halves:
        frames[middle:] = [frames[middle][: len(frames[middle]) // 2]]
    else:
        frames.append(DONE)
    try:
        await response.prepare(request)
        for frame in frames:
            await response.write(frame)
            await asyncio.sleep(gap_s)
        await response.write_eof()
    except ConnectionError:
        return response, False
    return response, True


def _frame(event: JsonObject) -> bytes:
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()
