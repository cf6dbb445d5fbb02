"""What an operator does about recordings, and about callers who are to be forgotten."""

import asyncio
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.store.noted import put
from tests.store.test_calls import ENDED, MESSAGE, STARTED, TURN
from voicebot.cli import app
from voicebot.errors import ConfigError, StoreError
from voicebot.store.calls import open_store
from voicebot.store.records import Record, Recording

NUMBER = STARTED.from_number
SOUND = b"fLaC and so on"


@pytest.fixture(autouse=True)
def _data_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith(("VOICEBOT_", "CREDENTIALS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def fill(*records: Record) -> None:
    async def work() -> None:
        async with open_store(Path("data/calls.sqlite")) as store:
            await put(store, *records)

    asyncio.run(work())


@pytest.fixture
def log() -> Path:
    """A call with words, a message, and a recording of each of its two parts."""
    first, second = Path("one.flac"), Path("two.flac")
    first.write_bytes(SOUND)
    second.write_bytes(SOUND[::-1])
    fill(
        STARTED,
        TURN,
        MESSAGE,
        replace(ENDED, recording=None),
        Recording("c1", 0, keep_days=1, place=str(first)),
        Recording("c1", 900, place=str(second)),
    )
    return first


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, ["calls", *arguments], input=answer)


def error(*arguments: str) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, ConfigError | StoreError), result.output
    return str(result.exception)


@pytest.mark.usefixtures("log")
def test_a_caller_is_erased_and_the_proof_is_printed() -> None:
    result = run("erase", NUMBER, "--yes")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert "recordings: 2 erased" in lines
    assert "calls: 1 erased" in lines
    assert "calls.sqlite: the number stands there 0 times" in lines
    assert "message RE1: its recording is at Twilio; delete it there" in lines
    assert not list(Path().glob("*.flac"))
    assert run("list").output == "no calls yet\n"
    assert NUMBER not in result.output


def test_nobody_is_erased_by_mistake(log: Path) -> None:
    assert run("erase", NUMBER, answer="n\n").exit_code == 1
    assert log.exists()
    assert run("erase", NUMBER, answer="y\n").exit_code == 0
    assert not log.exists()
    assert error("erase", "+", "--yes").startswith("NUMBER: expected")


def test_a_call_that_goes_on_is_said_to_be_left() -> None:
    fill(STARTED)
    assert error("erase", NUMBER, "--yes") == (
        "1 calls of this number aren't over: erase again then"
    )


def test_a_number_that_another_call_mentions_is_said_to_stand_there() -> None:
    other = replace(STARTED, from_number="+15550008888", to_number="+15550009999")
    fill(other, replace(TURN, heard_text=NUMBER), ENDED)
    assert error("erase", NUMBER, "--yes").startswith("the number still stands")


def test_without_a_log_there_is_nothing_to_erase_or_to_purge() -> None:
    for command in (("erase", NUMBER, "--yes"), ("purge",)):
        assert error(*command).endswith("no call log yet: the first call makes it")


def test_what_is_old_is_counted_and_then_removed(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEBOT_KEEP_WORDS_DAYS", "36500")
    fill(replace(ENDED, ended_at=datetime.now(UTC)))  # the first end stands
    old = datetime(2020, 1, 1, tzinfo=UTC)
    third = Path("three.flac")
    third.write_bytes(SOUND)
    fill(
        replace(STARTED, call_id="c3", call_sid="CA3"),
        replace(ENDED, call_id="c3", ended_at=old, recording=None),
        Recording("c3", 0, keep_days=1, place=str(third)),
    )
    dry = run("purge", "--dry-run").output
    assert "recordings: " in dry
    assert "would be removed" in dry
    assert third.exists()
    done = run("purge").output
    assert done == dry.replace("would be removed", "removed")
    assert not third.exists()
    assert "recordings: 0 would be removed" in run("purge", "--dry-run").output


def test_a_recording_is_written_where_it_is_wanted(log: Path) -> None:
    result = run("play", "c1", "--output", "out.flac")
    assert result.exit_code == 0, result.output
    assert Path("out.flac").read_bytes() == SOUND
    assert run("play", "c1", "--part", "2", "--output", "out.flac").exit_code == 0
    assert Path("out.flac").read_bytes() == SOUND[::-1]
    assert error("play", "c1", "--part", "3", "--output", "x").startswith("--part: ")
    assert error("play", "c9", "--output", "x") == "no call begins with 'c9'"
    assert "No such file" in error("play", "c1", "--output", "nowhere/x")
    log.unlink()
    assert error("play", "c1", "--output", "x") == f"{log}: the recording is gone"


def test_a_call_of_an_older_release_is_played_too() -> None:
    Path("old.wav").write_bytes(SOUND)
    fill(STARTED, replace(ENDED, recording="old.wav"))
    assert run("play", "c1", "--output", "out.wav").exit_code == 0


def test_a_call_without_a_recording_says_so() -> None:
    fill(STARTED)
    assert "it wasn't recorded" in error("play", "c1", "--output", "x")


@pytest.mark.usefixtures("log")
def test_a_player_plays_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    assert error("play", "c1").startswith("expected one of ffplay, mpv, play, cvlc")
    player = folder / "mpv"
    player.write_text('#!/bin/sh\nfor last; do :; done\n/bin/cp "$last" played\n')
    player.chmod(player.stat().st_mode | stat.S_IXUSR)
    assert run("play", "c1").exit_code == 0
    assert Path("played").read_bytes() == SOUND
    player.write_text("#!/bin/sh\nexit 3\n")
    assert error("play", "c1").endswith("mpv: it ended with code 3")
