"""That somebody agreed to have their voice cloned: kept beside the voice's name."""

import os
import re
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson

from voicebot.errors import ConfigError, StoreError

FOLDER: Final = "voices"  # of the data folder
MAX_CHARACTERS: Final = 10_000
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Consent:
    """
    Attributes:
        statement: who agreed to what, in the operator's words.
        recording_sha256: of the recording; empty if it was uploaded another time.
        file_id: StepFun's, of the recording.
        voice: StepFun's, once it is made.
    """

    statement: str
    given_at: datetime
    file_id: str
    recording_sha256: str = ""
    voice: str | None = None


def checked_statement(text: str) -> str:
    """
    Return a statement of consent without its margins.

    Raises:
        ConfigError: it says nothing, or too much to be one.
    """
    text = text.strip()
    if not 1 <= len(text) <= MAX_CHARACTERS:
        raise ConfigError(
            f"consent: expected 1 to {MAX_CHARACTERS} characters that say who agreed "
            f"to have their voice cloned, got {len(text)}"
        )
    return text


def digest(recording: bytes) -> str:
    """Name a recording by what is in it."""
    return sha256(recording).hexdigest()


def keep(data: Path, consent: Consent) -> Path:
    """
    Write a consent down, for our eyes only, before the voice is made and after.

    Returns:
        The file: named after the voice, or the recording while there is none.

    Raises:
        StoreError: it can't be written, or an ID of StepFun's is none.
    """
    path = _path(data, consent)
    draft = path.with_suffix(".part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(draft, "wb", opener=_private) as file:
            file.write(orjson.dumps(asdict(consent), option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        if consent.voice:
            _path(data, replace(consent, voice=None)).unlink(missing_ok=True)
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc
    return path


def kept_statements(data: Path) -> dict[str, str]:
    """
    Return the statement of each voice of which one is kept.

    Raises:
        StoreError: one can't be read, or isn't as we write them.
    """
    found = {}
    for path in sorted((data / FOLDER).glob("*.json")):
        try:
            told = orjson.loads(path.read_bytes())
            if told["voice"]:
                found[str(told["voice"])] = str(told["statement"])
        except OSError as exc:
            raise StoreError(f"{path}: {exc.strerror}") from exc
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise StoreError(
                f"{path}: expected a consent, got something else"
            ) from None
    return found


def _path(data: Path, consent: Consent) -> Path:
    name = consent.voice or consent.file_id
    if not _ID.fullmatch(name):  # a peer made it up, and it becomes a file's name
        raise StoreError(
            f"consent: expected an ID of letters and digits, got {len(name)} characters"
        )
    return data / FOLDER / f"{name}.json"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
