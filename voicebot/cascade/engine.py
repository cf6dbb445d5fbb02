"""The server of one realtime session, over stages that somebody else carries out."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from voicebot.audio.framing import pcm_bytes
from voicebot.cascade.conversation import Conversation, Item, Kind
from voicebot.cascade.orders import (
    Ask,
    GetReady,
    GiveUp,
    NotSpoken,
    NotTranscribed,
    NotWritten,
    OfReply,
    Order,
    Result,
    Spoken,
    SpokenOut,
    Stop,
    Tell,
    Transcribe,
    Transcribed,
    Written,
    WrittenOut,
)
from voicebot.cascade.profile import Profile, Refused
from voicebot.cascade.reply import Reply, Status
from voicebot.cascade.sentences import is_spoken
from voicebot.cascade.wire import INVALID, Wire, after
from voicebot.errors import RemoteProtocolError, UpstreamError
from voicebot.fields import Fields

# What a commit may hold: longer than the longest turn. The oldest goes first.
BUFFER_BYTES: Final = pcm_bytes(120_000)

# Less holds no word; it isn't worth the asking.
SHORTEST_BYTES: Final = pcm_bytes(100)

# A key, a balance, a model that isn't there: so every answer will fail.
FATAL: Final = frozenset({401, 402, 403, 404})

MODERATED: Final = 451

# It is this request that is refused; another may do well.
OF_REQUEST: Final = frozenset({400, 413, MODERATED})

# Answers of which nothing came, one after the other: the client has asked anew.
FAILURES: Final = 2

NO_SPEECH: Final = "no speech found"
NOTHING_APPENDED: Final = "append is not called"
ONGOING: Final = "ongoing response already exists"
NOT_ONGOING: Final = "no ongoing response to cancel"

# Role of a message -> the type of its content.
CONTENT: Final[Mapping[str, tuple[Kind, str]]] = {
    "user": ("user", "input_text"),
    "assistant": ("assistant", "text"),
    "system": ("system", "input_text"),
}


@dataclass(slots=True)
class _Turn:
    """A turn that was committed and not told of yet."""

    item: Item
    event_id: str | None
    words: str | None = None
    """Empty if there are none; None while they aren't known, or if they won't be."""
    settled: bool = False


class Cascade:
    """
    One session.

    Args:
        session_id: like that of no other session; letters, digits, at most 40.
    """

    def __init__(self, session_id: str) -> None:
        self._wire = Wire(session_id)
        self._profile = Profile(session_id)
        self._conversation = Conversation()
        self._buffer = bytearray()
        self._turns: deque[_Turn] = deque()
        self._reply: Reply | None = None
        self._wished = False  # an answer, as soon as all turns are understood
        self._failures = 0
        self._out: list[Order] = []

    def open(self) -> list[Order]:
        """Begin."""
        self._tell("session.created", session=self._profile.echo())
        return self._taken()

    def receive(self, frame: bytes) -> list[Order]:
        """Take a frame of the client's. A bad one is answered with an error."""
        event_id = None
        try:
            event = Fields.parse(frame)
            if "event_id" in event:
                event_id = event.text("event_id")
            command = COMMANDS.get(event.text("type"))
            if command is None:
                raise Refused("unknown event type")
            command(self, event)
        except RemoteProtocolError:
            self._refuse(INVALID, event_id)
        except Refused as refused:
            self._refuse(str(refused), event_id)
        return self._taken()

    def handle(self, result: Result) -> list[Order]:
        """Take what came of an order. It may come too late to matter."""
        match result:
            case Transcribed(item_id, text):
                self._settle(item_id, text if is_spoken(text) else "")
            case NotTranscribed(item_id, error):
                if not self._is_fatal(error):
                    self._settle(item_id, None)
            case NotWritten(error=error) | NotSpoken(error=error) if self._is_fatal(
                error
            ):
                pass
            case _ if (reply := self._reply) and reply.id == result.response_id:
                self._continue(reply, result)
            case _:
                pass  # of an answer that is over
        return self._taken()

    # ---- the client's frames -------------------------------------------------

    def _update(self, event: Fields) -> None:
        self._profile.update(event.table("session"))
        self._tell("session.updated", session=self._profile.echo())
        if self._profile.voice:
            self._out.append(GetReady(self._profile.voice))

    def _append(self, event: Fields) -> None:
        pcm16 = event.base64("audio")
        if len(pcm16) % 2:
            raise Refused(INVALID)
        self._buffer += pcm16
        del self._buffer[:-BUFFER_BYTES]

    def _commit(self, event: Fields) -> None:
        if not self._buffer:
            raise Refused(NOTHING_APPENDED)
        pcm16 = bytes(self._buffer)
        self._buffer.clear()
        item = Item(self._wire.name(), "user")
        self._conversation.add(item)
        event_id = event.text("event_id") if "event_id" in event else None
        self._turns.append(_Turn(item, event_id))
        if len(pcm16) < SHORTEST_BYTES:
            self._settle(item.id, "")
        else:
            self._out.append(Transcribe(item.id, pcm16))

    def _clear(self, _: Fields) -> None:
        self._buffer.clear()
        self._tell("input_audio_buffer.cleared")

    def _create_item(self, event: Fields) -> None:
        given = event.table("item")
        item = self._read_item(given)
        named = "previous_item_id" in event
        place = event.text("previous_item_id") if named else None
        try:
            before = self._conversation.add(item, place)
        except KeyError:
            raise Refused(f"cannot find previous item {place}") from None
        shown = {**given.whole(), "id": item.id, "object": "realtime.item"}
        self._out.append(Tell(self._wire.item_created(shown, before)))

    def _read_item(self, given: Fields) -> Item:
        match given.text("type"):
            case "function_call_output":
                call_id = given.text("call_id")
                if not self._conversation.has_call(call_id):
                    raise Refused(f"cannot find call {call_id}")
                output = given.text("output")
                return Item(self._wire.name(), "output", output, call_id=call_id)
            case "message":
                kind, wanted = CONTENT.get(given.text("role"), ("user", ""))
                texts = []
                for part in given.tables("content"):
                    if part.text("type") != wanted:
                        raise Refused(INVALID)
                    texts.append(part.text("text"))
                return Item(self._wire.name(), kind, " ".join(texts))
            case _:
                raise Refused("item.type must be message or function_call_output")

    def _delete_item(self, event: Fields) -> None:
        item_id = event.text("item_id")
        try:
            self._conversation.remove(item_id)
        except KeyError:
            raise Refused(f"cannot find item {item_id}") from None
        self._tell("conversation.item.deleted", item_id=item_id)

    def _create_response(self, _: Fields) -> None:
        if self._reply:
            raise Refused(ONGOING)
        self._wished = True
        self._answer_if_due()

    def _cancel_response(self, _: Fields) -> None:
        self._wished = False
        if self._reply is None:
            raise Refused(NOT_ONGOING)
        self._end(self._reply, "cancelled")

    # ---- turns ---------------------------------------------------------------

    def _settle(self, item_id: str, words: str | None) -> None:
        """What was said in a turn is known, or never will be."""
        for turn in self._turns:
            if turn.item.id == item_id:
                turn.words, turn.settled = words, True
        while self._turns and self._turns[0].settled:
            self._announce(self._turns.popleft())
        self._answer_if_due()

    def _announce(self, turn: _Turn) -> None:
        """Tell of a turn, in the order in which they were committed."""
        item = turn.item
        if turn.words == "":
            # What follows it, if anything, is what an answer was asked for.
            self._wished = self._wished and not self._conversation.is_last(item)
            self._conversation.remove(item.id)
            self._refuse(NO_SPEECH, turn.event_id)
            return
        item.text = turn.words
        before = self._conversation.before(item)
        self._tell("input_audio_buffer.committed", **after(before), item_id=item.id)
        shown = {
            "id": item.id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio"}],
        }
        self._out.append(Tell(self._wire.item_created(shown, before)))
        if turn.words is not None:
            self._tell(
                "conversation.item.input_audio_transcription.completed",
                item_id=item.id,
                content_index=0,
                transcript=turn.words,
            )

    # ---- answers -------------------------------------------------------------

    def _answer_if_due(self) -> None:
        if not self._wished or self._turns or self._reply:
            return
        self._wished = False
        profile = self._profile
        reply = Reply(self._wire, self._conversation, profile.voice)
        self._reply = reply
        messages = self._conversation.messages(profile.instructions)
        self._out += [*reply.created(), Ask(reply.id, messages, profile.tools)]

    def _continue(self, reply: Reply, result: OfReply) -> None:
        match result:
            case Written(text=text):
                self._out += reply.written(text)
            case WrittenOut(calls=calls):
                self._out += reply.written_out(calls)
            case NotWritten(error=error):
                if error.status == MODERATED:  # it would be, again and again
                    self._conversation.withhold()
                self._out += reply.not_written(error)
            case Spoken(_, piece, pcm16):
                self._out += reply.spoken(piece, pcm16)
            case SpokenOut(_, piece):
                self._out += reply.spoken_out(piece)
            case _:
                self._out += reply.not_spoken(result.piece, result.error)
        if reply.is_over:
            self._end(reply, reply.status)

    def _end(self, reply: Reply, status: Status) -> None:
        self._reply = None
        self._out.append(Stop(reply.id))
        error = reply.error
        if reply.heard or error is None:
            self._failures = 0
            self._profile.frozen = self._profile.frozen or reply.heard
        elif error.status not in OF_REQUEST:
            self._failures += 1
            if self._failures >= FAILURES:
                self._out.append(GiveUp(error))
                return
        self._out += reply.done(status)

    def _is_fatal(self, error: UpstreamError) -> bool:
        """Give the session up for an error that all that follows would meet, too."""
        if error.status not in FATAL:
            return False
        self._out.append(GiveUp(error))
        return True

    # ---- what is told --------------------------------------------------------

    def _tell(self, kind: str, **members: object) -> None:
        self._out.append(Tell(self._wire.frame(kind, **members)))

    def _refuse(self, message: str, event_id: str | None) -> None:
        self._out.append(Tell(self._wire.error(message, event_id)))

    def _taken(self) -> list[Order]:
        out, self._out = self._out, []
        return out


COMMANDS: Final[Mapping[str, Callable[[Cascade, Fields], None]]] = {
    "session.update": Cascade._update,
    "input_audio_buffer.append": Cascade._append,
    "input_audio_buffer.commit": Cascade._commit,
    "input_audio_buffer.clear": Cascade._clear,
    "conversation.item.create": Cascade._create_item,
    "conversation.item.delete": Cascade._delete_item,
    "response.create": Cascade._create_response,
    "response.cancel": Cascade._cancel_response,
}
