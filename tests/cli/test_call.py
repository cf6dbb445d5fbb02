"""`voicebot call` against a small bot that runs in a thread of its own."""

import asyncio
import json
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


def test_a_script_and_turns_exclude_each_other(tmp_path: Path) -> None:
    result = command("http://127.0.0.1:9/", "--script", "a", "--wav", "b")
    assert isinstance(result.exception, ConfigError)


def test_only_with_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOICEBOT_TWILIO_AUTH_TOKEN")
    result = command("http://127.0.0.1:9/")
    assert isinstance(result.exception, ConfigError)
    assert "VOICEBOT_TWILIO_AUTH_TOKEN" in str(result.exception)
