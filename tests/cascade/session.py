"""A client of a cascade, and stages that do what a test says."""

from typing import TypeVar

import orjson

from voicebot.cascade.engine import Cascade
from voicebot.cascade.orders import (
    Ask,
    GiveUp,
    Order,
    Result,
    Speak,
    Spoken,
    SpokenOut,
    Tell,
    Transcribe,
    Transcribed,
    Written,
    WrittenOut,
)
from voicebot.errors import UpstreamError
from voicebot.stepfun.chat import ToolCall
from voicebot.stepfun.realtime import commands, events
from voicebot.stepfun.realtime.commands import SessionConfig, Tool
from voicebot.stepfun.realtime.session import RealtimeSession

SECOND = bytes(48_000)
BUSY = UpstreamError("stepfun", "rate_limited", 429)
NO_KEY = UpstreamError("stepfun", "invalid_api_key", 401)
MODERATED = UpstreamError("stepfun", "moderated", 451)

BOOK = Tool("book", "Books a table.", {"type": "object", "properties": {}})
CONFIG = SessionConfig("You are a test.", "linjiajiejie", None, (BOOK,))


T = TypeVar("T", bound=Order)


class Client:
    """
    Reads what a cascade tells as our side reads StepFun.

    Attributes:
        heard: all events, in order.
        orders: to the stages, in order.
    """

    def __init__(self) -> None:
        self.cascade = Cascade("abc123")
        self.session = RealtimeSession()
        self.heard: list[events.ServerEvent] = []
        self.frames: list[bytes] = []
        self.orders: list[Order] = []
        self._take(self.cascade.open())

    def send(self, *frames: bytes) -> list[events.ServerEvent]:
        """Return what it tells at once."""
        return [
            event
            for frame in frames
            for event in self._take(self.cascade.receive(frame))
        ]

    def give(self, *results: Result) -> list[events.ServerEvent]:
        return [
            event
            for result in results
            for event in self._take(self.cascade.handle(result))
        ]

    def configured(self) -> "Client":
        self.send(self.session.configure(CONFIG))
        return self

    def turn(self, words: str = "", *, seconds: int = 1) -> str:
        """The caller says something; return the item's id."""
        self.send(commands.append(SECOND * seconds), commands.commit())
        item_id = self.last(Transcribe).item_id
        if words:
            self.give(Transcribed(item_id, words))
        return item_id

    def asked(self, words: str = "Hello?") -> Ask:
        """The caller says something, and an answer is wanted."""
        self.turn(words)
        self.send(commands.create_response())
        return self.last(Ask)

    def answers(self, text: str, *calls: ToolCall) -> list[events.ServerEvent]:
        """The chat model and the voice do what they were asked for last."""
        response_id = self.last(Ask).response_id
        said = self.give(Written(response_id, text), WrittenOut(response_id, calls))
        done: set[int] = set()
        while pieces := [
            each
            for each in self.all(Speak)
            if each.response_id == response_id and each.piece not in done
        ]:
            piece = pieces[0].piece
            done.add(piece)
            said += self.give(
                Spoken(response_id, piece, SECOND), SpokenOut(response_id, piece)
            )
        return said

    def all(self, kind: type[T]) -> list[T]:
        return [order for order in self.orders if isinstance(order, kind)]

    def last(self, kind: type[T]) -> T:
        return self.all(kind)[-1]

    def _take(self, orders: list[Order]) -> list[events.ServerEvent]:
        heard = []
        for order in orders:
            if isinstance(order, Tell):
                self.frames.append(order.frame)
                event = self.session.receive(order.frame)
                assert event is not None, orjson.loads(order.frame)["type"]
                heard.append(event)
            else:
                self.orders.append(order)
        self.heard += heard
        return heard

    @property
    def given_up(self) -> bool:
        return bool(self.all(GiveUp))
