"""The command does a recorded call again."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.bridge.test_flight import RICH, Recorded, talk
from tests.cli.test_calls import _data_are_here, log
from voicebot.cli import app
from voicebot.errors import StoreError

__all__ = ["_data_are_here", "log"]  # fixtures

FILE = Path("data/flights/2026/11/22/c1.jsonl.gz")


def recorded() -> list[bytes]:
    call = Recorded(RICH)
    talk(call)
    return call.lines


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["calls", "replay", *arguments])


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.mark.usefixtures("log")
def test_a_call_is_found_by_its_id_and_is_the_same() -> None:
    lines = recorded()
    pieces = (b"".join(lines[:99]), b"".join(lines[99:]))
    write(FILE, b"".join(map(gzip.compress, pieces)))
    write(FILE.with_name("c1-9000.jsonl.gz"), gzip.compress(lines[0]))
    result = run("CA1")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert second.startswith(f"{FILE}: the same, {len(lines) - 1} steps in ")
    assert first.endswith("c1-9000.jsonl.gz: the same, 0 steps in 0.00 s")


def test_the_first_difference_is_shown_with_its_time_and_both_actions() -> None:
    lines = recorded()
    head = json.loads(lines[0])
    head["settings"]["barge_in"]["mode"] = "never"
    changed = [json.dumps(head).encode() + b"\n", *lines[1:]]
    write(FILE, gzip.compress(b"".join(changed)))
    result = run(str(FILE))
    assert result.exit_code == 1
    heading, at, told, did, does = result.stdout.splitlines()
    assert heading.startswith(f"{FILE}: the same for ")
    assert at.split() == ["at", "1.28", "s"]
    assert "CallerAudio(ulaw=160 bytes" in told
    assert did.split()[:2] == ["did", did.split()[1]]
    assert "ClearCaller(at=" in did
    assert does.split()[:2] == ["does", "now"]
    assert "ClearCaller" not in does
    (shown,) = json.loads(run(str(FILE), "--json").stdout)
    assert (shown["file"], shown["difference"]["at_ms"]) == (str(FILE), 1280)


def test_a_record_of_a_server_that_was_killed_is_done_as_far_as_it_goes() -> None:
    lines = recorded()
    whole, cut = (
        gzip.compress(b"".join(lines[:50])),
        gzip.compress(b"".join(lines[50:])),
    )
    write(FILE, whole + cut[: len(cut) // 2])
    result = run(str(FILE))
    assert result.exit_code == 0
    assert "the same, " in result.stdout


@pytest.mark.parametrize(
    "data",
    [b"", b"no gzip", gzip.compress(b"a secret\n")],
    ids=["empty", "not gzip", "not ours"],  # gzip holds the time: workers must agree
)
def test_what_is_no_record_is_one_sentence(data: bytes) -> None:
    write(FILE, data)
    result = run(str(FILE))
    assert isinstance(result.exception, StoreError)
    assert str(result.exception).startswith(f"{FILE}: ")
    assert "secret" not in str(result.exception)


@pytest.mark.usefixtures("log")
def test_a_call_without_a_record_says_how_to_get_one() -> None:
    result = run("c1")
    assert isinstance(result.exception, StoreError)
    assert "VOICEBOT_FLIGHT_RECORDS=1" in str(result.exception)
