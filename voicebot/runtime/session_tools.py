"""A persona's tools, as StepFun's session is told of them."""

from collections.abc import Iterator

from voicebot.dialplan.persona import Persona
from voicebot.flow.specs import tool_specs, tools_in
from voicebot.stepfun.realtime.commands import Retrieval, SessionTool, Tool, WebSearch


def session_tools(persona: Persona, stage: str | None) -> tuple[SessionTool, ...]:
    """Return those of a stage, if there is one: functions, then StepFun's own."""
    functions = (
        Tool(spec.name, spec.description, spec.parameters)
        for spec in tool_specs(persona, stage)
    )
    return (*functions, *_theirs(persona, stage))


def _theirs(persona: Persona, stage: str | None) -> Iterator[SessionTool]:
    for _, tool in tools_in(persona, stage):
        if tool.kind == "web_search":
            is_told = "timeout_s" in tool.model_fields_set
            timeout_s = round(tool.timeout_s) if is_told else None
            yield WebSearch(tool.description, tool.top_k, timeout_s)
        elif tool.kind == "retrieval":
            assert tool.vector_store_id  # it needs one
            yield Retrieval(
                tool.vector_store_id, tool.description, tool.prompt_template
            )
