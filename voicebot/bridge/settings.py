"""How one call is to be conducted."""

from dataclasses import dataclass
from typing import Literal

from voicebot.audio.framing import ulaw_ms
from voicebot.bridge.heard import estimate_ms


@dataclass(frozen=True, slots=True)
class Prompt:
    """Words of ours, as opposed to the model's."""

    text: str
    ulaw: bytes | None = None
    """The words spoken, 8000 Hz; None if they weren't rendered yet."""

    @property
    def length_ms(self) -> float:
        """How long it takes to say them, about."""
        return estimate_ms(self.text) if self.ulaw is None else ulaw_ms(len(self.ulaw))


@dataclass(frozen=True, slots=True)
class Settings:
    """Each has a default that suits a telephone line; `_s` is seconds."""

    owner: Literal["local", "server"] = "local"
    """Who decides when the caller's turn ends: our VAD, or the model's."""
    greeting: Prompt = Prompt("")
    protect_s: float = 0.0
    """The caller's voice doesn't stop the greeting before this much of it was heard."""
    goodbye: Prompt = Prompt("")
    apology: Prompt = Prompt("")
    farewells: tuple[str, ...] = ()
    """Phrases by which a caller ends a call."""
    barge_in: bool = True
    barge_in_min_ms: int = 220
    keys_barge_in: bool = True
    """Whether a key that the caller presses stops the bot."""
    end_silence_ms: int = 550
    max_turn_ms: int = 30_000
    idle_s: float = 20.0
    """Silence of both sides, after which we say goodbye."""
    duration_s: float = 600.0
    no_media_s: float = 10.0
    """The line sends 50 frames a second, silence included; without them it is dead."""
    ready_s: float = 10.0
    """The model's session must be open by then, counted from the start."""
    stall_s: float = 6.0
    """An answer must begin, or go on, within this."""
    lead_ms: int = 240
    start_buffer_ms: int = 300
