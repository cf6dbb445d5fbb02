"""A persona, as the bridge and the model are told of it."""

from voicebot.bridge.settings import Prompt, Settings
from voicebot.dialplan.model import Persona
from voicebot.dialplan.prompt import compile_instructions
from voicebot.runtime.prompts import Prompts
from voicebot.stepfun.realtime.commands import ServerVad, SessionConfig


def bridge_settings(persona: Persona, prompts: Prompts) -> Settings:
    voice = persona.model.voice

    def prompt(text: str) -> Prompt:
        return Prompt(text, prompts.get(voice, text))

    return Settings(
        owner=persona.model.vad,
        greeting=prompt(persona.greeting.text),
        protect_s=persona.greeting.protect_ms / 1000,
        goodbye=prompt(persona.goodbye.text),
        apology=prompt(persona.apology.text),
        farewells=persona.goodbye.when_caller_says,
        barge_in=persona.barge_in.mode == "stop",
        barge_in_min_ms=persona.barge_in.min_ms,
        keys_barge_in=persona.barge_in.dtmf == "always",
        end_silence_ms=persona.listening.end_silence_ms,
        max_turn_ms=round(persona.listening.max_turn_s * 1000),
        idle_s=persona.limits.idle_s,
        duration_s=persona.limits.duration_s,
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
