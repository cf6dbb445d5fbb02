"""
Speech from text over HTTP: the request, and what a refusal means.

The answer to a request is the audio itself and nothing around it, so there is
nothing to read but an error.

Source: StepFun API reference "Create audio" (api-reference/audio/create-audio).
"""

from dataclasses import dataclass, field
from typing import Final

import orjson

from voicebot.errors import LocalProtocolError
from voicebot.stepfun.upstream import read_error

__all__ = ["SpeechRequest", "read_error"]

TEXT_CHARACTERS: Final = 1000
INSTRUCTION_CHARACTERS: Final = 200
RATES_HZ: Final = (8000, 16000, 22050, 24000, 48000)


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """
    One `POST` whose answer is raw audio: signed 16-bit little-endian, mono.

    Attributes:
        text: what to say, 1 to 1000 characters. `stepaudio-2.5-tts` takes what
            stands in (round brackets) as a stage direction and doesn't speak it.
        voice: an official voice or the id of a cloned one.
        rate_hz: of the answer.
        speed: 0.5 to 2.
        volume: 0.1 to 2.
        instruction: how to say it, at most 200 characters; other models than
            `stepaudio-2.5-tts` refuse it.

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

    def __post_init__(self) -> None:
        _check("input", len(self.text), 1, TEXT_CHARACTERS, " characters")
        _check("speed", self.speed, 0.5, 2)
        _check("volume", self.volume, 0.1, 2)
        if self.rate_hz not in RATES_HZ:
            raise LocalProtocolError(
                f"sample_rate: expected one of {RATES_HZ}, got {self.rate_hz}"
            )
        if self.instruction is not None:
            count = len(self.instruction)
            _check("instruction", count, 1, INSTRUCTION_CHARACTERS, " characters")

    @property
    def path(self) -> str:
        """Where to post it, from the base URL on."""
        return "/audio/speech"

    def body(self) -> bytes:
        """
        Return the JSON to post.

        Raises:
            LocalProtocolError: a text isn't Unicode: it holds half a character.
        """
        members: dict[str, object] = {
            "model": self.model,
            "input": self.text,
            "voice": self.voice,
            "response_format": "pcm",
            "sample_rate": self.rate_hz,
            "speed": self.speed,
            "volume": self.volume,
        }
        if self.instruction is not None:
            members["instruction"] = self.instruction
        try:
            return orjson.dumps(members)
        except TypeError:
            raise LocalProtocolError(
                "speech request: expected Unicode text, got a lone surrogate"
            ) from None


def _check(name: str, got: float, low: float, high: float, unit: str = "") -> None:
    if not low <= got <= high:
        raise LocalProtocolError(
            f"{name}: expected {low:g} to {high:g}{unit}, got {got:g}"
        )
