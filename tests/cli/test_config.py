import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from voicebot.cli import app
from voicebot.errors import ConfigError

CANARY = "sk-canary-0123456789-tail"


@pytest.fixture(autouse=True)
def _only_a_key_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith(("VOICEBOT_", "CREDENTIALS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / ".env").write_text(f"VOICEBOT_STEPFUN_API_KEY={CANARY}\n")


def test_every_setting_is_shown_with_its_source_and_no_secret() -> None:
    result = CliRunner().invoke(app, ["config"])
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["VOICEBOT_PORT", "8080", "default"] in rows
    assert ["VOICEBOT_STEPFUN_API_KEY", "set", "(…tail)", ".env:1"] in rows
    assert CANARY not in result.stdout


def test_as_json_it_can_be_read_by_a_program() -> None:
    result = CliRunner().invoke(app, ["config", "--json"])
    settings = {row["name"]: row for row in json.loads(result.stdout)}
    assert settings["VOICEBOT_HOST"] == {
        "name": "VOICEBOT_HOST",
        "value": "127.0.0.1",
        "source": "default",
    }
    assert CANARY not in result.stdout


def test_settings_that_are_wrong_are_said_instead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VOICEBOT_PORT", "web")
    result = CliRunner().invoke(app, ["config"])
    assert isinstance(result.exception, ConfigError)
    assert "VOICEBOT_PORT: expected 1 to 65535, got 'web'" in str(result.exception)
