"""`voicebot call` against a small bot that runs in a thread of its own."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from tests.sim.twilio.bot import TOKEN, Bot
from voicebot.cli import call
from voicebot.errors import ConfigError


@pytest.fixture
def bot() -> Iterator[Bot]:
    bot, loop = Bot(), asyncio.new_event_loop()
    started = threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        async with bot.running():
            bot.documents["/voice"] = bot.connect()
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    started.wait(5)
    yield bot
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOICEBOT_TWILIO_ACCOUNT_SID", "AC" + 32 * "0")
    monkeypatch.setenv("VOICEBOT_TWILIO_AUTH_TOKEN", TOKEN.replace(" ", "-"))
    monkeypatch.setattr("tests.sim.twilio.bot.TOKEN", TOKEN.replace(" ", "-"))


def command(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(call.run)
    return CliRunner().invoke(app, arguments)


def script(folder: Path) -> str:
    path = folder / "caller.yaml"
    path.write_text("steps: [{wait_ms: 150}, {hang_up: true}]")
    return str(path)


def test_a_call_is_shown_and_recorded(bot: Bot, tmp_path: Path) -> None:
    result = command(
        f"{bot.url}/voice",
        "--script",
        script(tmp_path),
        "--record",
        str(tmp_path / "call.wav"),
    )
    assert result.exit_code == 0, result.output
    assert "stream started" in result.stdout
    assert "Call completed" in result.stdout
    assert bot.unsigned == []
    assert soundfile.info(tmp_path / "call.wav").channels == 2


def test_as_json_nothing_else_is_printed(bot: Bot, tmp_path: Path) -> None:
    result = command(f"{bot.url}/voice", "--json", "--script", script(tmp_path))
    assert json.loads(result.stdout)["outcome"] == "completed"


def test_a_refusal_is_one_sentence_and_exit_1(bot: Bot, tmp_path: Path) -> None:
    bot.documents["/voice"] = "<Response><Reject reason='busy'/></Response>"
    result = command(f"{bot.url}/voice", "--script", script(tmp_path))
    assert result.exit_code == 1
    assert result.stderr == "voicebot: the bot rejected the call: <Reject busy>\n"


def test_what_twilio_says_is_shown(bot: Bot, tmp_path: Path) -> None:
    bot.documents["/voice"] = "<Response><Say>We are [closed].</Say></Response>"
    result = command(f"{bot.url}/voice", "--script", script(tmp_path))
    assert result.exit_code == 0, result.output
    assert "twilio says      We are [closed]." in result.stdout
    assert "Twilio said: We are [closed]." in result.stdout
    assert "; ended by Twilio; 0 underruns" in result.stdout
    result = command(f"{bot.url}/voice", "--script", script(tmp_path), "--json")
    assert json.loads(result.stdout)["said"] == ["We are [closed]."]


def test_a_call_without_a_sound_failed(bot: Bot, tmp_path: Path) -> None:
    bot.greeting = []
    result = command(f"{bot.url}/voice", "--script", script(tmp_path))
    assert result.exit_code == 1
    assert result.stderr == "voicebot: the caller heard nothing\n"


def test_a_wrong_signature_is_said_to_be_one(bot: Bot, tmp_path: Path) -> None:
    bot.statuses["/voice"] = 403
    result = command(f"{bot.url}/voice", "--script", script(tmp_path))
    assert result.exit_code == 1
    assert "Call refused" not in result.stdout
    assert result.stderr == (
        f"voicebot: {bot.url[7:]} refused the signature: "
        "is VOICEBOT_TWILIO_AUTH_TOKEN the server's?\n"
    )


def test_another_status_is_named(bot: Bot, tmp_path: Path) -> None:
    bot.statuses["/voice"] = 500
    result = command(f"{bot.url}/voice", "--script", script(tmp_path))
    assert result.stderr == (
        "voicebot: the bot did not take the call: 11200: voice webhook: HTTP 500\n"
    )


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as bound:  # but it doesn't listen
        bound.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{bound.getsockname()[1]}"
        result = command(f"http://{host}/voice", "--script", script(tmp_path))
    assert result.exit_code == 1
    assert result.stderr == (
        f"voicebot: nothing listens at {host}: is `voicebot serve` running?\n"
    )


@pytest.mark.parametrize(
    ("option", "value", "problem"),
    [
        ("--from", "banana", "--from: expected a phone number such as"),
        ("--to", "", "--to: expected a phone number such as"),
        ("--to", "anonymous", "--to: expected a phone number such as"),
        ("--max-s", "-1", "--max-s: expected more than 0 seconds, got -1"),
        ("--max-s", "nan", "--max-s: expected more than 0 seconds, got nan"),
        ("--record", ".", "--record: .: is a folder"),
        ("--record", "no/call.wav", "--record: no: no such folder"),
        ("--status-url", "banana", "status URL: expected a URL that begins"),
        ("--status-url", "http://example.com/", "only http://127.0.0.1 or"),
        ("--wav", "nope.wav", "nope.wav: no such file"),
    ],
)
def test_a_wrong_option_is_refused_before_dialling(
    option: str, value: str, problem: str
) -> None:
    result = command("http://127.0.0.1:9/", option, value)
    assert isinstance(result.exception, ConfigError)
    assert problem in str(result.exception)
    assert result.stdout == ""


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://example.com/"])
def test_only_this_machine_is_called(url: str) -> None:
    assert isinstance(command(url).exception, ConfigError)


def test_a_language_that_nobody_speaks() -> None:
    result = command("http://127.0.0.1:9/", "--language", "fr")
    assert result.exit_code == 2


def test_an_unknown_caller_may_call(bot: Bot, tmp_path: Path) -> None:
    result = command(
        f"{bot.url}/voice", "--from", "anonymous", "--script", script(tmp_path)
    )
    assert result.exit_code == 0, result.output


def test_a_script_and_turns_exclude_each_other(tmp_path: Path) -> None:
    result = command("http://127.0.0.1:9/", "--script", "a", "--wav", "b")
    assert isinstance(result.exception, ConfigError)


def test_only_with_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOICEBOT_TWILIO_AUTH_TOKEN")
    result = command("http://127.0.0.1:9/")
    assert isinstance(result.exception, ConfigError)
    assert "VOICEBOT_TWILIO_AUTH_TOKEN" in str(result.exception)
