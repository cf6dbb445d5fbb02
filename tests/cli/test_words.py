"""`voicebot chat` and `voicebot transcribe`, run as commands."""

import json
import signal
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from tests.dialplan.plans import PERSONA, written
from tests.sim.stepfun.harness import tone
from voicebot.cli import chat, offline, transcribe
from voicebot.errors import ConfigError, LocalProtocolError, UpstreamError
from voicebot.sim.stepfun import Line, Mood, OfflineStepFun, Scenario, ScriptedMind

app = typer.Typer()
app.command("chat")(chat.run)
app.command("transcribe")(transcribe.run)

DESK = (
    PERSONA
    + """\
goodbye: {text: Bye., when_caller_says: [goodbye]}
tools:
  bye: {use: hangup}
  rain:
    kind: http
    description: Tell the weather.
    url: https://example.com/rain
"""
)
TALK = Scenario(
    (
        Line("Rain?", call="rain", then="It is dry."),
        Line("goodbye", "Thank you.", call="bye"),
    )
)


@contextmanager
def stepfun(
    monkeypatch: pytest.MonkeyPatch, mood: Mood | None = None, **how: tuple[int, ...]
) -> Iterator[None]:
    """What `--offline` asks: it knows a script."""

    @asynccontextmanager
    async def scripted(_: object) -> AsyncIterator[OfflineStepFun]:
        mind = ScriptedMind(TALK)
        server = OfflineStepFun(
            mind,
            mood or Mood.burst(),
            api_key=offline.KEY,
            **how,  # type: ignore[arg-type]
        )
        async with server.running():
            yield server

    monkeypatch.setattr(offline, "offline_stepfun", scripted)
    yield


def run(*words: object, said: str = "") -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=said)


@pytest.fixture
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "dialplans", desk=DESK)


@pytest.mark.usefixtures("_folder")
def test_a_persona_is_talked_with(monkeypatch: pytest.MonkeyPatch) -> None:
    with stepfun(monkeypatch):
        result = run(
            *("chat", "desk", "--offline"), said="Rain?\nno clouds\n\ngoodbye\nHi\n"
        )
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == [
        "bot: Hello.",
        "you:   [rain: rain asks its server]",
        "  It answers: bot: It is dry.",
        "you: you: bot: Thank you.",
        "  [bye: the bot hangs up]",
        "(the bot hangs up)",
        result.stdout.splitlines()[-1],
    ]
    assert "tokens read, " in result.stdout
    assert "Credit" in result.stdout


@pytest.mark.usefixtures("_folder")
@pytest.mark.parametrize("said", ["/quit\n", ""])
def test_a_talk_may_be_left(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    with stepfun(monkeypatch):
        result = run("chat", "desk", "--offline", said=f"/prompt\n{said}")
    assert result.exit_code == 0
    assert "Be kind." in result.stdout
    assert "(0 tokens read, 0 written" in result.stdout


@pytest.mark.usefixtures("_folder")
def test_a_turn_that_fails_can_be_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with stepfun(monkeypatch, chat_refusals=(402,)):
        result = run("chat", "desk", "--offline", said="Hello?\nHello?\n")
    assert "(that failed: no money is left on this ledger" in result.stdout
    assert "(say it again)" in result.stdout
    assert result.stdout.count("bot: ") == 2
    assert result.exit_code == 0


@pytest.mark.usefixtures("_folder")
def test_the_model_can_listen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_bytes(b"no sound")
    lines = "/say a.wav\nno clouds\n/say b.wav\n/say gone.wav\n/say a.txt\n"
    with stepfun(monkeypatch):
        result = run("chat", "desk", "--offline", said=lines)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[2:-1] == [
        "you:   [heard: Rain?]",
        "  [rain: rain asks its server]",
        "  It answers: bot: It is dry.",
        "you: (b.wav: audio.data: expected a WAV header, as the format is wav,"
        " got 8 bytes of something else)",
        "you: (gone.wav: No such file or directory)",
        "you: (expected a file called .wav, .mp3)",
        "you: ",
    ]


@pytest.mark.usefixtures("_folder")
def test_an_answer_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    show, shown = chat._show, []

    def interrupted(text: str) -> None:
        shown.append(text)
        show(text)
        if text.startswith("bot: Is "):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(chat, "_show", interrupted)
    with stepfun(monkeypatch, Mood(chat_s=(0, 0), word_s=0.05)):
        result = run("chat", "desk", "--offline", said="Well\ngoodbye\n")
    assert result.exit_code == 0
    assert "(interrupted: the model knows as much as was shown)" in result.stdout
    assert "bot: Is there anything else?" not in result.stdout
    assert result.stdout.splitlines()[-2] == "(the bot hangs up)"


@pytest.mark.usefixtures("_folder")
def test_a_persona_must_be_there_and_a_key() -> None:
    assert isinstance(run("chat", "dask").exception, ConfigError)
    missing = run("chat", "desk").exception
    assert isinstance(missing, ConfigError)
    assert "VOICEBOT_STEPFUN_API_KEY" in str(missing)


def sound(path: Path, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, 24000, 0, "NONE", ""))
        file.writeframes(b"".join(x * channels for x in pairs(tone(500))))
    return path


def pairs(pcm16: bytes) -> list[bytes]:
    return [pcm16[at : at + 2] for at in range(0, len(pcm16), 2)]


def test_a_file_is_transcribed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with stepfun(monkeypatch):
        result = run("transcribe", sound(tmp_path / "a.wav"), "--offline")
    assert result.stdout.splitlines() == [
        "Rain?",
        "(0.50 s of sound: ¥0.0000, or 21 Credit of a Step Plan)",
    ]


def test_a_recording_of_a_call_has_two_speakers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("transcribe", sound(tmp_path / "a.wav", 2), "--offline", "--timestamps")
    with stepfun(monkeypatch):
        result = run(*words)
    caller, bot, cost = result.stdout.splitlines()
    assert caller == "caller  0.00 s to 0.50 s  Rain?"
    assert bot == "bot  0.00 s to 0.50 s  Rain?"
    assert "1.00 s of sound" in cost


@pytest.mark.parametrize("name", ["a.flac", "a.mp3", "a.ogg"])
def test_files_of_other_kinds_are_transcribed_for_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    samples, rate_hz = soundfile.read(sound(tmp_path / "a.wav"))
    soundfile.write(tmp_path / name, samples, rate_hz)
    with stepfun(monkeypatch):
        result = run(
            *(
                "transcribe",
                tmp_path / name,
                "--offline",
                "--json",
                "--hotword",
                "Brain",
            )
        )
    report = json.loads(result.stdout)
    assert [each["text"] for each in report["transcripts"]] == ["Brain?"]
    assert report["transcripts"][0]["speaker"] is None
    assert 500 <= report["audio_ms"] <= 600


def test_what_was_not_understood_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stepfun(monkeypatch, Mood(asr_s=(0, 0), deaf=1.0)):
        result = run("transcribe", sound(tmp_path / "a.wav"), "--offline")
    assert result.stdout.startswith("(nothing was understood)\n")


def test_what_is_refused_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stepfun(monkeypatch, asr_refusals=(451,)):
        result = run("transcribe", sound(tmp_path / "a.wav"), "--offline")
    assert isinstance(result.exception, UpstreamError)
    assert str(result.exception) == "stepfun: HTTP 451: content_moderation"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.txt", "expected a file called .wav, .flac, .mp3, .ogg, .opus"),
        ("gone.wav", "gone.wav: No such file or directory"),
        ("bad.wav", "bad.wav: expected sound, got something else"),
        ("three.wav", "three.wav: expected 1 or 2 channels, got 3"),
    ],
)
def test_what_is_no_sound_is_said_so(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    sound(tmp_path / "three.wav", 3)
    result = run("transcribe", tmp_path / name, "--offline")
    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)


def test_an_empty_file_and_a_hot_word_that_is_none(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav")
    result = run("transcribe", path, "--offline", "--hotword", " ")
    assert isinstance(result.exception, LocalProtocolError)
