"""What `dialplan.yaml` says, checked, and all files together."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from voicebot.dialplan.budgets import Budgets
from voicebot.dialplan.callers import Callers
from voicebot.dialplan.hours import Calendar
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.recordings import Clip
from voicebot.dialplan.section import Section
from voicebot.dialplan.source import Node
from voicebot.dialplan.times import (
    Dates,
    Day,
    Days,
    Hours,
    Moment,
    Span,
    ZoneName,
    until,
    weekdays,
)
from voicebot.dialplan.values import (
    ANONYMOUS,
    E164,
    LABEL,
    PREFIX,
    Callee,
    Caller,
    Label,
    Language,
    Line,
    Phone,
    Speech,
    duration,
    filled,
    listed,
    this_version,
    word,
)

LISTED: Final = BeforeValidator(listed)

# Numbers that cost the caller of them, or are not for us to call: North American
# premium and information services, British premium and personal numbers.
# Source: NANPA, N11 codes and 900; Ofcom, National Telephone Numbering Plan.
UNDIALLED: Final = ("+1900", "+1976", "+1911", "+449", "+4470", "+44871", "+44872")
SIP: Final = r"sips?:[A-Za-z0-9_.+%-]{1,64}@[A-Za-z0-9.-]{1,200}(:[0-9]{2,5})?"
ICS: Final = re.compile(r"(?:[^/\\\x00-\x1f]{1,99}/)?[^/\\\x00-\x1f]{1,96}\.ics")
FRAGMENTS: Final = re.compile(r"([\w?*-][\w.?*-]*/)?(?!\.)[\w.?*-]*\.yaml")
COUNTRY: Final = "[A-Z]{2}"
KEYPAD: Final = f"{LABEL.pattern}/{LABEL.pattern}"
HEADER: Final = "[Xx]-[A-Za-z0-9-]{1,60}"


CalendarPath = Annotated[
    str,
    word(ICS, "a calendar file in this folder or one below it, such as holidays.ics"),
]


def _pattern(pattern: str, expected: str) -> BeforeValidator:
    return word(re.compile(pattern), expected)


def _grouped(value: object) -> object:
    """Allow a list of one to be written without its brackets; refuse one of none."""
    return [value] if isinstance(value, dict) else filled(value)


def _dialled(value: str) -> str:
    if value.startswith(UNDIALLED):
        raise PydanticCustomError("word", "expected no premium or emergency number")
    return value


class Number(Section):
    """One of our phone numbers."""

    e164: Phone
    """The number itself, as Twilio has it."""

    display_name: Line
    """What it is, for people."""

    tags: Annotated[tuple[Label, ...], Field(max_length=20)] = ()
    """Names for groups of numbers: `match.to: "tag:…"`."""

    language: Language | None = None
    """What its callers speak, as far as one can know."""


def _weekly(value: object) -> object:
    """Refuse what names a day twice; keys are days, or some days."""
    if isinstance(value, dict):
        seen: set[int] = set()
        for name in value:
            days = set(weekdays(name))
            if seen & days:
                raise PydanticCustomError("days", "expected every day once")
            seen |= days
    return value


class Exceptional(Section):
    """Days that are unlike others: one `date`, or `from` one `to` another."""

    date: Day | None = None
    """A day, `2027-12-24`, or `12-24` for every year; either this, or `from` and
    `to`."""

    from_: Day | None = Field(None, alias="from")
    """The first of several days; yearly ones may run over New Year."""

    to: Day | None = None
    """The last one."""

    reason: Line | None = None
    """Shown by `explain` and in the log."""

    @property
    def span(self) -> Span:
        match self.date, self.from_, self.to:
            case Span() as day, None, None:
                return day
            case None, Span() as first, Span() as last:
                return until(first, last)
            case _:
                raise PydanticCustomError("dates", "expected date, or from and to")

    @model_validator(mode="after")
    def _are_days(self) -> "Exceptional":
        self.span  # noqa: B018 - raises what is wrong
        return self


class Special(Exceptional):
    """Days with hours of their own."""

    open: Annotated[tuple[Hours, ...], Field(max_length=10), BeforeValidator(filled)]
    """Up to 10 times such as `"10:00-12:00"`."""


class CalendarFile(Section):
    """When it is open."""

    weekly: Annotated[
        dict[Line, Annotated[tuple[Hours, ...], Field(max_length=10)]],
        BeforeValidator(_weekly),
    ] = {}
    """Times such as `"08:30-12:00"`, by day: `mon`, `mon-fri`, `daily`. `22:00-02:00`
    goes past midnight, `00:00-24:00` is the whole day. A day that isn't there is
    closed."""

    timezone: ZoneName | None = None
    """Where its times are, if not where the plan's are; a name such as
    `Europe/London`."""

    closed: Annotated[tuple[Exceptional, ...], Field(max_length=400)] = ()
    """Days without hours."""

    ics: Annotated[tuple[CalendarPath, ...], Field(max_length=5), LISTED] = ()
    """More days without hours: the events of these files, with their summaries as
    reasons. `closed` counts before them."""

    special: Annotated[tuple[Special, ...], Field(max_length=400)] = ()
    """Days with hours of their own. They count before `closed`, which counts before
    `weekly`."""


class CallerFile(Section):
    """A list of callers in a file of its own, one a line."""

    file: Line
    """A file below the folder, one caller a line; `#` begins a comment."""


CallerTag = Annotated[
    Annotated[tuple[Caller, ...], Field(max_length=20_000), Tag("<list>")]
    | Annotated[CallerFile, Tag("<file>")],
    Discriminator(
        lambda given: "<file>" if isinstance(given, dict | CallerFile) else "<list>"
    ),
]

CallerOrTag = Annotated[
    str,
    _pattern(
        f"{E164.pattern}|{PREFIX.pattern}|{ANONYMOUS}|{LABEL.pattern}",
        "a phone number such as '+12025550123', the beginning of one such as "
        "'+44*', anonymous, or a tag of callers",
    ),
]
CalledOrTag = Annotated[
    str,
    _pattern(
        f"{E164.pattern}|(?:tag:)?{LABEL.pattern}",
        "the label of a number, tag: and a tag of numbers, or a phone number "
        "such as '+12025550123'",
    ),
]
OpenOrNot = Annotated[
    str,
    _pattern(f"!?{LABEL.pattern}", "a calendar, or '!' and a calendar, in quotes"),
]
Fragment = Annotated[
    str,
    word(FRAGMENTS, "files in this folder or one below it, such as routes.d/*.yaml"),
]
Country = Annotated[str, _pattern(COUNTRY, "a country's two letters, such as GB")]
Header = Annotated[str, _pattern(HEADER, "a SIP header that begins with X-")]


class Match(Section):
    """Which calls a route is for; what is not given matches any."""

    to: Annotated[tuple[CalledOrTag, ...], LISTED] = Field((), max_length=100)
    """Which number was called."""

    from_: Annotated[tuple[Caller, ...], LISTED] = Field(
        (), alias="from", max_length=2000
    )
    """Who calls; `anonymous` hides the number."""

    from_country: Annotated[tuple[Country, ...], LISTED] = Field((), max_length=250)
    """The caller's country, as Twilio knows it."""

    caller_tag: Annotated[tuple[Label, ...], LISTED] = Field((), max_length=100)
    """The caller is one of `callers.<tag>`."""

    header: Annotated[dict[Header, Line], Field(max_length=10)] = {}
    """SIP headers. A text that ends with `*` stands for what begins like it."""

    hours: Annotated[tuple[OpenOrNot, ...], LISTED] = Field((), max_length=20)
    """All of these hold; `!` stands for closed. Quote the `!`."""

    weekday: Days | None = None
    """`mon`, `mon-fri`, `daily`, or a list of these: the day of the call, also of one
    at 1:00 in hours that began the day before."""

    date: Annotated[tuple[Dates, ...], BeforeValidator(_grouped), LISTED] = Field(
        (), max_length=400
    )
    """A date, `{from, to}`, or a list of these; without a year, of every year."""

    time: Annotated[tuple[Hours, ...], LISTED] = Field((), max_length=20)
    """Times of the day such as `"09:00-17:00"`; for small plans, a calendar does
    more."""

    language: Annotated[tuple[Language, ...], LISTED] = Field((), max_length=20)
    """The header `X-Language`, else the called number's `language`; unknown never
    matches."""

    percent: Annotated[int, Field(ge=1, le=99, strict=True)] | None = None
    """So many of the callers. Who is in stays in, whatever is saved; anonymous ones are
    drawn by the call."""

    load: Annotated[float, Field(ge=0.05, le=1)] | None = None
    """How full we are at least, as a part of 1."""


class Rollout(Section):
    """Some callers get another persona."""

    to: Label
    """The other persona."""

    percent: Annotated[int, Field(ge=1, le=99, strict=True)]
    """How many get it."""

    sticky: Literal["caller", "call"] = "caller"
    """Whether a caller always gets the same one, or each call is drawn anew."""


class Answer(Section):
    """A persona answers."""

    persona: Label
    """Who answers."""

    vars: Annotated[dict[Label, Line], Field(max_length=50)] = {}
    """Values for the persona's variables that are `from: route`."""

    rollout: Rollout | None = None
    """Some callers get another persona."""


class Keypad(Section):
    """A menu by itself: keys and our own words, no model."""

    menu: Annotated[str, _pattern(KEYPAD, "a persona and its menu: clinic/keypad")]
    """A persona and one of its menus that has `keys`, such as `clinic/keypad`: it runs
    without a model."""

    vars: Annotated[dict[Label, Line], Field(max_length=50)] = {}
    """Values for the persona's variables that are `from: route`."""

    @property
    def persona(self) -> str:
        return self.menu.partition("/")[0]

    @property
    def name(self) -> str:
        """Of the menu."""
        return self.menu.partition("/")[2]


class Reject(Section):
    """The call is not answered, and costs nothing."""

    reject: Literal["busy", "rejected"]
    """Not answered, and free; this is what the caller hears."""


class Message(Section):
    """A text that Twilio speaks."""

    text: Speech
    """What Twilio says, before it hangs up."""

    language: Language
    """One of Twilio's `<Say>`, such as `en-US` or `zh-CN`."""


class Say(Section):
    """Twilio speaks a message and hangs up; no model is involved."""

    message: Message


class Transfer(Section):
    """The caller is put through; no model is involved."""

    transfer: Label
    """A target: put through at once, without a model."""


def _transcriber(given: object) -> object:
    """Refuse what only equals `true` or `false`: 1, 0."""
    if isinstance(given, bool) or given == "stepfun":
        return given
    raise PydanticCustomError("transcribe", "expected true, false or stepfun")


class Mailbox(Section):
    """What a caller hears who may leave a message, and how long that may be."""

    greeting: Speech
    """What Twilio says before the beep."""

    language: Language
    """Of the greeting, and of what is transcribed."""

    max_s: Annotated[float, duration("10s", "5m", "s")] = Field(90.0, alias="max")
    """No message is longer."""

    transcribe: Annotated[
        Literal[True, False, "stepfun"], BeforeValidator(_transcriber)
    ] = True
    """Whether Twilio is asked for its words: English only, up to `2m`. `stepfun`:
    `stepaudio-2.5-asr` is, when the call is over."""


class Voicemail(Section):
    """The caller may leave a message; no model is involved."""

    voicemail: Mailbox


Then = Annotated[
    Annotated[Say, Tag("<message>")]
    | Annotated[Reject, Tag("<reject>")]
    | Annotated[Transfer, Tag("<transfer>")]
    | Annotated[Voicemail, Tag("<voicemail>")],
    Discriminator(
        lambda given: _which(given, THEN),
        custom_error_type="do",
        custom_error_message=(
            "expected exactly one of message, reject, transfer and voicemail"
        ),
    ),
]


class Queue(Section):
    """How callers wait for room."""

    text: Annotated[Speech, Field(max_length=300)]
    """What Twilio says to who waits, at first and again and again."""

    language: Language
    """Of the text, one of Twilio's `<Say>`."""

    max: Annotated[int, Field(ge=1, le=100, strict=True)] = 5
    """So many wait at once; others get `then`."""

    announce_every_s: Annotated[float, duration("10s", "5m", "s")] = Field(
        20.0, alias="announce_every"
    )
    """How often the text is said."""

    longest_s: Annotated[float, duration("10s", "30m", "s")] = Field(
        300.0, alias="longest"
    )
    """Nobody waits longer; then comes `then`."""

    then: Then = Reject(reject="busy")
    """What becomes of a caller who finds the line full, or waits in vain: `message`,
    `reject`, `transfer` or `voicemail`. Who has waited can't be refused any more, and
    is hung up."""


class Queued(Section):
    """The caller waits until there is room."""

    queue: Queue
    """The caller waits until there is room; in `specials.overload` only."""


class Goto(Section):
    """As a later route does, whatever that one's `match` says."""

    goto: Line
    """The name of a later route: as that one does, whatever its `match` says."""


Action = Answer | Keypad | Say | Reject | Transfer | Voicemail | Queued
ACTIONS: Final = (
    "persona",
    "menu",
    "message",
    "reject",
    "transfer",
    "voicemail",
    "goto",
)
THEN: Final = ("message", "reject", "transfer", "voicemail")
TAGS: Final = frozenset(
    {"<list>", "<file>", "<do>", *(f"<{x}>" for x in (*ACTIONS, "queue"))}
)
"""Parts of pydantic's locations that are no keys of a file."""


def _which(given: object, names: Collection[str] = ACTIONS) -> str | None:
    """Name the only action that is given."""
    keys = given if isinstance(given, dict) else getattr(given, "model_fields_set", ())
    found = [name for name in keys if name in names]
    return f"<{found[0]}>" if len(found) == 1 else None


Do = Annotated[
    Annotated[Answer, Tag("<persona>")]
    | Annotated[Keypad, Tag("<menu>")]
    | Annotated[Say, Tag("<message>")]
    | Annotated[Reject, Tag("<reject>")]
    | Annotated[Transfer, Tag("<transfer>")]
    | Annotated[Voicemail, Tag("<voicemail>")]
    | Annotated[Goto, Tag("<goto>")],
    Discriminator(
        _which,
        custom_error_type="do",
        custom_error_message=(
            f"expected exactly one of {', '.join(ACTIONS[:-1])} and {ACTIONS[-1]}"
        ),
    ),
]


Overload = Annotated[
    Annotated[Queued, Tag("<queue>")] | Annotated[Do, Tag("<do>")],
    Discriminator(
        lambda given: "<queue>" if _which(given, ("queue",)) else "<do>",
    ),
]


class Route(Section):
    """What is done with some calls; the first route that matches wins."""

    name: Line
    """Shown in the call log; each is different."""

    match: Match = Match()
    unless: Annotated[
        tuple[Match, ...], Field(max_length=20), BeforeValidator(_grouped)
    ] = ()
    """Not with calls that one of these matches in full."""

    do: Do
    """What is done."""


class Specials(Section):
    """What is done where no route is asked."""

    failure: Do | None = None
    """Our part of a call broke, and the caller is still there: `menu`, `message`,
    `transfer` or `voicemail`. Without it, or if that breaks too, the persona's
    apology."""

    overload: Overload | None = None
    """A persona is to answer and there is no room: `queue`, `menu`, `message`,
    `reject`, `transfer` or `voicemail`. Without it, busy."""

    anonymous: Do | None = None
    """Callers who hide their number; asked before all routes."""


class Capacity(Section):
    """How many calls there may be at once."""

    max_calls: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None
    """In all; never more than `VOICEBOT_MAX_CALLS`."""

    per_number: dict[Label, Annotated[int, Field(ge=1, le=10_000, strict=True)]] = {}
    """To one of our numbers, by its label."""

    per_caller: Annotated[int, Field(ge=1, le=100, strict=True)] | None = None
    """Of one caller; anonymous ones are not counted."""


class Target(Section):
    """Somewhere a call can be put through to."""

    number: Annotated[Phone, AfterValidator(_dialled)] | None = None
    """Where: a phone number, none of premium or emergency services. Either this or
    `sip`."""

    sip: (
        Annotated[str, _pattern(SIP, "an address such as sip:a@example.com")] | None
    ) = None
    """Where: a SIP address."""

    hours: OpenOrNot | None = None
    """When somebody is there; at other times `fallback` counts at once."""

    ring_s: Annotated[float, duration("5s", "2m", "s")] = Field(25.0, alias="ring")
    """How long it rings; Twilio adds about five seconds."""

    mode: Literal["blind", "warm"] = "blind"
    """`warm`: who answers hears `whisper` first."""

    whisper: Annotated[Speech, Field(max_length=500)] | None = None
    """With `warm`: said to who answers, before the caller is let in."""

    whisper_language: Language | None = None
    """Of the whisper, for Twilio's `<Say>`."""

    caller_id: Literal["caller", "called"] = "called"
    """Whose number the target sees. One that is hidden is never shown."""

    fallback: Label = "persona"
    """What becomes of a caller whom nobody answers: another target, `persona`,
    `voicemail` or `hangup`."""

    @model_validator(mode="after")
    def _is_reachable(self) -> "Target":
        if (self.number is None) is (self.sip is None):
            raise PydanticCustomError("target", "expected either number or sip")
        if (self.mode == "warm") is (self.whisper is None):
            raise PydanticCustomError(
                "target", "expected whisper with mode: warm, and only then"
            )
        if self.whisper and self.whisper_language is None:
            raise PydanticCustomError(
                "target", "expected whisper_language with whisper"
            )
        return self


ENDS: Final = ("persona", "voicemail", "hangup")
"""What `fallback` may be besides a target."""


class RouteTest(Section):
    """A call, and the route that it is to take."""

    at: Moment
    """Local date and time, such as `"2027-02-08T10:00"`."""

    to: Callee
    """The number that is called."""

    from_: Caller = Field("+999000000000", alias="from")
    """Who calls; without it, a stranger."""

    country: Country = ""
    """The caller's country."""

    header: dict[Header, Line] = {}
    """SIP headers of the call."""

    load: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How full we are."""

    expect: Line
    """The route that it takes, or `block`, `no route`, `specials.anonymous`."""

    because: Line | None = None
    """Stands in what a calendar says at that moment."""


class DialplanFile(Section):
    """`dialplan.yaml` by itself."""

    version: Annotated[int, BeforeValidator(this_version)]
    """Of this format: 2. `voicebot migrate` rewrites what is of version 1."""

    timezone: ZoneName | None = None
    """Where weekdays, dates and times are; a name such as `Europe/London`. Needed where
    these are used."""

    include: Annotated[tuple[Fragment, ...], Field(max_length=20)] = ()
    """Files that hold more of `calendars`, `numbers`, `targets`, `callers`, `block`,
    `allow`, `routes` and `tests`, such as `routes.d/*.yaml`."""

    calendars: Annotated[dict[Label, CalendarFile], Field(max_length=100)] = {}
    numbers: dict[Label, Number] = {}
    targets: Annotated[dict[Label, Target], Field(max_length=500)] = {}
    callers: Annotated[dict[Label, CallerTag], Field(max_length=100)] = {}
    """Callers by tag: a list of them, or `{file: lists/x.txt}`."""

    block: Annotated[tuple[CallerOrTag, ...], Field(max_length=2000)] = ()
    """Callers, or tags of them, who are rejected before all routes."""

    allow: Annotated[tuple[CallerOrTag, ...], Field(max_length=2000)] = ()
    """Callers who are not blocked, whatever `block` says."""

    routes: Annotated[tuple[Route, ...], Field(max_length=500), BeforeValidator(filled)]
    """The first that matches a call decides."""

    specials: Specials = Specials()
    capacity: Capacity = Capacity()
    budgets: Budgets = Budgets()
    tests: Annotated[tuple[RouteTest, ...], Field(max_length=1000)] = ()
    """Calls that `voicebot check` tries, and the routes that they take."""


UTC_ZONE: Final = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Dialplan:
    """All files together, and all references between them good."""

    numbers: Mapping[str, Number]
    routes: tuple[Route, ...]
    personas: Mapping[str, Persona]

    revision: str
    """A short hash of the files: a call's record says which plan it ran on."""

    zone: ZoneInfo = UTC_ZONE
    """Where weekdays, dates and times of routes are."""

    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    targets: Mapping[str, Target] = field(default_factory=dict)
    callers: Callers = field(default_factory=lambda: Callers({}))
    specials: Specials = Specials()
    capacity: Capacity = Capacity()
    budgets: Budgets = Budgets()
    tests: tuple[RouteTest, ...] = ()

    places: Mapping[str, str] = field(default_factory=dict)
    """Where things are written: `routes[0]` -> `dialplan.yaml:12`."""

    clips: Mapping[tuple[str, str], Clip] = field(default_factory=dict)
    """Recorded greetings, by persona and language."""

    trees: Mapping[str, Node] = field(default_factory=dict)
    """What the files of each persona say together, and where: see `effective`."""
