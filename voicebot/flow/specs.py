"""What the model is told of the persona's tools."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from voicebot.dialplan.persona import Persona
from voicebot.dialplan.tools import Tool

DESCRIPTIONS: Final = {
    "transfer": "Put the caller through to somebody else.",
    "hangup": "End the call, after the caller has taken leave.",
    "take_message": "Let the caller leave a voice message. This ends the conversation.",
    "collect_digits": "Let the caller type a number on their phone.",
    "set_var": "Remember something that the caller said.",
    "send_sms": "Send the text message that is written for this.",
    "goto_stage": "Go on to another part of the conversation.",
}


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A function that the model may call."""

    name: str
    description: str
    parameters: dict[str, object]
    """A JSON schema."""


def tool_specs(persona: Persona, stage: str | None = None) -> tuple[ToolSpec, ...]:
    """Return the tools that may be used, in a stage if there is one."""
    now = persona.stages[stage].tools if stage else tuple(persona.tools)
    return tuple(
        ToolSpec(name, _description(tool), _parameters(tool))
        for name, tool in persona.tools.items()
        if name in now
    )


def _description(tool: Tool) -> str:
    said = tool.description or DESCRIPTIONS[tool.use]
    return f"{said} Ask the caller first: {tool.confirm}" if tool.confirm else said


def _parameters(tool: Tool) -> dict[str, object]:
    properties = dict(_properties(tool))
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _properties(tool: Tool) -> Iterator[tuple[str, dict[str, object]]]:
    match tool.use:
        case "transfer":
            yield "target", {"type": "string", "enum": list(tool.targets)}
        case "goto_stage":
            yield "stage", {"type": "string", "enum": list(tool.stages)}
        case "set_var":
            yield "name", {"type": "string", "enum": list(tool.vars)}
            yield "value", {"type": "string"}
        case _:
            pass
