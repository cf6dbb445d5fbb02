"""
What a realtime session takes: turn detection, voices, tools. Nothing is spoken, so
that nothing is billed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from voicebot.doctor.talk import Script, Talk
from voicebot.stepfun.realtime import commands
from voicebot.stepfun.realtime.commands import (
    ServerVad,
    SessionConfig,
    SessionTool,
    Tool,
    WebSearch,
)
from voicebot.stepfun.realtime.events import (
    ErrorKind,
    ServerError,
    SessionCreated,
    SessionUpdated,
)

ANSWER_S: Final = 5.0

# No default of anybody's, so that an echo of it is one.
THRESHOLD: Final = 1234

# A server that takes this one takes any, and tells nothing about the others.
NO_VOICE: Final = "voicebot-doctor-no-such-voice"

NOTHING: Final = SessionConfig("Be brief.", "", turn_detection=None)
TOOLS: Final[dict[str, SessionTool]] = {
    "function": Tool(
        "note_room",
        "Note the room that is spoken of.",
        {"type": "object", "properties": {"room": {"type": "string"}}},
    ),
    "web_search": WebSearch("Search the web", top_k=1),
}


@dataclass(slots=True)
class SessionSeen:
    """What was seen; None: there was no answer, or none that tells."""

    created: bool = False
    session_id: str | None = None
    vad_by_default: bool | None = None
    """Of a session that was told nothing."""

    vad_if_left_out: bool | None = None
    """Of one that was told other things."""

    vad_if_null: bool | None = None
    vad_if_asked: bool | None = None
    energy_threshold: int | None = None
    """As echoed; THRESHOLD was asked for."""

    voices: dict[str, bool | None] = field(default_factory=dict)
    tools: dict[str, bool | None] = field(default_factory=dict)
    bad_frames: int = 0


def look_at_session(
    seen: SessionSeen, voices: Sequence[str], now: float
) -> Script[None]:
    """
    Try out what a session takes.

    Args:
        voices: to be tried, besides one that can't exist.
    """
    talk = Talk(now, Counter())  # nothing is answered
    created = yield from talk.wait_for(SessionCreated, ANSWER_S)
    if created is None:
        return
    seen.created, seen.session_id = True, created.session_id
    seen.vad_by_default = yield from _finds_turns(talk)
    yield from _update(talk, commands.instruct(NOTHING))
    seen.vad_if_left_out = yield from _finds_turns(talk)
    off, _ = commands.find_turns(None)
    yield from _update(talk, off)
    seen.vad_if_null = yield from _finds_turns(talk)
    on, _ = commands.find_turns(ServerVad(energy_threshold=THRESHOLD))
    updated = yield from _update(talk, on)
    seen.vad_if_asked = yield from _finds_turns(talk)
    seen.energy_threshold = updated.energy_threshold if updated else None
    yield from _update(talk, off)
    for name, tool in TOOLS.items():
        frame = commands.instruct(SessionConfig("Be brief.", "", None, (tool,)))
        seen.tools[name] = yield from _taken(talk, frame)
    for voice in (NO_VOICE, *voices):
        seen.voices[voice] = yield from _voice_taken(talk, voice)
    seen.bad_frames = talk.session.bad_frames


def _finds_turns(talk: Talk) -> Script[bool | None]:
    """Commit nothing: the error tells who finds the turns."""
    error = yield from talk.wait_for(ServerError, ANSWER_S, commands.commit())
    match error and error.kind:
        case ErrorKind.COMMIT_WHEN_SERVER_VAD:
            return True
        case ErrorKind.APPEND_NOT_CALLED | ErrorKind.NO_SPEECH:
            return False
        case _:
            return None


def _update(talk: Talk, frame: bytes) -> Script[SessionUpdated | None]:
    kinds = (SessionUpdated, ServerError)
    answer = yield from talk.wait_for(kinds, ANSWER_S, frame)
    return answer if isinstance(answer, SessionUpdated) else None


def _taken(talk: Talk, frame: bytes) -> Script[bool | None]:
    kinds = (SessionUpdated, ServerError)
    answer = yield from talk.wait_for(kinds, ANSWER_S, frame)
    return None if answer is None else isinstance(answer, SessionUpdated)


def _voice_taken(talk: Talk, voice: str) -> Script[bool | None]:
    frame = talk.session.configure(SessionConfig("Be brief.", voice, None))
    taken = yield from _taken(talk, frame)
    # Another voice was seen to be set silently.
    return False if talk.session.voice_accepted is False else taken
