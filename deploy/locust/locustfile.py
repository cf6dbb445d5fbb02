"""
The scenarios of `voicebot load` on Locust: load from many machines, with a web page.

    locust --processes 4 --voicebot ../../.venv/bin/python \\
      --voice-url https://voice.example.com/twilio/voice --yours

A user is one caller: it calls, and calls again. The calls themselves run in a process
of voicebot's, one for each worker of Locust's, as frames of 20 ms need a clock that
nobody else keeps busy. The settings VOICEBOT_TWILIO_ACCOUNT_SID and
VOICEBOT_TWILIO_AUTH_TOKEN are those of the server.
"""

import json
import os
import subprocess
from itertools import count
from pathlib import Path
from typing import Any

import gevent
from gevent.event import AsyncResult
from locust import User, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

LATE_SHARE = 0.01
"""If more of a call's frames were sent late, it tells nothing of the server."""


@events.init_command_line_parser.add_listener
def arguments(parser: LocustArgumentParser) -> None:
    parser.add_argument(
        "--voicebot", default="python3", help="A Python that has voicebot installed."
    )
    parser.add_argument("--voice-url", default="", help="The server's voice webhook.")
    parser.add_argument("--to-number", default="+15550100777", help="E.164.")
    parser.add_argument(
        "--mix", default="", help="Scenarios, with commas between them; else our own."
    )
    parser.add_argument(
        "--yours",
        action="store_true",
        help="That server isn't on this machine, and is yours.",
    )


class Calls:
    """The process that makes this worker's calls."""

    def __init__(self, environment: Environment) -> None:
        options = environment.parsed_options
        assert options is not None
        self.closing = False
        self._numbers = count(_first_line(environment))
        self._waiting: dict[int, AsyncResult[dict[str, Any]]] = {}
        self._process = subprocess.Popen(
            [options.voicebot, "-m", "voicebot.load.generator"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        orders = {
            "voice_url": options.voice_url,
            "public_url": os.environ.get("VOICEBOT_PUBLIC_URL"),
            "account_sid": os.environ["VOICEBOT_TWILIO_ACCOUNT_SID"],
            "auth_token": os.environ["VOICEBOT_TWILIO_AUTH_TOKEN"],
            "to_number": options.to_number,
            "yours": options.yours,
            "mix": [
                str(Path(each).resolve()) for each in options.mix.split(",") if each
            ],
            "lines": [],
            "ramp_per_s": 1.0,
            "starts_s": 0.0,
            "until_s": 0.0,
        }
        self._tell(json.dumps(orders))
        self._reading = gevent.spawn(self._read)

    def new_line(self) -> int:
        return next(self._numbers)

    def make(self, line: int) -> dict[str, Any]:
        """Make one call; return its figures (voicebot/load/figures.py)."""
        result: AsyncResult[dict[str, Any]] = AsyncResult()
        self._waiting[line] = result
        self._tell(str(line))
        return result.get()

    def close(self) -> None:
        self.closing = True
        self._process.terminate()
        self._process.wait(10)

    def _tell(self, text: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout
        problem = "the callers' process ended"
        for text in self._process.stdout:
            event = json.loads(text)
            if "over" in event:
                self._waiting.pop(event["line"]).set(event["over"])
            problem = event.get("problem", problem)
        for result in self._waiting.values():
            result.set_exception(RuntimeError(problem))


calls: Calls | None = None


@events.test_start.add_listener
def start(environment: Environment, **_: Any) -> None:
    global calls  # one for each worker; Locust has no place for it
    if not isinstance(environment.runner, MasterRunner):
        calls = Calls(environment)


@events.test_stopping.add_listener
def stop(environment: Environment, **_: Any) -> None:
    if calls:
        calls.close()


def _first_line(environment: Environment) -> int:
    """Callers of all workers are different ones: their sound is told apart."""
    runner = environment.runner
    return 500 * runner.worker_index if isinstance(runner, WorkerRunner) else 0


class Caller(User):
    """One who calls, and calls again."""

    def on_start(self) -> None:
        assert calls
        self.line = calls.new_line()

    @task
    def call(self) -> None:
        assert calls
        try:
            figures = calls.make(self.line)
        except RuntimeError as exc:
            if not calls.closing:
                self._fire("call", 0, str(exc))
            raise StopUser from None
        late = figures["frames_late"] / max(1, figures["frames_sent"])
        if late > LATE_SHARE:
            self._fire("void: this machine is full", 0, f"{100 * late:.0f} % late")
            return
        took_ms = 1000 * (figures["ended_s"] - figures["dialled_s"])
        wrong = None if figures["as_planned"] else figures["ending"]
        self._fire(f"call: {figures['scenario']}", took_ms, wrong)
        for name, value in (
            ("set-up", figures["setup_ms"]),
            ("greeting", figures["greeting_ms"]),
            *(("answer", each) for each in figures["replies_ms"]),
            *(("silent after a caller's onset", each) for each in figures["stops_ms"]),
        ):
            if value is not None:
                self._fire(name, value, None)
        for name, amount in (
            ("heard of another call", figures["foreign"]),
            ("heard of an answer before", figures["stale"]),
            ("lost of answers", figures["lost_ms"]),
            ("holes in answers", figures["underruns"]),
        ):
            self._fire(name, 0, f"{amount}" if amount else None)

    def _fire(self, name: str, response_time: float, wrong: str | None) -> None:
        self.environment.events.request.fire(
            request_type="caller",
            name=name,
            response_time=response_time,
            response_length=0,
            exception=RuntimeError(wrong) if wrong else None,
            context={},
        )
