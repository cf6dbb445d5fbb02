"""
Speech from text that is still being written: one utterance, one WebSocket.

    StepFun                          we
    tts.connection.done          ->
                                 <-  tts.create
    tts.response.created         ->
                                 <-  tts.text.delta, ..., tts.text.flush, tts.text.done
    tts.response.sentence.start,
    tts.response.audio.delta, ...,
    tts.response.sentence.end    ->
    tts.response.audio.done      ->  and StepFun closes

There is no event that interrupts: who wants silence closes the socket.

Source: StepFun API reference "Stream audio" (api-reference/audio/ws-audio). Where its
samples contradict it, both readings are taken, and a comment says so.
"""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, get_args

from voicebot.errors import LocalProtocolError, RemoteProtocolError, UpstreamError
from voicebot.fields import Fields
from voicebot.stepfun.limits import (
    SPEEDS,
    TEXT_CHARACTERS,
    VOLUMES,
    check_choice,
    check_instruction,
    check_number,
    check_rate,
    manner,
    to_json,
)
from voicebot.stepfun.sound import Pcm16Reader
from voicebot.stepfun.upstream import told_error

STREAM_STATUS: Final = 101  # of an upgrade that went well
UNKNOWN_TYPES: Final = 32  # a peer decides how many there are
UNKNOWN_TYPE_CHARACTERS: Final = 64

Mode = Literal["default", "sentence"]


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """
    How an utterance is spoken: signed 16-bit little-endian samples, mono.

    Attributes:
        model: `stepaudio-2.5-tts`, or on the open platform an older one.
        voice: an official voice or the id of a cloned one.
        rate_hz: of the samples.
        speed: 0.5 to 2.
        volume: 0.1 to 2.
        instruction: how to say it, at most 200 characters; models before
            `stepaudio-2.5-tts` take none.
        mode: `default` takes text in pieces of any size, and StepFun finds its
            sentences. With `sentence` each piece is whole ones.
        pronunciations: such as `SMS/S M S`.
        markdown_filter: leave out the marks of Markdown.

    Raises:
        LocalProtocolError: a limit above is broken.
    """

    model: str
    voice: str
    rate_hz: int = 8000
    speed: float = 1.0
    volume: float = 1.0
    instruction: str | None = None
    mode: Mode = "default"
    pronunciations: tuple[str, ...] = ()
    markdown_filter: bool = False

    def __post_init__(self) -> None:
        check_choice("data.mode", self.mode, get_args(Mode))
        check_rate("data.sample_rate", self.rate_hz)
        check_number("data.speed_ratio", self.speed, SPEEDS)
        check_number("data.volume_ratio", self.volume, VOLUMES)
        check_instruction("data.instruction", self.instruction, self.model)


# What StepFun tells. Deeds in the past tense, as everywhere.


@dataclass(frozen=True, slots=True)
class Connected:
    """The socket may be told how to speak."""


@dataclass(frozen=True, slots=True)
class Created:
    """It may be told what to say."""


@dataclass(frozen=True, slots=True)
class SentenceBegun:
    """The samples that follow are of this sentence."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Spoken:
    """Samples: signed 16-bit little-endian, mono."""

    pcm16: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SentenceEnded:
    """All samples of this sentence have come."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Flushed:
    """All that was written before a flush has been spoken."""


@dataclass(frozen=True, slots=True)
class Finished:
    """All has been spoken. Nothing follows."""


@dataclass(frozen=True, slots=True)
class Failed:
    """StepFun gave up. Nothing follows."""

    error: UpstreamError


StreamEvent = (
    Connected
    | Created
    | SentenceBegun
    | Spoken
    | SentenceEnded
    | Flushed
    | Finished
    | Failed
)


class Phase(Enum):
    """What may be sent next. They follow one another in this order."""

    CONNECTING = "nothing"
    CONNECTED = "tts.create"
    CREATING = "nothing, until tts.response.created"
    WRITING = "text"
    FINISHING = "nothing: the text is finished"
    ENDED = "nothing: it is over"


class TtsStream:
    """
    One utterance, without its socket.

    Attributes:
        phase: where it is.
        session_id: what StepFun's support asks for; None until it has come.
        spoken: whether any sample has come: what was heard in part isn't said twice.
        unknown: types of frames that we don't know, and how often each came.
    """

    def __init__(self, settings: VoiceSettings) -> None:
        self.phase = Phase.CONNECTING
        self.session_id: str | None = None
        self.spoken = False
        self.unknown: Counter[str] = Counter()
        self._settings = settings
        self._samples = Pcm16Reader(settings.rate_hz)

    # What we say: each returns frames.

    def create(self) -> bytes:
        """
        Tell how to speak.

        Raises:
            LocalProtocolError: `Connected` hasn't come, or this was said.
        """
        self._expect(Phase.CONNECTED)
        self.phase = Phase.CREATING
        settings = self._settings
        data: dict[str, object] = {
            "voice_id": settings.voice,
            "response_format": "pcm",
            "sample_rate": settings.rate_hz,
            "speed_ratio": settings.speed,
            "volume_ratio": settings.volume,
            "mode": settings.mode,
            **manner(
                settings.instruction,
                settings.pronunciations,
                markdown_filter=settings.markdown_filter,
            ),
        }
        return self._command("tts.create", data)

    def write(self, text: str) -> list[bytes]:
        """
        Tell what to say next: a piece of any length, none if empty.

        Raises:
            LocalProtocolError: `Created` hasn't come, or the text is finished; or it
                isn't Unicode.
        """
        self._expect(Phase.WRITING)
        return [
            self._command("tts.text.delta", {"text": text[at : at + TEXT_CHARACTERS]})
            for at in range(0, len(text), TEXT_CHARACTERS)
        ]

    def flush(self) -> bytes:
        """
        Have spoken what was written, though no sentence ends there.

        Raises:
            LocalProtocolError: as `write`.
        """
        self._expect(Phase.WRITING)
        return self._command("tts.text.flush", {})

    def finish(self) -> bytes:
        """
        Tell that the text is whole.

        Raises:
            LocalProtocolError: as `write`.
        """
        self._expect(Phase.WRITING)
        self.phase = Phase.FINISHING
        return self._command("tts.text.done", {})

    # What StepFun says

    def receive(self, frame: str | bytes) -> StreamEvent | None:
        """
        Take a frame.

        Returns:
            What it means, or None: nothing, as what we don't know.

        Raises:
            RemoteProtocolError: it isn't as documented, or holds other audio than was
                asked for.
        """
        event = Fields.parse(frame, "event")
        kind = event.text("type")
        if kind in ENDS or kind == "tts.response.error":
            self.phase = Phase.ENDED
            return Failed(_failure(event)) if kind not in ENDS else Finished()
        match kind:
            case "tts.connection.done" | "tts.response.created":
                return self._began(event.table("data"), kind)
            case "tts.response.sentence.start":
                return SentenceBegun(event.table("data").text("text"))
            case "tts.response.audio.delta":
                return self._sound(event.table("data").base64("audio"))
            case "tts.response.sentence.end":
                return SentenceEnded(event.table("data").text("text"))
            case "tts.text.flushed":
                return Flushed()
            case _:
                self._note_unknown(kind)
                return None

    def _began(self, data: Fields, kind: str) -> StreamEvent | None:
        if self.phase is Phase.CONNECTING and kind == "tts.connection.done":
            self.session_id = data.text("session_id")
            self.phase = Phase.CONNECTED
            return Connected()
        # The page's own sample calls this one tts.connection.done, too.
        if self.phase is Phase.CREATING:
            self.phase = Phase.WRITING
            return Created()
        raise RemoteProtocolError(
            f"event.type: expected another when {self.phase.value} may be sent,"
            f" got {kind}"
        )

    def _sound(self, piece: bytes) -> Spoken | None:
        pcm16 = self._samples.feed(piece)
        self.spoken = self.spoken or bool(pcm16)
        return Spoken(pcm16) if pcm16 else None

    def _expect(self, phase: Phase) -> None:
        if self.phase is not phase:
            raise LocalProtocolError(
                f"event.type: expected {self.phase.value}, got {phase.value}"
            )

    def _command(self, kind: str, data: dict[str, object]) -> bytes:
        data = {"session_id": self.session_id, **data}
        return to_json({"type": kind, "data": data}, kind)

    def _note_unknown(self, kind: str) -> None:
        kind = kind[:UNKNOWN_TYPE_CHARACTERS]
        if kind in self.unknown or len(self.unknown) < UNKNOWN_TYPES:
            self.unknown[kind] += 1


# The page's table says it in one way and its text in another; a client knows a third.
ENDS: Final = frozenset(
    {"tts.response.audio.done", "response.audio.done", "tts.response.done"}
)


def _failure(event: Fields) -> UpstreamError:
    """Read an error, which may come before there is any session."""
    data = event.table("data") if "data" in event else event
    code = data.text("code") if "code" in data else None
    return told_error(code, STREAM_STATUS, "speech_failed")
