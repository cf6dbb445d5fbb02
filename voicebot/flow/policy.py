"""
May this be done? The one judge of all that a model, a key or a phrase asks for.

A model can be talked into anything, so nothing that it says of itself counts: not who
the caller claims to be, not that something was confirmed. What counts is what the
operator wrote, what was done before, and what the caller said in words of their own.
Names are compared as they are: one that only looks alike is another.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from voicebot.dialplan.actions import CALLER, Action
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.tools import THEIRS, Tool
from voicebot.flow.arguments import Argument, arguments
from voicebot.flow.values import MAX_CHARACTERS, as_data
from voicebot.flow.words import affirms, takes_leave

# The same call with the same arguments, before the caller has spoken again.
MAX_REPEATS: Final = 2

MAX_ARGUMENTS: Final = 4000  # characters


class Source(StrEnum):
    """Who asks."""

    MODEL = "model"
    DIRECTOR = "director"
    TRIGGER = "trigger"
    MENU = "menu"
    SILENCE = "silence"
    STAGE = "stage"


# Written by the operator, word for word; the others choose for themselves.
OPERATOR: Final = frozenset({Source.TRIGGER, Source.MENU, Source.SILENCE, Source.STAGE})


class Rule(StrEnum):
    """Why something isn't done."""

    UNKNOWN = "unknown"  # no such tool
    NOT_IN_STAGE = "not_in_stage"
    PENDING = "pending"  # something else is being done
    BAD_ARGS = "bad_args"
    NOT_A_TARGET = "not_a_target"
    NOT_YOURS = "not_yours"  # a variable that the tool may not set
    NO_EXIT = "no_exit"  # a stage that the tool may not go to
    TARGET_CLOSED = "target_closed"
    LOOP = "loop"
    TOO_MANY = "too_many"
    REQUIRES = "requires"
    NOT_SAID_GOODBYE = "not_said_goodbye"
    UNCONFIRMED = "unconfirmed"
    NO_NUMBER = "no_number"  # a caller who hides theirs
    INTERRUPTED = "interrupted"  # the caller spoke into its announcement


# ---- what may be done ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PutThrough:
    """Transfer to a target of the dialplan, by its name."""

    target: str


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """Let the caller leave a message."""


@dataclass(frozen=True, slots=True)
class EndCall:
    """Say goodbye and hang up."""


@dataclass(frozen=True, slots=True)
class Collect:
    """Run a menu."""

    menu: str


@dataclass(frozen=True, slots=True)
class SetVar:
    """Remember something."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class EnterStage:
    """Go to a stage."""

    stage: str


@dataclass(frozen=True, slots=True)
class CallOut:
    """Ask another server, by a tool of the persona's."""

    tool: str
    args: Mapping[str, Argument] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Perform:
    """Do what the operator wrote."""

    action: Action


@dataclass(frozen=True, slots=True)
class SendText:
    """Send the text message that the operator wrote."""

    text: str
    to: str
    """`caller`, or a target of the dialplan."""


Effect = (
    PutThrough
    | TakeMessage
    | EndCall
    | Collect
    | SetVar
    | EnterStage
    | SendText
    | CallOut
    | Perform
)


@dataclass(frozen=True, slots=True)
class Allowed:
    effect: Effect


@dataclass(frozen=True, slots=True)
class Refused:
    rule: Rule
    told: str
    """For the model: what to do instead, in one sentence."""


# ---- what is asked, and when -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """
    Something that somebody wants done.

    `tool` is the name of one of the persona's tools; of the operator's own sources,
    it is what a tool `use`s.
    """

    source: Source
    tool: str
    args: Mapping[str, object] | None
    """None: they couldn't be read."""

    @property
    def key(self) -> str:
        """The same for the same ask."""
        return f"{self.tool} {json.dumps(self.args, sort_keys=True, default=str)}"


@dataclass(frozen=True, slots=True)
class CallState:
    """What has happened in this call so far."""

    stage: str | None = None
    busy: bool = False
    """A call is being put through, or a menu is open."""

    used: Mapping[str, int] = field(default_factory=dict)
    """How often each tool was allowed."""

    done: Collection[str] = ()
    """Tools of which something came."""

    repeats: int = 0
    """How often the same was asked since the caller spoke last."""

    said: str = ""
    """What the caller said last."""

    to_confirm: Collection[str] = ()
    """Keys of asks that the caller was to confirm, and has answered by `said`."""

    silent: bool = False
    """The caller says nothing, and was asked."""

    has_number: bool = True
    """The caller's number is known: a text message can be sent there."""

    near_end: bool = False
    """The call is about to be over anyway."""


def read_arguments(text: str) -> Mapping[str, object] | None:
    """Read what the model gave; None if it is no JSON object."""
    if len(text) > MAX_ARGUMENTS:
        return None
    try:
        args = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return None
    return args if isinstance(args, dict) else None


def judge(
    ask: Ask, state: CallState, persona: Persona, open_targets: Collection[str]
) -> Allowed | Refused:
    """
    Decide.

    Args:
        open_targets: names of the dialplan's targets that can be called now.
    """
    if ask.source in OPERATOR:
        return _judge_own(ask, open_targets)
    tool = persona.tools.get(ask.tool)
    if tool is None or tool.kind in THEIRS:
        return Refused(Rule.UNKNOWN, "There is no such tool; go on without it.")
    stage = persona.stages.get(state.stage) if state.stage else None
    if stage and ask.tool not in stage.tools:
        return Refused(Rule.NOT_IN_STAGE, "That cannot be done at this point.")
    if state.busy:
        return Refused(Rule.PENDING, "Something else is being done; wait for it.")
    effect = _call_out(ask, tool) if tool.kind == "http" else _effect(tool, ask.args)
    if isinstance(effect, Refused):
        return effect
    if isinstance(effect, PutThrough) and effect.target not in open_targets:
        told = "Nobody can be reached there now; say so and offer something else."
        return Refused(Rule.TARGET_CLOSED, told)
    if isinstance(effect, SendText) and effect.to == CALLER and not state.has_number:
        told = "The caller's number is hidden: no text message can be sent; say so."
        return Refused(Rule.NO_NUMBER, told)
    return _conditions(ask, tool, state, persona) or Allowed(effect)


def judge_own_call(ask: Ask, state: CallState, persona: Persona) -> Allowed | Refused:
    """Decide about a tool that the operator wrote into an action."""
    tool = persona.tools[ask.tool]
    effect = _call_out(ask, tool)
    if isinstance(effect, Refused):
        return effect
    return _too_many(ask, tool, state) or Allowed(effect)


def _judge_own(ask: Ask, open_targets: Collection[str]) -> Allowed | Refused:
    target = str((ask.args or {}).get("target"))
    if target not in open_targets:
        return Refused(Rule.TARGET_CLOSED, "Nobody can be reached there now.")
    return Allowed(PutThrough(target))


def _conditions(
    ask: Ask, tool: Tool, state: CallState, persona: Persona
) -> Refused | None:
    """What must hold beside the arguments."""
    if state.repeats >= MAX_REPEATS:
        told = "You asked for that already; speak with the caller first."
        return Refused(Rule.LOOP, told)
    if too_many := _too_many(ask, tool, state):
        return too_many
    missing = [name for name in tool.requires if name not in state.done]
    if missing:
        return Refused(Rule.REQUIRES, f"First use {', '.join(missing)}.")
    if tool.use == "hangup" and not may_hang_up(tool, state, persona):
        told = "The caller has not taken leave; ask if there is anything else."
        return Refused(Rule.NOT_SAID_GOODBYE, told)
    if tool.confirm and not (ask.key in state.to_confirm and affirms(state.said)):
        told = f"Ask the caller first, and try again when they agree: {tool.confirm}"
        return Refused(Rule.UNCONFIRMED, told)
    return None


def _too_many(ask: Ask, tool: Tool, state: CallState) -> Refused | None:
    if state.used.get(ask.tool, 0) < tool.max_calls:
        return None
    return Refused(Rule.TOO_MANY, "That was done often enough in this call.")


def may_hang_up(tool: Tool, state: CallState, persona: Persona) -> bool:
    """Whether one of the reasons holds that a tool needs to end a call."""
    holds = {
        "user_farewell": takes_leave(state.said, persona.goodbye.when_caller_says),
        "silence": state.silent,
        "limit": state.near_end,
    }
    return any(holds[reason] for reason in tool.requires_any)


# ---- arguments -------------------------------------------------------------------


def _effect(tool: Tool, args: Mapping[str, object] | None) -> Effect | Refused:
    """Make of a tool and its arguments what it would do: always something named."""
    match tool.use:
        case "transfer":
            return _put_through(tool, args)
        case "set_var":
            return _set_var(tool, args)
        case "goto_stage":
            stage = _text(args, "stage")
            if stage is None:
                return _bad("stage", tool.stages)
            if stage not in tool.stages:
                told = f"From here you can go to {', '.join(tool.stages)}."
                return Refused(Rule.NO_EXIT, told)
            return EnterStage(stage)
        case _ if args != {}:
            return Refused(Rule.BAD_ARGS, "This tool takes no arguments.")
        case "hangup":
            return EndCall()
        case "send_sms":
            assert tool.text  # the section needs it
            return SendText(tool.text, tool.to or CALLER)
        case "take_message":
            return TakeMessage()
        case _:
            assert tool.menu  # the section needs it
            return Collect(tool.menu)


def _call_out(ask: Ask, tool: Tool) -> CallOut | Refused:
    args = arguments(tool, ask.args)
    if isinstance(args, str):
        return Refused(Rule.BAD_ARGS, args)
    return CallOut(ask.tool, args)


def _put_through(tool: Tool, args: Mapping[str, object] | None) -> PutThrough | Refused:
    if args == {} and len(tool.targets) == 1:
        return PutThrough(tool.targets[0])
    target = _text(args, "target")
    if target is None:
        return _bad("target", tool.targets)
    if target not in tool.targets:
        told = f"Calls can only be put through to {', '.join(tool.targets)}."
        return Refused(Rule.NOT_A_TARGET, told)
    return PutThrough(target)


def _set_var(tool: Tool, args: Mapping[str, object] | None) -> SetVar | Refused:
    name = _text(args, "name", beside="value")
    value = _text(args, "value", beside="name")
    if name is None or value is None or as_data(value) != value:
        told = f"Give a name and a value of at most {MAX_CHARACTERS} plain characters."
        return Refused(Rule.BAD_ARGS, told)
    if name not in tool.vars:
        return Refused(Rule.NOT_YOURS, f"You can set {', '.join(tool.vars)}.")
    return SetVar(name, value)


def _text(args: Mapping[str, object] | None, key: str, beside: str = "") -> str | None:
    """The text of a key, if there is no key but that, and the one beside."""
    if args is None or set(args) != {key, beside or key}:
        return None
    value = args[key]
    return value if isinstance(value, str) else None


def _bad(key: str, names: tuple[str, ...]) -> Refused:
    return Refused(Rule.BAD_ARGS, f"Give {key}, one of {', '.join(names)}.")
