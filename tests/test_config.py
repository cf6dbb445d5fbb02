"""Every test starts with an empty environment and an empty working directory."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from voicebot.config import (
    NAMES,
    SECRETS,
    Settings,
    load_settings,
    provenance,
    read_secret,
    require_serving,
    service_manager,
)
from voicebot.errors import ConfigError

SID = "AC" + "0123456789abcdef" * 2
CANARY = "sk-canary-0123456789-tail"


@pytest.fixture(autouse=True)
def _nothing_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith(("VOICEBOT_", "CREDENTIALS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def secrets_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setenv("VOICEBOT_SECRETS_DIR", str(folder))
    return folder


def complaint() -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None  # pydantic's error quotes the values
    return str(caught.value)


def source(settings: Settings, name: str) -> str:
    return next(where for known, _, where in provenance(settings) if known == name)


def test_without_any_variable_the_defaults_hold() -> None:
    settings = load_settings()
    assert settings.stepfun_base_url == "https://api.stepfun.com/step_plan/v1"
    assert settings.twilio_api_url == "https://api.twilio.com"
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert (settings.max_calls, settings.drain_s) == (100, 3600)
    assert (settings.dialplans, settings.data) == (Path("dialplans"), Path("data"))
    assert settings.stepfun_api_key is None
    assert {where for _, _, where in provenance(settings)} == {"default"}


def test_every_secret_is_treated_as_one() -> None:
    secret = {
        name
        for name, field in Settings.model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    assert secret == set(SECRETS)


def test_the_environment_wins_over_env_file_wins_over_secret_files_wins_over_default(
    tmp_path: Path, secrets_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("port", "max_calls", "drain_s"):
        (secrets_dir / f"voicebot_{name}").write_text("1\n")
    (tmp_path / ".env").write_text(
        "\n# a comment\nVOICEBOT_PORT=2\n\n\nexport VOICEBOT_MAX_CALLS='2'\n"
    )
    monkeypatch.setenv("VOICEBOT_PORT", "3")
    settings = load_settings()
    assert (settings.port, settings.max_calls, settings.drain_s) == (3, 2, 1)
    assert source(settings, "VOICEBOT_PORT") == "environment"
    assert source(settings, "VOICEBOT_MAX_CALLS") == ".env:6"
    assert source(settings, "VOICEBOT_DRAIN_S") == str(secrets_dir / "voicebot_drain_s")
    assert source(settings, "VOICEBOT_HOST") == "default"


def test_systemd_credentials_are_secret_files_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "VOICEBOT_STEPFUN_API_KEY").write_text(f"{CANARY}\n")
    (tmp_path / "another-program").write_text("its own")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    key = load_settings().stepfun_api_key
    assert key is not None
    assert key.get_secret_value() == CANARY


def test_a_secret_file_mounted_by_kubernetes_is_a_link_within_the_folder(
    secrets_dir: Path,
) -> None:
    (secrets_dir / "..data").mkdir()
    (secrets_dir / "..data" / "voicebot_port").write_text("9000")
    (secrets_dir / "voicebot_port").symlink_to("..data/voicebot_port")
    assert load_settings().port == 9000


def test_a_variable_set_to_nothing_counts_as_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEBOT_TWILIO_AUTH_TOKEN", "")
    (tmp_path / ".env").write_text("VOICEBOT_STEPFUN_API_KEY=\n")
    settings = load_settings()
    assert settings.twilio_auth_token is None
    assert source(settings, "VOICEBOT_STEPFUN_API_KEY") == "default"


def test_all_mistakes_are_told_at_once_with_expected_got_and_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEBOT_PORT", "99999")
    monkeypatch.setenv("VOICEBOT_PROT", "1")
    monkeypatch.setenv("VOICEBOT_TWILIO_AUTH_TOKEN", f"{CANARY}\nX-Header: 1")
    (tmp_path / ".env").write_text(
        f"VOICEBOT_PUBLIC_URL=ftp://x\nSTEPFUN_API_KEY={CANARY}\nPORT=1\n"
    )
    assert complaint().splitlines() == [
        "the settings are wrong:",
        "  .env:2: STEPFUN_API_KEY: unknown; did you mean VOICEBOT_STEPFUN_API_KEY?",
        "  .env:3: PORT: unknown; did you mean VOICEBOT_PORT?",
        "  environment: VOICEBOT_PROT: unknown; did you mean VOICEBOT_PORT?",
        "  environment: VOICEBOT_TWILIO_AUTH_TOKEN: expected one word of printable"
        " ASCII, got 37 characters",
        "  .env:1: VOICEBOT_PUBLIC_URL: expected an https:// address without a query"
        " (http:// only to this machine), got 'ftp://x'",
        "  environment: VOICEBOT_PORT: expected 1 to 65535, got '99999'",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "web"),
        ("MAX_CALLS", "0"),
        ("MAX_CALLS", "10001"),
        ("DRAIN_S", "-1"),
        ("LOG_JSON", "perhaps"),
        ("TWILIO_ACCOUNT_SID", "SK" + SID[2:]),
        ("TWILIO_ACCOUNT_SID", SID[:-1]),
        ("STEPFUN_API_KEY", "two words"),
        ("STEPFUN_API_KEY", "schlüssel"),
    ],
)
def test_a_value_out_of_range_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"VOICEBOT_{name}", value)
    assert f"environment: VOICEBOT_{name}: expected " in complaint()


@pytest.mark.parametrize("name", ["PUBLIC_URL", "STEPFUN_BASE_URL", "TWILIO_API_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "bot.example.com",
        "http://bot.example.com",
        "wss://bot.example.com",
        "https://",
        "https:///path",
        "https://bot.example.com?x=1",
        "https://bot.example.com#top",
        f"https://user:{CANARY}@bot.example.com",
        "https://bot.example.com:0",
        "https://bot.example.com:99999",
        "https://bot example.com",
        "https://bot.example.com/\nx",
        "https://[::1",
    ],
)
def test_an_address_that_could_not_be_served_is_refused(
    name: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"VOICEBOT_{name}", url)
    assert f"VOICEBOT_{name}: expected an https:// address" in complaint()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://bot.example.com", "https://bot.example.com"),
        ("https://bot.example.com/", "https://bot.example.com"),
        ("https://bot.example.com:8443/a/b/", "https://bot.example.com:8443/a/b"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:1/", "http://127.0.0.1:1"),
        ("http://[::1]:1", "http://[::1]:1"),
    ],
)
def test_an_address_is_kept_without_its_last_slash(
    given: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEBOT_PUBLIC_URL", given)
    assert load_settings().public_url == kept


@pytest.mark.parametrize("text", [b"VOICEBOT_PORT\n", b"ok=1\n=1\n", b"\xff=1\n"])
def test_an_env_file_that_is_none_is_refused(text: bytes, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(text)
    assert complaint().startswith(".env")


def test_an_env_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert complaint() == ".env: Is a directory"


@pytest.mark.parametrize("name", ["VOICEBOT_SECRETS_DIR", "CREDENTIALS_DIRECTORY"])
def test_a_secrets_folder_that_is_missing_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "none"))
    assert complaint() == f"{name}: expected a folder, got '{tmp_path / 'none'}'"


def test_a_secret_file_of_an_unknown_name_is_refused(secrets_dir: Path) -> None:
    (secrets_dir / "voicebot_stepfun_apikey").write_text(CANARY)
    assert "did you mean VOICEBOT_STEPFUN_API_KEY?" in complaint()


def test_an_empty_secret_file_is_refused(secrets_dir: Path) -> None:
    (secrets_dir / "voicebot_stepfun_api_key").write_text("\n")
    assert "expected one word of printable ASCII, got 0 characters" in complaint()


def test_a_secret_file_that_is_not_text_is_refused_without_its_bytes(
    secrets_dir: Path,
) -> None:
    (secrets_dir / "voicebot_stepfun_api_key").write_bytes(b"\xfe" + CANARY.encode())
    assert complaint().endswith(": not UTF-8")


def test_a_secret_file_that_leads_out_of_its_folder_is_refused(
    tmp_path: Path, secrets_dir: Path
) -> None:
    (tmp_path / "elsewhere").write_text(CANARY)
    (secrets_dir / "voicebot_stepfun_api_key").symlink_to(tmp_path / "elsewhere")
    assert "resolves outside" in complaint()


def test_what_is_missing_to_take_calls_is_listed_with_what_to_do() -> None:
    with pytest.raises(ConfigError) as caught:
        require_serving(load_settings())
    text = str(caught.value)
    for name in ("STEPFUN_API_KEY", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"):
        assert f"  VOICEBOT_{name}: the " in text
    assert "  VOICEBOT_PUBLIC_URL: the https:// address" in text
    assert "voicebot demo" in text


def test_with_keys_and_an_address_calls_can_be_taken() -> None:
    require_serving(
        Settings(
            stepfun_api_key=SecretStr("k"),
            twilio_account_sid=SID,
            twilio_auth_token=SecretStr("t"),
            public_url="https://bot.example.com",
        )
    )


def test_what_is_shown_of_a_secret_is_at_most_its_tail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VOICEBOT_STEPFUN_API_KEY", CANARY)
    monkeypatch.setenv("VOICEBOT_TWILIO_AUTH_TOKEN", "short")
    settings = load_settings()
    shown = {name: value for name, value, _ in provenance(settings)}
    assert shown.keys() == NAMES.keys()
    assert shown["VOICEBOT_STEPFUN_API_KEY"] == "set (…tail)"
    assert shown["VOICEBOT_TWILIO_AUTH_TOKEN"] == "set"
    assert shown["VOICEBOT_TWILIO_AUTH_TOKEN_SECONDARY"] == "not set"
    assert shown["VOICEBOT_PORT"] == "8080"
    assert CANARY not in repr(settings)


@pytest.mark.parametrize(("given", "wanted"), [("true", True), ("false", False)])
def test_logs_are_json_or_not_as_asked(
    given: str, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEBOT_LOG_JSON", given)
    assert load_settings().json_logs is wanted


def test_logs_are_json_when_no_terminal_shows_them() -> None:
    assert load_settings().json_logs  # pytest's stderr is none


def test_a_secret_of_a_dialplan_is_read_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", " abc def ")
    (tmp_path / "key").write_text("xyz\n")
    assert read_secret("env", "API_KEY") == "abc def"
    assert read_secret("file", str(tmp_path / "key")) == "xyz"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"a\nb", "expected one line of ASCII characters"),
        ("sécret".encode(), "expected one line of ASCII characters"),
        (b"\xff", "not UTF-8"),
        (None, "no such file"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_and_not_quoted(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_secret("file", str(path))
    assert str(caught.value) == f"{path}: {why}"


def test_a_secret_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_KEY", raising=False)
    with pytest.raises(ConfigError, match="^API_KEY: not set$"):
        read_secret("env", "API_KEY")


@pytest.mark.parametrize(
    ("url", "call_log"),
    [
        ("", Path("data/calls.sqlite")),
        ("sqlite:////var/lib/calls.sqlite", Path("/var/lib/calls.sqlite")),
        ("sqlite:///calls.sqlite", Path("calls.sqlite")),
        (f"postgresql://u:{CANARY}@host/db", f"postgresql://u:{CANARY}@host/db"),
    ],
)
def test_the_call_log_lies_where_it_is_said_to(
    url: str, call_log: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEBOT_DATABASE_URL", url)
    settings = load_settings()
    assert settings.call_log == call_log
    assert CANARY not in repr(settings) + str(provenance(settings))


@pytest.mark.parametrize(
    "url", [f"mysql://u:{CANARY}@h/d", "sqlite:///", f"postgresql:///{CANARY}", "calls"]
)
def test_an_address_of_no_call_log_is_refused_without_being_repeated(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEBOT_DATABASE_URL", url)
    text = complaint()
    assert "expected postgresql://user:password@host/database, or sqlite" in text
    assert f"got {len(url)} characters" in text
    assert CANARY not in text


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("RECORDINGS", "https://bucket", "s3://bucket, or s3://bucket/prefix"),
        ("RECORDINGS", "s3://", "s3://bucket, or s3://bucket/prefix"),
        ("RECORDINGS", "s3://user:pass@bucket/x", "s3://bucket, or s3://bucket/prefix"),
        ("RECORDINGS_ENDPOINT", "http://example.com", "an https:// address"),
        ("RECORDINGS_FORMAT", "mp3", "flac or opus"),
        ("KEEP_RECORDINGS_DAYS", "0", "1 to 36500 days"),
        ("KEEP_CALLS_DAYS", "60d", "1 to 36500 days"),
    ],
)
def test_where_recordings_go_is_checked(
    name: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"VOICEBOT_{name}", value)
    assert f"VOICEBOT_{name}: expected {expected}" in complaint()


def test_recordings_may_go_to_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEBOT_RECORDINGS", "s3://calls/of-ours")
    monkeypatch.setenv("VOICEBOT_RECORDINGS_ENDPOINT", "http://127.0.0.1:8333/")
    monkeypatch.setenv("VOICEBOT_KEEP_WORDS_DAYS", "30")
    found = load_settings()
    assert found.recordings == "s3://calls/of-ours"
    assert found.recordings_endpoint == "http://127.0.0.1:8333"
    assert found.keep_words_days == 30
    assert found.recordings_folder == Path.cwd() / "data" / "recordings"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (None, None)),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "30000000"}, ("/run/n", 30.0)),
        ({"NOTIFY_SOCKET": "", "WATCHDOG_USEC": "soon"}, (None, None)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, (None, None)),
    ],
)
def test_what_systemd_says_is_read(
    environment: dict[str, str],
    expected: tuple[str | None, float | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert service_manager() == expected
