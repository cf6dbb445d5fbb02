"""A client of an offline session, under a clock that is a number."""

import base64
import json
from random import Random
from typing import Any

import numpy as np

from voicebot.sim.stepfun import Line, Mood, OfflineSession, Scenario, ScriptedMind
from voicebot.sim.stepfun.mind import Mind, think

Event = dict[str, Any]

HELLO = Scenario(
    (
        Line("hello", "Hello, this is the clinic. How can I help you today?"),
        Line("when are you open", "From nine to five, Monday to Friday."),
        Line("goodbye", "Goodbye."),
    )
)
TICK_S = 0.02


def tone(ms: int, level: int = 6000) -> bytes:
    """Something loud enough to be speech: 24 kHz pcm16."""
    time_s = np.arange(24 * ms) / 24000
    return (level * np.sin(2 * np.pi * 300 * time_s)).astype("<i2").tobytes()


def silence(ms: int) -> bytes:
    return bytes(48 * ms)


class Client:
    """Sends events, lets time pass, and keeps all that comes back."""

    def __init__(
        self, mood: Mood | None = None, mind: Mind | None = None, *, seed: int = 1
    ) -> None:
        self.now = 100.0
        self.mind = mind or ScriptedMind(HELLO)
        self.session = OfflineSession(
            mood or Mood.kind(), random=Random(seed), now=self.now
        )
        self.frames: list[tuple[float, str]] = []
        self._poll()

    def send(self, kind: str, **members: Any) -> list[Event]:
        """Send an event; return what it is answered with at this moment."""
        return self.send_text(json.dumps({"type": kind, "event_id": "e1", **members}))

    def send_text(self, text: str | bytes) -> list[Event]:
        known = len(self.frames)
        self.session.receive(text, self.now)
        self._poll()
        return [json.loads(frame) for _, frame in self.frames[known:]]

    def manual(self) -> "Client":
        self.send("session.update", session={"turn_detection": None})
        return self

    def vad(self, **members: int) -> "Client":
        detection = {
            "type": "server_vad",
            "silence_duration_ms": 400,
            "energy_awakeness_threshold": 1000,
            **members,
        }
        self.send("session.update", session={"turn_detection": detection})
        return self

    def append(self, pcm16: bytes) -> None:
        """Send audio at the pace of a telephone, 20 ms at a time."""
        for at in range(0, len(pcm16), 960):
            chunk = base64.b64encode(pcm16[at : at + 960]).decode()
            self.send("input_audio_buffer.append", audio=chunk)
            self.wait(TICK_S)

    def say_something(self, ms: int = 1200) -> None:
        self.append(tone(ms) + silence(800))

    def add_text(self, text: str, role: str = "user") -> list[Event]:
        kind = "text" if role == "assistant" else "input_text"
        content = [{"type": kind, "text": text}]
        item = {"type": "message", "role": role, "content": content}
        return self.send("conversation.item.create", item=item)

    def ask(self, text: str = "hello") -> None:
        self.add_text(text)
        self.send("response.create")

    def wait(self, seconds: float) -> None:
        """Let time pass, stopping wherever the session has something to do."""
        until = self.now + seconds
        while self.session.next_deadline() <= until:
            deadline = self.session.next_deadline()
            if deadline <= self.now:
                # It ended, or it must not say what it has.
                break
            self.now = deadline
            self._poll()
            if self.session.close_due(self.now):
                break
        self.now = until
        self._poll()

    def events(self, kind: str | None = None) -> list[Event]:
        """All events so far, or those of a type; frames that are none are left out."""
        return [event for _, event in self.timed(kind)]

    def timed(self, kind: str | None = None) -> list[tuple[float, Event]]:
        found = []
        for at, text in self.frames:
            try:
                event = json.loads(text)
            except ValueError:
                continue
            if not isinstance(event, dict) or not isinstance(event.get("type"), str):
                continue
            if kind is None or event["type"] == kind:
                found.append((at, event))
        return found

    def kinds(self) -> list[str]:
        """Types of all events so far, runs of the same type told once."""
        kinds: list[str] = []
        for event in self.events():
            if not kinds or kinds[-1] != event["type"]:
                kinds.append(event["type"])
        return kinds

    def audio(self) -> bytes:
        return b"".join(
            base64.b64decode(event["delta"])
            for event in self.events("response.audio.delta")
            if "response_id" in event  # else it's garbage of a nasty mood
        )

    def _poll(self) -> None:
        while True:
            self.frames += [(self.now, text) for text in self.session.take(self.now)]
            questions = self.session.questions()
            if not questions:
                break
            for question in questions:
                self.session.thought(think(self.mind, question), self.now)


def message(event: Event) -> str:
    """The message of an error in either shape."""
    return str(event.get("error", event)["message"])
