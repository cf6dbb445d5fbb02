"""A persona, as the bridge and the model are told of it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, Protocol

from voicebot.bridge.bridge import Bridge
from voicebot.bridge.flight import Listen
from voicebot.bridge.settings import BargeIn, Listening, Prompt, Settings
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.prompt import as_spoken, compile_instructions
from voicebot.dialplan.values import ANONYMOUS
from voicebot.dialplan.variables import NOTHING, fill, filled_by, values_of
from voicebot.flow.flow import Flow
from voicebot.flow.specs import tool_specs
from voicebot.runtime.forward import Origin
from voicebot.stepfun.realtime.commands import ServerVad, SessionConfig, Tool

STAGE: Final = "# What to do now"

# The most particular first.
SITUATIONS: Final = ("closed", "anonymous", "returning_caller")


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
    return Flow(
        persona,
        bridge_settings(persona, prompts, origin.situation, origin.values),
        words_of(persona, prompts),
        now,
        listen=listen,
        open_targets=lambda: frozenset(filter(origin.is_open, origin.targets)),
        values=origin.values,
        bridge=bridge,
    )


def words_of(
    persona: Persona, prompts: Rendered
) -> Callable[[str, Mapping[str, str]], Prompt]:
    """Return what finds our own words, filled in, and rendered if they were."""

    def words(text: str, values: Mapping[str, str]) -> Prompt:
        said = fill(text, values_of(persona, values))
        spoken = prompts.get(persona.model.voice, as_spoken(persona, said))
        return Prompt(said, spoken)

    return words


def greeting_text(
    persona: Persona,
    situation: frozenset[str] = frozenset(),
    values: Mapping[str, str] = NOTHING,
) -> str:
    """
    Return what the caller hears first.

    Args:
        situation: which of `closed`, `anonymous` and `returning_caller` hold.
        values: what is known of the caller; a greeting for a situation that needs
            what isn't known gives way to the next, and to the plain one.
    """
    known = values_of(persona, values)
    for name in SITUATIONS:
        text = getattr(persona.greeting.when, name)
        if name in situation and text and filled_by(text, known):
            return fill(text, known)
    return fill(persona.greeting.text, known)


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
    first = words(greeting_text(persona, situation, values), values)
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
        barge_in=_barge_in(persona),
        listening=_listening(persona),
        idle_s=persona.limits.idle_s,
        duration_s=persona.limits.duration_s,
    )


def _barge_in(persona: Persona) -> BargeIn:
    asked = persona.barge_in
    return BargeIn(
        mode=asked.mode,
        min_ms=asked.min_ms,
        confirm_ms=asked.confirm_ms,
        decide_ms=asked.decide_ms,
        min_words=asked.min_words,
        backchannel=asked.backchannel,
        stop_words=asked.stop_words,
        stop=asked.stop,
        keys=asked.dtmf == "always",
    )


def _listening(persona: Persona) -> Listening:
    asked = persona.listening
    return Listening(
        profile=asked.profile,
        end_silence_ms=asked.end_silence_ms,
        questions=tuple(
            (question.says, question.profile) for question in asked.questions
        ),
        adaptive=asked.pace == "adaptive",
        max_turn_ms=round(asked.max_turn_s * 1000),
    )


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
    if stage:
        # Last: what comes before stays the same, and need not be read anew.
        told = fill(persona.stages[stage].instructions, values_of(persona, values))
        instructions = f"{instructions}\n\n{STAGE}\n\n{told}"
    return SessionConfig(
        instructions=instructions,
        voice=persona.model.voice,
        turn_detection=server_vad if persona.model.vad == "server" else None,
        tools=tuple(
            Tool(spec.name, spec.description, spec.parameters)
            for spec in tool_specs(persona, stage)
        ),
    )
