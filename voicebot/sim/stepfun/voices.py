"""Voices of the offline StepFun: files, previews, clones, lists."""

import asyncio
import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import soundfile
from aiohttp import BodyPartReader, web

from voicebot.sim.stepfun.mind import Mind
from voicebot.sim.stepfun.profile import CLONE, VOICES
from voicebot.sim.stepfun.speech import (
    FORMATS,
    LONGEST_INPUT,
    LONGEST_INSTRUCTION,
    RATES_HZ,
    BadRequest,
    check_model,
    encoded,
    invalid,
    number,
    one_of,
    voiced,
)
from voicebot.sim.stepfun.speech_mood import SpeechMood
from voicebot.sim.stepfun.wire import JsonObject, base64

MAX_FILE_BYTES: Final = 128 * 1024 * 1024
MAX_FILES: Final = 1000
LONGEST_REFERENCE_S: Final = 10.0
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
PURPOSE: Final = "storage"


@dataclass(slots=True)
class Studio:
    """What one account has at StepFun: files and voices."""

    files: dict[str, bytes] = field(default_factory=dict)
    voices: list[JsonObject] = field(default_factory=list)
    """The oldest first."""
    made: dict[tuple[object, ...], str] = field(default_factory=dict)
    """Request -> the voice that was made for it."""


class VoiceShop:
    """
    Serves the endpoints of voices.

    Args:
        mood: how to behave, at each request.
    """

    def __init__(self, mind: Mind, mood: Callable[[], SpeechMood], seed: int) -> None:
        self.studio = Studio()
        self._mind = mind
        self._mood = mood
        self._random = Random(seed)

    async def upload(self, request: web.Request, *, on_plan: bool) -> JsonObject:
        """`POST /files`."""
        self._check_plan("files", on_plan)
        purpose, name, data = None, "", None
        if not request.content_type.startswith("multipart/"):
            raise invalid("the body must be multipart/form-data")
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            if part.name == "purpose":
                purpose = await part.text()
            elif part.name == "file":
                name, data = part.filename or "", bytes(await part.read())
        if purpose != PURPOSE:
            raise invalid(f"purpose must be {PURPOSE}")
        if data is None or not data or len(data) > MAX_FILE_BYTES:
            raise invalid("file is required, of up to 128 MB")
        if len(self.studio.files) >= MAX_FILES:
            raise invalid("too many files")
        file_id = f"file-{self._id()}"
        self.studio.files[file_id] = data
        return {
            "id": file_id,
            "object": "file",
            "bytes": len(data),
            "created_at": int(time.time()),
            "filename": name,
            "purpose": PURPOSE,
            "status": self._random.choice(["success", "processed"]),
        }

    async def preview(self, body: Any, *, on_plan: bool) -> JsonObject:
        """`POST /audio/voices/preview`."""
        self._check_plan("preview", on_plan)
        await self._check_reference(body, on_plan)
        sample = body.get("sample_text")
        if not isinstance(sample, str) or not 0 < len(sample) <= LONGEST_INPUT:
            raise invalid("sample_text is required")
        instruction = body.get("instruction", "")
        if not isinstance(instruction, str) or len(instruction) > LONGEST_INSTRUCTION:
            raise invalid("instruction is too long")
        if body.get("voice_label") is not None:
            raise invalid("voice_label is not supported by this model")
        asked = one_of(body, "response_format", tuple(FORMATS), "mp3")
        rate_hz = one_of(body, "sample_rate", RATES_HZ, 24000)
        pcm16 = await asyncio.to_thread(
            voiced,
            self._mind,
            sample,
            CLONE,
            rate_hz=rate_hz,
            speed=number(body, "speed", 0.5, 2.0),
            volume=number(body, "volume", 0.1, 2.0),
        )
        sound = encoded(pcm16, self._mood().preview_is or asked, rate_hz)
        return {
            "sample_text": sample,
            "sample_audio": base64(sound),
            "request_id": f"{self._random.getrandbits(64):016x}",
        }

    async def clone(self, body: Any, *, on_plan: bool) -> JsonObject:
        """`POST /audio/voices`. The same request makes the same voice."""
        self._check_plan("clone", on_plan)
        await self._check_reference(body, on_plan)
        asked = (body["model"], body["file_id"], body.get("text"))
        known = self.studio.made.get(asked)
        voice = known or f"{CLONE}{self._id()}"
        if known is None:
            self.studio.made[asked] = voice
            self.studio.voices.append(
                {
                    "id": voice,
                    "file_id": body["file_id"],
                    "created_at": int(time.time()),
                }
            )
        made = {"id": voice, "object": "audio.voice"}
        return made if known is None else {**made, "duplicated": True}

    def page(self, query: dict[str, str], *, on_plan: bool) -> JsonObject:
        """`GET /audio/voices`."""
        self._check_plan("list", on_plan)
        limit = query.get("limit", "20")
        if not limit.isdecimal() or not 1 <= int(limit) <= 100:
            raise invalid("limit must be from 1 to 100")
        order = query.get("order", "desc")
        if order not in ("asc", "desc"):
            raise invalid("order must be asc or desc")
        rows = self.studio.voices[:: 1 if order == "asc" else -1]
        ids = [row["id"] for row in rows]
        if (after := query.get("after")) in ids:
            rows = rows[ids.index(after) + 1 :]
        if (before := query.get("before")) in ids:
            rows = rows[: ids.index(before)]
        page = rows[: int(limit)]
        return {
            "object": "list",
            "data": page,
            "has_more": len(page) < len(rows),
            "first_id": page[0]["id"] if page else "",
            "last_id": page[-1]["id"] if page else "",
        }

    def official(self, query: dict[str, str], *, on_plan: bool) -> JsonObject:
        """`GET /audio/system_voices`."""
        self._check_plan("system_voices", on_plan)
        if query.get("model") != "step-tts-2":
            raise invalid("model must be step-tts-2")
        details = {
            voice: {
                "voice-name": voice,
                "voice-description": "a voice",
                "recommended_scene": "customer service",
            }
            for voice in sorted(VOICES)
        }
        return {"voices": sorted(VOICES), "voices-details": details}

    def _check_plan(self, what: str, on_plan: bool) -> None:
        mood = self._mood()
        if on_plan and what in mood.plan_lacks:
            if mood.plan_status == 402:
                raise BadRequest(402, "quota_exceeded", "check plan and billing")
            raise BadRequest(404, "not_found", "page not found")

    async def _check_reference(self, body: Any, on_plan: bool) -> None:
        """Check that the model speaks, and that the file is a voice."""
        if not isinstance(body, dict):
            raise invalid("the body must be an object")
        check_model(body.get("model"), on_plan=on_plan)
        data = self.studio.files.get(str(body.get("file_id")))
        if data is None:
            raise invalid("file_id is not valid")
        if not isinstance(body.get("text", ""), str):
            raise invalid("text must be a string")
        try:
            seconds = await asyncio.to_thread(_seconds, data)
        except soundfile.LibsndfileError:
            raise invalid("the file must be mp3 or wav") from None
        if not self._mood().shortest_reference_s <= seconds <= LONGEST_REFERENCE_S:
            raise invalid("the file must hold 5 to 10 seconds of speech")

    def _id(self) -> str:
        return "".join(self._random.choices(ALPHABET, k=10))


def _seconds(data: bytes) -> float:
    return float(soundfile.info(io.BytesIO(data)).duration)
