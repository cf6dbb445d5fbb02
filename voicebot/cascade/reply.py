"""One response: what is written of it, what is spoken, and what the client is told."""

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from voicebot.cascade.conversation import Conversation, Item
from voicebot.cascade.orders import Order, Speak, Tell
from voicebot.cascade.sentences import Splitter, as_spoken, is_spoken
from voicebot.cascade.wire import Part, Wire
from voicebot.errors import UpstreamError
from voicebot.stepfun.chat import ToolCall

Status: TypeAlias = Literal["completed", "cancelled", "failed", "incomplete"]

AHEAD: Final = 2
"""Pieces that are made at a time: the one that is told, and the one behind it."""

TRIES: Final = 2


@dataclass(slots=True)
class _Piece:
    """A piece of the text, spoken by itself."""

    text: str
    ordered: bool = False
    tries: int = 0
    came: bool = False
    over: bool = False
    held: list[bytes] = field(default_factory=list)
    """Audio that came before the piece's turn."""


class Reply:
    """
    Speaks an answer while it is written, and tells its words and its audio in order.

    Attributes:
        id: of the response.
        error: why it isn't all there.
        heard: there is audio of it.
    """

    def __init__(self, wire: Wire, conversation: Conversation, voice: str) -> None:
        self.id = wire.name()
        self.error: UpstreamError | None = None
        self.heard = False
        self._wire = wire
        self._conversation = conversation
        self._voice = voice
        self._splitter = Splitter()
        self._pieces: list[_Piece] = []
        self._front = 0  # the piece whose audio is told
        self._written = False
        self._message: Item | None = None
        self._part = Part(wire, self.id, "", 0)
        self._output: list[dict[str, object]] = []

    @property
    def is_over(self) -> bool:
        """Whether all that there will be of it was told."""
        return self._written and self._front == len(self._pieces)

    @property
    def status(self) -> Status:
        """How it ended by itself."""
        if self.error is None:
            return "completed"
        return "incomplete" if self.heard else "failed"

    def created(self) -> list[Order]:
        """Tell that it begins."""
        return [self._tell("response.created", self._shown("in_progress", []))]

    def written(self, text: str) -> list[Order]:
        """Take more of the text."""
        return [] if self._written else self._add(self._splitter.push(text))

    def written_out(self, calls: tuple[ToolCall, ...]) -> list[Order]:
        """The text is whole. Functions that it calls are told at once."""
        if self._written:
            return []
        orders = self._add(self._splitter.finish())
        self._written = True
        for call in calls:
            orders += self._call(call)
        return orders

    def not_written(self, error: UpstreamError) -> list[Order]:
        """Nothing more is written: half a sentence isn't spoken."""
        self._written, self.error = True, error
        return []

    def spoken(self, number: int, pcm16: bytes) -> list[Order]:
        """Audio of a piece came."""
        piece = self._piece(number)
        if piece is None or not pcm16:
            return []
        piece.came = True
        if number == self._front:
            return self._hear([pcm16])
        piece.held.append(pcm16)
        return []

    def spoken_out(self, number: int) -> list[Order]:
        """All audio of a piece has come."""
        if piece := self._piece(number):
            piece.over = True
        return self._go_on()

    def not_spoken(self, number: int, error: UpstreamError) -> list[Order]:
        """
        No more audio of a piece comes.

        Of which nothing came is tried once more; without a voice there is no more to
        be said. What broke off is left so, and the next sentence is said.
        """
        piece = self._piece(number)
        if piece is None:
            return []
        if not piece.came and piece.tries < TRIES:
            return [self._speak(number, piece)]
        self.error = error
        if not piece.came:
            del self._pieces[number:]
            self._written = True
        piece.over = True
        return self._go_on()

    def done(self, status: Status) -> list[Order]:
        """Tell that it is over."""
        orders: list[Order] = []
        if message := self._message:
            part = self._part
            text = message.text or ""
            content = {"type": "audio", "transcript": text}
            ended = status if status == "completed" else "incomplete"
            shown = {**_message(message, ended), "content": [content]}
            self._output.insert(0, shown)
            orders += [
                Tell(part.content("audio_transcript.done", transcript=text)),
                Tell(part.content("audio.done")),
                Tell(part.content("content_part.done", part=content)),
                Tell(part.item("done", shown)),
            ]
        over = self._shown(status, self._output)
        return [*orders, self._tell("response.done", over)]

    # ---- the text ------------------------------------------------------------

    def _add(self, texts: list[str]) -> list[Order]:
        self._pieces += map(_Piece, texts)
        return self._go_on()

    def _go_on(self) -> list[Order]:
        """Have the next pieces made; tell what there is of those whose turn it is."""
        orders: list[Order] = []
        while True:
            near = range(self._front, min(len(self._pieces), self._front + AHEAD))
            for number in near:
                orders += self._order(number)
            if not near or not self._pieces[self._front].over:
                return orders
            self._front += 1
            if front := self._piece(self._front):
                orders += self._hear(front.held)
                front.held = []

    def _order(self, number: int) -> list[Order]:
        piece = self._pieces[number]
        if piece.ordered:
            return []
        piece.ordered = True
        orders = self._say(piece.text)
        if is_spoken(as_spoken(piece.text)):
            orders.append(self._speak(number, piece))
        else:
            piece.over = True
        return orders

    def _speak(self, number: int, piece: _Piece) -> Order:
        piece.tries += 1
        return Speak(self.id, number, as_spoken(piece.text), self._voice)

    def _piece(self, number: int) -> _Piece | None:
        return self._pieces[number] if number < len(self._pieces) else None

    # ---- what is told --------------------------------------------------------

    def _say(self, text: str) -> list[Order]:
        orders: list[Order] = []
        if self._message is None:
            orders += self._begin()
        assert self._message
        self._message.text = (self._message.text or "") + text
        orders.append(Tell(self._part.content("audio_transcript.delta", delta=text)))
        return orders

    def _begin(self) -> list[Order]:
        message = Item(self._wire.name(), "assistant", "")
        self._message = message
        self._part = part = Part(self._wire, self.id, message.id, 0)
        shown = _message(message, "in_progress")
        before = self._conversation.add(message)
        begun = {"type": "audio", "audio": "", "transcript": ""}
        return [
            Tell(part.item("added", shown)),
            Tell(self._wire.item_created(shown, before)),
            Tell(part.content("content_part.added", part=begun)),
        ]

    def _hear(self, pieces: list[bytes]) -> list[Order]:
        self.heard = self.heard or bool(pieces)
        return [Tell(self._part.audio(pcm16)) for pcm16 in pieces]

    def _call(self, call: ToolCall) -> list[Order]:
        item = Item(
            self._wire.name(),
            "call",
            call.arguments,
            # The model's own may come again in another answer, or another session.
            call_id=f"call_{self._wire.name()}",
            name=call.name,
            response_id=self.id,
        )
        index = len(self._output) + (self._message is not None)
        part = Part(self._wire, self.id, item.id, index)
        begun = _function(item, "incomplete")
        done = {**_function(item, "completed"), "arguments": call.arguments}
        self._output.append(done)
        before = self._conversation.add(item)
        return [
            Tell(self._wire.item_created(begun, before)),
            Tell(part.item("added", begun)),
            Tell(part.arguments(item.call_id, item.name, call.arguments)),
            Tell(part.item("done", done)),
        ]

    def _shown(self, status: str, output: list[dict[str, object]]) -> dict[str, object]:
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": status,
            "output": output,
        }

    def _tell(self, kind: str, response: dict[str, object]) -> Tell:
        return Tell(self._wire.frame(kind, response=response))


def _message(item: Item, status: str) -> dict[str, object]:
    return {
        "id": item.id,
        "object": "realtime.item",
        "type": "message",
        "status": status,
        "role": "assistant",
    }


def _function(item: Item, status: str) -> dict[str, object]:
    return {
        "id": item.id,
        "object": "realtime.item",
        "type": "function_call",
        "status": status,
        "call_id": item.call_id,
        "name": item.name,
    }
