"""The command replays what a call log has recorded."""

import asyncio
import json
import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.store.noted import put
from tests.store.test_calls import DECISION, NOON, STARTED, TURN, another
from voicebot.cli import tune
from voicebot.errors import ConfigError, StoreError
from voicebot.store.calls import open_store
from voicebot.store.records import Decision

IN_FORCE: dict[str, int | float | str] = {"min_ms": 180, "confirm_ms": 600}

# The caller speaks on; says "mm-hm"; is ignored; then ends a turn, and pauses in it.
REAL = replace(DECISION, seq=1, at_ms=1000, trace="V" * 30, features=IN_FORCE)
MM_HM = replace(
    REAL,
    seq=2,
    rule="backchannel",
    outcome="resumed",
    caller_seq=None,
    trace="V" * 10 + "." * 10,
)
CLICK = replace(
    MM_HM, seq=3, rule="too_short", outcome="ignored", trace="V" * 6 + "." * 10
)
END = replace(
    DECISION,
    seq=4,
    kind="end_of_turn",
    at_ms=1000,
    rule="silence",
    outcome="answered",
    trace="V" * 60 + "." * 15 + "V" * 10 + "." * 28,
    features={"wanted_ms": 560, "pace": 1.0, "profile": "normal", "reply_ms": 800},
)

app = typer.Typer()
app.command()(tune.run)


@pytest.fixture(autouse=True)
def _data_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith(("VOICEBOT_", "CREDENTIALS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def fill(*decisions: Decision) -> None:
    """Two calls, c1 before c2; the caller's turn has words in both."""

    async def write() -> None:
        async with open_store(Path("data/calls.sqlite")) as store:
            await put(store, STARTED)
            await put(store, another(2, NOON + timedelta(minutes=1)))
            for call_id in ("c1", "c2"):
                await put(store, replace(TURN, call_id=call_id, seq=2, who="caller"))
            for decision in decisions:
                await put(store, decision)

    asyncio.run(write())


@pytest.fixture
def log() -> None:
    fill(REAL, MM_HM, CLICK, END, replace(CLICK, call_id="c2", seq=1))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def output(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.exception
    return result.stdout


def parsed(*arguments: str) -> Any:
    return json.loads(output(*arguments, "--json"))


def error(*arguments: str) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, ConfigError | StoreError), result.output
    return str(result.exception)


@pytest.mark.usefixtures("log")
def test_both_settings_are_shown_side_by_side() -> None:
    text = output("--calls", "last-200", "--set", "barge_in.min_ms=350")
    rows = [re.split("  +", line.strip()) for line in text.splitlines()]
    cells = {name: values for name, *values in rows}
    assert cells["sounds of the caller"] == ["4", "4"]
    assert cells["stops"] == ["2", "1"]
    assert cells["false stops"] == ["1", "0"]
    assert cells["missed stops"] == ["0", "0"]
    assert cells["stopped after, p50 / p95"] == ["180 / 180 ms", "360 / 360 ms"]
    assert "+180 / +180 ms" in text
    assert cells["turns of the caller"] == ["1", "1"]
    assert cells["replied after, p50 / p95"] == ["800 / 800 ms", "800 / 800 ms"]
    assert "A stop is false if it wasn't meant" in text


@pytest.mark.usefixtures("log")
def test_as_json_every_figure_has_its_name() -> None:
    shown = parsed("--set", "barge_in.min_ms=100", "--set", "barge_in.min_ms=120")
    assert shown["set"] == {"barge_in.min_ms": 120}
    assert shown["calls"] == "last-200"
    assert shown["barge_in_then"] == {
        "onsets": 4,
        "stops": 2,
        "false_stops": 1,
        "false_yields": 0,
        "missed_stops": 0,
        "unknown": 0,
        "delay_ms": {"p50": 180, "p95": 180},
    }
    assert shown["barge_in_now"]["stops"] == 4
    assert shown["barge_in_now"]["false_stops"] == 3
    assert shown["added_delay_ms"] == {"p50": 0, "p95": 0}
    assert shown["end_now"]["too_early"] == 0


@pytest.mark.usefixtures("log")
def test_the_end_of_turns_is_tuned_too() -> None:
    longer = parsed("--set", "listening.end_silence_ms=700")
    assert longer["added_reply_ms"] == {"p50": 140, "p95": 140}
    assert longer["end_now"]["reply_ms"] == {"p50": 940, "p95": 940}
    shorter = parsed("--set", "listening.end_silence_ms=250")
    assert shorter["end_then"]["too_early"] == 0
    assert shorter["end_now"]["too_early"] == 1
    text = output("--set", "listening.end_silence_ms=250")
    assert "unknown" in text


@pytest.mark.usefixtures("log")
def test_a_turn_tells_how_the_speech_that_made_it_went_on() -> None:
    # The trace of the barge-in alone has 600 ms of it.
    assert parsed("--set", "barge_in.min_ms=1000")["barge_in_now"]["unknown"] == 0
    delay_ms = parsed("--set", "barge_in.min_ms=1000")["barge_in_now"]["delay_ms"]
    assert delay_ms == {"p50": 1000, "p95": 1000}


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("calls", "onsets"), [("last-1", 1), ("last-2", 4), ("c1", 3), ("CA2", 1)]
)
def test_calls_are_the_newest_or_one(calls: str, onsets: int) -> None:
    shown = parsed("--calls", calls, "--set", "barge_in.min_ms=200")
    assert shown["barge_in_then"]["onsets"] == onsets


def test_of_a_turn_that_ended_twice_the_first_end_counts() -> None:
    early = replace(END, outcome="too_early", trace="V" * 60 + "." * 28 + "VV")
    fill(REAL, early, replace(END, seq=5, at_ms=4000))
    now = parsed("--set", "barge_in.min_ms=1000")["barge_in_now"]
    assert now["delay_ms"] == {"p50": 1000, "p95": 1000}


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        (
            "barge_in.min=3",
            "--set: expected one of barge_in.min_ms, barge_in.confirm_ms, "
            "listening.end_silence_ms, got 'barge_in.min'",
        ),
        (
            "barge_in.min_ms",
            "--set barge_in.min_ms: expected 0 to 3000 milliseconds, got ''",
        ),
        (
            "barge_in.min_ms=fast",
            "--set barge_in.min_ms: expected 0 to 3000 milliseconds, got 'fast'",
        ),
        (
            "barge_in.min_ms=3001",
            "--set barge_in.min_ms: expected 0 to 3000 milliseconds, got '3001'",
        ),
        (
            "barge_in.confirm_ms=-1",
            "--set barge_in.confirm_ms: expected 0 to 5000 milliseconds, got '-1'",
        ),
        (
            "listening.end_silence_ms=100",
            "--set listening.end_silence_ms: expected 200 to 3000 milliseconds, "
            "got '100'",
        ),
    ],
)
@pytest.mark.usefixtures("log")
def test_a_setting_that_makes_no_sense_is_one_sentence(
    setting: str, sentence: str
) -> None:
    assert error("--set", setting) == sentence


@pytest.mark.usefixtures("log")
def test_without_a_setting_the_known_ones_are_named() -> None:
    assert error() == (
        "--set: expected KEY=MS, KEY one of barge_in.min_ms, barge_in.confirm_ms, "
        "listening.end_silence_ms"
    )


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("calls", ["last-0", "last-10001", "last-", "last-many"])
def test_a_number_of_calls_that_makes_no_sense_is_one_sentence(calls: str) -> None:
    sentence = f"--calls: expected last-1 to last-10000, got {calls!r}"
    assert error("--calls", calls, "--set", "barge_in.min_ms=9") == sentence


@pytest.mark.usefixtures("log")
def test_a_call_that_is_not_there_is_one_sentence() -> None:
    sentence = "no call begins with 'zz'"
    assert error("--calls", "zz", "--set", "barge_in.min_ms=9") == sentence


def test_without_decisions_there_is_one_sentence() -> None:
    fill()
    sentence = "last-200: no decisions were recorded"
    assert error("--set", "barge_in.min_ms=9") == sentence


def test_without_a_log_there_is_one_sentence() -> None:
    assert "no call log yet" in error("--set", "barge_in.min_ms=9")


def test_help_says_what_the_figures_mean() -> None:
    text = " ".join(output("--help").split())
    for part in ("A stop is false if it wasn't meant", "barge_in.confirm_ms", "last-N"):
        assert part in text
