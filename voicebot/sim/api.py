"""A server such as an operator has: it answers by a mapping, and can misbehave."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

# Longer than anybody waits.
SLOW_S = 60.0
HUGE_BYTES = 200 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers."""

    json: Any = None
    status: int = 200
    misbehaves: Literal["slow", "huge", "redirect", "garbage", "hangs_up"] | None = None
    after_s: float = 0.0
    cookie: str | None = None
    """That it sets: `name=value`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as it came in."""

    method: str
    path: str
    """Raw: with its percents, without the query."""
    query: dict[str, str]
    headers: dict[str, str] = field(repr=False)
    body: str = ""


class OfflineApi:
    """
    Answers `GET /slots` with what the routes have for it; 404 to all else.

    Args:
        routes: `GET /slots` -> its answer; a value that is no Answer is its JSON.

    Attributes:
        asked: all requests, in order.
        was_asked: set by the first.
    """

    def __init__(self, routes: Mapping[str, Any]) -> None:
        self.asked: list[Asked] = []
        self.was_asked = asyncio.Event()
        self._routes = routes

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serve on a free port of this machine; yields the address."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        self.asked.append(
            Asked(
                request.method,
                path,
                dict(request.query),
                dict(request.headers),
                await request.text(),
            )
        )
        self.was_asked.set()
        given = self._routes.get(f"{request.method} {path}")
        if given is None:
            return web.json_response({"error": "not found"}, status=404)
        answer = given if isinstance(given, Answer) else Answer(given)
        await asyncio.sleep(answer.after_s)
        match answer.misbehaves:
            case "slow":
                await asyncio.sleep(SLOW_S)
            case "huge":
                return web.Response(body=b"x" * HUGE_BYTES)
            case "redirect":
                raise web.HTTPFound("/elsewhere")
            case "garbage":
                return web.Response(body=b"\xff\xfe\x00\xff")
            case "hangs_up":
                assert request.transport
                request.transport.abort()
            case None:
                pass
        headers = {"Set-Cookie": answer.cookie} if answer.cookie else None
        return web.json_response(answer.json, status=answer.status, headers=headers)
