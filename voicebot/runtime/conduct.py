"""A persona, as the bridge and the model are told of it."""

from voicebot.bridge.settings import BargeIn, Listening, Prompt, Settings
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.prompt import compile_instructions
from voicebot.runtime.prompts import Prompts
from voicebot.stepfun.realtime.commands import ServerVad, SessionConfig


def bridge_settings(persona: Persona, prompts: Prompts) -> Settings:
    voice = persona.model.voice

    def prompt(text: str, *, must_hear: bool = False) -> Prompt:
        return Prompt(text, prompts.get(voice, text), must_hear)

    protect_ms = persona.greeting.protect_ms
    fillers = map(prompt, persona.filler.say)
    return Settings(
        owner=persona.model.vad,
        greeting=prompt(persona.greeting.text, must_hear=protect_ms is None),
        protect_s=(protect_ms or 0) / 1000,
        goodbye=prompt(persona.goodbye.text),
        apology=prompt(persona.apology.text),
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


def session_config(persona: Persona) -> SessionConfig:
    vad = persona.server_vad
    server_vad = ServerVad(
        prefix_padding_ms=vad.prefix_padding_ms,
        silence_ms=vad.silence_ms,
        energy_threshold=vad.threshold,
    )
    return SessionConfig(
        instructions=compile_instructions(persona),
        voice=persona.model.voice,
        turn_detection=server_vad if persona.model.vad == "server" else None,
    )
