"""
How a realtime server speaks, stops, and lets its conversation be mended.

Three answers are made, some 15 s of speech in all: they are billed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import orjson

from voicebot.doctor.talk import Script, Seen, Talk
from voicebot.stepfun.realtime import commands, events
from voicebot.stepfun.realtime.commands import SessionConfig
from voicebot.stepfun.realtime.events import (
    ErrorKind,
    ResponseStatus,
    ServerError,
    ServerEvent,
)
from voicebot.stepfun.realtime.history import Means

ANSWER_S: Final = 5.0
SETTLE_S: Final = 1.0
"""For what a server has still to say about a command that it was too quick for."""

SPEECH_S: Final = 30.0
"""How long an answer may take to come."""

BYTES_PER_SECOND: Final = 48_000
HEARD_BEFORE_CANCEL: Final = BYTES_PER_SECOND  # a second of its audio

CODEWORD: Final = "strawberry"

# Words like these were spoken as they are in 9 of 9 tries (stepfun reference, 3.10).
SAY: Final = "Say exactly the following, word for word, and nothing else: {}"
LONG: Final = SAY.format(
    "The rooms on the first floor look over the garden, the ones on the second floor"
    " look over the river, and the two on the third floor look over both of them."
)
LONGER: Final = SAY.format(
    "On Monday we open at nine, on Tuesday at ten, on Wednesday at eleven, on Thursday"
    " at nine again, on Friday at ten, on Saturday at eleven; on Sunday and on public"
    " holidays we are closed, but somebody answers the telephone from noon to four."
)

T = TypeVar("T")


@dataclass(slots=True)
class SpeakingSeen:
    """What was seen; None: there was no answer, or none that tells."""

    refused: ErrorKind | None = None
    """Why the first answer wasn't given, if that was told."""

    first_audio_s: float | None = None
    """From our wish to the first audio."""

    audio_s: float = 0.0
    """How much the whole answer was."""

    sent_in_s: float = 0.0
    """From its first delta to its last."""

    dry_s: float = 0.0
    """By how much the worst delta came too late, if the first was played at once."""

    largest_delta_s: float = 0.0
    status: ResponseStatus | None = None
    cancelled: bool = False
    """We came to cancel an answer while it ran."""

    audio_after_cancel_s: float | None = None
    """From our cancel to the last audio of what was cancelled."""

    end_after_cancel_s: float | None = None
    cancelled_status: ResponseStatus | None = None
    says_cancelled: bool = False
    second_cancel: str | None = None
    """`error`, or `silence`: what cancelling nothing brings."""

    truncate: str | None = None
    """`error`, `event` or `silence`: what an undocumented command brings."""

    repairs: dict[Means, bool | None] = field(default_factory=dict)
    obeys_response_instructions: bool | None = None
    tokens: Counter[str] = field(default_factory=Counter)
    """What was billed, by `input` and `output`."""


def look_at_speaking(seen: SpeakingSeen, voice: str, now: float) -> Script[None]:
    """Have the model speak, cut it off, and mend what it believes to have said."""
    talk = Talk(now, seen.tokens)
    yield from talk.wait_for(events.SessionCreated, ANSWER_S)
    config = SessionConfig("Do as you are told.", voice, turn_detection=None)
    kinds = (events.SessionUpdated, ServerError)
    yield from talk.wait_for(kinds, ANSWER_S, talk.session.configure(config))
    first_id = yield from _speak_at_length(seen, talk)
    item_id = yield from _cancel(seen, talk)
    yield from _truncate(seen, talk, item_id)
    yield from _mend(seen, talk, first_id, item_id)
    yield from _instruct(seen, talk)


def _speak_at_length(seen: SpeakingSeen, talk: Talk) -> Script[str | None]:
    """Measure a whole answer; return the id of its item."""
    asked_at = talk.now
    came = yield from talk.listen(SPEECH_S, *_wish(LONG), until=_is_over)
    audio = _audio(came)
    if audio:
        first_at = audio[0][0]
        seen.first_audio_s = first_at - asked_at
        seen.sent_in_s = audio[-1][0] - first_at
        for at, length_s in audio:
            seen.dry_s = max(seen.dry_s, at - first_at - seen.audio_s)
            seen.largest_delta_s = max(seen.largest_delta_s, length_s)
            seen.audio_s += length_s
    error = _last(came, ServerError)
    seen.refused = error.kind if error else None
    done = _last(came, events.ResponseDone)
    seen.status = done.status if done else None
    return _item_of(came)


def _cancel(seen: SpeakingSeen, talk: Talk) -> Script[str | None]:
    """Cancel an answer in its middle; return the id of its item."""
    heard = 0

    def enough(event: ServerEvent) -> bool:
        nonlocal heard
        if isinstance(event, events.AudioDelta):
            heard += len(event.pcm16)
        return heard >= HEARD_BEFORE_CANCEL or _is_over(event)

    began = yield from talk.listen(SPEECH_S, *_wish(LONGER), until=enough)
    item_id = _item_of(began)
    if not began or _is_over(began[-1].event):
        return item_id  # too quick for us: it was all there at once
    seen.cancelled, cancelled_at = True, talk.now
    ended = yield from talk.listen(ANSWER_S, commands.cancel_response(), until=_is_over)
    late = _audio(ended)
    seen.audio_after_cancel_s = late[-1][0] - cancelled_at if late else 0.0
    seen.says_cancelled = _last(ended, events.ResponseCancelled) is not None
    done = _last(ended, events.ResponseDone)
    if done:
        seen.end_after_cancel_s = talk.now - cancelled_at
        seen.cancelled_status = done.status
    yield from talk.listen(SETTLE_S)
    again = yield from talk.wait_for(ServerError, ANSWER_S, commands.cancel_response())
    seen.second_cancel = "error" if again else "silence"
    return item_id or _item_of(ended)


def _truncate(seen: SpeakingSeen, talk: Talk, item_id: str | None) -> Script[None]:
    """Send what no page documents, as public clients do: it is looked at, not used."""
    if item_id is None:
        return
    frame = {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": 500,
    }
    unknown = talk.session.unknown.total()
    error = yield from talk.wait_for(ServerError, ANSWER_S, orjson.dumps(frame))
    if error:
        seen.truncate = "error"
    else:
        more = talk.session.unknown.total() > unknown
        seen.truncate = "event" if more else "silence"


def _mend(
    seen: SpeakingSeen, talk: Talk, first_id: str | None, item_id: str | None
) -> Script[None]:
    """Do what a repair of the conversation would, one command after the other."""
    create = commands.create_message
    frames = {
        Means.APPEND: create("assistant", "The rooms look over the garden."),
        Means.NOTE: create("system", "The caller heard no more than that."),
    }
    if first_id is not None:
        text = "They are quiet."
        frames[Means.INSERT] = create("assistant", text, after=first_id)
    if item_id is not None:
        frames[Means.DELETE] = commands.delete_item(item_id)
    kinds = (events.ItemCreated, events.ItemDeleted, ServerError)
    for means, frame in frames.items():
        answer = yield from talk.wait_for(kinds, ANSWER_S, frame)
        match answer:
            case None:
                seen.repairs[means] = None
            case ServerError():
                seen.repairs[means] = False
            case events.ItemCreated(previous_item_id=before):
                # Elsewhere than asked for is as good as refused.
                misplaced = means is Means.INSERT and before not in (None, first_id)
                seen.repairs[means] = not misplaced
            case _:
                seen.repairs[means] = True


def _instruct(seen: SpeakingSeen, talk: Talk) -> Script[None]:
    """Ask for an answer with instructions of its own."""
    instructions = SAY.format(f"The word is {CODEWORD}.")
    ask = {"type": "response.create", "response": {"instructions": instructions}}
    came = yield from talk.listen(
        SPEECH_S,
        commands.create_message("user", "Good morning."),
        orjson.dumps(ask),
        until=_is_over,
    )
    said = "".join(
        one.event.text for one in came if isinstance(one.event, events.TranscriptDelta)
    )
    if said:
        seen.obeys_response_instructions = CODEWORD in said.casefold()


def _wish(text: str) -> tuple[bytes, bytes]:
    return commands.create_message("user", text), commands.create_response()


def _is_over(event: ServerEvent) -> bool:
    """Whether no more comes of an answer; or none at all, for our wish is refused."""
    return isinstance(event, events.ResponseDone | ServerError)


def _audio(came: Sequence[Seen]) -> list[tuple[float, float]]:
    """When each piece of speech came, and its length in seconds."""
    return [
        (one.at, len(one.event.pcm16) / BYTES_PER_SECOND)
        for one in came
        if isinstance(one.event, events.AudioDelta)
    ]


def _last(came: Sequence[Seen], kind: type[T]) -> T | None:
    found = [one.event for one in came if isinstance(one.event, kind)]
    return found[-1] if found else None


def _item_of(came: Sequence[Seen]) -> str | None:
    """The id of the message that an answer made."""
    delta = _last(came, events.TranscriptDelta) or _last(came, events.AudioDelta)
    return delta.item_id or None if delta else None
