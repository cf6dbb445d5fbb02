"""`voicebot` as a process: what a person sees who starts it, rightly or wrongly."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.house import ACCOUNT, DIALPLAN, KEY, PERSONA, TOKEN
from voicebot.sim.ports import free_port


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dialplans" / "personas").mkdir(parents=True)
    (tmp_path / "dialplans" / "dialplan.yaml").write_text(DIALPLAN)
    (tmp_path / "dialplans" / "personas" / "tester.yaml").write_text(PERSONA)
    return tmp_path


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def environment(**more: str) -> dict[str, str]:
    mine = {k: v for k, v in os.environ.items() if not k.startswith("VOICEBOT_")}
    settings = {
        "VOICEBOT_STEPFUN_API_KEY": KEY,
        "VOICEBOT_STEPFUN_BASE_URL": "http://127.0.0.1:9/v1",  # nobody is there
        "VOICEBOT_TWILIO_ACCOUNT_SID": ACCOUNT,
        "VOICEBOT_TWILIO_AUTH_TOKEN": TOKEN,
        "VOICEBOT_PUBLIC_URL": "https://voice.example.com",
        "VOICEBOT_PORT": str(free_port()),
    }
    given = settings | more
    return mine | {name: value for name, value in given.items() if value}


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from voicebot.cli import main; main()", *words]


def voicebot(folder: Path, *words: str, **more: str) -> tuple[int, str]:
    """Run to the end; the exit code and what stands on standard error."""
    done = subprocess.run(
        command(*words),
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    sys.stderr.write(done.stderr)  # which the watch reads
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "missing",
    ["STEPFUN_API_KEY", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "PUBLIC_URL"],
)
def test_what_is_missing_is_said_in_a_sentence(folder: Path, missing: str) -> None:
    code, said = voicebot(folder, "serve", **{f"VOICEBOT_{missing}": ""})
    assert code == 1
    assert said.startswith("voicebot: ")
    assert f"VOICEBOT_{missing}" in said
    assert "Traceback" not in said


def test_a_busy_port_is_said_in_a_sentence(folder: Path, taken: int) -> None:
    code, said = voicebot(folder, "serve", VOICEBOT_PORT=str(taken))
    assert code == 1
    assert said == (
        f"voicebot: cannot listen on 127.0.0.1:{taken}: Address already in use; "
        "set VOICEBOT_HOST or VOICEBOT_PORT to something else\n"
    )


def test_a_broken_dialplan_is_said_with_its_place(folder: Path) -> None:
    persona = folder / "dialplans" / "personas" / "tester.yaml"
    persona.write_text(PERSONA.replace("greeting:", "greting:"))
    code, said = voicebot(folder, "serve")
    assert code == 1
    assert "dialplans/personas/tester.yaml:4:1: greting: unknown key" in said
    assert "Traceback" not in said


def test_a_missing_dialplan_is_said_in_a_sentence(tmp_path: Path) -> None:
    code, said = voicebot(tmp_path, "serve")
    assert code == 1
    assert "dialplan" in said
    assert "Traceback" not in said


def test_a_call_to_a_number_that_nobody_serves_is_said_in_a_sentence(
    folder: Path,
) -> None:
    url = f"http://127.0.0.1:{free_port()}/twilio/voice"
    wav = Path(__file__).parents[2] / "voicebot" / "sim" / "voices" / "circuits.wav"
    code, said = voicebot(folder, "call", url, "--wav", str(wav))
    assert code == 1
    assert said.startswith("voicebot: nothing listens at 127.0.0.1:")
    assert "Traceback" not in said


@pytest.mark.parametrize("how", [[], ["--offline"]], ids=["real", "offline"])
def test_sigterm_ends_an_idle_server_at_once(folder: Path, how: list[str]) -> None:
    if how:
        reason = "the `demo` extra isn't installed"
        pytest.importorskip("faster_whisper", reason=reason)
    with subprocess.Popen(
        command("serve", *how),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout
        said = server.stdout.readline()
        while said and not said.startswith("voicebot "):  # models load
            said = server.stdout.readline()
        assert said.startswith(("voicebot listens at http", "voicebot rehearses"))
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=10) == 0


@pytest.mark.timeout(300)
def test_systemd_is_told_when_calls_are_taken_and_when_no_more(
    folder: Path, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(120)
        more = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "600000000"}
        with subprocess.Popen(
            command("serve"),
            cwd=folder,
            env=environment(**more),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as server:
            told = {systemd.recv(100), systemd.recv(100)}
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=10) == 0
            last = systemd.recv(100)
    assert told == {b"WATCHDOG=1", b"READY=1"}
    assert last == b"STOPPING=1\nSTATUS=draining, 0 calls are on"


@pytest.mark.timeout(300)
def test_sighup_replaces_the_workers_and_sigterm_ends_them(folder: Path) -> None:
    with subprocess.Popen(
        command("serve", "--workers", "1"),
        cwd=folder,
        env=environment(VOICEBOT_LOG_JSON="true"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout
        assert server.stderr
        assert server.stdout.readline().startswith("voicebot listens at http")
        server.send_signal(signal.SIGHUP)
        logged = []
        for line in server.stderr:
            logged.append(json.loads(line))
            if logged[-1]["event"] in ("workers renewed", "worker not renewed"):
                break
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=40) == 0
        logged += [json.loads(line) for line in server.stderr]
    started = [each["pid"] for each in logged if each["event"] == "worker started"]
    ended = [each["exit_code"] for each in logged if each["event"] == "worker ended"]
    assert len(set(started)) == 2
    assert ended == [0, 0]
    for pid in started:
        assert not Path(f"/proc/{pid}").exists()


@pytest.mark.timeout(300)
def test_a_worker_that_cannot_start_is_said_in_a_sentence(folder: Path) -> None:
    broken = "process.COMMAND = ('-c', 'raise SystemExit(3)')"
    code = f"from voicebot.runtime import process; {broken}; {command()[2]}"
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", "--workers", "2"],
        cwd=folder,
        env=environment(VOICEBOT_LOG_JSON="true"),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 1
    assert re.search(r"^voicebot: worker [12] doesn't start$", done.stderr, re.M)
    assert "Traceback" not in done.stderr


@pytest.mark.timeout(300)
def test_workers_end_with_the_process_that_keeps_the_books(folder: Path) -> None:
    with subprocess.Popen(
        command("serve", "--workers", "1"),
        cwd=folder,
        env=environment(VOICEBOT_LOG_JSON="true"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr
        logged = (json.loads(line) for line in server.stderr)
        next(each for each in logged if each["event"] == "worker started")
        server.kill()
        # Its standard error is theirs, too: it ends when the last of them does.
        assert [each["event"] for each in logged][-1].startswith("the main process")


def test_the_offline_stepfun_is_an_account_for_other_commands(folder: Path) -> None:
    pytest.importorskip("faster_whisper", reason="the `demo` extra isn't installed")
    with subprocess.Popen(
        command("offline", "--port", "0", "--mood", "burst"),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout
        told: dict[str, str] = {}
        while len(told) < 2 and (line := server.stdout.readline()):
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                told[name] = value
        code, said = voicebot(folder, "say", "Hello.", "--out", "x.wav", **told)
        assert (code, said) == (0, "")
        assert (folder / "x.wav").stat().st_size > 10_000
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=10) == 0


def test_a_busy_port_of_the_offline_stepfun_is_said_in_a_sentence(
    folder: Path, taken: int
) -> None:
    code, said = voicebot(folder, "offline", "--port", str(taken))
    assert code == 1
    assert f"voicebot: --port: {taken} can't be listened on: " in said
    assert "Traceback" not in said
