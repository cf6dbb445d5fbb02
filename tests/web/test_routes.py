"""Nothing under /twilio/ answers to who can't prove to be Twilio."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.e2e.house import (
    ACCOUNT,
    TOKEN,
    House,
    house,
)
from voicebot.errors import ConfigError, StoreError
from voicebot.sim.ports import free_port
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.twilio.signing import sign_form, sign_url
from voicebot.store.records import EndReason
from voicebot.web.server import running


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, mood=Mood.burst()) as built:
        yield built


async def status(url: str, method: str, headers: dict[str, str]) -> int:
    async with (
        ClientSession() as http,
        http.request(method, url, headers=headers) as answer,
    ):
        return answer.status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/twilio/voice"),
        ("POST", "/twilio/after"),
        ("POST", "/twilio/status"),
        ("POST", "/twilio/queue/token"),
        ("POST", "/twilio/dialed/token"),
        ("POST", "/twilio/recorded/token"),
        ("POST", "/twilio/transcribed/token"),
        ("POST", "/twilio/whisper/token"),
        ("GET", "/twilio/media/token"),
    ],
)
async def test_an_unsigned_request_is_forbidden(
    home: House, method: str, path: str
) -> None:
    for headers in ({}, {"X-Twilio-Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}):
        assert await status(home.url + path, method, headers) == 403


async def test_a_signed_form_without_a_call_is_a_bad_request(home: House) -> None:
    names = (
        "voice",
        "after",
        "queue/t",
        "status",
        "dialed/t",
        "recorded/t",
        "transcribed/t",
    )
    for path in (f"/twilio/{name}" for name in names):
        signature = sign_form(TOKEN, home.url + path, [])
        headers = {"X-Twilio-Signature": signature}
        assert await status(home.url + path, "POST", headers) == 400


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def signed_stream(home: House, token: str) -> tuple[str, dict[str, str]]:
    url = f"{home.url}/twilio/media/{token}"
    return url, {"X-Twilio-Signature": sign_url(TOKEN, url.replace("http", "ws"))}


async def test_a_signed_upgrade_without_a_token_of_ours_is_forbidden(
    home: House,
) -> None:
    url, headers = signed_stream(home, "x" * 32)
    assert await status(url, "GET", headers | UPGRADE) == 403
    assert home.stepfun.statistics.opened == 0


async def test_an_upgrade_that_lost_its_headers_burns_no_token(home: House) -> None:
    twiml = await home.webhook("CA" + "1" * 32)
    found = re.search(r"/media/([\w-]+)", twiml)
    assert found
    url, headers = signed_stream(home, found[1])
    assert await status(url, "GET", headers) == 426
    ticket = home.board.redeem(found[1])
    assert ticket
    home.board.never_started(ticket, EndReason.NEVER_CONNECTED)


async def test_a_webhook_that_comes_twice_at_once_is_one_call(home: House) -> None:
    answers = await asyncio.gather(*(home.webhook("CA" + "2" * 32) for _ in range(5)))
    assert all("<Stream" in answer for answer in answers)
    assert len(home.board.live) == 1


async def test_of_a_call_that_nobody_knows_the_line_is_hung_up(home: House) -> None:
    url = f"{home.url}/twilio/after"
    form = [("AccountSid", ACCOUNT), ("CallSid", "CA" + "3" * 32)]
    headers = {"X-Twilio-Signature": sign_form(TOKEN, url, form)}
    async with (
        ClientSession() as http,
        http.post(url, data=form, headers=headers) as answer,
    ):
        assert "<Hangup" in await answer.text()


async def told(home: House, path: str, **fields: str) -> tuple[int, str]:
    """Post news of a call, signed; return status and body."""
    url = f"{home.url}/twilio/{path}"
    form = list({"AccountSid": ACCOUNT, "CallSid": "CA" + "3" * 32, **fields}.items())
    headers = {"X-Twilio-Signature": sign_form(TOKEN, url, form)}
    async with (
        ClientSession() as http,
        http.post(url, data=form, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


RECORDING = "RE" + "4" * 32
NEWS = [
    ("queue/t", {"CallStatus": "in-progress"}, 200, "<Hangup"),
    ("queue/t", {"CallStatus": "completed"}, 200, "<Hangup"),
    ("dialed/t", {"DialCallStatus": "busy"}, 200, "<Hangup"),
    ("recorded/t", {"RecordingUrl": f"https://h/{RECORDING}"}, 200, "<Hangup"),
    ("recorded/t", {"RecordingStatus": "absent"}, 204, ""),
    ("transcribed/t", {"RecordingSid": RECORDING}, 204, ""),
    ("whisper/t", {}, 200, "<Response"),
    ("status", {"CallStatus": "completed"}, 204, ""),
]


@pytest.mark.parametrize(("path", "fields", "status", "body"), NEWS)
async def test_news_of_a_call_that_nobody_knows_harms_nothing(
    home: House, path: str, fields: dict[str, str], status: int, body: str
) -> None:
    found = await told(home, path, **fields)
    assert found[0] == status
    assert body in found[1]


async def test_if_the_call_log_fails_twilio_is_told_so(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(call_sid: str) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(home.board.store, "call_by_sid", fails)
    words = {"RecordingSid": RECORDING, "TranscriptionStatus": "completed"}
    # Whoever is on the line is told something all the same.
    code, twiml = await told(home, "dialed/t", DialCallStatus="busy")
    assert (code, "<Hangup" in twiml) == (200, True)
    assert (await told(home, "recorded/t", RecordingSid=RECORDING))[0] == 503
    assert (await told(home, "transcribed/t", **words))[0] == 503
    # Somebody has answered; nothing is looked up for that.
    assert (await told(home, "whisper/t"))[0] == 200


async def test_two_servers_never_share_a_call_log(home: House) -> None:
    other = home.settings.model_copy(update={"port": free_port()})
    with pytest.raises(ConfigError, match="another voicebot uses it"):
        async with running(other):
            pass


async def test_a_form_in_no_encoding_is_a_bad_request(home: House) -> None:
    kind = "application/x-www-form-urlencoded; charset=utf-9"
    async with (
        ClientSession() as http,
        http.post(
            home.url + "/twilio/voice", data=b"a=b", headers={"Content-Type": kind}
        ) as answer,
    ):
        assert answer.status in (400, 403)


async def test_readiness_ends_when_a_drain_begins(home: House) -> None:
    assert await status(home.url + "/healthz", "GET", {}) == 200
    assert await status(home.url + "/readyz", "GET", {}) == 200
    home.board.live.draining = True
    assert await status(home.url + "/healthz", "GET", {}) == 200
    assert await status(home.url + "/readyz", "GET", {}) == 503
