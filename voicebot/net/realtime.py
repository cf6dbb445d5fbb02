"""The WebSocket to StepFun's realtime model."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus

from voicebot.errors import UpstreamError
from voicebot.net.quick_socket import MAX_FRAME_BYTES, QuickSocket
from voicebot.net.stepfun import trace_id_of
from voicebot.stepfun.upstream import SERVICE, read_error

OPEN_S = 3.0  # the caller hears the greeting meanwhile, and little more
PING_S = 20.0  # idle sockets are dropped after 60 s (stepfun reference, 3.12)


@asynccontextmanager
async def realtime_socket(url: str, api_key: str) -> AsyncIterator[QuickSocket]:
    """
    Open a socket to the model; close it on the way out.

    Raises:
        UpstreamError: it couldn't be opened; the status tells why.
    """
    try:
        socket = await connect(
            url,
            additional_headers={"Authorization": f"Bearer {api_key}"},
            compression=None,
            create_connection=QuickSocket,
            open_timeout=OPEN_S,
            close_timeout=1.0,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            max_size=MAX_FRAME_BYTES,
            proxy=None,
            ssl=_tls() if url.startswith("wss:") else None,
        )
    except InvalidStatus as exc:
        answer = exc.response
        error = read_error(answer.status_code, bytes(answer.body or b""))
        error.trace_id = trace_id_of(answer.headers)
        raise error from exc
    except (InvalidHandshake, TimeoutError, OSError) as exc:
        raise UpstreamError(SERVICE, type(exc).__name__) from exc
    assert isinstance(socket, QuickSocket)
    async with socket:
        yield socket


@cache
def _tls() -> ssl.SSLContext:
    """Build it once: it takes 30 ms, in which no call of this process is served."""
    return ssl.create_default_context()
