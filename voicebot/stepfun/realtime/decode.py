"""
One JSON frame of StepFun's realtime socket into one event.

Source: StepFun API reference "Realtime" (api-reference/realtime/chat) and
developer guide "Realtime" (guides/developer/realtime). Where their samples and
real frames leave a member out, it may be missing here too.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from voicebot.errors import RemoteProtocolError
from voicebot.fields import Fields
from voicebot.stepfun.realtime import events
from voicebot.stepfun.realtime.events import ErrorKind, ResponseStatus, ServerEvent
from voicebot.stepfun.upstream import error_code

# What an error's type, code and message say together -> what it means. The first
# row whose fragments all occur decides.
FRAGMENTS: Final[tuple[tuple[ErrorKind, tuple[str, ...]], ...]] = (
    (ErrorKind.NO_ONGOING_RESPONSE, ("no ongoing response",)),
    (ErrorKind.ONGOING_RESPONSE, ("ongoing response already exists",)),
    (ErrorKind.COMMIT_WHEN_SERVER_VAD, ("commit when server vad",)),
    (ErrorKind.NO_SPEECH, ("no speech found",)),
    (ErrorKind.APPEND_NOT_CALLED, ("append is not called",)),
    (ErrorKind.INVALID_EVENT_FORMAT, ("invalid event format",)),
    (ErrorKind.BAD_ITEM_TYPE, ("must be", "function_call_output")),
    (ErrorKind.BAD_PREVIOUS_ITEM, ("previous item",)),
    (ErrorKind.BAD_VOICE, ("voice", "not valid")),
    (ErrorKind.EMPTY_HISTORY, ("continue_final_message",)),
    (ErrorKind.ENGINE, ("error of speech engine",)),
    (ErrorKind.QUOTA, ("quota",)),
    (ErrorKind.RATE_LIMITED, ("rate limit",)),
    (ErrorKind.RATE_LIMITED, ("rate_limit",)),
    (ErrorKind.RATE_LIMITED, ("too many requests",)),
)
_KINDS_BY_CODE: Final = {"402": ErrorKind.QUOTA, "429": ErrorKind.RATE_LIMITED}

_ID: Final = re.compile(r"[\w.-]{1,64}", re.ASCII)


def read_event(message: Fields, active: str) -> ServerEvent | None:
    """
    Read one frame.

    Args:
        active: id of the response that is running, or "": what a delta without
            a response id belongs to.

    Returns:
        The event, or None for a type that isn't in the table.

    Raises:
        RemoteProtocolError: a member that an event can't do without is missing
            or is of another type.
    """
    kind = message.text("type")
    reader = READERS.get(kind)
    if reader is not None:
        return reader(message, active)
    # The second documented shape of an error: flat, its own type as the event's.
    return _error(message, active) if kind.endswith("_error") else None


def _session_created(message: Fields, _: str) -> ServerEvent:
    return events.SessionCreated(message.table("session").text("id"))


def _session_updated(message: Fields, _: str) -> ServerEvent:
    session = message.table("session")
    on = threshold = None
    if "turn_detection" in session:
        detection = session.table("turn_detection")
        # Switched off, it is echoed as {"type": ""}.
        on = _text(detection, "type") == "server_vad"
        with suppress(RemoteProtocolError):  # no call hangs on how it is echoed
            threshold = _integer(detection, "energy_awakeness_threshold")
    voice = _text(session, "voice")
    return events.SessionUpdated(session.text("id"), voice, on, threshold)


def _speech_started(message: Fields, _: str) -> ServerEvent:
    return events.SpeechStarted(
        message.text("item_id"), _integer(message, "audio_start_ms")
    )


def _speech_stopped(message: Fields, _: str) -> ServerEvent:
    # The page's sample has an item_id, its table of fields has none.
    return events.SpeechStopped(
        _text(message, "item_id"), _integer(message, "audio_end_ms")
    )


def _committed(message: Fields, _: str) -> ServerEvent:
    return events.Committed(message.text("item_id"), _text(message, "previous_item_id"))


def _cleared(_: Fields, __: str) -> ServerEvent:
    return events.Cleared()


def _item_created(message: Fields, _: str) -> ServerEvent:
    item = message.table("item")
    return events.ItemCreated(
        item.text("id"),
        item.text("type"),
        _text(item, "role"),
        _text(message, "previous_item_id"),
    )


def _item_deleted(message: Fields, _: str) -> ServerEvent:
    return events.ItemDeleted(message.text("item_id"))


def _user_transcript(message: Fields, _: str) -> ServerEvent:
    return events.UserTranscript(message.text("item_id"), message.text("transcript"))


def _user_transcript_delta(message: Fields, _: str) -> ServerEvent:
    return events.UserTranscriptDelta(message.text("item_id"), message.text("delta"))


def _response_created(message: Fields, _: str) -> ServerEvent:
    return events.ResponseCreated(message.table("response").text("id"))


def _output_item(
    event: type[events.OutputItemAdded | events.OutputItemDone],
) -> Callable[[Fields, str], ServerEvent]:
    def read(message: Fields, active: str) -> ServerEvent:
        item = message.table("item")
        return event(
            _text(message, "response_id") or active,
            item.text("id"),
            item.text("type"),
            _text(item, "call_id"),
            _text(item, "name"),
        )

    return read


def _content_part(
    event: type[events.ContentPartAdded | events.ContentPartDone],
) -> Callable[[Fields, str], ServerEvent]:
    def read(message: Fields, active: str) -> ServerEvent:
        kind = _text(message.table("part"), "type") if "part" in message else None
        return event(*_ids(message, active), kind or "")

    return read


def _words(
    event: type[
        events.TranscriptDelta
        | events.TranscriptDone
        | events.TextDelta
        | events.TextDone
    ],
    key: str,
) -> Callable[[Fields, str], ServerEvent]:
    def read(message: Fields, active: str) -> ServerEvent:
        return event(*_ids(message, active), message.text(key))

    return read


def _bare(
    event: type[events.AudioDone | events.ThinkingDelta | events.ThinkingDone],
) -> Callable[[Fields, str], ServerEvent]:
    def read(message: Fields, active: str) -> ServerEvent:
        return event(*_ids(message, active))

    return read


def _audio_delta(message: Fields, active: str) -> ServerEvent:
    return events.AudioDelta(*_ids(message, active), message.base64("delta"))


def _arguments_delta(message: Fields, active: str) -> ServerEvent:
    # Real frames say delta, the page says arguments.
    return events.FunctionArgumentsDelta(
        *_ids(message, active),
        message.text("call_id"),
        _text(message, "name"),
        message.text("delta" if "delta" in message else "arguments"),
    )


def _arguments_done(message: Fields, active: str) -> ServerEvent:
    return events.FunctionArgumentsDone(
        *_ids(message, active),
        message.text("call_id"),
        message.text("name"),
        message.text("arguments"),
    )


def _response_done(message: Fields, _: str) -> ServerEvent:
    response = message.table("response")
    status = ResponseStatus.UNKNOWN
    # Neither a new status nor an undocumented member may hide that it is over.
    with suppress(RemoteProtocolError, ValueError):
        status = ResponseStatus(response.text("status"))
    usage = None
    with suppress(RemoteProtocolError):
        usage = _usage(response.table("usage"))
    return events.ResponseDone(response.text("id"), status, usage)


def _usage(usage: Fields) -> events.Usage:
    inputs = _table(usage, "input_token_details")
    cached = _table(inputs, "cached_tokens_details")
    outputs = _table(usage, "output_token_details")
    return events.Usage(
        total_tokens=usage.integer("total_tokens"),
        input_tokens=usage.integer("input_tokens"),
        output_tokens=usage.integer("output_tokens"),
        input_cached_tokens=_integer(inputs, "cached_tokens") or 0,
        input_text_tokens=_integer(inputs, "text_tokens") or 0,
        input_audio_tokens=_integer(inputs, "audio_tokens") or 0,
        cached_text_tokens=_integer(cached, "text_tokens") or 0,
        cached_audio_tokens=_integer(cached, "audio_tokens") or 0,
        output_text_tokens=_integer(outputs, "text_tokens") or 0,
        output_audio_tokens=_integer(outputs, "audio_tokens") or 0,
    )


def _response_cancelled(message: Fields, _: str) -> ServerEvent:
    response = _table(message, "response")
    return events.ResponseCancelled(
        _text(message, "response_id") or _text(response, "id")
    )


def _error(message: Fields, _: str) -> ServerEvent:
    error = message.table("error") if "error" in message else message
    code = _scalar(error, "code")
    event_id = _scalar(error, "event_id")
    said = " ".join([_scalar(error, "type"), code, _scalar(error, "message")]).lower()
    kind = _KINDS_BY_CODE.get(code, ErrorKind.OTHER)
    for meaning, fragments in FRAGMENTS:
        if all(fragment in said for fragment in fragments):
            kind = meaning
            break
    return events.ServerError(
        kind, error_code(code), event_id if _ID.fullmatch(event_id) else None
    )


def _ids(message: Fields, active: str) -> tuple[str, str]:
    """Read what a delta belongs to; the page's samples leave either out."""
    return _text(message, "response_id") or active, _text(message, "item_id") or ""


def _text(fields: Fields, key: str) -> str | None:
    return fields.text(key) if key in fields else None


def _integer(fields: Fields, key: str) -> int | None:
    return fields.integer(key) if key in fields else None


def _table(fields: Fields, key: str) -> Fields:
    return fields.table(key) if key in fields else Fields({}, key)


def _scalar(fields: Fields, key: str) -> str:
    """Read a text, or a number as text; "" for all else: an error is an error."""
    with suppress(RemoteProtocolError):
        return fields.text(key)
    with suppress(RemoteProtocolError):
        return str(fields.integer(key))
    return ""


READERS: Final[Mapping[str, Callable[[Fields, str], ServerEvent]]] = {
    "session.created": _session_created,
    "session.updated": _session_updated,
    "input_audio_buffer.speech_started": _speech_started,
    "input_audio_buffer.speech_stopped": _speech_stopped,
    "input_audio_buffer.committed": _committed,
    "input_audio_buffer.cleared": _cleared,
    "conversation.item.created": _item_created,
    "conversation.item.deleted": _item_deleted,
    "conversation.item.input_audio_transcription.completed": _user_transcript,
    "conversation.item.input_audio_transcription.delta": _user_transcript_delta,
    "response.created": _response_created,
    "response.output_item.added": _output_item(events.OutputItemAdded),
    "response.output_item.done": _output_item(events.OutputItemDone),
    "response.content_part.added": _content_part(events.ContentPartAdded),
    "response.content_part.done": _content_part(events.ContentPartDone),
    "response.audio.delta": _audio_delta,
    "response.audio.done": _bare(events.AudioDone),
    "response.audio_transcript.delta": _words(events.TranscriptDelta, "delta"),
    "response.audio_transcript.done": _words(events.TranscriptDone, "transcript"),
    "response.text.delta": _words(events.TextDelta, "delta"),
    "response.text.done": _words(events.TextDone, "text"),
    "response.thinking.delta": _bare(events.ThinkingDelta),
    "response.thinking.done": _bare(events.ThinkingDone),
    "response.function_call_arguments.delta": _arguments_delta,
    "response.function_call_arguments.done": _arguments_done,
    "response.done": _response_done,
    "response.cancelled": _response_cancelled,
    "error": _error,
}
