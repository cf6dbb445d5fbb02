"""Logging is configured once a process, so each test of that has its own process."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from voicebot.observe.logs import DROPPED, LogSink, masked, printable

SCRIPT = """
import asyncio, logging, structlog
from voicebot.observe.logs import configure
log = structlog.get_logger("voicebot.test")
other = logging.getLogger("other")
sink = configure(json={json})
{body}
"""


def logged(body: str, *, json: bool = True) -> str:
    """What a program that does this leaves on standard error."""
    command = [sys.executable, "-c", SCRIPT.format(json=json, body=body)]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    result = subprocess.run(command, capture_output=True, text=True, env=env)
    assert (result.returncode, result.stdout) == (0, "")
    return result.stderr


def lines(body: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in logged(body).splitlines()]


CALL = """
async def call(call_id):
    with structlog.contextvars.bound_contextvars(call_id=call_id, stream_sid="MZ1"):
        await asyncio.sleep(0)
        log.info("call started", persona="reception")
        other.warning("from %s", "elsewhere")

async def main():
    await asyncio.gather(call("c1"), call("c2"))

asyncio.run(main())
"""


def test_every_line_of_a_call_names_it_whoever_logs() -> None:
    started, foreign, *_ = lines(CALL)
    assert started.pop("timestamp").endswith("Z")
    assert started == {
        "event": "call started",
        "persona": "reception",
        "call_id": "c1",
        "stream_sid": "MZ1",
        "level": "info",
        "logger": "voicebot.test",
    }
    assert (foreign["event"], foreign["call_id"]) == ("from elsewhere", "c1")
    assert [line["call_id"] for line in lines(CALL)] == ["c1", "c1", "c2", "c2"]


def test_lines_for_a_person_name_the_call_too() -> None:
    text = logged(CALL, json=False)
    assert "call started" in text
    assert "call_id=c2" in text


def test_below_info_nothing_is_logged() -> None:
    assert logged('log.debug("frame"); other.debug("frame")') == ""


@pytest.mark.parametrize("name", ["aiohttp.access", "twilio.http_client"])
def test_loggers_that_tell_addresses_and_numbers_are_silent(name: str) -> None:
    assert logged(f'logging.getLogger("{name}").info("+15550001111")') == ""


FAILURE = """
def fail():
    token = "canary" + "-in-a-local"
    raise ValueError("what failed\\x1b[2J\\nforged line")
try:
    fail()
except ValueError:
    log.exception("it failed")
    other.exception("it failed")
"""


def test_an_exception_is_logged_without_its_locals() -> None:
    for line in lines(FAILURE):
        (error,) = line["exception"]
        assert error["exc_type"] == "ValueError"
        assert [frame["name"] for frame in error["frames"]][-1] == "fail"
        assert "canary-in-a-local" not in json.dumps(line)
        assert "exc_info" not in line


def test_an_exception_for_a_person_cannot_move_the_cursor() -> None:
    text = logged(FAILURE, json=False)
    assert text.count("ValueError: what failed\\x1b[2J") == 2
    assert "\x1b" not in text
    assert "canary-in-a-local" not in text


@pytest.mark.parametrize("as_json", [True, False])
def test_control_characters_are_escaped(as_json: bool) -> None:
    body = r'log.info("a\nb", key="\x1b[2J\x7f\x9b\u202e")'
    text = logged(body, json=as_json)
    assert text.endswith("\n")
    assert printable(text[:-1]) == text[:-1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\r\nb", r"a\x0d\x0ab"), ("\u2028\u202e", r"\u2028\u202e"), ("您好", "您好")],
)
def test_what_is_not_for_the_eye_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [("+15550001123", "+1555…23"), ("anonymous", "…"), ("", "…")],
)
def test_a_masked_number_tells_callers_apart_and_no_more(
    number: str, shown: str
) -> None:
    assert masked(number) == shown


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, "", 0, text, None, None)


def fill(descriptor: int) -> int:
    """Fill a pipe that nobody reads; return how many bytes went in."""
    os.set_blocking(descriptor, False)
    size = 0
    try:
        while True:
            size += os.write(descriptor, bytes(4096))
    except BlockingIOError:
        os.set_blocking(descriptor, True)
        return size


def test_a_pipe_that_nobody_reads_blocks_no_one_and_lines_are_counted() -> None:
    reader, writer = os.pipe()
    size = fill(writer)
    sink = LogSink(writer, lines=10)
    for number in range(100):
        sink.handle(record(f"line {number}"))
    # Ten wait in the queue; an eleventh may be in the hands of the thread.
    assert sink.dropped in (89, 90)
    while size:  # somebody reads at last
        size -= len(os.read(reader, size))
    sink.close()
    os.close(writer)
    with open(reader, encoding="utf-8") as stream:
        text = stream.read()
    assert "line 9\n" in text
    assert DROPPED % sink.dropped in text


def test_a_closed_pipe_costs_lines_and_nothing_else() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    sink = LogSink(writer)
    sink.handle(record("nobody will see it"))
    sink.close()
    os.close(writer)
    assert sink.dropped == 1


STUCK = """
import os, resource
for number in range(15_000):
    log.info("line", number=number, text="x" * 100)
with open(PATH, "w") as stream:
    stream.write(str(sink.dropped))
"""


def test_a_program_ends_even_if_nobody_ever_reads_its_log(tmp_path: Path) -> None:
    path = tmp_path / "dropped"
    body = STUCK.replace("PATH", repr(str(path)))
    reader, writer = os.pipe()
    fill(writer)
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(json=True, body=body)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=writer,
        timeout=30,
    )
    os.close(reader)
    os.close(writer)
    assert process.returncode == 0
    assert int(path.read_text()) >= 4_000


def test_what_was_logged_last_is_written_before_the_end() -> None:
    assert lines('log.info("the end")')[-1]["event"] == "the end"


def test_the_second_configuration_replaces_the_first() -> None:
    (line,) = lines('configure(json=True); log.info("once")')
    assert line["event"] == "once"


def test_a_strangers_bytes_are_not_logged() -> None:
    text = logged(
        """
from aiohttp.http_exceptions import BadStatusLine
try:
    raise BadStatusLine("GET /secret-token+15550001111")
except BadStatusLine:
    logging.getLogger("aiohttp.server").exception("Error handling request")
"""
    )
    assert json.loads(text)["event"] == "bad request: BadStatusLine"
    assert "secret" not in text
