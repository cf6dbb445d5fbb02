"""`POST /audio/asr/sse`: check the request, and understand it. Without the HTTP."""

import io
import re
import time
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from random import Random
from typing import Any, Final

import numpy as np
import soundfile

from voicebot.sim.stepfun.babble import RATE_HZ, Samples, resample, to_pcm16
from voicebot.sim.stepfun.chat import Said
from voicebot.sim.stepfun.ear import has_speech
from voicebot.sim.stepfun.mind import Mind
from voicebot.sim.stepfun.speech import BadRequest
from voicebot.sim.stepfun.wire import JsonObject

MODELS: Final = ("stepaudio-2.5-asr", "step-asr-1.1-stream")
# Sold on the open platform; that the Step Plan has it, no page says.
OTHER_MODELS: Final = ("stepaudio-2-asr-pro",)
FORMATS: Final = ("ogg", "mp3", "wav", "pcm")
LANGUAGE: Final = re.compile(r"[a-z]{2}(-[A-Za-z]{2,4})?")
LIKENESS: Final = 0.75  # of a hot word to what was understood instead
TOKEN_MS: Final = 80
TOKEN_CHARACTERS: Final = 4
# What a delta holds: a few words, or a few ideographs.
PIECE: Final = re.compile(
    r"[\u4e00-\u9fff]{1,4}[^\w\s]*|(?:[^\s\u4e00-\u9fff]+\s*){1,3}|\s+"
)
DIGITS: Final = (
    *("zero", "one", "two", "three", "four"),
    *("five", "six", "seven", "eight", "nine"),
)


@dataclass(frozen=True, slots=True)
class AsrRequest:
    """A request that StepFun would serve."""

    audio: bytes
    format: str
    rate_hz: int
    """Of pcm."""
    hotwords: tuple[str, ...]
    itn: bool
    timestamps: bool


@dataclass(frozen=True, slots=True)
class Clip:
    """What was understood."""

    text: str
    milliseconds: int


def read_request(body: Any, *, on_plan: bool) -> AsrRequest:
    """
    Read a request's JSON.

    Args:
        on_plan: it came to the Step Plan's path.

    Raises:
        BadRequest: StepFun would refuse it.
    """
    match body:
        case {
            "audio": {
                "data": str(data),
                "input": {"transcription": dict(told), "format": dict(shape)},
            }
        }:
            wants: dict[str, Any] = told
            given: dict[str, Any] = shape
        case _:
            raise _invalid("audio must have data, and input with two objects")
    model = wants.get("model")
    if model in OTHER_MODELS and on_plan:
        raise BadRequest(404, "model_not_found", "model is not on this channel")
    if model not in (*MODELS, *OTHER_MODELS):
        raise _invalid("model is not valid")
    try:
        audio = b64decode(data, validate=True)
    except NotBase64:
        raise _invalid("audio.data must be base64") from None
    if not audio:
        raise _invalid("audio.data is empty")
    language = wants.get("language", "en")
    if not isinstance(language, str) or not LANGUAGE.fullmatch(language):
        raise _invalid("language is not valid")
    hotwords = wants.get("hotwords", [])
    if not isinstance(hotwords, list) or not all(isinstance(x, str) for x in hotwords):
        raise _invalid("hotwords must be a list of texts")
    return AsrRequest(
        audio=audio,
        format=_format(given),
        rate_hz=given.get("rate", RATE_HZ),
        hotwords=tuple(hotwords),
        itn=_flag(wants, "enable_itn", True),
        timestamps=_flag(wants, "enable_timestamp", False),
    )


def understand(mind: Mind, request: AsrRequest) -> Clip | None:
    """Transcribe a clip; None if it isn't audio. May be slow."""
    samples = _samples(request)
    if samples is None:
        return None
    pcm16 = to_pcm16(samples * 32768)
    text = mind.hear(pcm16, ()).strip() if has_speech(pcm16) else ""
    for hotword in request.hotwords:
        text = _corrected(text, hotword)
    if not request.itn:
        text = re.sub(r"\d", lambda digit: f" {DIGITS[int(digit[0])]} ", text)
        text = " ".join(text.split())
    return Clip(text, len(samples) * 1000 // RATE_HZ)


def events(
    clip: Clip | None, request: AsrRequest, *, random: Random, repeats: bool
) -> Iterator[JsonObject]:
    """
    Write what comes of a clip as StepFun does.

    Args:
        repeats: whether a delta holds all words so far.
    """
    session_id = f"sse_{time.time_ns()}"

    def event(kind: str, **members: Any) -> JsonObject:
        meta = {"session_id": session_id, "timestamp": time.time_ns() // 1_000_000}
        return {"type": kind, "meta": meta, **members}

    if clip is None:
        yield event("error", message="audio decode failed")
        return
    item_id = f"item_{random.getrandbits(32):08x}"
    for match in PIECE.finditer(clip.text):
        until = match.end()
        told: JsonObject = {"delta": clip.text[:until] if repeats else match[0]}
        if request.timestamps:
            told |= {
                "item_id": item_id,
                "content_index": 0,
                "start_time": clip.milliseconds * match.start() // len(clip.text),
                "end_time": clip.milliseconds * until // len(clip.text),
            }
        yield event("transcript.text.delta", **told)
    heard, written = (
        clip.milliseconds // TOKEN_MS,
        -(-len(clip.text) // TOKEN_CHARACTERS),
    )
    usage = {
        "type": "realtime_asr",
        "input_tokens": heard,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
        "output_tokens": written,
        "total_tokens": heard + written,
    }
    yield event("transcript.text.done", text=clip.text, usage=usage)


def listened(mind: Mind, said: Said) -> Said:
    """Add what is heard of a chat's message to its text. May be slow."""
    heard = [
        mind.hear(pcm16, ())
        for file in said.audio
        if (samples := decoded(file)) is not None
        and has_speech(pcm16 := to_pcm16(samples * 32768))
    ]
    return replace(said, text="\n".join(filter(None, (said.text, *heard))), audio=())


def decoded(file: bytes) -> Samples | None:
    """Read a sound file as 24 kHz samples of -1 to 1; None if it is none."""
    try:
        samples, rate_hz = soundfile.read(io.BytesIO(file), always_2d=True)
    except soundfile.LibsndfileError:
        return None
    return resample(samples.mean(axis=1), rate_hz, RATE_HZ)


def _samples(request: AsrRequest) -> Samples | None:
    if request.format != "pcm":
        return decoded(request.audio)
    if len(request.audio) % 2:
        return None
    samples = np.frombuffer(request.audio, "<i2").astype(np.float64) / 32768
    return resample(samples, request.rate_hz, RATE_HZ)


def _corrected(text: str, hotword: str) -> str:
    """Put a hot word where something like it was understood."""
    words, count = text.split(), len(hotword.split())
    for at in range(len(words) - count + 1):
        found = " ".join(words[at : at + count])
        core = found.strip(".,;:!?")
        alike = SequenceMatcher(None, core.casefold(), hotword.casefold()).ratio()
        if core and alike >= LIKENESS:
            words[at : at + count] = [found.replace(core, hotword)]
    return " ".join(words)


def _format(given: dict[str, Any]) -> str:
    kind = given.get("type")
    if kind not in FORMATS:
        raise _invalid(f"audio.input.format.type must be one of {', '.join(FORMATS)}")
    if kind == "pcm":
        _check_pcm(given)
    return str(kind)


def _check_pcm(given: dict[str, Any]) -> None:
    if given.get("codec") != "pcm_s16le":
        raise _invalid("audio.input.format.codec must be pcm_s16le")
    for key, values in (
        ("rate", range(8000, 48_001)),
        ("bits", (16,)),
        ("channel", (1,)),
    ):
        if type(given.get(key)) is not int or given[key] not in values:
            raise _invalid(f"audio.input.format.{key} is not valid")


def _flag(wants: dict[str, Any], key: str, default: bool) -> bool:
    value = wants.get(key, default)
    if not isinstance(value, bool):
        raise _invalid(f"{key} must be true or false")
    return value


def _invalid(message: str) -> BadRequest:
    return BadRequest(400, "request_params_invalid", message)
