"""
Speech from text over HTTP: the request, and what comes back.

The answer is the audio itself and nothing around it, or a stream of events that hold
it piece by piece.

Source: StepFun API reference "Create audio" (api-reference/audio/create-audio).
"""

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from voicebot.errors import LocalProtocolError, RemoteProtocolError, UpstreamError
from voicebot.fields import Fields
from voicebot.stepfun.limits import (
    SPEEDS,
    VOLUMES,
    check_choice,
    check_instruction,
    check_number,
    check_rate,
    check_text,
    manner,
    to_json,
)
from voicebot.stepfun.sound import Pcm16Reader, kind_of
from voicebot.stepfun.upstream import told_error

PATH: Final = "/audio/speech"  # from the base URL on
MODEL: Final = "stepaudio-2.5-tts"
STREAM_STATUS: Final = 200  # of an answer that fails while it is streamed

Format = Literal["pcm", "wav", "mp3", "flac", "opus"]


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """
    One `POST` to `PATH`, answered with audio: mono, and of 16 bits if not compressed.

    Attributes:
        text: what to say, 1 to 1000 characters. `stepaudio-2.5-tts` takes what
            stands in (round brackets) as a stage direction and doesn't speak it.
        voice: an official voice or the id of a cloned one.
        rate_hz: of the answer.
        speed: 0.5 to 2.
        volume: 0.1 to 2.
        instruction: how to say it, at most 200 characters; models before
            `stepaudio-2.5-tts` take none.
        format: `pcm` is signed 16-bit little-endian samples and nothing else.
        pronunciations: such as `SMS/S M S`.
        markdown_filter: leave out the marks of Markdown.

    Raises:
        LocalProtocolError: a limit above is broken.
    """

    model: str
    text: str = field(repr=False)
    voice: str
    rate_hz: int = 8000
    speed: float = 1.0
    volume: float = 1.0
    instruction: str | None = None
    format: Format = "pcm"
    pronunciations: tuple[str, ...] = ()
    markdown_filter: bool = False

    def __post_init__(self) -> None:
        check_text("input", self.text)
        check_choice("response_format", self.format, get_args(Format))
        check_rate("sample_rate", self.rate_hz)
        check_number("speed", self.speed, SPEEDS)
        check_number("volume", self.volume, VOLUMES)
        check_instruction("instruction", self.instruction, self.model)

    def body(self, *, as_events: bool = False) -> bytes:
        """
        Return the JSON to post.

        Args:
            as_events: have it answered piece by piece, for a `SpeechReader`.

        Raises:
            LocalProtocolError: a text isn't Unicode: it holds half a character. Or
                other audio than pcm is wanted as events: how its pieces belong
                together isn't documented.
        """
        members: dict[str, object] = {
            "model": self.model,
            "input": self.text,
            "voice": self.voice,
            "response_format": self.format,
            "sample_rate": self.rate_hz,
            "speed": self.speed,
            "volume": self.volume,
            **manner(
                self.instruction,
                self.pronunciations,
                markdown_filter=self.markdown_filter,
            ),
        }
        if as_events:
            if self.format != "pcm":
                raise LocalProtocolError(
                    f"response_format: expected pcm for events, got {self.format}"
                )
            members["stream_format"] = "sse"
        return to_json(members, "speech request")


def read_speech(request: SpeechRequest, body: bytes) -> bytes:
    """
    Read the whole answer to a request, of status 200.

    Returns:
        Samples if pcm was asked for, else a file.

    Raises:
        RemoteProtocolError: it isn't what was asked for.
    """
    if request.format == "pcm":
        return Pcm16Reader(request.rate_hz).feed(body)
    if (kind := kind_of(body)) != request.format:
        raise RemoteProtocolError(
            f"audio: expected {request.format}, got {kind or 'something else'}"
        )
    return body


class SpeechReader:
    """
    Reads the events of an answer.

    Attributes:
        ended: all audio is there.
    """

    def __init__(self, rate_hz: int) -> None:
        self.ended = False
        self._samples = Pcm16Reader(rate_hz)

    def receive(self, data: bytes) -> bytes:
        """
        Take the data of an event, and return the samples in it: whole ones, or none.

        Raises:
            RemoteProtocolError: it isn't as documented, or isn't the audio that was
                asked for.
            UpstreamError: StepFun tells that it failed.
        """
        event = Fields.parse(data, "event")
        match event.text("type"):
            case "speech.audio.delta":
                return self._samples.feed(event.base64("audio"))
            case "speech.audio.done":
                self.ended = True  # its audio is empty, or all of it once more
            case "speech.audio.error":
                raise _failure(event)
            case _:
                pass  # a kind of event that is new
        return b""


def _failure(event: Fields) -> UpstreamError:
    """Name a failure whose members nobody has documented."""
    inner = event.table("error") if "error" in event else event
    code = inner.text("code") if "code" in inner else None
    return told_error(code, STREAM_STATUS, "speech_failed")
