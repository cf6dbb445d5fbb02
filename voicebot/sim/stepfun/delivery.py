"""When each frame of one response leaves: the pace and the order of speech."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from voicebot.sim.stepfun.mind import Reply
from voicebot.sim.stepfun.mood import At, Mood
from voicebot.sim.stepfun.wire import GARBAGE, UNKNOWN, JsonObject, Refused, base64
from voicebot.sim.stepfun.wire import error as error_event

BYTES_PER_SECOND: Final = 48_000
GRAIN_BYTES: Final = 1920  # all deltas that were ever seen are multiples of it
WORDS: Final = re.compile(r"\S+\s*|\s+")
# Ids of function calls are made of the clock, with a resolution of a second.
EPOCH: Final = datetime(2026, 10, 18, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stopped:
    """A response ends before its time. What it says depends on what has left."""

    status: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is lost here."""


@dataclass(frozen=True, slots=True)
class Due:
    """What happens at a moment: mostly, an event leaves."""

    at: float
    event: JsonObject | str | Stopped | Lost
    """A text is a frame that is no event."""


@dataclass(slots=True)
class Response:
    """A response that has begun."""

    id: str
    item_id: str
    number: int
    created_at: float
    extra: str
    """Instructions of this response alone."""
    reply: Reply = field(default_factory=lambda: Reply(""))
    asked: bool = False
    """The mind was asked for an answer."""
    added: bool = False
    """Its message was announced."""
    stopping: bool = False
    """It was cancelled or interrupted, and its end is on its way."""
    said_bytes: int = 0

    def message(self, status: str) -> JsonObject:
        """Show its message as output_item.done and response.done do."""
        item: JsonObject = {
            "id": self.item_id,
            "object": "realtime.item",
            "type": "message",
            "status": status,
            "role": "assistant",
        }
        if status == "completed":
            item["content"] = [{"type": "audio", "transcript": self.reply.text}]
        return item

    def created(self) -> JsonObject:
        return {
            "type": "response.created",
            "response": {
                "id": self.id,
                "object": "realtime.response",
                "status": "in_progress",
                "output": [],
            },
        }

    def stopped(self, status: str, usage: JsonObject) -> list[JsonObject]:
        """End it before its time. Its message is done only if it was announced."""
        if not self.added:
            return [self.end(status, [], usage)]
        item_status = "completed" if status == "completed" else "incomplete"
        output = [self.message(item_status)]
        return [self.item_done(item_status), self.end(status, output, usage)]

    def end(
        self, status: str, output: list[JsonObject], usage: JsonObject
    ) -> JsonObject:
        return {
            "type": "response.done",
            "response": {
                "id": self.id,
                "object": "realtime.response",
                "status": status,
                "output": output,
                "usage": usage,
            },
        }

    def part(self, kind: str, **members: object) -> JsonObject:
        """Build an event about its only content part."""
        return {
            "type": f"response.{kind}",
            "response_id": self.id,
            "item_id": self.item_id,
            "output_index": 0,
            "content_index": 0,
            **members,
        }

    def item_done(self, status: str) -> JsonObject:
        return {
            "type": "response.output_item.done",
            "response_id": self.id,
            "output_index": 0,
            "item": self.message(status),
        }


def deliver(
    response: Response,
    pcm16: bytes,
    usage: JsonObject,
    *,
    mood: Mood,
    random: Random,
    at: float,
) -> list[Due]:
    """
    Lay out all frames of a response after response.created, in order.

    The words run ahead of the audio, and audio_transcript.done comes before the
    last audio.

    Args:
        at: when its first audio may leave.

    Source:
        StepFun: Realtime API, server events; order and pace as measured.
    """
    spoken = list(_audio(response, pcm16, mood, random, at))
    end_at = spoken[-1].at if spoken else at
    frames = [Due(at, event) for event in _opening(response)]
    frames += _words(response, at, (end_at - at) * 0.4, with_done=bool(spoken))
    frames += spoken
    frames.sort(key=lambda due: due.at)  # stable: at one instant, words go first
    if response.reply.call is None:
        frames += [Due(end_at, event) for event in _closing(response, usage)]
    else:
        frames += [Due(end_at, event) for event in _call(response, usage, end_at)]
    if mood.doubles_done:
        frames.append(frames[-1])
    return _with_fault(frames, response, usage, mood)


def _opening(response: Response) -> list[JsonObject]:
    item = response.message("in_progress")
    return [
        {
            "type": "response.output_item.added",
            "response_id": response.id,
            "output_index": 0,
            "item": item,
        },
        {"type": "conversation.item.created", "item": item},  # its place comes later
        response.part(
            "content_part.added", part={"type": "audio", "audio": "", "transcript": ""}
        ),
    ]


def _words(
    response: Response, at: float, within_s: float, *, with_done: bool
) -> Iterator[Due]:
    text = response.reply.text
    words = WORDS.findall(text)
    # Chinese has no spaces: four characters a delta.
    if len(words) == 1 and len(text) > 12:
        words = [text[n : n + 4] for n in range(0, len(text), 4)]
    step_s = within_s / len(words) if words else 0.0
    for number, word in enumerate(words):
        yield Due(
            at + number * step_s, response.part("audio_transcript.delta", delta=word)
        )
    if with_done:
        yield Due(
            at + within_s, response.part("audio_transcript.done", transcript=text)
        )


def _audio(
    response: Response, pcm16: bytes, mood: Mood, random: Random, at: float
) -> Iterator[Due]:
    pace = BYTES_PER_SECOND * random.uniform(*mood.pace) * mood.speed
    sent, leaves_at = 0, at
    while sent < len(pcm16):
        if sent == 0:
            size = mood.first_delta_bytes
        else:
            low, high = mood.delta_bytes
            size = GRAIN_BYTES * random.randint(
                -(-low // GRAIN_BYTES), high // GRAIN_BYTES
            )
        if mood.ragged_deltas:
            size += 1 - 2 * random.randint(0, 1)
        if not mood.all_at_once:
            late_s = random.uniform(0, mood.jitter_s) if sent else 0.0
            leaves_at = max(leaves_at, at + sent / pace + late_s / mood.speed)
        if random.random() < mood.unknown_events:
            yield Due(leaves_at, random.choice(UNKNOWN))
        if random.random() < mood.garbage:
            yield Due(leaves_at, random.choice(GARBAGE))
        delta = base64(pcm16[sent : sent + size])
        yield Due(leaves_at, response.part("audio.delta", delta=delta))
        sent += size


def _closing(response: Response, usage: JsonObject) -> list[JsonObject]:
    text = response.reply.text
    response_done = response.end("completed", [response.message("completed")], usage)
    return [
        response.part("audio.done"),
        response.part("content_part.done", part={"type": "audio", "transcript": text}),
        response.item_done("completed"),
        response_done,
    ]


def _call(response: Response, usage: JsonObject, at: float) -> list[JsonObject]:
    """End a response with a function call, in the order that was seen."""
    call = response.reply.call
    assert call is not None
    stamp = f"{EPOCH + timedelta(seconds=at):%Y%m%d%H%M%S}"
    item: JsonObject = {
        "id": f"item_{stamp}",
        "type": "function_call",
        "status": "incomplete",
        "call_id": f"call_{stamp}_{call.name}",
        "name": call.name,
        "object": "realtime.item",
    }
    done = {**item, "status": "completed", "arguments": call.arguments}
    about = {"response_id": response.id, "output_index": 1}
    which = {**about, "item_id": item["id"], "call_id": item["call_id"]}
    pieces = [call.arguments[n : n + 6] for n in range(0, len(call.arguments), 6)]
    message = response.message("in_progress")
    return [
        {
            "type": "conversation.item.created",
            "previous_item_id": item["id"],  # its own: so the real one has it
            "item": item,
        },
        {"type": "response.output_item.added", **about, "item": item},
        *(
            {"type": "response.function_call_arguments.delta", **which, "delta": delta}
            for piece in pieces
            for delta in (piece, "")  # every second one is empty
        ),
        {
            "type": "response.function_call_arguments.done",
            **which,
            "arguments": call.arguments,
            "name": call.name,
        },
        {"type": "response.output_item.done", **about, "item": done},
        response.part("audio.done"),
        *(
            []
            if response.reply.text
            else [response.part("audio_transcript.done", transcript="")]
        ),
        response.end("completed", [message, done], usage),
    ]


def _with_fault(
    frames: list[Due], response: Response, usage: JsonObject, mood: Mood
) -> list[Due]:
    """Cut the response short where the mood wants it."""

    def cut(fault: At | None) -> list[Due] | None:
        if fault is None or fault.response != response.number:
            return None
        if fault.deltas == 0:
            return []
        audio = [n for n, due in enumerate(frames) if _is_audio(due)]
        if len(audio) < fault.deltas:
            return None
        return frames[: audio[fault.deltas - 1] + 1]

    at = frames[0].at
    if (kept := cut(mood.drops)) is not None:
        return [*kept, Due(kept[-1].at if kept else at, Lost())]
    if (kept := cut(mood.stalls)) is not None:
        return kept
    if (kept := cut(mood.fails)) is not None:
        broken = error_event(
            Refused("internal error of speech engine"), flat=False, event_id=None
        )
        output = [response.message("incomplete")] if kept else []
        items = [response.item_done("incomplete")] if kept else []
        end = [broken, *items, response.end("failed", output, usage)]
        end_at = kept[-1].at if kept else at
        return [*kept, *(Due(end_at, event) for event in end)]
    return frames


def _is_audio(due: Due) -> bool:
    return (
        isinstance(due.event, dict) and due.event.get("type") == "response.audio.delta"
    )
