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
    must_hear: bool = False
    """Nothing that the caller does cuts it short."""

    @property
    def length_ms(self) -> float:
        """How long it takes to say them, about."""
        return estimate_ms(self.text) if self.ulaw is None else ulaw_ms(len(self.ulaw))


@dataclass(frozen=True, slots=True)
class BargeIn:
    """What happens when the caller speaks while the bot does."""

    mode: Literal["pause", "stop", "never"] = "pause"
    """Pause, and go on if the caller meant nothing by it; stop for good; or go on."""
    min_ms: int = 100
    """Clear speech that makes the bot pause or stop. What is less clear counts less."""
    confirm_ms: int = 600
    """Speech that is no cough and no "mm-hm", whatever its words."""
    decide_ms: int = 800
    """How long the bot waits for the words of what was shorter."""
    min_words: int = 1
    """Words that mean an interruption, unless all of them are backchannel."""
    backchannel: tuple[str, ...] = ()
    """What callers say to show that they listen."""
    stop_words: tuple[str, ...] = ()
    """What means an interruption, however short."""
    stop: Literal["immediate", "fade", "word"] = "fade"
    """How the bot falls silent: `fade` lets a word that is about to end do so, `word`
    any that ends within 250 ms; `immediate` cuts."""
    keys: bool = True
    """Whether a key that the caller presses stops the bot."""


Profile = Literal["normal", "patient", "digits", "yes_no"]


@dataclass(frozen=True, slots=True)
class Listening:
    """When the caller's turn is over (turn owner `local`)."""

    profile: Profile = "normal"
    end_silence_ms: int | None = None
    """Silence that ends a turn; None: as the profile has it."""
    questions: tuple[tuple[str, Profile], ...] = ()
    """After an answer of the bot's that has this phrase in it: another profile."""
    adaptive: bool = True
    """Whether the silence follows the caller's pace."""
    max_turn_ms: int = 30_000


@dataclass(frozen=True, slots=True)
class Resume:
    """What is done when the model is lost, before the call goes on without it."""

    attempts: int = 0
    """Sessions that are opened in its place, one after the other."""
    within_s: float = 4.0
    """One must be open by then."""
    spare: bool = False
    """Whether there is one of another engine, when all of these came to nothing."""


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
    fillers: tuple[Prompt, ...] = ()
    """Said in turn when an answer is late: "One moment, please." """
    filler_after_s: float = 2.5
    barge_in: BargeIn = BargeIn()
    listening: Listening = Listening()
    idle_s: float = 20.0
    """Silence of both sides, after which we say goodbye."""
    duration_s: float = 600.0
    no_media_s: float = 10.0
    """The line sends 50 frames a second, silence included; without them it is dead."""
    ready_s: float = 10.0
    """The model's session must be open by then, counted from the start."""
    stall_s: float = 6.0
    """An answer must begin, or go on, within this."""
    resume: Resume = Resume()
    lead_ms: int = 300
    start_buffer_ms: int = 300
