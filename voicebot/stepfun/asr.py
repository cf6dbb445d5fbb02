"""
Speech to text over HTTP: the request, and the events of the answer.

Source: StepFun API reference "ASR over SSE" (api-reference/audio/asr-sse), model page
"stepaudio-2.5-asr" (guides/models/stepaudio-2.5-asr). No page says how long a clip may
be, or how many hot words there may be: those limits are ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import orjson
import pybase64

from voicebot.errors import LocalProtocolError
from voicebot.fields import Fields
from voicebot.stepfun.upstream import event_error, loggable_id

Format = Literal["pcm", "wav", "mp3", "ogg"]

PATH: Final = "/audio/asr/sse"  # from the base URL on
MODEL: Final = "stepaudio-2.5-asr"

# Ours: an hour of a telephone call at 16 kHz has 115 MB; a part of it is enough.
AUDIO_BYTES: Final = 40_000_000
HOTWORDS: Final = 200
HOTWORD_CHARACTERS: Final = 100
RATES_HZ: Final = range(8000, 48_001)


def _is_wav(audio: bytes) -> bool:
    return audio[:4] == b"RIFF" and audio[8:12] == b"WAVE"


def _is_mp3(audio: bytes) -> bool:
    # A tag, or the eleven bits with which a frame begins.
    return audio[:3] == b"ID3" or audio[0] == 0xFF and audio[1:2] >= b"\xe0"


def _is_ogg(audio: bytes) -> bool:
    return audio[:4] == b"OggS"


def _is_pcm(audio: bytes) -> bool:
    return len(audio) % 2 == 0


# Format -> whether these bytes may be of it, and what was expected.
_LOOKS: Final[Mapping[Format, tuple[Callable[[bytes], bool], str]]] = {
    "pcm": (_is_pcm, "whole samples of two bytes"),
    "wav": (_is_wav, "a WAV header"),
    "mp3": (_is_mp3, "an MP3 header"),
    "ogg": (_is_ogg, "an Ogg header"),
}


@dataclass(frozen=True, slots=True)
class AsrRequest:
    """
    One `POST` to `PATH`, answered by events.

    Attributes:
        audio: the whole clip, 1 byte to 40 MB; `pcm` is signed 16-bit little-endian,
            mono.
        rate_hz: of `pcm`, 8000 to 48000; files tell their own. The page shows 16000
            only.
        language: such as `zh` or `en`; None: StepFun finds out.
        hotwords: up to 200 names and terms to be expected, of up to 100 characters.
        itn: write numbers, dates and amounts as people do: "42", not "forty-two".
        timestamps: have each piece say when it was spoken.

    Raises:
        LocalProtocolError: a limit above is broken, or the audio isn't of its format.
    """

    audio: bytes = field(repr=False)
    format: Format = "pcm"
    rate_hz: int = 16000
    model: str = MODEL
    language: str | None = None
    hotwords: tuple[str, ...] = field(default=(), repr=False)
    itn: bool = True
    timestamps: bool = False

    def __post_init__(self) -> None:
        size = len(self.audio)
        if not 0 < size <= AUDIO_BYTES:
            raise LocalProtocolError(
                f"audio.data: expected 1 to {AUDIO_BYTES} bytes, got {size}"
            )
        fits, expected = _LOOKS[self.format]
        if not fits(self.audio):
            raise LocalProtocolError(
                f"audio.data: expected {expected}, as the format is {self.format},"
                f" got {size} bytes of something else"
            )
        if self.format == "pcm" and self.rate_hz not in RATES_HZ:
            raise LocalProtocolError(
                f"audio.input.format.rate: expected {RATES_HZ[0]} to {RATES_HZ[-1]},"
                f" got {self.rate_hz}"
            )
        if len(self.hotwords) > HOTWORDS:
            raise LocalProtocolError(
                f"hotwords: expected up to {HOTWORDS}, got {len(self.hotwords)}"
            )
        for number, word in enumerate(self.hotwords):
            if not 0 < len(word.strip()) <= HOTWORD_CHARACTERS:
                raise LocalProtocolError(
                    f"hotwords[{number}]: expected 1 to {HOTWORD_CHARACTERS}"
                    f" characters, got {len(word.strip())}"
                )

    def body(self) -> bytes:
        """
        Return the JSON to post.

        Raises:
            LocalProtocolError: a hot word isn't Unicode: it holds half a character.
        """
        transcription: dict[str, object] = {
            "model": self.model,
            "enable_itn": self.itn,
            "enable_timestamp": self.timestamps,
        }
        if self.language is not None:
            transcription["language"] = self.language
        if self.hotwords:
            transcription["hotwords"] = list(self.hotwords)
        format_: dict[str, object] = {"type": self.format}
        if self.format == "pcm":
            format_ |= {
                "codec": "pcm_s16le",
                "rate": self.rate_hz,
                "bits": 16,
                "channel": 1,
            }
        heard = {"transcription": transcription, "format": format_}
        data = pybase64.b64encode(self.audio).decode()
        try:
            return orjson.dumps({"audio": {"data": data, "input": heard}})
        except TypeError:
            raise LocalProtocolError(
                "ASR request: expected Unicode text, got a lone surrogate"
            ) from None


@dataclass(frozen=True, slots=True)
class AsrUsage:
    """Tokens; what is left out counts as 0. What is paid is the audio's length."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class AsrDelta:
    """Some more words."""

    text: str = field(repr=False)
    """What is new."""

    start_ms: int | None = None
    """When they begin, from the clip's start; with timestamps only, as `end_ms`."""

    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said, as StepFun settled it: it may differ from the deltas."""

    text: str = field(repr=False)
    """Empty if nothing was understood."""

    usage: AsrUsage = AsrUsage()
    session_id: str | None = None
    """What StepFun's support asks for."""

    timed: tuple[AsrDelta, ...] = field(default=(), repr=False)
    """The pieces that said when they were spoken."""

    trace_id: str | None = None


class AsrReader:
    """
    Reads one answer's events.

    Deltas hold what is new, as documented. If the second one repeats the first, as
    the realtime API was seen to do, they are taken for the whole text so far.
    """

    def __init__(self) -> None:
        self._so_far = ""
        self._adds: bool | None = None  # whether deltas hold what is new; not known yet
        self._timed: list[AsrDelta] = []

    def receive(self, data: bytes) -> AsrDelta | Transcript | None:
        """
        Read an event's data; None if it is of a kind that we don't know.

        Raises:
            UpstreamError: it tells of a failure.
            RemoteProtocolError: it is no event.
        """
        event = Fields.parse(data, "event")
        kind = event.text("type") if "type" in event else ""
        match kind:
            case "transcript.text.delta":
                return self._delta(event)
            case "transcript.text.done":
                return Transcript(
                    text=event.text("text"),
                    usage=_usage(event),
                    session_id=_session_id(event),
                    timed=tuple(self._timed),
                )
            case _ if kind == "error" or "error" in event:
                raise event_error(data, "transcription_failed")
            case _:
                return None

    def _delta(self, event: Fields) -> AsrDelta:
        given = event.text("delta")
        if self._adds is None and self._so_far:
            # One letter may well be said twice.
            self._adds = len(self._so_far) == 1 or not given.startswith(self._so_far)
        before = len(self._so_far) if self._adds is False else 0
        text = given[before:]
        self._so_far = given if self._adds is False else self._so_far + given
        if "start_time" not in event or "end_time" not in event:
            return AsrDelta(text)
        start_ms, end_ms = event.integer("start_time"), event.integer("end_time")
        delta = AsrDelta(text, start_ms, end_ms)
        self._timed.append(delta)
        return delta


def _usage(event: Fields) -> AsrUsage:
    if "usage" not in event:
        return AsrUsage()
    usage = event.table("usage")
    return AsrUsage(
        *(
            usage.integer(name) if name in usage else 0
            for name in ("input_tokens", "output_tokens")
        )
    )


def _session_id(event: Fields) -> str | None:
    meta = event.table("meta") if "meta" in event else None
    given = meta.text("session_id") if meta and "session_id" in meta else None
    return loggable_id(given)
