"""`voicebot doctor` against a whole house: our server, offline StepFun and Twilio."""

import asyncio
import os
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from tests.cli.stepfun import offline
from tests.e2e.house import ACCOUNT, KEY, TOKEN, House, house, says
from tests.e2e.test_process import command
from voicebot import cli
from voicebot.cli import doctor as doctor_command
from voicebot.cli import offline as offline_command
from voicebot.cli.doctor import MODEL
from voicebot.config import Settings
from voicebot.doctor.finding import Part, exit_code
from voicebot.doctor.learnt import Learnt, read_learnt
from voicebot.runtime.learnt import FILE, keep_learnt
from voicebot.sim.ports import free_port
from voicebot.sim.stepfun import (
    Line,
    Mood,
    OfflineStepFun,
    Scenario,
    ScriptedMind,
)
from voicebot.sim.twilio.script import HangUp, Interrupt, Say
from voicebot.stepfun.advice import MEANINGS
from voicebot.stepfun.realtime.history import Means
from voicebot.web.server import running

pytestmark = pytest.mark.timeout(120)  # processes start, and speech is in real time

HEARD = Line("all circuits are busy now", "one two three four five six seven " * 5)
NUMBER: dict[str, str | None] = {"sid": "PN" + "1" * 32, "phone_number": "+12025550123"}
QUICK = replace(Mood.burst(), all_at_once=False, speed=4.0, refuses_truncate=True)

Found = dict[str, dict[str, str]]


def settings(home: House, **other: str) -> dict[str, str]:
    given = home.settings
    return {
        "VOICEBOT_STEPFUN_API_KEY": KEY,
        "VOICEBOT_STEPFUN_BASE_URL": given.stepfun_base_url,
        "VOICEBOT_TWILIO_ACCOUNT_SID": ACCOUNT,
        "VOICEBOT_TWILIO_AUTH_TOKEN": TOKEN,
        "VOICEBOT_TWILIO_API_URL": given.twilio_api_url,
        "VOICEBOT_PUBLIC_URL": given.public_url or "",
        "VOICEBOT_DIALPLANS": str(given.dialplans),
        "VOICEBOT_DATA": str(given.data),
    } | other


async def examined(given: Settings, *parts: Part) -> tuple[int, Found]:
    """Look without a process of its own; return the exit code and what was found."""
    report = await doctor_command._check(
        given, parts, MODEL, offline=False, is_quiet=True
    )
    found = [asdict(each) for each in report.findings]
    return exit_code(report.findings), by_name(found)


def by_name(findings: list[dict[str, str]]) -> Found:
    return {f"{each['part']}: {each['what']}": each for each in findings}


async def run(
    given: dict[str, str], *words: str, answer: str = ""
) -> tuple[int, str, str]:
    """Run a command; return its exit code, what it printed, and its complaints."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith("VOICEBOT_")}
    process = await asyncio.create_subprocess_exec(
        *command(*words),
        env=mine | {"COLUMNS": "200"} | given,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=given["VOICEBOT_DATA"],
    )
    out, err = await process.communicate(answer.encode())
    assert b"Traceback" not in err, err.decode()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def verdicts(found: Found, verdict: str) -> set[str]:
    return {name for name, each in found.items() if each["verdict"] == verdict}


def set_up(home: House, **other: str) -> None:
    """Give the account a number that leads to the house."""
    url = f"{home.settings.public_url}/twilio"
    home.rest.numbers = [
        {
            **NUMBER,
            "voice_url": f"{url}/voice",
            "voice_method": "POST",
            "voice_fallback_url": "https://elsewhere.example.com/sorry.xml",
            "status_callback": f"{url}/status",
            **other,
        }
    ]


async def test_a_house_in_order_is_found_so_and_what_is_learnt_is_used(
    tmp_path: Path,
) -> None:
    """A server that starts afterwards doesn't ask for what the model refuses."""
    mood = replace(QUICK, refuses_delete=True, vad_by_default=False)
    async with house(tmp_path, HEARD, mood=mood) as home:
        set_up(home)
        code, told, _ = await run(settings(home), "doctor", "--json", "--yes")
        report: Any = orjson.loads(told)
        assert report["exit"] == code
        found = by_name(report["findings"])
        assert home.stepfun.statistics.opened == home.stepfun.statistics.closed
        assert home.board._refused[MODEL] == set()
        given = home.settings
    assert code == 0
    assert verdicts(found, "fails") | verdicts(found, "unknown") == set()
    assert verdicts(found, "differs") == {
        "realtime: history, delete an item",
        "voices: official voices",
        "public: TLS",
    }
    assert verdicts(found, "told") == {"realtime: session limit", "voices: clone"}
    assert found["realtime: sample rate"]["says"] == "the server hears at 24000 Hz"
    assert found["realtime: VAD by default"]["says"].startswith("off in a new session")
    learnt = read_learnt((given.data / FILE).read_bytes())
    assert (learnt.model, learnt.refuses) == (MODEL, frozenset({Means.DELETE}))
    async with running(given) as board:
        assert board._refused[MODEL] == {Means.DELETE}
        assert board._refused["another-model"] == set()


async def test_no_call_asks_for_what_is_known_to_be_refused(tmp_path: Path) -> None:
    line = Line("My phone is broken.", "I am sorry to hear that. " * 4)
    async with house(tmp_path, line) as home:
        port = free_port()
        place = {"port": port, "public_url": f"http://127.0.0.1:{port}"}
        given = home.settings.model_copy(update=place | {"data": tmp_path / "more"})
        refuses = frozenset({Means.DELETE})
        now = datetime.now(UTC)
        keep_learnt(given.data, Learnt(given.stepfun_base_url, MODEL, now, refuses))
        async with running(given) as board:
            await board.prepare_prompts()
            started = House(given, board, home.stepfun, home.rest)
            report = await started.call(
                Say(says("My phone is broken."), "broken"),
                Interrupt(says("How long will it take?"), "how long", after_ms=1500),
                HangUp(),
            )
            call, _ = await started.record(report)
    received = home.stepfun.statistics.received
    assert received["conversation.item.delete"] == 0
    assert received["conversation.item.create"] == 1  # told in words instead
    assert call.faults == ()


async def test_the_wrong_ledger_is_told_before_anything_is_spent(
    tmp_path: Path,
) -> None:
    mood = replace(QUICK, no_credit=("/step_plan/v1",))
    async with house(tmp_path, HEARD, mood=mood) as home:
        parts = (Part.ACCOUNT, Part.REALTIME, Part.CHAT)
        code, found = await examined(home.settings, *parts)
        base_url = home.settings.stepfun_base_url
    assert code == 1
    other = base_url.replace("/step_plan", "")
    key = found["account: key"]
    assert key["todo"] == f"set VOICEBOT_STEPFUN_BASE_URL={other}: there it opens"
    assert found["realtime: all of it"]["verdict"] == "unknown"
    assert "neither pays for the other" in found["chat: answers in JSON"]["says"]
    assert not (home.settings.data / FILE).exists()


async def test_a_bad_key_is_told_once_for_all_sessions(tmp_path: Path) -> None:
    async with house(tmp_path, mood=QUICK) as home:
        other = {"stepfun_api_key": SecretStr("another-key")}
        given = home.settings.model_copy(update=other)
        parts = (Part.ACCOUNT, Part.REALTIME, Part.VOICES)
        code, found = await examined(given, *parts)
    assert code == 1
    assert found["account: key"]["says"].startswith("StepFun doesn't know the API key")
    assert "another-key" not in repr(found)


async def test_paths_that_the_plan_lacks_are_told(tmp_path: Path) -> None:
    lacks = ("/step_plan/v1/audio/speech", "/step_plan/v1/audio/voices")
    async with house(tmp_path, mood=replace(QUICK, missing=lacks)) as home:
        code, found = await examined(home.settings, Part.SPEECH, Part.VOICES)
    assert code == 1
    assert verdicts(found, "fails") == {"speech: over HTTP"}
    assert found["voices: cloned voices"]["verdict"] == "differs"


async def test_flaky_upgrades_are_told(tmp_path: Path) -> None:
    async with house(tmp_path, mood=QUICK, refusals=(500, 503)) as home:
        code, found = await examined(home.settings, Part.ACCOUNT)
    assert (code, found["account: key"]["verdict"]) == (0, "differs")
    assert "at try 3" in found["account: key"]["says"]


async def test_the_cost_is_told_and_no_means_no(tmp_path: Path) -> None:
    async with house(tmp_path, mood=QUICK) as home:
        command = ("doctor", "--only", "chat")
        code, told, asked = await run(settings(home), *command, answer="n\n")
        assert "This spends about ¥0.0050, or 5,000 Credit of a Step Plan" in asked
        assert home.stepfun.statistics.chat_requests == 0
        assert (code, told.strip()) == (1, "")
        code, told, _ = await run(settings(home), *command, answer="y\n")
        assert home.stepfun.statistics.chat_requests == 1
    assert code == 0
    assert "answers in JSON" in told


async def test_twilio_and_our_address_cost_nothing_and_need_no_key(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, mood=QUICK) as home:
        set_up(home, voice_url="https://elsewhere.example.com/voice")
        home.rest.account["type"] = "Trial"
        given = home.settings.model_copy(update={"stepfun_api_key": None})
        code, found = await examined(given, Part.TWILIO, Part.PUBLIC)
        assert code == 1
        assert "none of 1 leads to http://127.0.0.1" in str(found)
        assert str(NUMBER["phone_number"]) not in str(found)
        other = {"twilio_auth_token": SecretStr("another-token")}
        given = given.model_copy(update=other)
        code, found = await examined(given, Part.TWILIO, Part.PUBLIC)
    assert code == 1
    account = found["twilio: account"]["says"]
    assert account.startswith("the account SID and the auth token")
    assert found["public: signed webhook"]["verdict"] == "fails"
    assert found["public: WebSocket"]["verdict"] == "fails"


async def test_an_address_where_nobody_is_gives_no_answer(tmp_path: Path) -> None:
    given = Settings(
        public_url=f"http://127.0.0.1:{free_port()}",
        twilio_auth_token=SecretStr(TOKEN),
        data=tmp_path,
    )
    code, found = await examined(given, Part.PUBLIC)
    assert code == 1
    [only] = found.values()
    assert "gives no answer (ClientConnectorError)" in only["says"]


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without anything, and an environment without settings of ours."""
    for name in [name for name in os.environ if name.startswith("VOICEBOT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("bare")
def test_without_any_setting_all_is_unknown_and_nothing_spent() -> None:
    result = CliRunner().invoke(cli.app, ["doctor", "--json"])
    report = orjson.loads(result.stdout)
    assert (result.exit_code, report["estimate_ucny"]) == (3, 0)
    assert {each["verdict"] for each in report["findings"]} == {"unknown"}
    assert {each["part"] for each in report["findings"]} == set(Part)


@pytest.mark.usefixtures("bare")
def test_the_offline_stepfun_can_be_tried_out_without_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @asynccontextmanager
    async def scripted(_: object) -> AsyncIterator[OfflineStepFun]:
        mind = ScriptedMind(Scenario(()))
        server = OfflineStepFun(mind, QUICK, api_key=offline_command.KEY)
        async with server.running():
            yield server

    monkeypatch.setattr(offline_command, "offline_stepfun", scripted)
    words = ["doctor", "--offline", "--json", "--only", "account", "--only", "voices"]
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 0
    findings = orjson.loads(result.stdout)["findings"]
    assert {each["part"] for each in findings} == {"account", "voices"}


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("key", "says"),
    [
        (KEY, f"voicebot: {MEANINGS[451][0]} (HTTP 451, "),
        ("another-key", "voicebot: StepFun doesn't know the API key"),
    ],
)
def test_commands_say_in_a_sentence_what_stepfun_refuses(
    key: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with offline(refusals=(451,)) as stepfun:
        stepfun._api_key = KEY
        monkeypatch.setenv("VOICEBOT_STEPFUN_API_KEY", key)
        monkeypatch.setenv("VOICEBOT_STEPFUN_BASE_URL", stepfun.base_url)
        monkeypatch.setattr("sys.argv", ["voicebot", "say", "Hello.", "--out", "a.wav"])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
    said = capsys.readouterr().err
    assert (exit_.value.code, said.count("\n")) == (1, 1)
    assert said.startswith(says)
    assert key not in said
    if key != KEY:
        assert f"VOICEBOT_STEPFUN_BASE_URL is {stepfun.base_url}" in said
