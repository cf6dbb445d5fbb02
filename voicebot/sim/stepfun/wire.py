"""What StepFun's realtime frames look like. JSON text, beta names."""

from random import Random
from typing import Any, Final

import orjson
import pybase64

JsonObject = dict[str, Any]

GARBAGE: Final = (
    "",
    "not json at all",
    "[]",
    "null",
    "{}",
    '{"type": 7}',
    '{"type": "response.audio.delta"}',
    '{"type": "response.audio.delta", "delta": "***"}',
    '{"type": "response.done", "response": null}',
    '{"a": ' + "9" * 5000 + "}",
    '{"type": "error", "error": NaN}',
)

UNKNOWN: Final[tuple[JsonObject, ...]] = (
    {"type": "response.thinking.delta", "delta": "so"},
    {"type": "response.output_item.created"},
    {"type": "server.weather", "weather": {"is": ["fine"]}},
)


class Refused(Exception):
    """The client's event was refused. Never leaves the session."""

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.param = message, code, param


def uuid4(random: Random) -> str:
    """Make a UUID that the seed determines."""
    digits = f"{random.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-"
        f"{variant}{digits[17:20]}-{digits[20:]}"
    )


def frame(event: JsonObject, event_id: str) -> str:
    """Write an event as a text frame, its id in front as StepFun has it."""
    return orjson.dumps({"event_id": event_id, **event}).decode()


def base64(pcm16: bytes) -> str:
    return pybase64.b64encode(pcm16).decode()


def error(refused: Refused, *, flat: bool, event_id: object) -> JsonObject:
    """
    Build an error event.

    Args:
        flat: the guide's shape, which has no `error` member.
        event_id: of the client's event at fault; None leaves it out.
    """
    body: JsonObject = {"type": "invalid_request_error", "message": refused.message}
    if refused.code is not None:
        body["code"] = refused.code
    if refused.param is not None:
        body["param"] = refused.param
    if event_id is not None:
        body["event_id"] = event_id
    return body if flat else {"type": "error", "error": body}


def usage(*, heard_ms: int, read: int, said_ms: int, written: int) -> JsonObject:
    """Count tokens: 4 characters, 80 ms heard or 40 ms said make one."""
    text_in, audio_in = read // 4, heard_ms // 80
    text_out, audio_out = written // 4, said_ms // 40
    return {
        "total_tokens": text_in + audio_in + text_out + audio_out,
        "input_tokens": text_in + audio_in,
        "output_tokens": text_out + audio_out,
        "input_token_details": {
            "cached_tokens": 0,
            "text_tokens": text_in,
            "audio_tokens": audio_in,
            "cached_tokens_details": {"text_tokens": 0, "audio_tokens": 0},
        },
        "output_token_details": {"text_tokens": text_out, "audio_tokens": audio_out},
    }
