"""What `tests:` of a persona says, checked: calls to rehearse, and what is expected."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Label, Line, Speech, duration, filled, word

MOMENT: Final = re.compile(r"\+?[0-9]{1,6}(?:\.[0-9]{1,3})?(?:ms|s|m)")
DIGITS: Final = re.compile(r"[0-9*#]{1,32}")

Moment = Annotated[
    str,
    word(
        MOMENT,
        "'+800ms', counted from when the bot began to speak, "
        "or '9s', counted from the start of the call",
    ),
]
Digits = Annotated[str, word(DIGITS, "keys such as '1' or '123#', in quotes")]
Within = Annotated[float, duration("10ms", "10m", "s")]

STEPS: Final = ("say", "barge_in", "backchannel", "dtmf", "silence", "hangup")
EXPECTATIONS: Final = (
    "heard",
    "not_heard",
    "outcome",
    "speech_stopped",
    "no_audio_gap_over",
    "lost_words",
    "repeated_words",
    "heard_transcript_excludes_unplayed",
    "model_history_equals_heard",
    "ended_by",
    "tool",
    "rang",
    "transferred_to",
    "menu",
    "stage",
    "trigger",
    "var",
    "answered_within",
    "logged",
    "log_never_contains",
)

# Keys that go with some of those, and with which.
BESIDE_STEPS: Final = {
    "wait": ("say",),
    "at": ("backchannel", "dtmf", "hangup"),
}
BESIDE_EXPECTATIONS: Final = {
    "within": ("heard", "outcome"),
    "verdict": ("tool",),
    "rule": ("tool",),
    "is": ("var",),
}

# Expectations that name something, and what.
REFERENCES: Final = {
    "tool": "tool",
    "rang": "target",
    "transferred_to": "target",
    "menu": "menu",
    "stage": "stage",
    "trigger": "trigger",
    "var": "variable",
}


def seconds(moment: str) -> tuple[float, bool]:
    """Return how long after, and whether that is after the bot began to speak."""
    text = moment.removeprefix("+")
    number = float(text.rstrip("ms"))
    factor = 0.001 if text.endswith("ms") else 60.0 if text.endswith("m") else 1.0
    return number * factor, moment.startswith("+")


def _only_one(
    given: Any, names: tuple[str, ...], beside: Mapping[str, tuple[str, ...]]
) -> None:
    """Refuse none and two of `names`, and a key beside one that it doesn't go with."""
    if not isinstance(given, dict) or not given.keys() <= {*names, *beside}:
        return  # which is said better elsewhere
    found = [name for name in names if name in given]
    if len(found) != 1:
        raise PydanticCustomError(
            "one_of", "expected exactly one of {names}", {"names": ", ".join(names)}
        )
    for key, goes_with in beside.items():
        if key in given and found[0] not in goes_with:
            raise PydanticCustomError(
                "beside",
                "{key} goes with {names}",
                {"key": key, "names": " or ".join(goes_with)},
            )


class Interruption(Section):
    """The caller speaks while the bot does, and means it."""

    at: Moment
    """When."""

    say: Speech
    """What the caller says."""


class Step(Section):
    """Something that the caller does; exactly one of these, in the order given."""

    say: Speech | None = None
    """The caller speaks."""

    wait: Literal["quiet", "greeting", "none"] = "quiet"
    """Speak when the bot has finished; when its first words are over; or at once."""

    barge_in: Interruption | None = None
    """The caller speaks into what the bot says, and means it."""

    backchannel: Line | None = None
    """Said while the bot speaks, by a caller who only listens."""

    dtmf: Digits | None = None
    """The caller presses keys, 200 ms apart."""

    silence_s: Annotated[float, duration("100ms", "10m", "s")] | None = Field(
        None, alias="silence"
    )
    """The caller stays on the line and does nothing."""

    hangup: Literal[True] | None = None
    """The caller hangs up."""

    at: Moment | None = None
    """When; without it at once, when the step before is over."""

    @model_validator(mode="before")
    @classmethod
    def _one(cls, given: Any) -> Any:
        _only_one(given, STEPS, BESIDE_STEPS)
        return given

    @model_validator(mode="after")
    def _into_speech(self) -> Self:
        if self.backchannel is not None and self.at is None:
            raise PydanticCustomError("at", "expected at, such as '+600ms', with it")
        return self


Argument = str | int | float | bool


class ModelLine(Section):
    """What the offline model answers, once: words, a tool that it calls, or both."""

    hear: Line | None = None
    """Only to a caller whose words have this in them; without it to any."""

    told: Line | None = None
    """Only to what came of a tool or a menu, if the model was told this about it."""

    say: Speech | None = None
    """Its words."""

    calls: Label | None = None
    """The tool that it asks for, behind its words."""

    args: Annotated[dict[str, Argument], Field(max_length=20)] = {}
    """What it hands to the tool, true or made up."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.say is None and self.calls is None:
            raise PydanticCustomError("say", "expected say, calls or both")
        if self.args and self.calls is None:
            raise PydanticCustomError("args", "args goes with calls")
        if self.hear is not None and self.told is not None:
            raise PydanticCustomError("told", "expected either hear or told")
        return self


class DirectorLine(Section):
    """What the offline director picks."""

    hear: Line
    """For a caller whose words have this in them."""

    pick: Label
    """One of the director's actions, or `none`."""


class Fault(Section):
    """Something that goes wrong."""

    at_s: Annotated[float, duration("0s", "28m", "s")] = Field(0.0, alias="at")
    """From the start of the call."""

    model: Literal["refuse_connect", "drop", "lose", "mute", "slow"]
    """It can't be reached; its session is lost and another can be had; it is lost for
    good; says nothing any more; takes 4 s to answer."""

    @model_validator(mode="after")
    def _refused_at_once(self) -> Self:
        if self.model == "refuse_connect" and self.at_s:
            raise PydanticCustomError(
                "refuse_connect",
                "refuse_connect is only at 0s; to lose the model later: lose",
            )
        return self


class Stopped(Section):
    """The bot falls silent at the caller's ear, counted from the caller's onset."""

    within_s: Within = Field(alias="within")
    """So soon at most."""


class Expectation(Section):
    """One thing that must be so; exactly one of these."""

    heard: Line | None = None
    """Of what the bot says, the caller heard these words."""

    not_heard: Line | None = None
    """The caller did not hear these words."""

    outcome: Literal["resumed", "confirmed", "ignored"] | None = None
    """What came of the last time that the caller spoke, or pressed a key, into it."""

    within_s: Within | None = Field(None, alias="within")
    """Of `heard`: it began so soon after what the caller did before it. Of `outcome`:
    it was decided so soon after the caller began."""

    speech_stopped: Stopped | None = None
    """After the caller's first sound, the bot fell silent at the ear."""

    no_audio_gap_over_s: Within | None = Field(None, alias="no_audio_gap_over")
    """Nobody waited longer for the bot to speak, or to go on."""

    lost_words: Annotated[int, Field(ge=0, le=1000, strict=True)] | None = None
    """At most so many words that nobody interrupted weren't heard."""

    repeated_words: Annotated[int, Field(ge=0, le=1000, strict=True)] | None = None
    """At most so many words were heard twice, to their end, as it went on."""

    heard_transcript_excludes_unplayed: Literal[True] | None = None
    """The call log has no word as heard that didn't reach the ear."""

    model_history_equals_heard: Literal[True] | None = None
    """The model believes to have said what the call log has as heard, no more."""

    ended_by: (
        Literal[
            "caller_hangup",
            "bot_goodbye",
            "transferred",
            "transfer_failed",
            "voicemail",
            "idle",
            "max_duration",
            "no_media",
            "drain",
            "stepfun_lost",
            "stepfun_refused",
            "stepfun_stalled",
            "twilio_lost",
        ]
        | None
    ) = None
    """Why the call ended, in the words of the call log."""

    tool: Label | None = None
    """The model asked for this tool."""

    verdict: Literal["allowed", "refused"] | None = None
    """Of `tool`: what was decided about it at least once; `allowed` if left out."""

    rule: Label | None = None
    """Of `tool`, refused: why."""

    rang: Label | None = None
    """This target was rung, whatever came of it."""

    transferred_to: Label | None = None
    """This target was rung, and answered."""

    menu: Label | None = None
    """This menu was opened."""

    stage: Label | None = None
    """The call came to this stage, or began in it."""

    trigger: Label | None = None
    """The words of this trigger were said, and it did what it does."""

    var: Label | None = None
    """This variable has a value in the end."""

    is_: Annotated[str, Field(max_length=200)] | None = Field(None, alias="is")
    """Of `var`: which one."""

    answered_within_s: Within | None = Field(None, alias="answered_within")
    """To all that the caller said, the answer began so soon at the ear."""

    logged: Line | None = None
    """A line of the log has this in it."""

    log_never_contains: Line | None = None
    """Neither in the log's lines nor in the call log."""

    @model_validator(mode="before")
    @classmethod
    def _one(cls, given: Any) -> Any:
        _only_one(given, EXPECTATIONS, BESIDE_EXPECTATIONS)
        return given

    @model_validator(mode="after")
    def _rule_of_a_refusal(self) -> Self:
        if self.rule is not None and self.verdict != "refused":
            raise PydanticCustomError("rule", "rule goes with verdict: refused")
        return self


class CallTest(Section):
    """One call to rehearse."""

    name: Line
    """For the report; each is different."""

    faults: Annotated[tuple[Fault, ...], Field(max_length=10)] = ()
    """What goes wrong."""

    situation: Annotated[
        tuple[Literal["closed", "anonymous", "returning_caller"], ...],
        Field(max_length=3),
    ] = ()
    """Which of the greetings for a situation may be meant."""

    vars: Annotated[dict[Label, Line], Field(max_length=50)] = {}
    """What is known of the variables when the call comes in."""

    targets: Annotated[
        dict[Label, Literal["answers", "busy", "no_answer", "closed"]],
        Field(max_length=50),
    ] = {}
    """What becomes of a target that is rung; all others answer. One that is closed
    isn't rung: it is outside its hours."""
    answers: Annotated[dict[Label, Any], Field(max_length=20)] = {}
    """What `http` tools get, by name, and `lookup`: JSON, `{status: 503}` or
    `{timeout: true}`; without one, status 404."""

    model: Annotated[tuple[ModelLine, ...], Field(max_length=50)] = ()
    """What the offline model answers."""

    director: Annotated[tuple[DirectorLine, ...], Field(max_length=50)] = ()
    """What the offline director picks; without it, what shares words with `when`."""

    caller: Annotated[tuple[Step, ...], Field(max_length=50)] = ()
    """What the caller does, one step after the other."""

    expect: Annotated[
        tuple[Expectation, ...], Field(max_length=50), BeforeValidator(filled)
    ]
    """What must be so."""


def named(test: CallTest) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """List what a test refers to: where, what kind of thing it is, and its name."""
    for index, line in enumerate(test.model):
        if line.calls is not None:
            yield ("model", index, "calls"), "tool", line.calls
    for target in test.targets:
        yield ("targets", target), "target", target
    for name in test.vars:
        yield ("vars", name), "variable", name
    for index, wanted in enumerate(test.expect):
        for key, kind in REFERENCES.items():
            if (name := getattr(wanted, key)) is not None:
                yield ("expect", index, key), kind, name


def distinct(tests: tuple[CallTest, ...]) -> tuple[CallTest, ...]:
    """Refuse two tests of one name: no report could tell them apart."""
    names = {test.name for test in tests}
    if len(names) < len(tests):
        raise PydanticCustomError("distinct", "expected tests with different names")
    return tests
