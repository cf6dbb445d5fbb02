"""`voicebot prompts`, run as a command against the offline StepFun."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.cli.stepfun import KEY, offline
from tests.dialplan.plans import PERSONA, written
from voicebot.cli import prompts
from voicebot.errors import ConfigError
from voicebot.sim.stepfun.script import Scenario, ScriptedMind
from voicebot.sim.stepfun.server import OfflineStepFun

LONG = "We are open on Mondays. " * 41  # 984 characters, before Monday is read


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOICEBOT_STEPFUN_API_KEY", KEY)
    monkeypatch.setattr(prompts, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def stepfun(monkeypatch: pytest.MonkeyPatch) -> Iterator[OfflineStepFun]:
    with offline() as server:
        monkeypatch.setenv("VOICEBOT_STEPFUN_BASE_URL", server.base_url)
        yield server


def build(*arguments: str) -> Result:
    return CliRunner().invoke(prompts.app, ["build", "--dialplans", "plan", *arguments])


def plan(more: str = "") -> None:
    """A persona with a greeting, a goodbye, an apology, and more."""
    written(Path("plan"), desk=PERSONA + more)


def files() -> list[Path]:
    return sorted(Path("data/prompts").glob("*.ulaw"))


def test_what_is_missing_is_rendered_once(stepfun: OfflineStepFun) -> None:
    plan("filler: {say: [Moment., One second.]}\n")
    first = build()
    assert first.exit_code == 0, first.output
    count = len(files())
    assert f"{count} prompts, 0 are there" in first.stdout
    assert re.search(rf"{count} rendered, \d+\.\d s of speech", first.stdout)
    assert "Credit of a Step Plan at most" in first.stdout
    assert stepfun.statistics.speech_requests == count
    again = build()
    assert again.exit_code == 0
    assert again.stdout == f"{count} prompts, {count} are there\n"
    assert stepfun.statistics.speech_requests == count


def test_only_what_changed_is_rendered_and_what_nobody_says_is_removed(
    stepfun: OfflineStepFun,
) -> None:
    plan()
    build()
    before = files()
    plan("filler: {say: [Moment.]}\n")
    assert "1 to be rendered" in build().stdout
    assert len(files()) == len(before) + 1
    plan()
    Path("data/prompts/0123.4567").write_bytes(b"half of one")
    os.utime("data/prompts/0123.4567", (0, 0))  # left by a process that was killed
    Path("data/prompts/0123.4568").write_bytes(b"one that is being written")
    assert "2 files removed" in build("--prune").stdout
    assert files() == before
    assert Path("data/prompts/0123.4568").exists()


def test_the_dialplans_are_those_of_the_server(stepfun: OfflineStepFun) -> None:
    plan()
    Path(".env").write_text("VOICEBOT_DIALPLANS=plan\n")
    assert CliRunner().invoke(prompts.app, ["build"]).exit_code == 0
    assert stepfun.statistics.speech_requests == len(files())


def test_to_check_costs_nothing_and_says_what_is_missing(
    stepfun: OfflineStepFun, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan()
    monkeypatch.delenv("VOICEBOT_STEPFUN_API_KEY")
    told = build("--check")
    assert told.exit_code == 1
    assert re.search(r"desk \(en\): \d missing", told.stdout)
    assert stepfun.statistics.speech_requests == 0
    monkeypatch.setenv("VOICEBOT_STEPFUN_API_KEY", KEY)
    build()
    files()[0].write_bytes(b"")  # a disk that was full
    assert "desk (en): 1 missing" in build("--check").stdout
    build()
    assert build("--check").exit_code == 0


def test_a_long_text_is_spoken_piece_by_piece(stepfun: OfflineStepFun) -> None:
    reads = "pronounce: {Mondays: 'Mondays, from nine'}\n"
    plan(f"goodbye: {{text: '{LONG.strip()}'}}\n{reads}")
    assert build().exit_code == 0
    assert stepfun.statistics.speech_requests == len(files()) + 1
    assert max(path.stat().st_size for path in files()) > 8000 * 60


def test_without_a_key_it_says_what_to_do() -> None:
    plan()
    os.environ.pop("VOICEBOT_STEPFUN_API_KEY")
    result = build()
    assert isinstance(result.exception, ConfigError)
    assert "VOICEBOT_STEPFUN_API_KEY: expected the API key" in str(result.exception)


def test_a_rate_limit_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    plan()
    with offline(refusals=(429, 503)) as server:
        monkeypatch.setenv("VOICEBOT_STEPFUN_BASE_URL", server.base_url)
        assert build("--at-a-time", "1").exit_code == 0


def test_a_text_that_is_refused_does_not_keep_the_others_from_being_rendered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan()
    with offline(refusals=(451,)) as server:
        monkeypatch.setenv("VOICEBOT_STEPFUN_BASE_URL", server.base_url)
        result = build("--at-a-time", "1")
        assert result.exit_code == 1
        assert re.search(
            r"^desk \(en\), \d+ characters: StepFun's moderation refused .*HTTP 451",
            result.stderr,
            re.MULTILINE,
        )
        assert build("--check").stdout.endswith("desk (en): 1 missing\n")


@pytest.mark.parametrize("status", [401, 402, 404])
def test_an_account_that_is_refused_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    plan()
    with offline(refusals=(status,)) as server:
        monkeypatch.setenv("VOICEBOT_STEPFUN_BASE_URL", server.base_url)
        result = build("--at-a-time", "1")
    assert result.exit_code == 1
    assert result.stderr.count("(HTTP ") == 1
    assert "are missing: the others weren't tried" in result.stderr
    assert server.statistics.speech_requests == 0


def test_what_was_rendered_before_it_was_stopped_is_kept(
    stepfun: OfflineStepFun, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voicebot.runtime import prompt_build
    from voicebot.runtime import prompts as runtime_prompts

    plan("filler: {say: [Moment.]}\n")
    keep = runtime_prompts.keep_prompt
    kept: list[str] = []

    def stopped(folder: Path, words: runtime_prompts.Words, ulaw: bytes) -> None:
        if len(kept) == 2:
            raise KeyboardInterrupt  # as Ctrl-C, in the middle of it
        kept.append(words.name)
        keep(folder, words, ulaw)

    monkeypatch.setattr(prompt_build, "keep_prompt", stopped)
    result = build("--at-a-time", "1")
    assert result.exit_code == 130
    assert len(files()) == 2
    assert re.search(r"stopped: \d are missing; the rest is kept", result.stderr)
    monkeypatch.setattr(prompt_build, "keep_prompt", keep)
    asked = stepfun.statistics.speech_requests
    assert build().exit_code == 0
    # Only what was missing; the one whose keeping was stopped, again.
    assert stepfun.statistics.speech_requests == asked + len(files()) - 2


class Stuck(ScriptedMind):
    """Speaks twice; who wants more waits until it may go on."""

    def __init__(self) -> None:
        super().__init__(Scenario(()))
        self.spoken = 0
        self.stuck, self.may_go_on = threading.Event(), threading.Event()

    def speak(self, text: str, voice: str, language: str) -> bytes:
        self.spoken += 1
        if self.spoken > 2:
            self.stuck.set()
            assert self.may_go_on.wait(30)
        return super().speak(text, voice, language)


@pytest.mark.parametrize(
    ("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_process_that_is_stopped_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, how: signal.Signals, code: int
) -> None:
    plan("filler: {say: [Moment.]}\n")
    mind = Stuck()
    with offline(mind=mind) as server:
        monkeypatch.setenv("VOICEBOT_STEPFUN_BASE_URL", server.base_url)
        told = ["prompts", "build", "--dialplans", "plan", "--at-a-time", "1"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(
            [sys.executable, "-m", "voicebot", *told],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            assert mind.stuck.wait(30)
            process.send_signal(how)
            _, stderr = process.communicate(timeout=30)
        mind.may_go_on.set()
        assert process.returncode == code
        assert (b"the rest is kept" in stderr) is (how is signal.SIGINT)
        assert len(files()) == 2
        assert all(path.stat().st_size > 800 for path in files())
        result = build()
    assert result.exit_code == 0
    assert f"{len(files())} prompts, 2 are there" in result.stdout


def test_a_folder_that_takes_nothing_is_one_error(stepfun: OfflineStepFun) -> None:
    plan()
    Path("data").mkdir()
    Path("data/prompts").write_text("a file")
    result = build()
    assert result.exit_code == 1
    assert re.search(r"data/prompts/\w+\.ulaw: ", str(result.exception))
