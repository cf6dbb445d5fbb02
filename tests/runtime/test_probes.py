"""How doctor comes to our public address: TLS, proxies, strangers."""

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from voicebot.doctor.finding import Verdict
from voicebot.runtime.probes.phone import visit
from voicebot.runtime.probes.realtime import Place, examine
from voicebot.runtime.probes.services import Clip
from voicebot.sim.stepfun import At, Mood, OfflineStepFun, Scenario, ScriptedMind
from voicebot.twilio.signature import SignatureCheck

TOKEN = "token"
DAYS = 40

Handler = Callable[[web.Request], Awaitable[web.Response]]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of its own for 127.0.0.1, with its key."""
    path = tmp_path / "certificate.pem"
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
        + ["-days", str(DAYS), "-subj", "/CN=127.0.0.1"]
        + ["-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", str(path), "-out", str(tmp_path / "public.pem")],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + (tmp_path / "public.pem").read_text())
    return path


async def healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


@asynccontextmanager
async def served(
    handler: Handler, certificate: Path | None = None
) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_route("*", "/{path:.*}", handler)
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    server = TestServer(app)
    await server.start_server(ssl=context)
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


async def teapot(_: web.Request) -> web.Response:
    return web.Response(status=418)


async def test_a_certificate_that_nobody_vouches_for_is_told(
    certificate: Path,
) -> None:
    async with served(teapot, certificate) as url, ClientSession() as http:
        seen = await visit(http, url, TOKEN)
    assert seen.trouble == "certificate: self-signed certificate"
    assert seen.health is None


async def test_a_good_certificate_is_good_for_some_days(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with served(teapot, certificate) as url, ClientSession() as http:
        seen = await visit(http, url, TOKEN)
    assert (seen.trouble, seen.is_ours) == ("", True)
    assert seen.certificate_days == pytest.approx(DAYS, abs=0.1)
    assert (seen.signed, seen.unsigned, seen.upgrade) == (418, 418, 418)
    assert not seen.upgrade_reached


async def test_what_is_sent_is_signed_as_twilio_signs() -> None:
    came: list[tuple[str, bool]] = []

    async def check(request: web.Request) -> web.Response:
        signatures = SignatureCheck([TOKEN], f"http://{request.host}")
        signature = request.headers.get("X-Twilio-Signature")
        if "Upgrade" in request.headers:
            passes = signatures.upgrade(request.raw_path, signature)
        else:
            form = await request.post()
            passes = signatures.webhook("POST", request.raw_path, form, signature)
        came.append((request.path, passes))
        return web.Response(status=403, text="bad token")

    async with served(check) as url, ClientSession() as http:
        seen = await visit(http, url, TOKEN)
    assert came == [
        ("/twilio/status", True),
        ("/twilio/status", False),
        ("/twilio/media/voicebot-doctor", True),
    ]
    assert seen.upgrade_reached


async def test_a_server_that_breaks_off_is_no_answer_and_no_crash() -> None:
    async def break_off(request: web.Request) -> web.Response:
        assert request.transport
        request.transport.abort()
        return web.Response()

    async with served(break_off) as url, ClientSession() as http:
        seen = await visit(http, url, TOKEN)
    assert (seen.is_ours, seen.signed, seen.unsigned) == (True, None, None)
    assert (seen.upgrade, seen.upgrade_reached) == (None, False)


async def test_a_connection_that_breaks_is_told_and_the_rest_goes_on() -> None:
    mood = replace(Mood.burst(), drops=At(2, 1))
    clip = Clip("hello", bytes(1600), bytes(4800))  # which nobody understands
    async with OfflineStepFun(ScriptedMind(Scenario(())), mood).running() as stepfun:
        place = Place(stepfun.base_url, "key", "stepaudio-2.5-realtime")
        found, repairs, _ = await examine(place, ["a"], ["a"], clip)
        assert stepfun.statistics.opened == stepfun.statistics.closed
    what = {each.what: each.verdict for each in found}
    assert what["connection (speaking)"] is Verdict.DIFFERS
    assert what["session"] is Verdict.HOLDS
    assert what["hearing"] is Verdict.FAILS  # it was tried, and is deaf
    assert set(repairs.values()) <= {None}
