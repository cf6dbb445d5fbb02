"""
A persona's call in writing: what the model is told, and what becomes of its asks.

The model gets the same instructions and tools as in a call, and what it asks for is
judged by the same policy. Nothing is done outside: what another server would answer,
or the caller would type, whoever rehearses says.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from voicebot.dialplan.menus import Menu
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.variables import fill
from voicebot.flow import sms
from voicebot.flow.history import History
from voicebot.flow.policy import (
    Allowed,
    Ask,
    CallOut,
    Collect,
    EndCall,
    EnterStage,
    Perform,
    PutThrough,
    Refused,
    SendText,
    SetVar,
    Source,
    TakeMessage,
    judge,
    read_arguments,
)
from voicebot.flow.stages import Stages
from voicebot.flow.values import Values
from voicebot.runtime.conduct import greeting_text, session_config
from voicebot.stepfun.chat import (
    Audio,
    ChatAnswer,
    ChatRequest,
    Message,
    ToolCall,
)
from voicebot.stepfun.realtime.commands import Tool

MAX_TOKENS: Final = 500
TEMPERATURE: Final = 0.5
"""StepFun's own; a call has it too, as it can't be set there."""

KEPT: Final = 60
"""Messages that the model is told; an hour's talk is a hundred turns or two."""

GREET: Final = "The call begins now. Greet the caller."

NOBODY_TYPED: Final = "The caller typed nothing."
TYPED_SECRET: Final = "The caller typed it; you are not shown it."


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that the model asked for, and what became of it."""

    call: ToolCall
    done: str
    """In a few words, for whoever rehearses: names of the dialplan's."""

    question: str = ""
    """What whoever rehearses is asked, whose words are then told; empty if nothing."""

    told: str = field(default="", repr=False)
    """What the model is told at once; empty if that is asked, or the call is over."""


class WrittenCall:
    """
    Args:
        values: what is known of the persona's variables.
        open_targets: names of the dialplan's targets that can be called.

    Attributes:
        over: how the call ended, in a few words; empty while it goes on.
    """

    def __init__(
        self,
        persona: Persona,
        values: Mapping[str, str],
        open_targets: Collection[str],
    ) -> None:
        self.over = ""
        self._persona, self._open_targets = persona, open_targets
        hidden = [name for name, var in persona.vars.items() if var.sensitive]
        self._values = Values(values, hidden)
        self._stages, self._history = Stages(persona), History()
        self._messages: list[Message] = []

    def greeting(self) -> str:
        """Return our own first words; empty if the model is to greet."""
        text = greeting_text(self._persona, values=self._values.shown())
        if text:
            self._messages.append(Message("assistant", text))
        return text

    def said(self, text: str, sound: Audio | None = None) -> None:
        """
        The caller says something.

        Args:
            sound: what the model listens to, instead of reading the text.
        """
        self._history.caller_said(text)
        told = Message("user", "", audio=(sound,)) if sound else Message("user", text)
        self._messages.append(told)
        self._go_on(said=text)

    def request(self) -> ChatRequest:
        """Return what the model is asked: to say what comes next."""
        stage = self._stages.name
        config = session_config(self._persona, self._values.shown(), stage)
        told = [Message("system", config.instructions), *self._recent()]
        if not self._messages:
            told.append(Message("system", GREET))
        # StepFun's own tools, which search by themselves, are the realtime model's.
        tools = tuple(tool for tool in config.tools if isinstance(tool, Tool))
        model = self._persona.model.chat
        return ChatRequest(model, tuple(told), MAX_TOKENS, TEMPERATURE, tools)

    def unanswered(self) -> None:
        """There was no answer: the caller's last words may be said again."""
        if self._messages and self._messages[-1].role == "user":
            self._messages.pop()

    def interrupted(self, shown: str) -> None:
        """The caller spoke into an answer, of which so much is known."""
        if shown:
            self._messages.append(Message("assistant", shown))
        else:
            self.unanswered()

    def answered(self, answer: ChatAnswer) -> list[Asked]:
        """Take the model's answer; return what it asked for, in order."""
        self._messages.append(
            Message("assistant", answer.text, tool_calls=answer.tool_calls)
        )
        return [self._judged(call) for call in answer.tool_calls]

    def told(self, call: ToolCall, text: str) -> None:
        """Tell the model what came of something that it asked for."""
        self._messages.append(Message("tool", text, call_id=call.id))

    def settled(self, asked: Asked, answer: str) -> None:
        """
        Take what whoever rehearses said of something that the model asked for.

        Args:
            answer: another server's, or the digits that the caller typed.
        """
        tool = self._persona.tools[asked.call.name]
        if tool.kind == "http":
            self._did(asked.call.name)
            self.told(asked.call, answer or "Done; the answer is empty.")
            return
        told = NOBODY_TYPED
        if answer:
            told = self._typed(self._persona.menus[tool.menu or ""], answer)
            self._did(asked.call.name)
        self.told(asked.call, told)

    @property
    def wants_more(self) -> bool:
        """Whether the model is to speak next: it was told what came of its asks."""
        last = self._messages[-1].role if self._messages else ""
        return last == "tool" and not self.over and not self._history.refused_enough

    def _judged(self, call: ToolCall) -> Asked:
        ask = Ask(Source.MODEL, call.name, read_arguments(call.arguments))
        state = self._history.state(
            ask,
            stage=self._stages.name,
            busy=bool(self.over),
            silent=False,
            near_end=False,
        )
        verdict = judge(ask, state, self._persona, self._open_targets)
        self._history.judged(ask, verdict)
        if isinstance(verdict, Refused):
            asked = Asked(call, f"refused: {verdict.rule}", told=verdict.told)
        else:
            asked = self._done(call, verdict)
        if asked.told:
            self.told(call, asked.told)
        return asked

    def _done(self, call: ToolCall, verdict: Allowed) -> Asked:
        match verdict.effect:
            case PutThrough(target):
                self.over = f"put through to {target}"
            case TakeMessage():
                self.over = "the caller leaves a message"
            case EndCall():
                self.over = "the bot hangs up"
            case EnterStage(stage):
                self._did(call.name)
                self._stages.enter(stage)
                told = "Done; follow your new instructions."
                return Asked(call, f"stage {stage}", told=told)
            case SetVar(name, value):
                self._values.set(name, value)
                self._did(call.name)
                return Asked(call, f"{name} is set", told="Done.")
            case SendText(text, to):
                self._did(call.name)
                said = fill(text, self._values.shown())
                return Asked(call, f"text to {to}: {said}", told=sms.told("sent"))
            case Collect(menu):
                return Asked(call, f"menu {menu}", question="The caller types")
            case CallOut(tool):
                return Asked(call, f"{tool} asks its server", question="It answers")
            case Perform():  # an operator's own: no model asks for one
                raise AssertionError("expected something that a tool does")
        return Asked(call, self.over)

    def _typed(self, menu: Menu, answer: str) -> str:
        gather = menu.gather
        if gather is None:
            return f"The caller pressed {answer}."
        self._values.set(gather.into, answer, sensitive=gather.sensitive)
        self._go_on(typed=gather.into)
        return TYPED_SECRET if gather.sensitive else f"The caller typed {answer}."

    def _did(self, name: str) -> None:
        self._history.done(name)
        self._go_on(tool=name)

    def _go_on(self, *, said: str = "", tool: str = "", typed: str = "") -> None:
        """Go to the next stage, if what has happened leads there."""
        way = self._stages.way_out(
            self._values.known, said=said, tool=tool, typed=typed
        )
        if way:
            self._stages.enter(way.to)

    def _recent(self) -> list[Message]:
        """The last messages: not beginning with an output whose call isn't told."""
        recent = self._messages[-KEPT:]
        while recent and recent[0].role == "tool":
            recent = recent[1:]
        return recent
