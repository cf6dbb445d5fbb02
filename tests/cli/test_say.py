"""`voicebot say`, run as a command against the offline StepFun."""

import re
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from tests.cli.stepfun import KEY, offline
from voicebot.cli import say
from voicebot.errors import ConfigError, LocalProtocolError, UpstreamError
from voicebot.sim.stepfun.server import OfflineStepFun

TEXT = "Good morning. We are open until five o'clock."


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOICEBOT_STEPFUN_API_KEY", KEY)


@pytest.fixture
def stepfun(monkeypatch: pytest.MonkeyPatch) -> Iterator[OfflineStepFun]:
    with offline() as server:
        monkeypatch.setenv("VOICEBOT_STEPFUN_BASE_URL", server.base_url)
        yield server


def command(*arguments: str, text: str | None = None) -> Result:
    app = typer.Typer()
    app.command()(say.run)
    return CliRunner().invoke(app, arguments, input=text)


@pytest.mark.usefixtures("stepfun")
@pytest.mark.parametrize("how", [(), ("--stream",), ("--socket",)])
def test_it_speaks_in_each_way_the_same(how: tuple[str, ...]) -> None:
    result = command(TEXT, "--rate", "8000", "--out", "x.wav", *how)
    assert result.exit_code == 0, result.output
    seconds = r"\d+\.\d\d s"
    assert re.search(
        rf"^{seconds} of speech: begun after {seconds}, all there after {seconds}$",
        result.stdout,
        re.MULTILINE,
    )
    assert "Credit of a Step Plan at most" in result.stdout
    with wave.open("x.wav") as file:
        assert (file.getframerate(), file.getnchannels()) == (8000, 1)
        assert 2.0 < file.getnframes() / 8000 < 6.0


@pytest.mark.usefixtures("stepfun")
@pytest.mark.parametrize("name", ["x.mp3", "x.flac", "x.opus", "x.ogg", "x.pcm"])
def test_a_file_is_of_the_kind_that_its_name_says(name: str) -> None:
    assert command(TEXT, "--out", name, "--rate", "48000").exit_code == 0
    if name == "x.pcm":
        assert len(Path(name).read_bytes()) > 48000
    else:
        assert soundfile.info(name).samplerate == 48000


@pytest.mark.parametrize("how", [(), ("--stream",), ("--socket",)])
def test_a_text_of_any_length_is_read_from_a_pipe(
    stepfun: OfflineStepFun, how: tuple[str, ...]
) -> None:
    text = "We are open on Mondays. " * 45  # 1,080 characters
    result = command("-", "--rate", "8000", "--out", "x.wav", *how, text=text)
    assert result.exit_code == 0, result.output
    assert stepfun.statistics.speech_requests == (0 if "--socket" in how else 2)
    with wave.open("x.wav") as file:
        assert file.getnframes() > 8000 * 60


@pytest.mark.usefixtures("stepfun")
def test_it_is_played_where_no_file_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    player = tmp_path / "ffplay"
    player.write_text('#!/bin/sh\nfor last; do :; done\ncp "$last" heard.wav\n')
    player.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert command(TEXT).exit_code == 0
    assert soundfile.info("heard.wav").samplerate == 24000


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--out", "x.doc"), "x.doc: expected a file called .wav, .pcm, .mp3"),
        (("--out", "x.wav", "--stream", "--socket"), "expected one of them, got both"),
        (("--out", "x.mp3", "--stream"), r"x.mp3: expected a .wav or .pcm file"),
        (("--out", "x.wav", "--rate", "44100"), "sample_rate: expected one of"),
        (("--out", "x.wav", "--speed", "3"), "speed: expected 0.5 to 2, got 3"),
        (("--out", "x.wav", "--volume", "3"), "volume: expected 0.1 to 2, got 3"),
        (("--out", "x.wav", "--instruction", "x" * 201), "instruction: expected 1 to"),
    ],
)
def test_what_cannot_be_asked_for_is_not(
    stepfun: OfflineStepFun, arguments: tuple[str, ...], problem: str
) -> None:
    result = command(TEXT, *arguments)
    assert isinstance(result.exception, ConfigError | LocalProtocolError)
    assert re.search(problem, str(result.exception))
    assert stepfun.statistics.speech_requests == 0
    assert not list(Path().glob("x.*"))


def test_a_text_is_not_empty_nor_too_long_for_a_file(stepfun: OfflineStepFun) -> None:
    for text, name in (("", "x.wav"), ("x" * 1001, "x.mp3")):
        result = command(text, "--out", name)
        assert "input: expected 1 to 1000 characters" in str(result.exception)
    assert stepfun.statistics.speech_requests == 0


@pytest.mark.parametrize("how", [(), ("--stream",), ("--socket",)])
def test_a_refusal_is_told_and_leaves_no_file(
    monkeypatch: pytest.MonkeyPatch, how: tuple[str, ...]
) -> None:
    with offline(refusals=(402,)) as server:
        monkeypatch.setenv("VOICEBOT_STEPFUN_BASE_URL", server.base_url)
        result = command(TEXT, "--out", "x.wav", *how)
    assert isinstance(result.exception, UpstreamError)
    assert str(result.exception) == "stepfun: HTTP 402: quota_exceeded"
    assert not Path("x.wav").exists()
