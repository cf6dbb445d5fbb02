"""What deploy/ holds is checked by the programs that read it."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from tests.e2e.house import (
    ACCOUNT,
    CALLER,
    DIALPLAN,
    KEY,
    OUR_NUMBER,
    PERSONA,
    TOKEN,
    says,
)
from tests.e2e.programs import program
from voicebot.config import Settings
from voicebot.runtime.switchboard import Switchboard
from voicebot.sim.ports import free_port
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line, Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.sim.twilio.caller import place_call
from voicebot.sim.twilio.report import CallReport
from voicebot.sim.twilio.rest import TwilioRest
from voicebot.sim.twilio.script import HangUp, Say, Script, Wait
from voicebot.sim.twilio.signing import sign_form
from voicebot.store.records import EndReason
from voicebot.web.server import running

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UP_S = 30.0

# Some nine seconds, so that a drain falls into it.
STEPS = (Wait(5000), Say(says("Hello?"), "hello"), HangUp(wait_quiet_ms=700))


def check(*words: str) -> None:
    """Run a program that must find nothing: some print, and exit 0 all the same."""
    done = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


def test_the_dockerfile_is_clean() -> None:
    lint = program("hadolint", "the `dev` extra")
    check(lint, "--failure-threshold", "info", "deploy/docker/Dockerfile")


def test_what_the_dockerfile_copies_is_there() -> None:
    text = (DEPLOY / "docker" / "Dockerfile").read_text()
    kept = (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text()
    for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists()
            assert f"!{name}\n" in kept


def test_the_compose_file_is_one() -> None:
    lint = program("check-jsonschema", "the `dev` extra")
    schema = ("--builtin-schema", "vendor.compose-spec")
    check(lint, *schema, "deploy/docker/compose.yaml")


@pytest.fixture
def unit(tmp_path: Path) -> str:
    """The unit, with a program that is installed here."""
    text = (DEPLOY / "systemd" / "voicebot.service").read_text()
    command = "/opt/voicebot/bin/voicebot serve --workers 2"
    assert f"ExecStart={command}\n" in text
    path = tmp_path / "voicebot.service"
    path.write_text(text.replace(command, "/bin/true"))
    return str(path)


def test_systemd_takes_the_unit(unit: str) -> None:
    check(program("systemd-analyze", "systemd"), "verify", unit)


def test_the_unit_is_shut_in(unit: str) -> None:
    command = program("systemd-analyze", "systemd"), "security", "--offline=true"
    check(*command, "--threshold=20", unit)  # 2.0 of 10


def settings(folder: Path, **more: object) -> Settings:
    return Settings.model_validate(
        {
            "stepfun_api_key": KEY,
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": TOKEN,
            "dialplans": folder / "dialplans",
            "database_url": f"sqlite:///{folder / 'calls.sqlite'}",
            **more,
        }
    )


@dataclass(frozen=True)
class Site:
    """Two servers behind a proxy."""

    url: str
    ports: tuple[int, int]
    boards: tuple[Switchboard, Switchboard]
    rest: TwilioRest
    stop_one: Callable[[], Awaitable[None]]

    async def after(self, call_sid: str) -> int:
        """What Twilio is told of a call whose stream is over."""
        url = f"{self.url}/twilio/after"
        form = [("AccountSid", ACCOUNT), ("CallSid", call_sid)]
        headers = {"X-Twilio-Signature": sign_form(TOKEN, url, form)}
        async with (
            ClientSession() as http,
            http.post(url, data=form, headers=headers) as answer,
        ):
            return answer.status

    async def call(self, number: int) -> CallReport:
        return await place_call(
            voice_url=f"{self.url}/twilio/voice",
            status_url=f"{self.url}/twilio/status",
            auth_token=TOKEN,
            account_sid=ACCOUNT,
            from_number=f"{CALLER[:-2]}{number:02}",
            to_number=OUR_NUMBER,
            script=Script(STEPS),
            rest=self.rest,
            max_call_s=30.0,
        )


@asynccontextmanager
async def haproxy(
    folder: Path, port: int, ports: tuple[int, int]
) -> AsyncIterator[None]:
    """Run the proxy as it is configured, on another port and without TLS."""
    text = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
    for given, mine in (
        ("maxconn 20000", "maxconn 200"),  # it wants as many open files
        (
            "bind :443 ssl crt /etc/haproxy/certs/ alpn http/1.1",
            f"bind 127.0.0.1:{port}",
        ),
        ("server one 127.0.0.1:8081", f"server one 127.0.0.1:{ports[0]}"),
        ("server two 127.0.0.1:8082", f"server two 127.0.0.1:{ports[1]}"),
    ):
        assert given in text
        text = text.replace(given, mine)
    path = folder / "haproxy.cfg"
    path.write_text(text)
    check(program("haproxy", "haproxy"), "-c", "-q", "-f", str(path))
    server = await asyncio.create_subprocess_exec(
        program("haproxy", "haproxy"),
        "-f",
        str(path),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        server.terminate()
        async with asyncio.timeout(UP_S):
            await server.wait()


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    (folder / "dialplans" / "personas").mkdir(parents=True)
    (folder / "dialplans" / "dialplan.yaml").write_text(DIALPLAN)
    (folder / "dialplans" / "personas" / "tester.yaml").write_text(PERSONA)
    mind = ScriptedMind(Scenario((Line("Hello?", "Yes, I am here."),)))
    ports = (free_port(), free_port())
    async with AsyncExitStack() as stack:
        offline = OfflineStepFun(mind, Mood.kind(), api_key=KEY)
        stepfun = await stack.enter_async_context(offline.running())
        rest = await stack.enter_async_context(TwilioRest(ACCOUNT, TOKEN).running())
        public = free_port()
        url = f"http://127.0.0.1:{public}"
        boards, stops = [], []
        for name, port in zip(("one", "two"), ports, strict=True):
            given = settings(
                folder,
                data=folder / name,
                port=port,
                public_url=url,
                stepfun_base_url=stepfun.base_url,
                twilio_api_url=rest.api_url,
            )
            server = await stack.enter_async_context(AsyncExitStack())
            board = await server.enter_async_context(running(given))
            stops.append(server.aclose)
            await board.prepare_prompts()
            boards.append(board)
        # It takes both for up until it has asked.
        await stack.enter_async_context(haproxy(folder, public, ports))
        await until(lambda: status(f"{url}/twilio/voice"), 405)
        yield Site(url, ports, (boards[0], boards[1]), rest, stops[0])


async def status(url: str) -> int:
    try:
        async with ClientSession() as http, http.get(url) as answer:
            return answer.status
    except ClientError:
        return 0


async def until(ask: Callable[[], Awaitable[int]], wanted: int) -> None:
    async with asyncio.timeout(UP_S):
        while await ask() != wanted:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.1)


@pytest.mark.timeout(180)
async def test_calls_stay_with_their_server_while_it_drains(tmp_path: Path) -> None:
    program("haproxy", "haproxy")
    async with site(tmp_path) as here:
        one, two = here.boards

        async def live() -> int:
            return len(one.live) + len(two.live) if one.live and two.live else 0

        before = [asyncio.create_task(here.call(n)) for n in range(6)]
        await until(live, 6)
        draining = asyncio.create_task(one.drain(30))
        await asyncio.sleep(2.5)  # until the proxy has asked after it
        after = [asyncio.create_task(here.call(n)) for n in range(10, 13)]
        reports = await asyncio.gather(*before, *after)
        await draining
        await two.quiet()
        rows = await two.store.list_calls(limit=20)
        mine = [row.call_sid for row in rows if row.instance_id != rows[0].instance_id]
        await here.stop_one()  # what is asked of its calls, the other one answers
        asked = [await here.after(call_sid) for call_sid in mine]
    assert asked == [200] * len(mine)
    assert [report.warnings for report in reports] == [[]] * 9
    assert [len(report.turns) for report in reports] == [1] * 9  # it was answered
    ends = [(row.end_reason, row.faults) for row in rows]
    assert ends == [(EndReason.CALLER_HANGUP, ())] * 9
    newest, oldest = rows[:3], rows[3:]
    assert len({row.instance_id for row in newest}) == 1
    assert len({row.instance_id for row in oldest}) == 2
