"""Asks StepFun's other APIs for a little of each."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import ClientSession

from voicebot.doctor.finding import Finding, Part
from voicebot.doctor.services import (
    INSTRUCTIONS,
    QUESTION,
    RATE_HZ,
    SENTENCE,
    absent,
    clone_not_tried,
    failed,
    judge_asr,
    judge_chat,
    judge_cloned,
    judge_official,
    judge_preview,
    judge_speech,
)
from voicebot.errors import UpstreamError
from voicebot.net.asr import Asr
from voicebot.net.chat import Chat
from voicebot.net.tts import Tts
from voicebot.net.tts_stream import speech_stream
from voicebot.net.voices import Voices
from voicebot.stepfun.address import speech_url
from voicebot.stepfun.asr import AsrRequest
from voicebot.stepfun.chat import ChatRequest, Message
from voicebot.stepfun.tts import SpeechRequest
from voicebot.stepfun.tts_stream import VoiceSettings
from voicebot.stepfun.voices import PreviewRequest

CHAT_MODEL: Final = "stepaudio-2.5-chat"
TTS_MODEL: Final = "stepaudio-2.5-tts"
TIMEOUT_S: Final = 30.0
NO_FILE: Final = "file-voicebot-doctor"  # there is none: nothing is spoken or billed
ANSWER_TOKENS: Final = 50


@dataclass(frozen=True, slots=True)
class Clip:
    """What somebody says, to be understood."""

    words: str
    pcm8: bytes
    """At 8000 Hz."""

    pcm24: bytes
    """The same at 24,000 Hz, in whole frames of 20 ms."""


async def ask_chat(http: ClientSession, base_url: str, api_key: str) -> Finding:
    messages = Message("system", INSTRUCTIONS), Message("user", QUESTION)
    request = ChatRequest(CHAT_MODEL, messages, ANSWER_TOKENS, json=True)
    began_at = _now()
    try:
        answer = await Chat(http, base_url, api_key).complete(request, TIMEOUT_S)
    except UpstreamError as error:
        return failed(Part.CHAT, "answers in JSON", error, base_url)
    return judge_chat(answer.text, _now() - began_at)


async def have_spoken(
    http: ClientSession, base_url: str, api_key: str, voice: str
) -> list[Finding]:
    """Have a sentence spoken, over HTTP and over the socket."""
    request = SpeechRequest(TTS_MODEL, SENTENCE, voice, rate_hz=RATE_HZ)
    ways: dict[str, Callable[[], Awaitable[bytes]]] = {
        "over HTTP": lambda: Tts(http, base_url, api_key).speak(request),
        "over its socket": lambda: _stream(base_url, api_key, voice),
    }
    found = []
    for what, speak in ways.items():
        began_at = _now()
        try:
            pcm16 = await speak()
        except UpstreamError as error:
            found.append(failed(Part.SPEECH, what, error, base_url))
        else:
            found.append(judge_speech(what, pcm16, _now() - began_at))
    return found


async def have_understood(
    http: ClientSession, base_url: str, api_key: str, clip: Clip
) -> Finding:
    request = AsrRequest(clip.pcm8, rate_hz=RATE_HZ, language="en")
    began_at = _now()
    try:
        heard = await Asr(http, base_url, api_key).transcribe(request, TIMEOUT_S)
    except UpstreamError as error:
        return failed(Part.ASR, f"understands {RATE_HZ} Hz", error, base_url)
    return judge_asr(clip.words, heard.text, _now() - began_at)


async def ask_voices(http: ClientSession, base_url: str, api_key: str) -> list[Finding]:
    """Have voices listed; nothing is uploaded or made."""
    voices = Voices(http, base_url, api_key)
    found = []
    try:
        found.append(judge_official(await voices.official()))
    except UpstreamError as error:
        found.append(absent(Part.VOICES, "official voices", error, base_url))
    try:
        cloned = [voice async for voice in voices.cloned()]
        found.append(judge_cloned(len(cloned)))
    except UpstreamError as error:
        found.append(absent(Part.VOICES, "cloned voices", error, base_url))
    try:
        await voices.preview(PreviewRequest(TTS_MODEL, NO_FILE, "Hello."))
        found.append(judge_preview(None, base_url))
    except UpstreamError as error:
        found.append(judge_preview(error, base_url))
    return [*found, clone_not_tried()]


async def _stream(base_url: str, api_key: str, voice: str) -> bytes:
    settings = VoiceSettings(TTS_MODEL, voice, rate_hz=RATE_HZ)
    url = speech_url(base_url, TTS_MODEL)
    async with speech_stream(url, api_key, settings) as socket:
        await socket.send_text(SENTENCE)
        await socket.finish()
        return b"".join([piece async for piece in socket])


def _now() -> float:
    return asyncio.get_running_loop().time()
