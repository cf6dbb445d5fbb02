"""
What an operator can set, and where each value came from.

The only reader of the environment. A value is looked for in the environment, then
in `.env` of the working directory, then among the secret files: one file a value,
as systemd's LoadCredential= and Kubernetes mount them. A variable that is set to
nothing counts as not set. Secrets that dialplans name are read here, too, but only from
the environment or the file that they say.
"""

import os
import sys
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from errno import ENOENT
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from voicebot.errors import ConfigError

PREFIX: Final = "VOICEBOT_"
SECRETS_DIR: Final = "VOICEBOT_SECRETS_DIR"
ENV_FILE: Final = Path(".env")
MAX_SECRET: Final = 4096  # characters of a secret that a dialplan names
FILE: Final = "sqlite:///"
SERVER: Final = "postgresql://"
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
SECRETS: Final = (
    "stepfun_api_key",
    "twilio_auth_token",
    "twilio_auth_token_secondary",
    "metrics_token",
    "webhook_secret",
    "database_url",  # it may hold a password
    "recordings_secret",
)
DATABASE: Final = "postgresql://user:password@host/database, or sqlite:///file"
BUCKET: Final = "s3://bucket, or s3://bucket/prefix"
KEEP: Final = "1 to 36500 days"
KEY: Final = "one word of printable ASCII"
ADDRESS: Final = "an https:// address without a query (http:// only to this machine)"

# What to do about each setting without which no call can be taken.
NEEDED: Final[Mapping[str, str]] = {
    "stepfun_api_key": "the API key of your StepFun account",
    "twilio_account_sid": "the Account SID that Twilio's console shows: AC…",
    "twilio_auth_token": "the Auth Token that Twilio's console shows next to it",
    "public_url": "the https:// address at which Twilio reaches this server",
}


class Settings(BaseSettings):
    """
    All settings, checked.

    The description of a field completes the sentence «expected …».
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        str_strip_whitespace=True,
        extra="forbid",
        frozen=True,
    )

    stepfun_api_key: SecretStr | None = Field(None, description=KEY)
    stepfun_base_url: str = Field(
        "https://api.stepfun.com/step_plan/v1", description=ADDRESS
    )
    twilio_account_sid: str | None = Field(
        None, pattern="^AC[0-9a-fA-F]{32}$", description="AC and 32 hexadecimal digits"
    )
    twilio_auth_token: SecretStr | None = Field(None, description=KEY)
    twilio_auth_token_secondary: SecretStr | None = Field(None, description=KEY)
    twilio_messaging_service_sid: str | None = Field(
        None, pattern="^MG[0-9a-fA-F]{32}$", description="MG and 32 hexadecimal digits"
    )
    twilio_api_url: str = Field("https://api.twilio.com", description=ADDRESS)
    public_url: str | None = Field(None, description=ADDRESS)
    engine: Literal["realtime", "cascade"] | None = Field(
        None, description="realtime or cascade"
    )
    dialplans: Path = Field(Path("dialplans"), description="a folder")
    data: Path = Field(Path("data"), description="a folder")
    database_url: SecretStr | None = Field(None, description=DATABASE)
    recordings: str | None = Field(
        None, pattern=r"^s3://[a-z0-9][a-z0-9.-]+(/[\w./-]*)?$", description=BUCKET
    )
    recordings_endpoint: str | None = Field(None, description=ADDRESS)
    recordings_region: str | None = Field(
        None, pattern="^[a-z0-9-]+$", description="a region such as eu-central-1"
    )
    recordings_key_id: str | None = Field(None, pattern=r"^\S+$", description=KEY)
    recordings_secret: SecretStr | None = Field(None, description=KEY)
    recordings_format: Literal["flac", "opus"] = Field(
        "flac", description="flac or opus"
    )
    keep_recordings_days: int | None = Field(None, ge=1, le=36_500, description=KEEP)
    keep_words_days: int | None = Field(None, ge=1, le=36_500, description=KEEP)
    keep_calls_days: int | None = Field(None, ge=1, le=36_500, description=KEEP)
    host: str = Field("127.0.0.1", description="an address to listen on")
    port: int = Field(8080, ge=1, le=65535, description="1 to 65535")
    webhook_secret: SecretStr | None = Field(None, description=KEY)
    metrics_token: SecretStr | None = Field(None, description=KEY)
    prices: Path | None = Field(None, description="a file")
    max_calls: int = Field(100, ge=1, le=10_000, description="1 to 10000")
    drain_s: int = Field(3600, ge=0, le=86_400, description="0 to 86400 seconds")
    flight_records: bool = Field(False, description="true or false")
    log_json: bool | None = Field(None, description="true or false")

    @property
    def json_logs(self) -> bool:
        """Whether to log JSON: what was asked for, else unless a person reads it."""
        return not sys.stderr.isatty() if self.log_json is None else self.log_json

    @property
    def recordings_folder(self) -> Path:
        """Where recordings are made, and stay unless there is a bucket.

        Absolute: the call log says where they are to whoever reads it, from anywhere.
        """
        return (self.data / "recordings").absolute()

    @property
    def call_log(self) -> Path | str:
        """Where the call log lies: a file of SQLite's, or a PostgreSQL address."""
        if self.database_url is None:
            return self.data / "calls.sqlite"
        url = self.database_url.get_secret_value()
        return Path(url.removeprefix(FILE)) if url.startswith(FILE) else url

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            url = value.get_secret_value()
            is_file = url.startswith(FILE) and url != FILE
            if not (is_file or (url.startswith(SERVER) and urlsplit(url).hostname)):
                raise ValueError
        return value

    @field_validator(
        "stepfun_base_url", "twilio_api_url", "public_url", "recordings_endpoint"
    )
    @classmethod
    def _check_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        url = urlsplit(value)
        local = url.scheme == "http" and url.hostname in LOOPBACK
        if not (url.hostname and (url.scheme == "https" or local)):
            raise ValueError
        if not _one_word(value) or any(mark in value for mark in "?#@"):
            raise ValueError
        if not value.startswith(("https://", "http://")) or url.netloc.endswith(":"):
            raise ValueError  # Twilio would sign it in another spelling
        if url.port == 0:  # reading it raises ValueError if it isn't a port at all
            raise ValueError
        return value.rstrip("/")

    @field_validator(*SECRETS)
    @classmethod
    def _check_secret(cls, value: SecretStr | None) -> SecretStr | None:
        # It goes into a header: a line break there would be more than a wrong key.
        if value is not None and not _one_word(value.get_secret_value()):
            raise ValueError
        return value


def load_settings() -> Settings:
    """
    Read and check all settings.

    Raises:
        ConfigError: one line for each variable that is wrong or unknown: its name,
            what was expected, what stood there (never a secret) and where.
    """
    folder = _secrets_dir()
    layers = [_secret_files(folder), _env_file(), _environment()]
    problems = [
        f"{label}: {name}: unknown{_nearest(name)}"
        for layer in layers
        for name, label in layer.items()
        if name not in NAMES and name != SECRETS_DIR
    ]
    settings = None
    try:
        with warnings.catch_warnings():
            # pydantic-settings only warns of a secret file that it doesn't read.
            warnings.simplefilter("error", UserWarning)
            settings = Settings(_secrets_dir=folder)
    except ValidationError as exc:
        sources = _merged(layers)
        problems += [
            _problem(str(error["loc"][0]), error["input"], sources)
            for error in exc.errors()
            if error["type"] != "extra_forbidden"  # known by now, with its line
        ]
    except SettingsError as exc:  # a secret file that cannot or must not be read
        problems.append(f"{SECRETS_DIR}: {exc}: {_reason(exc.__cause__)}")
    if settings is None or problems:
        raise ConfigError("\n  ".join(["the settings are wrong:", *problems])) from None
    return settings


def require_serving(settings: Settings) -> None:
    """
    Check that real calls can be taken with these settings.

    Raises:
        ConfigError: some are missing; the text lists them and says what to do.
    """
    missing = [
        f"{PREFIX}{name.upper()}: {meaning}"
        for name, meaning in NEEDED.items()
        if getattr(settings, name) is None
    ]
    if missing:
        lines = "\n  ".join(["these settings are missing:", *missing])
        raise ConfigError(
            f"{lines}\nSet them in the environment, in {ENV_FILE}, or as files in the "
            f"folder {SECRETS_DIR}. Without them there is `voicebot demo`."
        )


def provenance(settings: Settings) -> list[tuple[str, str, str]]:
    """
    Say of each setting what it is and where that stands.

    Args:
        settings: what `load_settings` returned in this environment.

    Returns:
        Variable, value (of a secret at most its last four characters) and source:
        `environment`, `.env:3`, the path of a secret file, or `default`.
    """
    sources = _merged([_secret_files(_secrets_dir()), _env_file(), _environment()])
    return [
        (name, _shown(getattr(settings, field)), sources.get(name, "default"))
        for name, field in NAMES.items()
    ]


def service_manager() -> tuple[str | None, float | None]:
    """
    Read what systemd told us when it started us, if it did: sd_notify(3).

    Returns:
        The address of its socket, and after how many seconds of silence it takes us
        for dead.
    """
    usec = os.environ.get("WATCHDOG_USEC", "")
    is_ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    watchdog_s = int(usec) / 1e6 if usec.isdecimal() and is_ours else None
    return os.environ.get("NOTIFY_SOCKET") or None, watchdog_s or None


def _secrets_dir() -> Path | None:
    """The folder of secret files: ours, or the one that systemd made for us."""
    for name in (SECRETS_DIR, "CREDENTIALS_DIRECTORY"):
        if path := os.environ.get(name):
            if not Path(path).is_dir():
                raise ConfigError(f"{name}: expected a folder, got {path!r}")
            return Path(path)
    return None


def _secret_files(folder: Path | None) -> dict[str, str]:
    """Variable -> path of its file. Files of other programs may lie there too."""
    try:
        files = sorted(folder.iterdir()) if folder else []
    except OSError as exc:
        raise ConfigError(f"{SECRETS_DIR}: {folder}: {_reason(exc)}") from None
    return {
        file.name.upper(): str(file)
        for file in files
        if file.name.upper().startswith(PREFIX)
    }


def _env_file() -> dict[str, str]:
    """Variable -> its line in `.env`."""
    if not ENV_FILE.exists():
        return {}
    try:
        with ENV_FILE.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{ENV_FILE}: {_reason(exc)}") from None
    labels: dict[str, str] = {}
    for key, value, original, _ in bindings:
        text = original.string
        blank = text[: len(text) - len(text.lstrip())].count("\n")
        label = f"{ENV_FILE}:{original.line + blank}"
        if value:
            labels[str(key).upper()] = label
        elif value is None and text.strip() and not text.lstrip().startswith("#"):
            raise ConfigError(f"{label}: expected NAME=value")
    return labels


def _environment() -> dict[str, str]:
    return {
        name.upper(): "environment"
        for name, value in os.environ.items()
        if name.upper().startswith(PREFIX) and value
    }


def _merged(layers: list[dict[str, str]]) -> dict[str, str]:
    """The source that counts for each variable: later layers win."""
    return {name: label for layer in layers for name, label in layer.items()}


def _nearest(name: str) -> str:
    known = name if name.startswith(PREFIX) else PREFIX + name
    near = get_close_matches(known, NAMES, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _problem(field: str, value: object, sources: Mapping[str, str]) -> str:
    name = PREFIX + field.upper()
    text = str(value)
    # An address with a user name in it holds a password as well.
    got = f"{len(text)} characters" if field in SECRETS or "@" in text else repr(text)
    expected = Settings.model_fields[field].description
    return f"{sources[name]}: {name}: expected {expected}, got {got}"


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        # Four characters of a short one would be too much of it.
        return f"set (…{text[-4:]})" if len(text) >= 16 else "set"
    return str(value)


def _reason(exc: BaseException | None) -> str:
    match exc:
        case OSError(strerror=str(reason)):
            return reason
        case UnicodeDecodeError():
            return "not UTF-8"  # its own text quotes bytes, perhaps of a secret
        case _:
            return str(exc)


def _one_word(text: str) -> bool:
    return text.isascii() and text.isprintable() and text.split() == [text]


def read_secret(kind: str, name: str) -> str:
    """
    Read what a dialplan calls `${env:NAME}` or `${file:/path}`, without its margins.

    Raises:
        ConfigError: it isn't there, or is no single line; the text doesn't quote it.
    """
    try:
        text = os.environ.get(name, "") if kind == "env" else _secret_file(name)
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{name}: {_reason(exc)}") from None
    text = text.strip()
    if not text:
        raise ConfigError(f"{name}: not set" if kind == "env" else f"{name}: empty")
    if not (text.isascii() and text.isprintable()):
        raise ConfigError(f"{name}: expected one line of ASCII characters")
    return text


def _secret_file(name: str) -> str:
    # Opening a pipe would wait for somebody who writes to it.
    if not Path(name).is_file():
        raise FileNotFoundError(ENOENT, "no such file")
    with open(name, encoding="utf-8") as stream:
        return stream.read(MAX_SECRET)


NAMES: Final = {PREFIX + field.upper(): field for field in Settings.model_fields}
