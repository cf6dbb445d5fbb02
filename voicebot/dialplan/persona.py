"""What a persona's file says, checked: who talks, and how."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from voicebot.dialplan.language import own_words
from voicebot.dialplan.section import Section
from voicebot.dialplan.values import (
    Label,
    Language,
    Line,
    Prose,
    Speech,
    Voice,
    duration,
)


class Model(Section):
    """Which model listens and speaks."""

    name: Line = "stepaudio-2.5-realtime"
    voice: Voice = "linjiajiejie"
    """An id of StepFun's, or of a cloned voice: any is taken."""

    vad: Literal["local", "server"] = "local"
    """Who decides when the caller has finished: we, or StepFun."""


class Greeting(Section):
    """What the caller hears first."""

    text: Speech
    protect_ms: Annotated[
        int | None, duration("0ms", "60s", "ms", word="must_hear")
    ] = Field(0, alias="protect")
    """Its beginning that a caller cannot interrupt; None: all of it, by no means."""


Profile = Literal["normal", "patient", "digits", "yes_no"]


class Question(Section):
    """What the bot says when it asks for something of another kind."""

    says: Line
    profile: Profile


class Listening(Section):
    """When the caller's turn is over (local VAD)."""

    profile: Profile = "normal"
    end_silence_ms: Annotated[int, duration("200ms", "3s", "ms")] | None = Field(
        None, alias="end_silence"
    )
    """Silence that ends a turn; None: as the profile has it."""

    pace: Literal["adaptive", "fixed"] = "adaptive"
    """Whether that silence follows the caller's pace."""

    questions: tuple[Question, ...] = ()
    """After an answer of the bot's that says this: another profile, for one turn."""

    max_turn_s: Annotated[float, duration("5s", "5m", "s")] = Field(
        30.0, alias="max_turn"
    )


class BargeIn(Section):
    """What happens when the caller speaks while the bot does."""

    mode: Literal["pause", "stop", "never"] = "pause"
    """Pause, and go on if nothing was meant by it; stop for good; or go on."""

    min_ms: Annotated[int, duration("0ms", "3s", "ms", bare=True)] = 100
    """Shorter sounds do not make the bot pause or stop."""

    confirm_ms: Annotated[int, duration("100ms", "5s", "ms", bare=True)] = 600
    """Speech that is an interruption, whatever its words."""

    decide_ms: Annotated[int, duration("100ms", "2s", "ms", bare=True)] = 800
    """How long the bot waits for the words of what was shorter."""

    min_words: Annotated[int, Field(ge=1, le=5, strict=True)] = 1
    """Words that are an interruption, backchannel not counted."""

    backchannel: tuple[Line, ...] = ()
    """What callers say to show that they listen."""

    stop_words: tuple[Line, ...] = ()
    """What is an interruption, however short."""

    stop: Literal["immediate", "fade", "word"] = "fade"
    """How the bot falls silent; `word`: at the end of a word, if one is near."""

    dtmf: Literal["always", "never"] = "always"
    """Whether a key that the caller presses stops it."""


class Limits(Section):
    """When a call is over, whatever is said."""

    # StepFun ends a session after 30 minutes: ours is to be over before.
    duration_s: Annotated[float, duration("10s", "28m", "s")] = Field(
        600.0, alias="duration"
    )
    idle_s: Annotated[float, duration("5s", "5m", "s")] = Field(20.0, alias="idle")
    """Silence of both sides."""


class Goodbye(Section):
    """How the bot ends a call."""

    text: Speech
    when_caller_says: tuple[Line, ...] = ()
    """The bot says goodbye and hangs up when it hears one of these."""


class Apology(Section):
    """What the caller hears when the model is lost."""

    text: Speech


class Filler(Section):
    """What the caller hears when an answer is late."""

    after_s: Annotated[float, duration("500ms", "5s", "s")] = Field(2.5, alias="after")
    say: Annotated[tuple[Speech, ...], Field(max_length=10)] = ()
    """Said in turn, one for each late answer; none: the bot keeps silent."""


class Recording(Section):
    """Whether calls are recorded."""

    mode: Literal["always", "never"] = "never"


class ServerVad(Section):
    """How StepFun's turn detection is tuned; only with `model.vad: server`."""

    silence_ms: Annotated[int, duration("100ms", "3s", "ms")] = Field(
        500, alias="silence"
    )
    threshold: Annotated[int, Field(ge=0, le=5000, strict=True)] = 1200
    """Loudness that counts as speech, in StepFun's own unit."""

    prefix_padding_ms: Annotated[int, duration("0ms", "2s", "ms")] = Field(
        300, alias="prefix_padding"
    )


class Persona(Section):
    """Who talks: one file of `personas/`."""

    id: Label
    """The file's name without `.yaml`."""

    title: Line
    language: Language
    instructions: Prose
    greeting: Greeting
    model: Model = Model()
    facts: tuple[Prose, ...] = ()
    listening: Listening = Listening()
    barge_in: BargeIn = BargeIn()
    limits: Limits = Limits()
    goodbye: Goodbye
    apology: Apology
    filler: Filler = Filler()
    recording: Recording = Recording()
    server_vad: ServerVad = ServerVad()

    @model_validator(mode="before")
    @classmethod
    def _speak_its_language(cls, given: Any) -> Any:
        """Fill in what every bot must be able to say, and to understand."""
        if not isinstance(given, dict):
            return given
        filled_in = {}
        for name, own in own_words(given).items():
            section = given.get(name, {})
            filled_in[name] = own | section if isinstance(section, dict) else section
        return given | filled_in
