"""A persona, as the bridge and the model are told of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final, Protocol, TypeAlias

from voicebot.bridge.bridge import Bridge
from voicebot.bridge.flight import Listen
from voicebot.bridge.settings import Prompt, Resume, Settings
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.prompt import as_spoken, compile_instructions
from voicebot.dialplan.values import ANONYMOUS
from voicebot.dialplan.variables import (
    NOTHING,
    fill,
    filled_by,
    shown_of,
    values_of,
)
from voicebot.flow import stages
from voicebot.flow.digits import is_read_out, read_out
from voicebot.flow.flow import Flow
from voicebot.runtime.forward import Origin
from voicebot.runtime.next_step import is_served
from voicebot.runtime.prompts import said_alone
from voicebot.runtime.session_tools import session_tools
from voicebot.runtime.texting import has_number
from voicebot.stepfun.realtime.commands import ServerVad, SessionConfig

STAGE: Final = "# What to do now"

# The most particular first.
SITUATIONS: Final = ("closed", "anonymous", "returning_caller")


Words: TypeAlias = Callable[[str, Mapping[str, str]], Prompt]


class Rendered(Protocol):
    """Where our own words are kept: `Prompts`."""

    def get(self, voice: str, text: str) -> bytes | None: ...


def call_values(
    persona: Persona,
    route: Mapping[str, str],
    caller: str,
    headers: Mapping[str, str],
) -> dict[str, str]:
    """
    Return what is known of a persona's variables when a call comes in.

    Args:
        route: what the route gives.
        caller: the caller's number, or a word that stands for none.
        headers: of SIP, by their names in lower case.
    """
    known = dict(route)
    for name, var in persona.vars.items():
        if var.from_ == "caller":
            known[name] = caller
        elif var.from_ == "header" and var.header:
            known[name] = headers.get(var.header.lower(), "")
    return values_of(persona, known)


def situation_of(caller: str, *, is_open: bool) -> frozenset[str]:
    """
    Say which greetings may be meant.

    Args:
        caller: the caller's number; `anonymous` for one who hides it.
        is_open: whether the calendar is open that the routes asked last, if any.
    """
    holds = {"closed": not is_open, "anonymous": caller == ANONYMOUS}
    return frozenset(name for name, is_so in holds.items() if is_so)


def apology_of(origin: Origin, prompts: Rendered) -> Prompt:
    """Return what the caller hears if the model is lost."""
    persona = origin.persona
    assert persona
    return words_of(persona, prompts)(persona.apology.text, origin.values)


def flow_of(
    origin: Origin,
    prompts: Rendered,
    now: float,
    listen: Callable[[bytes], float] | None = None,
    bridge: Callable[[Settings, float, Listen | None], Bridge] = Bridge,
) -> Flow:
    """
    Return what conducts a call that has a persona.

    Args:
        now: when it begins.
        listen: a neural VAD on the caller's line, if there is one: see `Bridge`.
        bridge: as of `Flow`.
    """
    persona = origin.persona
    assert persona
    settings = bridge_settings(persona, prompts, origin.situation, origin.values)
    words = words_of(persona, prompts)
    if origin.opening:
        settings = replace(settings, greeting=Prompt(""))  # its menu is the greeting
        words = _rendered_only(words, origin.values)
    elif origin.came_back and (on_fail := persona.transfer.on_fail):
        said = words(on_fail.say, origin.values) if on_fail.say else Prompt("")
        settings = replace(settings, greeting=said)
    return Flow(
        persona,
        settings,
        words,
        now,
        listen=listen,
        open_targets=lambda: frozenset(
            filter(partial(is_served, origin), origin.targets)
        ),
        values=origin.values,
        opening=origin.opening,
        has_number=has_number(origin),
        came_back=origin.came_back,
        consented=origin.consented,
        family=origin.family,
        bridge=bridge,
    )


def _rendered_only(words: Words, given: Mapping[str, str]) -> Words:
    """Say what was rendered in advance rather than nothing: there is no model."""

    def rendered(text: str, values: Mapping[str, str]) -> Prompt:
        said = words(text, values)
        return said if said.ulaw is not None else words(text, given)

    return rendered


def can_be_said(origin: Origin, prompts: Rendered) -> bool:
    """Whether all words of a call are rendered that has no model to say them."""
    persona = origin.persona
    assert persona
    return all(
        prompts.get(persona.model.voice, text) is not None
        for text in said_alone(persona, origin.values)
    )


def words_of(persona: Persona, prompts: Rendered) -> Words:
    """Return what finds our own words, filled in, and rendered if they were."""

    def words(text: str, values: Mapping[str, str]) -> Prompt:
        said = fill(text, shown_of(persona, values))
        ulaw = spoken(said)
        if ulaw is None and is_read_out(said):
            ulaw = read_out(said, spoken)
        return Prompt(said, ulaw)

    def spoken(said: str) -> bytes | None:
        return prompts.get(persona.model.voice, as_spoken(persona, said))

    return words


def greeting_text(
    persona: Persona,
    situation: frozenset[str] = frozenset(),
    values: Mapping[str, str] = NOTHING,
) -> str:
    """
    Return what the caller hears first; empty if the model is to greet.

    Args:
        situation: which of `closed`, `anonymous` and `returning_caller` hold.
        values: what is known of the caller; a greeting for a situation that needs
            what isn't known gives way to the next, and to the plain one.
    """
    known = shown_of(persona, values)
    for name in SITUATIONS:
        text = getattr(persona.greeting.when, name)
        if name in situation and text and filled_by(text, known):
            return fill(text, known)
    return "" if persona.greeting.model else fill(persona.greeting.text, known)


def bridge_settings(
    persona: Persona,
    prompts: Rendered,
    situation: frozenset[str] = frozenset(),
    values: Mapping[str, str] = NOTHING,
) -> Settings:
    """
    Args:
        situation, values: as of `greeting_text`.
    """
    words = words_of(persona, prompts)
    protect_ms = persona.greeting.protect_ms
    text = greeting_text(persona, situation, values)
    first = words(text, values) if text else Prompt("")
    fillers = (words(text, values) for text in persona.filler.say)
    return Settings(
        owner=persona.model.vad,
        greeting=replace(first, must_hear=protect_ms is None),
        protect_s=(protect_ms or 0) / 1000,
        goodbye=words(persona.goodbye.text, values),
        apology=words(persona.apology.text, values),
        farewells=persona.goodbye.when_caller_says,
        # To ask the model for one would only make its answer later.
        fillers=tuple(filler for filler in fillers if filler.ulaw),
        filler_after_s=persona.filler.after_s,
        barge_in=stages.barge_in(persona, persona.start_stage),
        listening=stages.listening(persona, persona.start_stage),
        idle_s=persona.limits.idle_s,
        duration_s=persona.limits.duration_s,
        stall_s=persona.fallback.no_answer_after_s,
        resume=resume_of(persona),
    )


def resume_of(persona: Persona) -> Resume:
    wants = persona.fallback
    other = wants.engine is not None and wants.engine != persona.model.engine
    return Resume(wants.attempts, wants.within_s, spare=other)


def session_config(
    persona: Persona, values: Mapping[str, str] = NOTHING, stage: str | None = None
) -> SessionConfig:
    """
    Args:
        stage: of the persona; None: the one with which a call begins, if there is one.
    """
    vad = persona.server_vad
    server_vad = ServerVad(
        prefix_padding_ms=vad.prefix_padding_ms,
        silence_ms=vad.silence_ms,
        energy_threshold=vad.threshold,
    )
    stage = stage or persona.start_stage
    instructions = compile_instructions(persona, values)
    if stage and (own := persona.stages[stage].instructions):
        # Last: what comes before stays the same, and need not be read anew.
        told = fill(own, shown_of(persona, values))
        instructions = f"{instructions}\n\n{STAGE}\n\n{told}"
    return SessionConfig(
        instructions=instructions,
        voice=persona.model.voice,
        turn_detection=server_vad if persona.model.vad == "server" else None,
        tools=session_tools(persona, stage),
    )
