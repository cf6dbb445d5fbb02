"""`voicebot voices`, run as a command against the offline StepFun."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner, Result

from tests.cli.stepfun import KEY, offline
from tests.stepfun.test_voices import recording
from voicebot.cli import voices
from voicebot.errors import ConfigError, LocalProtocolError, StoreError, UpstreamError
from voicebot.sim.stepfun.profile import VOICES
from voicebot.sim.stepfun.server import OfflineStepFun

CONSENT = ("--consent", "Anna Example agreed on 2026-11-20, in writing")


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOICEBOT_STEPFUN_API_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "160")
    Path("anna.wav").write_bytes(recording(6))


@pytest.fixture
def stepfun(monkeypatch: pytest.MonkeyPatch) -> Iterator[OfflineStepFun]:
    with offline() as server:
        monkeypatch.setenv("VOICEBOT_STEPFUN_BASE_URL", server.base_url)
        yield server


def command(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(voices.app, arguments, input=answer)


def consents() -> list[Path]:
    return sorted(Path("data/voices").glob("*"))


def test_without_a_key_the_official_voices_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("VOICEBOT_STEPFUN_API_KEY")
    listed = command("list")
    assert listed.exit_code == 0
    assert re.search(
        r"ganliannvsheng +干练女声 +female, calm, prof.* +☎", listed.stdout
    )
    assert "energeticconfident-female" not in listed.stdout  # an older model's
    assert len(json.loads(command("list", "--json").stdout)) == 36
    assert len(json.loads(command("list", "--phone", "--json").stdout)) == 12
    older = command("list", "--json", "--model", "step-tts-mini").stdout
    assert len(json.loads(older)) == 27
    assert isinstance(command("list", "--own").exception, ConfigError)


def test_stepfun_is_asked_which_voices_it_has(
    monkeypatch: pytest.MonkeyPatch, stepfun: OfflineStepFun
) -> None:
    plan = command("list", "--official").exception
    assert isinstance(plan, UpstreamError)
    assert plan.status == 404  # a Step Plan has no such list
    base_url = stepfun.base_url.replace("/step_plan", "")
    monkeypatch.setenv("VOICEBOT_STEPFUN_BASE_URL", base_url)
    listed = json.loads(command("list", "--official", "--json").stdout)
    assert [each["voice"] for each in listed] == sorted(VOICES)
    known = next(each for each in listed if each["voice"] == "ganliannvsheng")
    assert (known["name"], known["phone"]) == ("干练女声", True)
    phone = json.loads(command("list", "--official", "--phone", "--json").stdout)
    assert 0 < len(phone) < len(listed)
    assert isinstance(command("list", "--own", "--official").exception, ConfigError)


def test_a_voice_is_cloned_with_consent_and_listed_with_it(
    stepfun: OfflineStepFun,
) -> None:
    made = command("clone", "anna.wav", *CONSENT, "--text", "Hello.", "--yes")
    assert made.exit_code == 0, made.output
    (voice,) = (row["id"] for row in stepfun.voices.studio.voices)
    assert f"{voice} is made, for ¥9.9000, or 9,900,000 Credit" in made.stdout
    (path,) = consents()
    assert path.name == f"{voice}.json"
    assert path.stat().st_mode & 0o777 == 0o600
    kept = json.loads(path.read_bytes())
    assert kept["statement"] == CONSENT[1]
    assert kept["voice"] == voice
    assert len(kept["recording_sha256"]) == 64
    (row,) = json.loads(command("list", "--own", "--json").stdout)
    assert row["voice"] == voice
    assert row["consent"] == CONSENT[1]
    assert "Anna Example agreed" in command("list").stdout
    path.unlink()
    assert "no consent kept here" in command("list", "--own").stdout


def test_the_same_voice_costs_nothing_again(stepfun: OfflineStepFun) -> None:
    command("clone", "anna.wav", *CONSENT, "--yes")
    file_id = next(iter(stepfun.voices.studio.files))
    Path("consent.txt").write_text("Anna agreed.\n")
    agreed = ("--consent-file", "consent.txt")
    again = command("clone", file_id, *agreed, "--yes")
    assert again.exit_code == 0, again.output
    assert "had been made of this before: nothing is charged" in again.stdout
    assert json.loads(consents()[0].read_bytes())["statement"] == "Anna agreed."
    assert len(stepfun.voices.studio.files) == 1


@pytest.mark.parametrize(
    ("consent", "problem"),
    [
        ((), "--consent, --consent-file: expected one of them"),
        (("--consent", "  "), "consent: expected 1 to 10000 characters .* got 0"),
        (("--consent", "x" * 10_001), "consent: expected .* got 10001"),
        ((*CONSENT, "--consent-file", "consent.txt"), "expected one of them"),
        (("--consent-file", "nowhere.txt"), "nowhere.txt: No such file"),
        (("--consent-file", "anna.mp3"), "anna.mp3: not UTF-8"),
    ],
)
def test_without_consent_nothing_is_cloned(
    stepfun: OfflineStepFun, consent: tuple[str, ...], problem: str
) -> None:
    Path("anna.mp3").write_bytes(b"ID3\xff")
    result = command("clone", "anna.wav", *consent, "--yes")
    assert isinstance(result.exception, ConfigError)
    assert re.search(problem, str(result.exception))
    assert not stepfun.voices.studio.files


def test_the_price_is_told_before_it_is_spent(stepfun: OfflineStepFun) -> None:
    refused = command("clone", "anna.wav", *CONSENT, answer="n\n")
    assert refused.exit_code == 1
    assert "Clone this voice for ¥9.9000" in refused.stderr
    refused = command("preview", "anna.wav", "--say", "Hi", "--out", "x", answer="n\n")
    assert refused.exit_code == 1
    assert re.search(r"speak for ¥0\.\d+", refused.stderr)
    assert not stepfun.voices.studio.files
    agreed = command("clone", "anna.wav", *CONSENT, answer="y\n")
    assert agreed.exit_code == 0, agreed.output


def test_a_clone_that_fails_leaves_its_consent(
    stepfun: OfflineStepFun,
) -> None:
    Path("anna.wav").write_bytes(b"ID3" + bytes(100))  # StepFun can't read it
    failed = command("clone", "anna.wav", *CONSENT, "--yes")
    assert isinstance(failed.exception, UpstreamError)
    (file_id,) = stepfun.voices.studio.files
    assert [path.name for path in consents()] == [f"{file_id}.json"]
    assert json.loads(command("list", "--own", "--json").stdout) == []


@pytest.mark.usefixtures("stepfun")
@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (recording(2), "file: expected 5 to 10 s of speech, got 2.0"),
        (b"hello", "file: expected WAV or MP3, got something else"),
        (None, "anna.wav: No such file or directory"),
    ],
)
@pytest.mark.parametrize("job", ["clone", "preview"])
def test_what_is_no_recording_is_refused_here(
    data: bytes | None, problem: str, job: str
) -> None:
    path = Path("anna.wav")
    path.unlink() if data is None else path.write_bytes(data)
    how = CONSENT if job == "clone" else ("--say", "Hello.", "--out", "x.wav")
    result = command(job, "anna.wav", *how, "--yes")
    assert isinstance(result.exception, ConfigError | LocalProtocolError)
    assert problem in str(result.exception)


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_a_preview_is_written_as_what_it_is(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with offline(preview_is=kind) as server:
        monkeypatch.setenv("VOICEBOT_STEPFUN_BASE_URL", server.base_url)
        wanted = ("--say", "Hello.", "--out", "x.wav", "--yes")
        result = command("preview", "anna.wav", *wanted)
    assert result.exit_code == 0, result.output
    assert soundfile.info(f"x.{kind}").duration > 0.2
    assert f"x.{kind}: " in result.stdout


def test_a_plan_without_own_voices_still_lists_the_official_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with offline(plan_lacks=frozenset({"list"}), plan_status=402) as server:
        monkeypatch.setenv("VOICEBOT_STEPFUN_BASE_URL", server.base_url)
        listed = command("list")
        assert listed.exit_code == 0
        assert "ganliannvsheng" in listed.stdout
        assert (
            "own voices aren't listed: no money is left on this ledger" in listed.stderr
        )
        assert isinstance(command("list", "--own").exception, UpstreamError)


@pytest.mark.usefixtures("stepfun")
@pytest.mark.parametrize("text", ["", "[]", '{"voice": "a"}'])
def test_a_consent_that_cannot_be_read_is_named(text: str) -> None:
    Path("data/voices").mkdir(parents=True)
    Path("data/voices/voice-tone-a.json").write_text(text)
    result = command("list", "--own")
    assert isinstance(result.exception, StoreError)
    assert "voice-tone-a.json: expected a consent" in str(result.exception)


@pytest.mark.usefixtures("stepfun")
def test_an_id_does_not_become_a_path() -> None:
    result = command("clone", "file-/../../x", *CONSENT, "--yes")
    assert isinstance(result.exception, StoreError)
    assert "expected an ID of letters and digits" in str(result.exception)
    assert not consents()


@pytest.mark.usefixtures("stepfun")
def test_a_folder_that_takes_no_consent_keeps_a_voice_from_being_made() -> None:
    Path("data").mkdir()
    Path("data/voices").write_text("a file")
    result = command("clone", "anna.wav", *CONSENT, "--yes")
    assert isinstance(result.exception, StoreError)
