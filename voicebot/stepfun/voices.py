"""
Voices: the official ones, and those that are cloned from a recording.

A clone is made of a file that was uploaded; a preview says what it would sound like.

Source: StepFun API reference "Create a voice", "Preview a voice", "List voices"
(api-reference/audio/create-voice, voices-preview, list-voice), "Upload a file"
(api-reference/files/create).
"""

import io
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

from voicebot.errors import LocalProtocolError, RemoteProtocolError
from voicebot.fields import Fields
from voicebot.stepfun.limits import (
    SPEEDS,
    VOLUMES,
    check_choice,
    check_instruction,
    check_number,
    check_rate,
    check_text,
    to_json,
)
from voicebot.stepfun.sound import Kind, kind_of

# From the base URL on.
VOICES_PATH: Final = "/audio/voices"
PREVIEW_PATH: Final = "/audio/voices/preview"
FILES_PATH: Final = "/files"
PURPOSE: Final = "storage"  # of an uploaded file

# The length that StepFun asks for; another page of its advertises 3 s.
REFERENCE_S: Final = (5.0, 10.0)
REFERENCE_BYTES: Final = 128_000_000
REFERENCE_KINDS: Final = ("wav", "mp3")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LIST_LIMITS: Final = (1, 100)

PreviewFormat = Literal["wav", "mp3", "flac", "opus"]
Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class Reference:
    """
    A recording of the voice that is to be cloned.

    Attributes:
        data: a WAV or MP3 file of one person who speaks.
        name: of the file, as StepFun is told.

    Raises:
        LocalProtocolError: it is of another kind, too large, or a WAV file that isn't 5
            to 10 s long. How long an MP3 file is, StepFun finds out.
    """

    data: bytes = field(repr=False)
    name: str = "voice"

    def __post_init__(self) -> None:
        kind = kind_of(self.data)
        if kind not in REFERENCE_KINDS:
            raise LocalProtocolError(
                f"file: expected WAV or MP3, got {kind or 'something else'}"
            )
        if len(self.data) > REFERENCE_BYTES:
            raise LocalProtocolError(
                f"file: expected up to {REFERENCE_BYTES} bytes, got {len(self.data)}"
            )
        if kind == "wav":
            low, high = REFERENCE_S
            seconds = _seconds(self.data)
            if not low <= seconds <= high:
                raise LocalProtocolError(
                    f"file: expected {low:g} to {high:g} s of speech, got {seconds:.1f}"
                )


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file at StepFun."""

    file_id: str
    ready: bool
    """A voice can be made of it."""


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """
    One `POST` to `PREVIEW_PATH`.

    Attributes:
        file_id: of the recording.
        sample_text: what to say in that voice; StepFun advises up to 50 characters.
        text: what is said in the recording; None has it transcribed, less surely.
        instruction: how to say it, at most 200 characters.

    Raises:
        LocalProtocolError: a limit is broken.
    """

    model: str
    file_id: str
    sample_text: str = field(repr=False)
    text: str | None = field(default=None, repr=False)
    format: PreviewFormat = "wav"
    rate_hz: int = 24000
    speed: float = 1.0
    volume: float = 1.0
    instruction: str | None = None

    def __post_init__(self) -> None:
        check_text("sample_text", self.sample_text)
        check_choice("response_format", self.format, get_args(PreviewFormat))
        check_rate("sample_rate", self.rate_hz)
        check_number("speed", self.speed, SPEEDS)
        check_number("volume", self.volume, VOLUMES)
        check_instruction("instruction", self.instruction, self.model)
        if self.text is not None:
            check_text("text", self.text)

    def body(self) -> bytes:
        """
        Return the JSON to post.

        Raises:
            LocalProtocolError: a text isn't Unicode: it holds half a character.
        """
        members: dict[str, object] = {
            "model": self.model,
            "file_id": self.file_id,
            "sample_text": self.sample_text,
            "response_format": self.format,
            "sample_rate": self.rate_hz,
            "speed": self.speed,
            "volume": self.volume,
        }
        if self.text is not None:
            members["text"] = self.text
        if self.instruction is not None:
            members["instruction"] = self.instruction
        return to_json(members, "preview request")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a clone would sound like."""

    audio: bytes = field(repr=False)
    kind: Kind
    """As its beginning tells: it isn't always what was asked for."""


@dataclass(frozen=True, slots=True)
class CloneRequest:
    """
    One `POST` to `VOICES_PATH`, which costs money if it succeeds.

    Attributes:
        file_id: of the recording.
        text: what is said in it; None has it transcribed, less surely.

    Raises:
        LocalProtocolError: the text is too long.
    """

    model: str
    file_id: str
    text: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.text is not None:
            check_text("text", self.text)

    def body(self) -> bytes:
        """
        Return the JSON to post.

        Raises:
            LocalProtocolError: the text isn't Unicode: it holds half a character.
        """
        members: dict[str, object] = {"model": self.model, "file_id": self.file_id}
        if self.text is not None:
            members["text"] = self.text
        return to_json(members, "clone request")


@dataclass(frozen=True, slots=True)
class MadeVoice:
    """A voice, as making it was answered."""

    voice: str
    duplicated: bool
    """It was there before: the same request had been made."""


@dataclass(frozen=True, slots=True)
class ClonedVoice:
    """A voice of this account's."""

    voice: str
    file_id: str
    made_at: datetime | None


@dataclass(frozen=True, slots=True)
class VoicePage:
    """Some of this account's voices."""

    voices: tuple[ClonedVoice, ...]
    next_after: str | None
    """From where the next page goes on; None: there is none."""


def list_query(
    *, limit: int = 100, order: Order = "desc", after: str | None = None
) -> Mapping[str, str]:
    """
    Return the query of a `GET` to `VOICES_PATH`.

    Raises:
        LocalProtocolError: the limit isn't 1 to 100.
    """
    low, high = LIST_LIMITS
    if not low <= limit <= high:
        raise LocalProtocolError(f"limit: expected {low} to {high}, got {limit}")
    query = {"limit": str(limit), "order": order}
    return query if after is None else {**query, "after": after}


def read_file(body: bytes) -> UploadedFile:
    """
    Read the answer to an upload.

    Raises:
        RemoteProtocolError: it isn't one.
    """
    answer = Fields.parse(body, "file")
    status = answer.text("status") if "status" in answer else "success"
    return UploadedFile(answer.text("id"), status in ("success", "processed"))


def read_preview(body: bytes) -> Preview:
    """
    Read the answer to a preview.

    Raises:
        RemoteProtocolError: it isn't one, or holds no audio.
    """
    audio = Fields.parse(body, "preview").base64("sample_audio")
    kind = kind_of(audio)
    if kind is None:
        raise RemoteProtocolError(
            f"preview.sample_audio: expected a sound file, got {len(audio)} bytes"
        )
    return Preview(audio, kind)


def read_made(body: bytes) -> MadeVoice:
    """
    Read the answer to a request for a clone.

    Raises:
        RemoteProtocolError: it isn't one.
    """
    answer = Fields.parse(body, "voice")
    return MadeVoice(answer.text("id"), answer.flag("duplicated"))


def read_page(body: bytes) -> VoicePage:
    """
    Read a list of voices.

    Raises:
        RemoteProtocolError: it isn't one.
    """
    answer = Fields.parse(body, "list")
    voices = tuple(map(_voice, answer.tables("data")))
    goes_on = answer.flag("has_more") and voices
    return VoicePage(voices, voices[-1].voice if goes_on else None)


def _voice(row: Fields) -> ClonedVoice:
    made_at = None
    if "created_at" in row:
        made_at = _instant(row.integer("created_at"))
    file_id = row.text("file_id") if "file_id" in row else ""
    return ClonedVoice(row.text("id"), file_id, made_at)


def _instant(seconds: int) -> datetime:
    try:
        return EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        raise RemoteProtocolError(
            "list.data.created_at: expected seconds since 1970, got too many"
        ) from None


def _seconds(data: bytes) -> float:
    try:
        with wave.open(io.BytesIO(data)) as file:
            return float(file.getnframes() / file.getframerate())
    except (wave.Error, EOFError, ZeroDivisionError):
        raise LocalProtocolError(
            "file: expected a WAV file of plain samples, got another"
        ) from None
