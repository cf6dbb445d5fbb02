"""Parts of a conversation with words and tools of their own."""

from typing import Annotated

from pydantic import Field

from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Label, Prose


class Stage(Section):
    """What the model is told, and may do, in one part of the conversation."""

    instructions: Prose
    """Told in addition to the persona's."""

    tools: Annotated[tuple[Label, ...], Field(max_length=16)] = ()
    """Which of the persona's tools may be used; none: no tools."""
