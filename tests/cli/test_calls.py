"""The commands read a call log that the store wrote."""

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.store.test_calls import ENDED, STARTED, TURN
from voicebot.cli import app
from voicebot.errors import StoreError
from voicebot.store.calls import open_store

CALLER = replace(
    TURN,
    seq=0,
    who="caller",
    generated_text="[red]a table\x1b[2J\nfor two",
    heard_text="",
    started_ms=61_000,
    interrupted=False,
    reply_ms=None,
)
WHOLE = replace(TURN, seq=2, heard_text=TURN.generated_text, interrupted=False)


@pytest.fixture(autouse=True)
def _data_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith(("VOICEBOT_", "CREDENTIALS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def log() -> None:
    """A log of a call that is over, and of one that goes on."""

    async def fill() -> None:
        async with open_store(Path("data/calls.sqlite")) as store:
            await store.call_started(STARTED)
            for turn in (CALLER, TURN, WHOLE):
                await store.add_turn(turn)
            await store.call_ended(ENDED)
            await store.call_started(replace(STARTED, call_id="d2", call_sid="CA2"))

    asyncio.run(fill())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["calls", *arguments])


def output(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.exception
    return result.stdout


def parsed(*arguments: str) -> Any:
    return json.loads(output(*arguments, "--json"))


@pytest.mark.usefixtures("log")
def test_calls_are_listed_newest_first_with_how_they_ended() -> None:
    _, going_on, over = output("list").splitlines()
    assert "not yet" in going_on
    for part in ("reception", "1:00", "bot_goodbye by bot", "+15550002222", "c1"):
        assert part in over


@pytest.mark.usefixtures("log")
def test_a_list_is_as_long_as_asked() -> None:
    assert [call["call_id"] for call in parsed("list", "--limit", "1")] == ["d2"]


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("command", [["list"], ["show", "c1"]])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_callers_number_is_masked_unless_asked_for(
    command: list[str], form: list[str]
) -> None:
    masked = output(*command, *form)
    assert "+1555…11" in masked
    assert STARTED.from_number not in masked
    assert STARTED.from_number in output(*command, *form, "--numbers")


@pytest.mark.usefixtures("log")
def test_a_call_is_shown_with_what_was_said_and_heard() -> None:
    text = output("show", "CA1")
    lines = text.splitlines()
    assert any("recordings/c1.wav (0:59)" in line for line in lines)
    assert any("stepfun_reconnected" in line for line in lines)
    caller, cut, whole = lines[-3:]
    assert caller.split()[:2] == ["61.00", "s"]
    assert caller.split()[-4:] == [
        "caller",
        r"[red]a",
        r"table\x1b[2J\x0afor",
        "two",
    ]
    assert cut.split()[-2:] == ["0.64", "s"]
    assert f"cut off: {TURN.heard_text}" in cut
    assert whole.split()[-3:] == ["all", "0.64", "s"]
    assert "\x1b" not in text


@pytest.mark.usefixtures("log")
def test_as_json_a_call_is_complete() -> None:
    shown = parsed("show", "c1", "--numbers")
    assert shown["call"]["from_number"] == STARTED.from_number
    assert shown["call"]["end_reason"] == "bot_goodbye"
    assert shown["call"]["started_at"] == "2026-11-22T12:00:00.123456+00:00"
    assert [turn["seq"] for turn in shown["turns"]] == [0, 1, 2]
    assert shown["turns"][1]["heard_text"] == TURN.heard_text


@pytest.mark.usefixtures("log")
def test_a_call_without_words_is_shown_too() -> None:
    assert output("show", "d2").endswith("nothing was said\n")


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("beginning", "sentence"),
    [
        ("zz", "no call begins with 'zz'"),
        ("CA", "several calls begin with 'CA': give more"),
    ],
)
def test_a_call_that_cannot_be_found_is_one_sentence(
    beginning: str, sentence: str
) -> None:
    result = run("show", beginning)
    assert isinstance(result.exception, StoreError)
    assert str(result.exception) == sentence


@pytest.mark.parametrize("command", [["list"], ["show", "c1"]])
def test_without_a_log_there_is_one_sentence_and_still_no_log(
    command: list[str],
) -> None:
    result = run(*command)
    assert isinstance(result.exception, StoreError)
    assert str(result.exception).startswith("data/calls.sqlite: no call log yet")
    assert not Path("data").exists()


def test_a_log_without_calls_says_so() -> None:
    async def create() -> None:
        async with open_store(Path("data/calls.sqlite")):
            pass

    asyncio.run(create())
    assert output("list") == "no calls yet\n"
