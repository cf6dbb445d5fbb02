"""What a client may set about a session, and how it is echoed."""

from typing import Final

from voicebot.cascade.wire import INVALID
from voicebot.errors import LocalProtocolError
from voicebot.fields import Fields
from voicebot.stepfun.realtime.commands import Tool

NO_VAD: Final = "turn_detection must be null: turns are the client's here"
FROZEN: Final = "voice cannot be changed after it was heard"

# Those that StepFun runs by itself; a chat model has none.
THEIRS: Final = ("web_search", "retrieval")


class Refused(Exception):  # noqa: N818 - answered with an error event
    """A frame of the client's isn't carried out; the text says why."""


class Profile:
    """
    One session's settings.

    Attributes:
        instructions: what the chat model is told first.
        voice: in which answers are spoken.
        tools: that the chat model may call.
        frozen: something was heard in the voice.
    """

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self.instructions = ""
        self.voice = ""
        self.tools: tuple[Tool, ...] = ()
        self.frozen = False
        self._tools: list[dict[str, object]] = []  # as the client gave them

    def update(self, session: Fields) -> None:
        """
        Take in what a client sets; what it leaves out stays.

        Raises:
            Refused: something of it can't be; nothing was changed.
            RemoteProtocolError: a member is of another type.
        """
        instructions = self.instructions
        if "instructions" in session:
            instructions = session.text("instructions")
        voice = session.text("voice") if "voice" in session else self.voice
        tools = self.tools
        given = self._tools
        if "tools" in session:
            each = session.tables("tools")
            tools = tuple(map(_tool, filter(_is_ours, each)))
            given = [tool.whole() for tool in each]
        if "turn_detection" in session:
            found = session.table("turn_detection")
            if "type" in found and found.text("type"):
                raise Refused(NO_VAD)
        for name in ("input_audio_format", "output_audio_format"):
            if name in session and session.text(name) != "pcm16":
                raise Refused(INVALID)
        if self.frozen and voice != self.voice:
            raise Refused(FROZEN)
        self.instructions, self.voice = instructions, voice
        self.tools, self._tools = tools, given

    def echo(self) -> dict[str, object]:
        """Return the session as it is told."""
        return {
            "id": self._session_id,
            "object": "realtime.session",
            "modalities": ["text", "audio"],
            "voice": self.voice,
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "instructions": self.instructions,
            "turn_detection": {"type": ""},  # so null is echoed
            "tools": self._tools,
        }


def _is_ours(tool: Fields) -> bool:
    return tool.text("type") not in THEIRS


def _tool(tool: Fields) -> Tool:
    function = tool.table("function")
    about = function.text("description") if "description" in function else ""
    schema = function.table("parameters").whole() if "parameters" in function else {}
    try:
        return Tool(function.text("name"), about, schema)
    except LocalProtocolError:
        raise Refused(INVALID) from None
