"""`voicebot doctor` against a whole house: our server, offline StepFun and Twilio."""

import asyncio
import os
from asyncio.subprocess import PIPE
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.e2e.house import ACCOUNT, KEY, TOKEN, House, free_port, house, says
from tests.e2e.test_process import command
from voicebot.cli.doctor import MODEL
from voicebot.doctor.finding import Part
from voicebot.doctor.learnt import Learnt, read_learnt
from voicebot.runtime.learnt import FILE, keep_learnt
from voicebot.sim.stepfun import At, Line, Mood
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


async def doctor(home: House, *words: str, **other: str) -> tuple[int, Found]:
    """Run it as a process; return its exit code and what it found."""
    words = ("doctor", "--json", "--yes", *words)
    code, told, _ = await run(settings(home) | other, *words)
    report: Any = orjson.loads(told)
    assert report["exit"] == code
    return code, {
        f"{each['part']}: {each['what']}": each for each in report["findings"]
    }


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
        code, found = await doctor(home)
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
        parts = ("--only", "account", "--only", "realtime", "--only", "chat")
        code, found = await doctor(home, *parts)
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
        parts = ("--only", "account", "--only", "realtime", "--only", "voices")
        other = {"VOICEBOT_STEPFUN_API_KEY": "another-key"}
        code, found = await doctor(home, *parts, **other)
    assert code == 1
    assert found["account: key"]["says"].startswith("StepFun doesn't know the API key")
    assert "another-key" not in repr(found)


async def test_paths_that_the_plan_lacks_are_told(tmp_path: Path) -> None:
    lacks = ("/step_plan/v1/audio/speech", "/step_plan/v1/audio/voices")
    async with house(tmp_path, mood=replace(QUICK, missing=lacks)) as home:
        code, found = await doctor(home, "--only", "speech", "--only", "voices")
    assert code == 1
    assert verdicts(found, "fails") == {"speech: over HTTP"}
    assert found["voices: cloned voices"]["verdict"] == "differs"


async def test_flaky_upgrades_are_told(tmp_path: Path) -> None:
    async with house(tmp_path, mood=QUICK, refusals=(500, 503)) as home:
        code, found = await doctor(home, "--only", "account")
    assert (code, found["account: key"]["verdict"]) == (0, "differs")
    assert "at try 3" in found["account: key"]["says"]


async def test_a_connection_that_breaks_is_told_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    mood = replace(QUICK, drops=At(2, 1))
    async with house(tmp_path, HEARD, mood=mood) as home:
        code, found = await doctor(home, "--only", "realtime")
    assert found["realtime: connection (speaking)"]["verdict"] == "differs"
    assert found["realtime: sample rate"]["verdict"] == "ok"
    assert code == 3  # nobody could try repairs, so they are unknown


async def test_without_any_setting_all_is_unknown_and_nothing_spent(
    tmp_path: Path,
) -> None:
    code, told, _ = await run({"VOICEBOT_DATA": str(tmp_path)}, "doctor", "--json")
    report = orjson.loads(told)
    assert (code, report["estimate_ucny"]) == (3, 0)
    assert {each["verdict"] for each in report["findings"]} == {"unknown"}
    assert {each["part"] for each in report["findings"]} == set(Part)


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
        given = settings(home) | {"VOICEBOT_STEPFUN_API_KEY": ""}
        words = ("--only", "twilio", "--only", "public")
        code, told, _ = await run(given, "doctor", *words)
        assert code == 1
        assert "none of 1 leads to http://127.0.0.1" in told
        assert str(NUMBER["phone_number"]) not in told
        given["VOICEBOT_TWILIO_AUTH_TOKEN"] = "another-token"
        code, told, _ = await run(given, "doctor", "--json", *words)
    assert code == 1
    found = {each["what"]: each for each in orjson.loads(told)["findings"]}
    assert found["account"]["says"].startswith("the account SID and the auth token")
    assert found["signed webhook"]["verdict"] == "fails"
    assert found["WebSocket"]["verdict"] == "fails"


async def test_an_address_where_nobody_is_gives_no_answer(tmp_path: Path) -> None:
    given = {
        "VOICEBOT_PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
        "VOICEBOT_TWILIO_AUTH_TOKEN": TOKEN,
        "VOICEBOT_DATA": str(tmp_path),
    }
    code, told, _ = await run(given, "doctor", "--only", "public", "--json")
    (found,) = orjson.loads(told)["findings"]
    assert code == 1
    assert "gives no answer (ClientConnectorError)" in found["says"]


async def test_commands_say_in_a_sentence_what_stepfun_refuses(tmp_path: Path) -> None:
    words = ("say", "Hello.", "--out", str(tmp_path / "hello.wav"))
    async with house(tmp_path, mood=QUICK) as home:
        given = settings(home)
        home.stepfun._speech_refusals += (451,)
        code, _, said = await run(given, *words)
        assert (code, said.count("\n")) == (1, 1)
        assert said.startswith(f"voicebot: {MEANINGS[451][0]} (HTTP 451, ")
        given["VOICEBOT_STEPFUN_API_KEY"] = "another-key"
        code, _, said = await run(given, *words)
    assert code == 1
    assert said.startswith("voicebot: StepFun doesn't know the API key")
    assert f"VOICEBOT_STEPFUN_BASE_URL is {given['VOICEBOT_STEPFUN_BASE_URL']}" in said
    assert "another-key" not in said


async def test_the_offline_stepfun_can_be_tried_out_without_a_key(
    tmp_path: Path,
) -> None:
    pytest.importorskip("faster_whisper", reason="the `demo` extra isn't installed")
    given = {"VOICEBOT_DATA": str(tmp_path)}
    words = ("--offline", "--json", "--only", "account", "--only", "asr")
    code, told, _ = await run(given, "doctor", *words)
    assert code == 0
    assert len(orjson.loads(told)["findings"]) == 2
