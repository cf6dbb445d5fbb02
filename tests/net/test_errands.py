"""Requests to an operator's server that is well, and to one that isn't."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from voicebot.errors import UpstreamError
from voicebot.net import errands
from voicebot.net.errands import ErrandClient, Request, open_errands
from voicebot.sim.api import Answer, OfflineApi


@pytest.fixture
async def client() -> AsyncIterator[ErrandClient]:
    async with open_errands() as client:
        yield client


def request(url: str, **given: Any) -> Request:
    plain: dict[str, Any] = {"method": "GET", "headers": {}, "body": None}
    return Request(url=url, **{**plain, "timeout_s": 5.0, "key": "k1", **given})


async def test_an_answer_is_read(client: ErrandClient) -> None:
    api = OfflineApi({"GET /slots": {"free": [9]}})
    async with api.running() as base:
        asked = request(f"{base}/slots?day=a%20b", headers={"X-Key": "abc"})
        answer = await client.fetch(asked)
    assert (answer.status, answer.body) == (200, b'{"free": [9]}')
    (seen,) = api.asked
    assert (seen.method, seen.path, seen.query) == ("GET", "/slots", {"day": "a b"})
    assert seen.headers["X-Key"] == "abc"
    assert "Idempotency-Key" not in seen.headers
    assert "abc" not in repr(asked)


async def test_a_post_has_a_key_and_a_body(client: ErrandClient) -> None:
    api = OfflineApi({"POST /book": Answer({"ok": True}, status=201)})
    async with api.running() as base:
        answer = await client.fetch(
            request(f"{base}/book", method="POST", body='{"day": "王"}')
        )
    assert answer.status == 201
    (seen,) = api.asked
    assert seen.headers["Idempotency-Key"] == "k1"
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.body == '{"day": "王"}'


async def test_an_address_is_sent_as_it_was_checked(client: ErrandClient) -> None:
    api = OfflineApi({})
    async with api.running() as base:
        await client.fetch(request(f"{base}/a%2Fb/%2e%2e/c"))
    assert api.asked[0].path == "/a%2Fb/%2e%2e/c"


@pytest.mark.parametrize("status", [301, 401, 404, 429, 500, 503])
async def test_a_refusal_has_a_status_and_no_body(
    client: ErrandClient, status: int
) -> None:
    api = OfflineApi({"GET /x": Answer({"secret": "x"}, status=status)})
    async with api.running() as base:
        answer = await client.fetch(request(f"{base}/x"))
    assert (answer.status, answer.body) == (status, b"")
    assert len(api.asked) == 1


async def test_nobody_is_followed_elsewhere(client: ErrandClient) -> None:
    api = OfflineApi({"GET /x": Answer(misbehaves="redirect")})
    async with api.running() as base:
        answer = await client.fetch(request(f"{base}/x"))
    assert answer.status == 302
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("misbehaves", "detail"),
    [("slow", "timeout"), ("huge", "too_large"), ("hangs_up", "unreachable")],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_server_that_misbehaves_is_given_up(
    client: ErrandClient, misbehaves: Any, detail: str, method: str
) -> None:
    api = OfflineApi({f"{method} /k3y": Answer(misbehaves=misbehaves)})
    timeout_s = 0.05 if misbehaves == "slow" else 5.0
    async with api.running() as base:
        with pytest.raises(UpstreamError) as caught:
            await client.fetch(
                request(f"{base}/k3y", method=method, timeout_s=timeout_s)
            )
    assert caught.value.detail == detail
    assert "k3y" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert len([each for each in api.asked if each.method == "POST"]) <= 1


async def test_a_cookie_is_nobody_elses(client: ErrandClient) -> None:
    api = OfflineApi({"GET /x": Answer(1, cookie="who=ann")})
    async with api.running() as base:
        for _ in range(2):
            await client.fetch(request(f"{base}/x"))
    assert not any("Cookie" in each.headers for each in api.asked)


@pytest.mark.parametrize(("method", "dials"), [("GET", 2), ("POST", 1)])
async def test_who_cannot_be_reached_is_dialled_again_for_a_get_only(
    client: ErrandClient,
    unused_tcp_port: int,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    dials: int,
) -> None:
    dialled = 0
    fetch = errands.ErrandClient._fetch

    async def counted(self: ErrandClient, asked: Request) -> Any:
        nonlocal dialled
        dialled += 1
        return await fetch(self, asked)

    monkeypatch.setattr(errands.ErrandClient, "_fetch", counted)
    with pytest.raises(UpstreamError, match="unreachable"):
        await client.fetch(
            request(f"http://127.0.0.1:{unused_tcp_port}/x", method=method)
        )
    assert dialled == dials
