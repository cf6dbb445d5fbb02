"""What a persona's file says, checked: who talks, and how."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from voicebot.dialplan.actions import Action
from voicebot.dialplan.after_call import AfterCall
from voicebot.dialplan.director import Director
from voicebot.dialplan.fallback import Engine, Fallback
from voicebot.dialplan.language import own_words
from voicebot.dialplan.lookup import Lookup
from voicebot.dialplan.menus import Menu
from voicebot.dialplan.privacy import Privacy
from voicebot.dialplan.recording import Recording
from voicebot.dialplan.section import Section
from voicebot.dialplan.silence import Silence
from voicebot.dialplan.stages import Stage
from voicebot.dialplan.testing import CallTest, distinct
from voicebot.dialplan.tools import Tool
from voicebot.dialplan.transfer import Transfer
from voicebot.dialplan.triggers import Trigger
from voicebot.dialplan.turns import BargeIn, Listening
from voicebot.dialplan.values import (
    EXPECTED,
    HEADER,
    SPEAKABLE,
    Flag,
    Label,
    Language,
    Line,
    Prose,
    Speech,
    Voice,
    as_text,
    duration,
    money,
    word,
)


class Model(Section):
    """Which model listens and speaks."""

    engine: Engine = "realtime"
    """One model that hears and speaks, or a `cascade` of three: one writes down what
    the caller says, one answers in writing, one reads that aloud."""

    name: Line = "stepaudio-2.5-realtime"
    """StepFun's realtime model."""

    asr: Line = "stepaudio-2.5-asr"
    """What a cascade hears with, and what transcribes calls that are over."""

    chat: Line = "stepaudio-2.5-chat"
    """What answers in a cascade, and to `voicebot chat`."""

    tts: Line = "stepaudio-2.5-tts"
    """What a cascade speaks with."""

    voice: Voice = "linjiajiejie"
    """Any id, cloned voices' too; `check` cannot know which exist."""

    vad: Literal["local", "server"] = "local"
    """Who decides when the caller has finished: we, or StepFun (`realtime` only)."""


Situation = Literal["closed", "returning_caller", "anonymous"]


class Greetings(Section):
    """What the caller hears first instead, in some situations."""

    closed: Speech | None = None
    """Said when the business is closed."""

    returning_caller: Speech | None = None
    """Said to callers who are known."""

    anonymous: Speech | None = None
    """Said to callers who hide their number."""


# As Speech; without words only where the model has some.
Opening = Annotated[
    str,
    StringConstraints(True, max_length=1000),
    SPEAKABLE,
    Field(json_schema_extra={"minLength": 1}),
]


class Greeting(Section):
    """What the caller hears first."""

    model: Flag = False
    """Whether the model greets, in words of its own; `text` isn't needed then."""

    text: Opening
    """Said word for word."""

    audio: Line | None = None
    """A recording of `text`: a file below the folder, `.wav` of 16-bit mono PCM or
    `.ulaw` of 8000 Hz."""

    when: Greetings = Greetings()
    protect_ms: Annotated[
        int | None, duration("0ms", "60s", "ms", word="must_hear")
    ] = Field(0, alias="protect")
    """Its beginning that the caller's voice cannot interrupt; with `must_hear` nothing
    interrupts it, keys neither."""

    @field_validator("text")
    @classmethod
    def _has_words(cls, text: str, info: ValidationInfo) -> str:
        if not text and not info.data.get("model"):
            raise PydanticCustomError("string_too_short", "expected some text")
        return text

    @model_validator(mode="before")
    @classmethod
    def _is_said_by_somebody(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("model") is True:
            return {"text": ""} | given
        return given


class Limits(Section):
    """When a call is over, whatever is said."""

    # StepFun ends a session after 30 minutes: ours is to be over before.
    duration_s: Annotated[float, duration("10s", "28m", "s")] = Field(
        600.0, alias="duration"
    )
    """No call is longer."""

    warn_at_s: Annotated[float, duration("5s", "28m", "s")] | None = Field(
        None, alias="warn_at"
    )
    """When `warning` is said, from the call's start; before `duration`."""

    warning: Speech | None = None
    """That the call will end soon."""

    idle_s: Annotated[float, duration("5s", "5m", "s")] = Field(20.0, alias="idle")
    """Silence of both sides that ends the call."""

    cny_ucny: Annotated[int, money("0.01", "999999")] | None = Field(None, alias="cny")
    """Yuan that a call may cost, if that is less than `budgets.per_call` has."""

    @model_validator(mode="after")
    def _warns_in_time(self) -> "Limits":
        if (self.warn_at_s is None) is not (self.warning is None):
            message = "expected warning with warn_at, and only then"
            raise PydanticCustomError("limits", message)
        if self.warn_at_s is not None and self.warn_at_s >= self.duration_s:
            message = "expected warn_at to be before duration"
            raise PydanticCustomError("limits", message)
        return self


class Goodbye(Section):
    """How the bot ends a call."""

    text: Speech
    """Said before the bot hangs up."""

    when_caller_says: tuple[Line, ...] = ()
    """The bot says goodbye and hangs up when it hears one of these."""


class Apology(Section):
    """What the caller hears when the model is lost."""

    text: Speech
    """Said when the model is lost."""


class Filler(Section):
    """What the caller hears when an answer is late."""

    after_s: Annotated[float, duration("500ms", "5s", "s")] = Field(2.5, alias="after")
    """An answer that has not begun by then is late."""

    say: Annotated[tuple[Speech, ...], Field(max_length=10)] = ()
    """Said in turn when an answer is late; `[]` for silence."""


class ServerVad(Section):
    """How StepFun's turn detection is tuned; only with `model.vad: server`."""

    silence_ms: Annotated[int, duration("100ms", "3s", "ms")] = Field(
        500, alias="silence"
    )
    """A pause that ends the caller's turn, with `vad: server`."""

    threshold: Annotated[int, Field(ge=0, le=5000, strict=True)] = 1200
    """Loudness that counts as speech, in StepFun's unit."""

    prefix_padding_ms: Annotated[int, duration("0ms", "2s", "ms")] = Field(
        300, alias="prefix_padding"
    )
    """Audio kept from before the speech."""


class Faq(Section):
    """A question that callers often ask."""

    q: Line
    """The question."""

    a: Prose
    """What the bot is to answer."""


class Style(Section):
    """How the bot speaks."""

    sentence_max_words: Annotated[int, Field(ge=3, le=60, strict=True)] | None = None
    """No sentence is longer; a Chinese character is a word."""

    numbers: Line | None = None
    """How it says numbers, such as `digit by digit`."""

    dates: Line | None = None
    """How it says dates, such as `weekday first, no year`."""

    never_say: Annotated[tuple[Line, ...], Field(max_length=100)] = ()
    """Words that it must not use."""


class Var(Section):
    """A value that stands for `{{name}}` in texts and instructions."""

    type: Literal["text", "digits", "number", "bool", "date", "phone"] = "text"
    """What it may be; what is not of this type counts as missing."""

    required: Flag = False
    """Whether a call is expected to have it, so that texts need no other words."""

    default: Annotated[str, BeforeValidator(as_text), Field(max_length=200)] | None = (
        None
    )
    """Its value when there is no other."""

    from_: Literal["caller", "header", "lookup", "route", "digits", "model"] | None = (
        Field(None, alias="from")
    )
    """Who gives the value; without it, only `default` does."""

    header: Annotated[str, word(HEADER, "a SIP header such as X-Customer")] | None = (
        None
    )
    """The SIP header that it comes from, with `from: header`."""

    sensitive: Flag = False
    """Whether its value is masked wherever it would be shown."""


Words = Annotated[
    dict[str, Any], WithJsonSchema({"type": "object", EXPECTED: "keys of a persona"})
]


class Persona(Section):
    """Who talks: one file of `personas/`."""

    id: Label
    """The file's name without `.yaml`."""

    title: Line
    """For people."""

    owner: Line | None = None
    """Who looks after it; for people."""

    abstract: Flag = False
    """Whether it is only there to be extended, and answers no calls."""

    extends: Label | None = None
    """The persona whose keys count where this one has none."""

    mixins: Annotated[tuple[Label, ...], Field(max_length=20)] = ()
    """Files of `mixins/` that count more than `extends`, the last one most."""

    language: Language
    """What the bot speaks, unless the instructions say otherwise."""

    also_speaks: Annotated[tuple[Language, ...], Field(max_length=20)] = ()
    """Languages to which the bot may change when the caller speaks them."""

    language_switch: Literal["auto", "ask", "never"] = "auto"
    """Whether it changes, asks first, or understands them and answers in its own."""

    in_: Annotated[dict[Language, Words], Field(max_length=20)] = Field({}, alias="in")
    """What of the persona is different in a language of `also_speaks`: `greeting`,
    `goodbye`, `menus` and the like, each with the keys that it has here."""

    instructions: Prose
    """What the model is told, in Markdown."""

    greeting: Greeting
    model: Model = Model()
    style: Style = Style()
    faqs: Annotated[tuple[Faq, ...], Field(max_length=200)] = ()
    """Questions and answers, added to the instructions."""

    facts: tuple[Prose, ...] = ()
    """Added to the instructions; `- Price: 12.50` works without quotes."""

    pronounce: Annotated[dict[Line, Line], Field(max_length=200)] = {}
    """How terms are read aloud, such as `OPT: O P T`."""

    keyterms: Annotated[tuple[Line, ...], Field(max_length=200)] = ()
    """Names and terms that callers are likely to say."""

    vars: dict[Label, Var] = {}
    lookup: Lookup | None = None
    """What is asked about the caller when a call comes in."""

    listening: Listening = Listening()
    barge_in: BargeIn = BargeIn()
    limits: Limits = Limits()
    goodbye: Goodbye
    apology: Apology
    filler: Filler = Filler()
    recording: Recording = Recording()
    privacy: Privacy = Privacy()
    server_vad: ServerVad = ServerVad()
    menus: Annotated[dict[Label, Menu], Field(max_length=50)] = {}
    triggers: Annotated[tuple[Trigger, ...], Field(max_length=100)] = ()
    """What is done when a turn holds some words."""

    silence: Annotated[tuple[Silence, ...], Field(max_length=10)] = ()
    """What is done when nobody speaks; none: as `limits.idle` says."""

    tools: Annotated[dict[Label, Tool], Field(max_length=16)] = {}
    director: Director | None = None
    """A second model that reads along and decides; none: nobody but the model does."""

    transfer: Transfer = Transfer()
    fallback: Fallback = Fallback()
    on_budget: Action | None = None
    """What is done when a budget is spent; without it, a goodbye."""

    after_call: AfterCall = AfterCall()
    stages: Annotated[dict[Label, Stage], Field(max_length=20)] = {}
    start_stage: Label | None = None
    """With which stage a call begins; needed where there are `stages`."""

    tests: Annotated[
        tuple[CallTest, ...], Field(max_length=200), AfterValidator(distinct)
    ] = ()
    """Calls to rehearse; of no meaning to a call that is none."""

    _variants: dict[str, "Persona"] = PrivateAttr(default_factory=dict)

    @property
    def variants(self) -> Mapping[str, "Persona"]:
        """Itself as it is in each language of `in`."""
        return MappingProxyType(self._variants)

    @property
    def family(self) -> Mapping[str, "Persona"]:
        """The same, and itself in its own language."""
        return MappingProxyType({self.language: self, **self._variants})

    def speaking(self, variants: Mapping[str, "Persona"]) -> "Persona":
        """Return it with all that `in` comes to."""
        whole = self.model_copy()
        whole._variants = dict(variants)
        return whole

    def said_in(self, language: str | None) -> "Persona":
        """Return it as it is in a language; as it is if it has no words in that."""
        wanted = (language or "").lower()
        for near in (wanted, wanted.partition("-")[0]):
            for name, variant in self._variants.items():
                if name.lower() == near:
                    return variant
        return self

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
