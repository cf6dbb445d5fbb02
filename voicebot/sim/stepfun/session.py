"""StepFun's realtime session, read from its documents alone: sans-I/O."""

from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

import orjson

from voicebot.sim.stepfun.conversation import (
    created_item,
    no_item,
    no_previous,
    read_audio,
    read_item,
)
from voicebot.sim.stepfun.ear import SpeechStarted, SpeechStopped, taken_at
from voicebot.sim.stepfun.intake import Intake
from voicebot.sim.stepfun.mind import Question, Thought, Utterance
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.profile import Profile
from voicebot.sim.stepfun.talk import Talk
from voicebot.sim.stepfun.wire import JsonObject, Refused, error


@dataclass(frozen=True, slots=True)
class Drop:
    """The server ends the connection."""

    reason: str
    """idle, expired or fault."""

    code: int | None
    """Close code; None: the connection is lost without a close frame."""


class SessionWatch(Protocol):
    """Somebody who measures a session: told of what comes and goes. Must be quick."""

    def heard(self, pcm16: bytes) -> None:
        """The client's audio, as it came: 24 kHz."""

    def sends(self, frame: str) -> None:
        """A frame of ours is about to leave."""


class OfflineSession:
    """
    One realtime session, as the server sees it.

    `receive` takes the client's frames, `take` gives the server's; in between,
    `questions` are to be put to a mind, and its `thought`s to be told. `now` is
    seconds on any clock that never goes back.

    Attributes:
        received: how many events of each type the client sent; "?" is no event.
        watch: told of the client's audio; of the frames, by whoever sends them.

    Source:
        StepFun: Realtime API and guide; public measurements where they are silent.
    """

    def __init__(
        self,
        mood: Mood,
        *,
        random: Random,
        now: float,
        model: str = "stepaudio-2.5-realtime",
    ) -> None:
        self.id = f"{random.getrandbits(128):032x}"
        self.received: Counter[str] = Counter()
        self.watch: SessionWatch | None = None
        self._mood = mood
        self._random = random
        self._opened_at = self._last_frame_at = now
        self._profile = Profile(
            self.id, model, vad=mood.vad_by_default, nulls=mood.null_is_echoed
        )
        self._intake = Intake(self._profile.turns, onset_s=mood.onset_s)
        self._turn_id = ""
        self._talk = Talk(mood, self._profile, random)
        created = {"type": "session.created", "session": self._profile.echo()}
        self._talk.send(now, created)

    @property
    def heard_ms(self) -> float:
        """How much audio the client sent."""
        return self._intake.heard_ms

    @property
    def said_ms(self) -> float:
        """How much audio was sent to the client."""
        return self._talk.said_ms

    @property
    def history(self) -> list[Utterance]:
        """The conversation as the server has it, oldest first."""
        return self._talk.conversation.history()

    def receive(self, text: str | bytes, now: float) -> None:
        """Take a frame of the client. A bad one is answered with an error."""
        self._talk.advance(now)
        self._last_frame_at = now
        try:
            event = orjson.loads(text) if isinstance(text, str) else None
        except orjson.JSONDecodeError:
            event = None
        kind = event.get("type") if isinstance(event, dict) else None
        if not isinstance(event, dict) or not isinstance(kind, str):
            event, kind = {}, "?"
        self.received[kind] += 1
        try:
            self._handle(kind, event, now)
        except Refused as refused:
            self._refuse(now, refused, event)

    def touch(self, now: float) -> None:
        """Note a ping: any frame keeps the connection alive."""
        self._last_frame_at = now

    def take(self, now: float) -> list[str]:
        """Hand out the frames that are due."""
        self._talk.advance(now)
        ready, self._talk.ready = self._talk.ready, []
        if self._mood.mute_from_start:
            return []
        if ready:
            self._last_frame_at = now
        return ready

    def questions(self) -> list[Question]:
        """Hand out what the session wants to know from a mind, each once."""
        questions, self._talk.questions = self._talk.questions, []
        return questions

    def thought(self, thought: Thought, now: float) -> None:
        """Take the answer to a question. It may come too late to matter."""
        self._talk.advance(now)
        self._talk.thought(thought, now)

    def next_deadline(self) -> float:
        """The next moment at which `take` or `close_due` may have news."""
        if self._talk.ready or self._talk.is_lost:
            return self._last_frame_at
        ends_at = min(
            self._last_frame_at + self._mood.idle_s,
            self._opened_at + self._mood.session_s,
        )
        next_at = self._talk.next_at()
        return ends_at if next_at is None else min(ends_at, next_at)

    def close_due(self, now: float) -> Drop | None:
        """Say whether the server ends the connection now, and how."""
        self._talk.advance(now)
        if self._talk.is_lost:
            return Drop("fault", None)
        if now >= self._opened_at + self._mood.session_s:
            return Drop("expired", self._mood.expiry_code)
        if now >= self._last_frame_at + self._mood.idle_s:
            return Drop("idle", None)
        return None

    def _handle(self, kind: str, event: JsonObject, now: float) -> None:
        match kind:
            case "session.update":
                self._update(event.get("session"), now)
            case "input_audio_buffer.append":
                self._append(read_audio(event.get("audio")), now)
            case "input_audio_buffer.commit":
                self._hear(self._talk.uuid(), self._intake.commit(), now)
            case "input_audio_buffer.clear":
                self._intake.clear()
                self._talk.send(now, {"type": "input_audio_buffer.cleared"})
            case "conversation.item.create":
                self._create_item(event, now)
            case "conversation.item.delete":
                self._delete_item(event.get("item_id"), now)
            case "conversation.item.truncate" if not self._mood.refuses_truncate:
                pass  # undocumented, and never seen to be answered
            case "response.create":
                self._create_response(event.get("response"), now)
            case "response.cancel":
                self._talk.cancel(now)
            case "?":
                raise Refused("invalid event format")
            case _:
                raise Refused("unknown event type", code="invalid_value", param="type")

    def _update(self, change: object, now: float) -> None:
        turns = self._profile.turns
        self._profile.update(change)
        if self._profile.turns != turns:
            self._intake.reset(self._profile.turns)
        updated = {"type": "session.updated", "session": self._profile.echo()}
        self._talk.send(now, updated)

    def _append(self, pcm16: bytes, now: float) -> None:
        if self.watch:
            self.watch.heard(pcm16)
        for found in self._intake.append(taken_at(self._mood.ear_hz, pcm16)):
            match found:
                case SpeechStarted(start_ms):
                    self._turn_id = self._talk.uuid()
                    self._talk.interrupt(now)
                    self._say_vad("speech_started", "audio_start_ms", start_ms, now)
                case SpeechStopped(end_ms, turn):
                    self._say_vad("speech_stopped", "audio_end_ms", end_ms, now)
                    self._hear(self._turn_id, turn, now)
                    self._talk.begin(now)

    def _say_vad(self, what: str, where: str, at_ms: int, now: float) -> None:
        event = {"type": f"input_audio_buffer.{what}", where: at_ms}
        self._talk.send(now, {**event, "item_id": self._turn_id})

    def _hear(self, item_id: str, pcm16: bytes, now: float) -> None:
        self._intake.is_deaf = False
        self._talk.hear(item_id, pcm16, now)

    def _create_item(self, event: JsonObject, now: float) -> None:
        value = event.get("item")
        item = read_item(value, self._talk.uuid(), now)
        if self._mood.refuses_assistant_items and item.role == "assistant":
            raise Refused("invalid event format")
        after = event.get("previous_item_id")
        if self._mood.refuses_previous_item_id and after is not None:
            raise no_previous(after)
        before = self._talk.conversation.add(item, after)
        self._intake.is_deaf = False
        if item.role != "tool" or self._mood.acknowledges_tool_output:
            text_as = self._mood.text_items_as
            self._talk.send(now, created_item(event["item"], item, before, text_as))
        if item.text is None:
            self._talk.wonder(item)

    def _delete_item(self, item_id: object, now: float) -> None:
        if self._mood.refuses_delete:
            raise no_item(item_id)
        self._talk.delete(item_id, now)

    def _create_response(self, wish: Any, now: float) -> None:
        if self._talk.is_busy:
            raise Refused("ongoing response already exists")
        if wish is not None and not isinstance(wish, dict):
            raise Refused("invalid event format")
        if self._intake.is_deaf:
            return  # after "no speech found" nothing comes, not even an error
        if not self._talk.conversation.items:
            raise Refused(
                "chat template: continue_final_message is set but there is no message"
            )
        wish = wish or {}
        if wish.get("voice") is not None:
            self._profile.set_voice(wish["voice"])
        extra = wish.get("instructions")
        obeys = self._mood.obeys_response_instructions and isinstance(extra, str)
        self._talk.begin(now, extra if obeys else "")

    def _refuse(self, now: float, refused: Refused, event: JsonObject) -> None:
        flat = self._mood.flat_errors and refused.code is not None
        named = self._random.random() < self._mood.names_event
        event_id = event.get("event_id") if named else None
        self._talk.send(now, error(refused, flat=flat, event_id=event_id))
