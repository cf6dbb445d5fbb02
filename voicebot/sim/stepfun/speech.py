"""`POST /audio/speech`: check the request, shape the sound. Without the HTTP."""

import io
import re
import wave
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import soundfile

from voicebot.sim.stepfun.babble import RATE_HZ, from_pcm16, resample, to_pcm16
from voicebot.sim.stepfun.mind import Mind, language_of
from voicebot.sim.stepfun.profile import is_voice

MODEL: Final = "stepaudio-2.5-tts"
# Sold on the open platform; on the Step Plan they are not found.
OLD_MODELS: Final = ("step-tts-2", "step-tts-mini")
LONGEST_INPUT: Final = 1000
LONGEST_INSTRUCTION: Final = 200
RATES_HZ: Final = (8000, 16000, 22050, 24000, 48000)
# Format -> content type, and libsndfile's names for it.
FORMATS: Final[dict[str, tuple[str, str, str]]] = {
    "pcm": ("audio/pcm", "", ""),
    "wav": ("audio/wav", "", ""),
    "mp3": ("audio/mpeg", "MP3", "MPEG_LAYER_III"),
    "flac": ("audio/flac", "FLAC", "PCM_16"),
    "opus": ("audio/ogg", "OGG", "OPUS"),
}
# Words in brackets direct the voice, and aren't spoken.
DIRECTION: Final = re.compile(r"\([^()]*\)|（[^（）]*）")


class BadRequest(Exception):
    """The request was refused. Never leaves the server."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A request that StepFun would serve."""

    text: str
    voice: str
    format: str = "mp3"
    rate_hz: int = 24000
    speed: float = 1.0
    volume: float = 1.0
    as_events: bool = False
    """Answer with server-sent events."""


def read_request(body: Any, *, on_plan: bool) -> SpeechRequest:
    """
    Read a request's JSON.

    Args:
        on_plan: it came to the Step Plan's path.

    Raises:
        BadRequest: StepFun would refuse it.
    """
    if not isinstance(body, dict):
        raise invalid("the body must be an object")
    check_model(body.get("model"), on_plan=on_plan)
    text, voice = body.get("input"), body.get("voice")
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_INPUT:
        raise invalid(f"input must have 1 to {LONGEST_INPUT} characters")
    if not is_voice(voice):
        raise invalid("voice is not valid")
    instruction = body.get("instruction", "")
    if not isinstance(instruction, str) or len(instruction) > LONGEST_INSTRUCTION:
        raise invalid(f"instruction must have up to {LONGEST_INSTRUCTION} characters")
    if body.get("voice_label") is not None:
        raise invalid(f"voice_label is not supported by {MODEL}")
    stream = one_of(body, "stream_format", ("audio", "sse"), "audio")
    return SpeechRequest(
        text=text,
        voice=str(voice),
        format=one_of(body, "response_format", tuple(FORMATS), "mp3"),
        rate_hz=one_of(body, "sample_rate", RATES_HZ, 24000),
        speed=number(body, "speed", 0.5, 2.0),
        volume=number(body, "volume", 0.1, 2.0),
        as_events=stream == "sse",
    )


def synthesize(mind: Mind, request: SpeechRequest) -> bytes:
    """
    Speak a request, in its format.

    Speed changes the pitch too: this is no real engine.

    Raises:
        BadRequest: the format can't carry the rate.
    """
    pcm16 = voiced(
        mind,
        request.text,
        request.voice,
        rate_hz=request.rate_hz,
        speed=request.speed,
        volume=request.volume,
    )
    return encoded(pcm16, request.format, request.rate_hz)


def voiced(
    mind: Mind, text: str, voice: str, *, rate_hz: int, speed: float, volume: float
) -> bytes:
    """Speak a text, as pcm16 at this rate."""
    text = DIRECTION.sub("", text)
    pcm16 = mind.speak(text, voice, language_of(text)) if text.strip() else b""
    samples = resample(from_pcm16(pcm16), round(RATE_HZ * speed), rate_hz)
    return to_pcm16(samples * volume)


def encoded(pcm16: bytes, form: str, rate_hz: int) -> bytes:
    """
    Make a file of one of the `FORMATS`.

    Raises:
        BadRequest: the format can't carry the rate.
    """
    if form == "pcm":
        return pcm16
    file = io.BytesIO()
    if form == "wav":
        with wave.open(file, "wb") as output:
            output.setparams((1, 2, rate_hz, 0, "NONE", ""))
            output.writeframes(pcm16)
        return file.getvalue()
    _, name, subtype = FORMATS[form]
    whole = np.frombuffer(pcm16, "<i2")
    try:
        soundfile.write(file, whole, rate_hz, subtype, format=name)
    except soundfile.LibsndfileError as exc:
        raise invalid(f"{form} can't have {rate_hz} samples a second") from exc
    return file.getvalue()


def check_model(model: object, *, on_plan: bool) -> None:
    if model == MODEL or model in OLD_MODELS and not on_plan:
        return
    if model in OLD_MODELS:
        raise BadRequest(404, "model_not_found", "model is not on this channel")
    raise invalid("model is not valid")


def invalid(message: str) -> BadRequest:
    return BadRequest(400, "request_params_invalid", message)


def one_of(
    body: dict[str, Any], key: str, allowed: tuple[Any, ...], default: Any
) -> Any:
    value = body.get(key, default)
    if type(value) is not type(default) or value not in allowed:
        raise invalid(f"{key} must be one of {', '.join(map(str, allowed))}")
    return value


def number(body: dict[str, Any], key: str, low: float, high: float) -> float:
    value = body.get(key, 1.0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid(f"{key} must be a number")
    if not low <= value <= high:
        raise invalid(f"{key} must be from {low} to {high}")
    return float(value)
