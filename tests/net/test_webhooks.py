"""What is sent can be checked by who gets it, as the documents say."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from voicebot.errors import UpstreamError
from voicebot.net.webhooks import PAUSES_S, Webhooks, pause_s, signature

DOCS = Path(__file__).parents[2] / "docs" / "after-call.md"
BODY = b'{"event":"call.ended"}'


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


class Receiver:
    """Takes webhooks, or doesn't."""

    def __init__(self, status: int = 204) -> None:
        self.status = status
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.arrived = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        self.arrived.set()
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})

    async def server(self) -> TestServer:
        app = web.Application()
        app.router.add_post("/{path:.*}", self.take)
        server = TestServer(app)
        await server.start_server()
        return server


async def test_what_comes_is_signed_and_named(http: ClientSession) -> None:
    receiver = Receiver()
    server = await receiver.server()
    await Webhooks(http, "hush").send(
        f"{server.make_url('/calls')}", BODY, key="c1.0", timestamp=1_800_000_000
    )
    await server.close()
    ((headers, body),) = receiver.got
    assert body == BODY
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == "c1.0"
    assert headers["Voicebot-Timestamp"] == "1800000000"
    expected = signature("hush", 1_800_000_000, BODY)
    assert headers["Voicebot-Signature"] == f"v1={expected}"


@pytest.mark.parametrize("status", [301, 400, 404, 410, 500, 503])
async def test_what_is_not_taken_is_an_error_and_no_redirect_is_followed(
    http: ClientSession, status: int
) -> None:
    receiver = Receiver(status)
    server = await receiver.server()
    with pytest.raises(UpstreamError) as caught:
        await Webhooks(http, "hush").send(
            f"{server.make_url('/')}", BODY, key="c1.0", timestamp=1
        )
    await server.close()
    assert (caught.value.service, caught.value.status) == ("webhook", status)
    assert len(receiver.got) == 1


async def test_nobody_there_is_an_error_too(
    unused_tcp_port: int, http: ClientSession
) -> None:
    with pytest.raises(UpstreamError, match="webhook: no answer"):
        await Webhooks(http, "hush").send(
            f"http://127.0.0.1:{unused_tcp_port}/", BODY, key="c1.0", timestamp=1
        )


def test_tries_are_ever_further_apart() -> None:
    pauses = [pause_s(tries) for tries in range(9)]
    assert pauses == [*PAUSES_S, PAUSES_S[-1], PAUSES_S[-1]]
    assert pauses == sorted(pauses)


def test_the_documented_check_takes_what_is_signed_and_nothing_else() -> None:
    (snippet,) = re.findall("```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(snippet, names)  # noqa: S102 - of ours
    is_genuine = names["is_genuine"]
    assert callable(is_genuine)
    headers = {
        "Voicebot-Timestamp": "1800000000",
        "Voicebot-Signature": f"v1={signature('hush', 1_800_000_000, BODY)}",
    }
    assert is_genuine("hush", headers, BODY, now=1_800_000_100)
    assert not is_genuine("other", headers, BODY, now=1_800_000_100)
    assert not is_genuine("hush", headers, BODY + b" ", now=1_800_000_100)
    assert not is_genuine("hush", headers, BODY, now=1_800_000_400)
    later = headers | {"Voicebot-Timestamp": "1800000001"}
    assert not is_genuine("hush", later, BODY, now=1_800_000_100)
