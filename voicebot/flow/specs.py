"""What the model is told of the persona's tools."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from voicebot.dialplan.persona import Persona
from voicebot.dialplan.tools import THEIRS, Param, Tool, param
from voicebot.dialplan.variables import EXPECTED
from voicebot.flow.arguments import TEXT

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
    """Return the functions that may be called, in a stage if there is one."""
    return tuple(
        ToolSpec(name, _description(tool), _parameters(tool))
        for name, tool in tools_in(persona, stage)
        if tool.kind not in THEIRS
    )


def tools_in(persona: Persona, stage: str | None) -> Iterator[tuple[str, Tool]]:
    """Yield the tools of a stage; without one all, StepFun's own too."""
    now = persona.stages[stage].tools if stage else tuple(persona.tools)
    return ((name, tool) for name, tool in persona.tools.items() if name in now)


def _description(tool: Tool) -> str:
    said = tool.description or DESCRIPTIONS[tool.use or ""]
    return f"{said} Ask the caller first: {tool.confirm}" if tool.confirm else said


def _parameters(tool: Tool) -> dict[str, object]:
    properties = dict(_properties(tool))
    optional = {name for name, text in tool.params.items() if param(text).optional}
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
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
            for name, text in tool.params.items():
                yield name, _argument(param(text))


def _argument(kind: Param) -> dict[str, object]:
    match kind.kind:
        case "enum":
            return {"type": "string", "enum": list(kind.options)}
        case "bool":
            return {"type": "boolean"}
        case "number":
            return {"type": "number"}
        case "text":
            return {"type": "string", "description": TEXT}
        case _:
            return {"type": "string", "description": EXPECTED[kind.kind]}
