"""A call through a Flow: the same far end and clock as the bridge's tests have."""

from collections.abc import Mapping
from typing import Any, TypeVar

from tests.bridge.calls import BOT_VOICE, BUSINESS, SILENCE, VOICE, pcm
from tests.bridge.playout import FarEnd
from voicebot.bridge import model as do
from voicebot.bridge.settings import Prompt, Settings
from voicebot.dialplan.persona import Persona
from voicebot.flow.flow import Flow
from voicebot.flow.model import Input, ModelCalled, NoteEvent, Order

O = TypeVar("O", bound=Order)  # noqa: E741 - an order

FRAME_S = 0.02
ORDERS = (
    *("ToolOutput", "TellModel", "UpdateSession", "PauseRecording", "RecordCall"),
    "Leave",
)


def words(text: str, values: Mapping[str, str]) -> Prompt:
    """Our words, 50 ms a character; with values filled in."""
    for name, value in values.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return Prompt(text, BOT_VOICE[: 8 * min(50 * len(text), 2000)])


class Phone:
    """A call from its start on; every method takes the time it would take."""

    def __init__(
        self,
        persona: Persona,
        settings: Settings = BUSINESS,
        *,
        ready: bool = True,
        **wants: Any,
    ) -> None:
        self.now = 100.0
        self.log: list[tuple[float, Order]] = []
        self.far_end = FarEnd()
        wants = {"open_targets": lambda: frozenset({"front_desk", "on_call"})} | wants
        self.flow = Flow(persona, settings, words, self.now, **wants)
        self._note(self.flow.start(self.now))
        if ready:
            self.give(do.SessionReady())

    def give(self, *events: Input) -> list[Order]:
        before = len(self.log)
        for event in events:
            self._note(self.flow.handle(event, self.now))
        return [order for _, order in self.log[before:]]

    def wait(self, seconds: float) -> list[Order]:
        return self.hear(SILENCE * round(seconds / FRAME_S))

    def hear(self, ulaw: bytes) -> list[Order]:
        before = len(self.log)
        for at in range(0, len(ulaw), 160):
            self._pass_until(self.now + FRAME_S)
            self.give(do.CallerAudio(ulaw[at : at + 160]))
        return [order for _, order in self.log[before:]]

    def turn(self, text: str, item_id: str = "i1", seconds: float = 0.8) -> None:
        """The caller speaks; the words come half a second later."""
        self.hear(VOICE[: round(seconds / FRAME_S) * 160])
        for _ in range(200):
            if self.flow.phase not in ("caller", "tentative"):
                break
            self.wait(FRAME_S)
        self.give(do.TurnCommitted(item_id))
        self.wait(0.5)
        self.give(do.CallerText(item_id, text))

    def keys(self, digits: str) -> list[Order]:
        before = len(self.log)
        for digit in digits:
            self.give(do.CallerKey(digit))
            self.wait(0.2)
        return [order for _, order in self.log[before:]]

    def call(
        self, name: str, arguments: str = "{}", *, say_ms: int = 0, id: str = "r1"
    ) -> None:
        """The model asks for a tool, maybe after a lead-in."""
        self.give(do.ReplyStarted(id))
        if say_ms:
            self.give(do.BotText(id, "One moment."), do.BotAudio(id, pcm(say_ms)))
        self.give(ModelCalled(id, f"call-{id}", name, arguments))
        self.give(do.ReplyDone(id))

    def answer(self, id: str = "r1", ms: int = 800, text: str = "Yes.") -> None:
        self.give(do.ReplyStarted(id), do.BotText(id, text))
        self.give(do.BotAudio(id, pcm(ms)), do.ReplyDone(id))

    def took(self, kind: type[O], since: float = 0.0) -> list[O]:
        return [each for at, each in self.log if isinstance(each, kind) and at >= since]

    def names(self, since: float = 0.0) -> list[str]:
        """What was ordered beside the bridge's actions, and asks for replies."""
        kinds = (*ORDERS, "AskForReply", "AskToSay", "HangUp")
        named = [(at, type(each).__name__) for at, each in self.log]
        return [name for at, name in named if name in kinds and at >= since]

    def events(self) -> list[str]:
        return [
            f"{each.kind} {each.name} {each.detail}".strip()
            for each in self.took(NoteEvent)
        ]

    def said(self) -> list[str]:
        """The bot's turns, as far as they were heard."""
        notes = {note.seq: note for note in self.took(do.NoteTurn)}
        return [note.heard_text for note in notes.values() if note.who == "bot"]

    @property
    def ending(self) -> str | None:
        ended = [order.ending.value for order in self.took(do.HangUp)]
        assert len(ended) <= 1
        return ended[0] if ended else None

    def _pass_until(self, until: float) -> None:
        while self.flow.phase != "ended":
            due = [
                at
                for at in (self.flow.next_deadline(), self.far_end.next_mark())
                if at is not None and at <= until
            ]
            if not due:
                break
            self.now = max(self.now, min(due))
            self.give(*map(do.MarkReturned, self.far_end.marks_back(self.now)))
            deadline = self.flow.next_deadline()
            if deadline is not None and deadline <= self.now:
                self.give(do.DeadlineReached())
                again = self.flow.next_deadline()
                assert again is None or again > deadline or again >= self.now, "spins"
        self.now = max(self.now, until)

    def _note(self, orders: list[Order]) -> None:
        for order in orders:
            assert self.ending is None, "an order after HangUp"
            self.log.append((self.now, order))
            if isinstance(order, do.Action):
                self.far_end.send(order, self.now)
