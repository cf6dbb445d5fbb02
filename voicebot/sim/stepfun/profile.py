"""The session object: what a client may set, and how it is echoed."""

from typing import Final

from voicebot.sim.stepfun.ear import TurnDetection
from voicebot.sim.stepfun.wire import JsonObject, Refused

MODELS: Final = (
    "stepaudio-2.5-realtime",
    "step-1o-audio",
    "step-audio-2",
    "step-audio-2-mini",
    "step-audio-r1.1",
)
PLAN_MODELS: Final = ("stepaudio-2.5-realtime",)
DEFAULT_VOICE: Final = "jingdiannvsheng"
CLONE: Final = "voice-tone-"

# StepFun: TTS guide, official voices of stepaudio-2.5-tts. Which of them the
# realtime model takes isn't published; all that were tried were taken.
VOICES: Final = frozenset(
    {
        "shuangkuainansheng",
        "ganliannvsheng",
        "qinhenvsheng",
        "huolinvsheng",
        "elegantgentle-female",
        "livelybreezy-female",
        "wenrounansheng",
        "jingdiannvsheng",
        "wenroushunv",
        "tianmeinvsheng",
        "qingchunshaonv",
        "yuanqinansheng",
        "cixingnansheng",
        "zhengpaiqingnian",
        "linjiajiejie",
        "linjiameimei",
        "wenrougongzi",
        "wenrounvsheng",
        "yuanqishaonv",
        "qingniandaxuesheng",
        "boyinnansheng",
        "ruyananshi",
        "shenchennanyin",
        "qinqienvsheng",
        "jilingshaonv",
        "ruanmengnvsheng",
        "youyanvsheng",
        "lengyanyujie",
        "shuangkuaijiejie",
        "wenjingxuejie",
        "zhixingjiejie",
        "zixinnansheng",
        "vibrant-youth",
        "lively-girl",
        "soft-spoken-gentleman",
        "magnetic-voiced-male",
    }
)

# Member of turn_detection -> lowest and highest value.
DETECTION: Final = {
    "prefix_padding_ms": (0, 60_000),
    "silence_duration_ms": (0, 60_000),
    "energy_awakeness_threshold": (0, 5000),
}


def is_voice(voice: object) -> bool:
    return isinstance(voice, str) and (voice in VOICES or voice.startswith(CLONE))


class Profile:
    """The effective settings of one session."""

    def __init__(self, session_id: str, model: str, *, vad: bool, nulls: bool) -> None:
        """
        Args:
            vad: whether turn detection is on until the client speaks of it.
            nulls: whether a null turn_detection is echoed as null.
        """
        self.voice = DEFAULT_VOICE
        self.instructions = ""
        self.turns = TurnDetection() if vad else None
        self.voice_is_frozen = False
        self._nulls = nulls
        self._echo: JsonObject = {
            "id": session_id,
            "object": "realtime.session",
            "model": model,
            "modalities": ["text", "audio"],
            "voice": self.voice,
            "input_audio_format": "pcm16",
            "output_audio_format": "pcm16",
            "volume_ratio": 1,
        }

    def echo(self) -> JsonObject:
        """Show the session as session.created and session.updated do."""
        return dict(self._echo)

    def update(self, change: object) -> None:
        """
        Apply all of a session.update, or nothing of it.

        Members that the documents don't know are accepted and ignored.

        Raises:
            Refused: a member is wrong.
        """
        if not isinstance(change, dict) or isinstance(change.get("tool_choice"), dict):
            raise Refused("invalid event format")
        echo = dict(self._echo)
        for name in ("input_audio_format", "output_audio_format"):
            if change.get(name, "pcm16") != "pcm16":
                raise Refused(f"{name} must be pcm16", param=f"session.{name}")
        if "modalities" in change:
            echo["modalities"] = _modalities(change["modalities"])
        if "instructions" in change:
            echo["instructions"] = _text(change["instructions"])
        if "tools" in change:
            echo["tools"] = _tools(change["tools"])
        turns = self.turns
        if "turn_detection" in change:
            turns = _turn_detection(change["turn_detection"])
            off = None if self._nulls else {"type": ""}
            # Only the members that were sent come back, not the defaults.
            echo["turn_detection"] = change["turn_detection"] if turns else off
        if "voice" in change:
            self.set_voice(change["voice"])
            echo["voice"] = self.voice
        self.turns = turns
        self.instructions = str(echo.get("instructions", ""))
        self._echo = echo

    def set_voice(self, voice: object) -> None:
        """
        Choose the voice. It can't change once the session has been heard.

        Raises:
            Refused: no such voice, or too late.
        """
        if not is_voice(voice):
            raise Refused("the requested voice is not valid", param="session.voice")
        if self.voice_is_frozen and voice != self.voice:
            raise Refused("voice cannot be changed after the first audio")
        self.voice = str(voice)
        self._echo["voice"] = self.voice


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Refused("invalid event format")
    return value


def _modalities(value: object) -> list[str]:
    known = ("text", "audio")
    if not isinstance(value, list) or not all(item in known for item in value):
        raise Refused("invalid event format")
    return value


def _turn_detection(value: object) -> TurnDetection | None:
    if value is None:
        return None
    if not isinstance(value, dict) or value.get("type") != "server_vad":
        raise Refused("turn_detection.type must be server_vad")
    chosen: dict[str, int] = {}
    for name, (low, high) in DETECTION.items():
        if name not in value:
            continue
        number = value[name]
        if not isinstance(number, int) or isinstance(number, bool):
            raise Refused("invalid event format")
        if not low <= number <= high:
            raise Refused(f"turn_detection.{name} must be from {low} to {high}")
        chosen[name] = number
    return TurnDetection(**chosen)


def _tools(value: object) -> list[JsonObject]:
    if not isinstance(value, list):
        raise Refused("invalid event format")
    return [_tool(tool) for tool in value]


def _tool(tool: object) -> JsonObject:
    if not isinstance(tool, dict):
        raise Refused("invalid event format")
    function = tool.get("function", {})
    if not isinstance(function, dict):
        raise Refused("invalid event format")
    match tool.get("type"):
        case "function":
            # OpenAI's flat form has no `function`, and so no name here.
            if not isinstance(function.get("name"), str):
                raise Refused("tools.function.name is required")
            return {"type": "function", "function": function}
        case "web_search":
            options = _options(function, top_k=int, timeout_seconds=int)
            shown = {"name": "", **function, "options": {"source": 0, **options}}
            return {"type": "web_search", "function": shown}
        case "retrieval":
            options = _options(function, vector_store_id=str, prompt_template=str)
            if not options.get("vector_store_id"):
                raise Refused("tools.function.options.vector_store_id is required")
            return {"type": "retrieval", "function": function}
        case _:
            raise Refused("tools.type must be function, web_search or retrieval")


def _options(function: JsonObject, **kinds: type) -> JsonObject:
    """What a tool of the server's own is told, each of its kind."""
    options = function.get("options", {})
    if not isinstance(options, dict) or not all(
        type(value) is kinds.get(name, type(value)) for name, value in options.items()
    ):
        raise Refused("invalid event format")
    return options
