"""What the call log holds, one frozen dataclass a record. All instants are UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from voicebot.store.faults import Fault

Party = Literal["caller", "bot", "operator", "stepfun", "twilio", "us"]
Speaker = Literal["caller", "bot"]
DecisionKind = Literal["barge_in", "end_of_turn"]


class EndReason(StrEnum):
    """Why a call ended. Every call ends for exactly one of these."""

    CALLER_HANGUP = "caller_hangup"
    BOT_GOODBYE = "bot_goodbye"
    IDLE = "idle"  # nobody spoke, even after the bot asked
    MAX_DURATION = "max_duration"
    NO_MEDIA = "no_media"  # the stream stood open and brought no audio
    DRAIN = "drain"  # this process had to stop and could wait no longer
    OPERATOR = "operator"
    STEPFUN_LOST = "stepfun_lost"
    STEPFUN_REFUSED = "stepfun_refused"  # no key, no quota, too many sessions
    STEPFUN_STALLED = "stepfun_stalled"  # open, but silent when it was its turn
    TWILIO_LOST = "twilio_lost"
    PROTOCOL = "protocol"  # the media stream wasn't what Twilio documents
    REJECTED = "rejected"  # by the dialplan, or because the house is full
    NEVER_CONNECTED = "never_connected"  # answered, but no media stream came
    TRANSFERRED = "transferred"  # and somebody took the call
    TRANSFER_FAILED = "transfer_failed"  # nobody did, and nothing else was to be done
    VOICEMAIL = "voicemail"  # the caller was asked for a message
    NODE_CRASH = "node_crash"  # found open when a process started
    INTERNAL_ERROR = "internal_error"  # a bug of ours


ENDED_BY: Final[Mapping[EndReason, Party]] = MappingProxyType(
    {
        EndReason.CALLER_HANGUP: "caller",
        EndReason.BOT_GOODBYE: "bot",
        EndReason.IDLE: "bot",
        EndReason.MAX_DURATION: "bot",
        EndReason.NO_MEDIA: "twilio",
        EndReason.DRAIN: "us",
        EndReason.OPERATOR: "operator",
        EndReason.STEPFUN_LOST: "stepfun",
        EndReason.STEPFUN_REFUSED: "stepfun",
        EndReason.STEPFUN_STALLED: "stepfun",
        EndReason.TWILIO_LOST: "twilio",
        EndReason.PROTOCOL: "twilio",
        EndReason.REJECTED: "us",
        EndReason.NEVER_CONNECTED: "twilio",
        EndReason.TRANSFERRED: "bot",
        EndReason.TRANSFER_FAILED: "bot",
        EndReason.VOICEMAIL: "bot",
        EndReason.NODE_CRASH: "us",
        EndReason.INTERNAL_ERROR: "us",
    }
)
"""Whose doing each end is."""


@dataclass(frozen=True, slots=True)
class CallStarted:
    """Twilio asked what to do with a call."""

    call_id: str
    """Ours; it also names the recording."""

    call_sid: str
    account_sid: str
    from_number: str
    to_number: str
    direction: str
    persona: str
    route: str
    dialplan_revision: str
    started_at: datetime
    instance_id: str | None = None
    """The process that took it; None in calls of older releases."""


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """The media stream of a call began."""

    call_id: str
    stream_sid: str
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call is over, and this is all that will be said of it."""

    call_id: str
    ended_at: datetime
    duration_ms: int
    end_reason: EndReason
    ended_by: Party
    faults: tuple[Fault, ...]
    """What went wrong on the way, first one first; empty if nothing did."""

    recording: str | None
    """Path of the recording; None if there is none, or it was lost."""

    recording_ms: int | None
    usage: dict[str, int]
    """What StepFun will bill: tokens by kind."""

    waited_ms: int | None = None
    """How long the caller waited in line for room; None if they didn't."""

    cost: dict[str, int] = field(default_factory=dict)
    """What it cost, by what it was for, in millionths of a yuan."""


@dataclass(frozen=True, slots=True)
class CallReopened:
    """The call was over, because its stream broke, and goes on; its faults stay."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One side's say. Times are milliseconds from the start of the media stream."""

    call_id: str
    seq: int
    """Order of the turns within the call. A turn written again replaces itself."""

    who: Speaker
    item_id: str | None
    response_id: str | None
    started_ms: int
    ended_ms: int
    generated_text: str
    """What the model meant to say; of a caller, what was understood."""

    heard_text: str
    """What of it reached the caller's ear before it was cut off."""

    generated_ms: int | None
    heard_ms: int | None
    proved_ms: int | None
    """What of it Twilio has confirmed to be played; None in calls of older releases."""

    interrupted: bool
    reply_ms: int | None
    """From the caller's last word to the bot's first sound."""


@dataclass(frozen=True, slots=True)
class Latency:
    """
    How one answer came to the caller: see `voicebot.bridge.waterfall.NoteLatency`.

    Times are milliseconds from the start of the media stream.
    """

    call_id: str
    seq: int
    """Of the decision that ended the turn. One written again replaces itself."""

    caller_seq: int | None
    spoken_ms: int
    committed_ms: int | None
    delta_ms: int | None
    sent_ms: int
    heard_ms: int
    heard_by: Literal["clock", "mark"]
    understood_ms: int | None = None
    written_ms: int | None = None


@dataclass(frozen=True, slots=True)
class TokensUsed:
    """An answer was billed; noted at once, so that no crash hides what was spent."""

    call_id: str
    at_ms: int
    usage: dict[str, int]
    cost: dict[str, int]


@dataclass(frozen=True, slots=True)
class Decision:
    """
    Why the bot stopped, went on or answered. Never what was said.

    Times are milliseconds from the start of the media stream.
    """

    call_id: str
    seq: int
    """Order of the decisions within the call. One written again replaces itself."""

    kind: DecisionKind
    at_ms: int
    """When the speech, or the caller's turn, began."""

    decided_ms: int
    rule: str
    outcome: str
    caller_seq: int | None
    """The caller's turn that it made or ended, if any."""

    trace: str
    """What the caller's line sounded like: a letter for each 20 ms from `at_ms` on."""

    features: dict[str, int | float | str]
    """Levels, durations and settings that it rested on."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a model found out about a call that is over. As private as the call."""

    call_id: str
    summary: str | None
    disposition: str | None
    extracted: dict[str, str | int | float | bool | None]
    usage: dict[str, int]
    cost: dict[str, int]


@dataclass(frozen=True, slots=True)
class Transcribed:
    """A caller was transcribed when the call was over; the words stand elsewhere."""

    call_id: str
    turn_seq: int | None
    """The turn that it was; None: it was a message."""

    recording_sid: str | None
    """The message that it was; None: it was a turn."""

    audio_ms: int
    """So much was listened to."""

    found: bool
    """Whether there were words in it."""

    cost: dict[str, int]


@dataclass(frozen=True, slots=True)
class Message:
    """What a caller left on the voicemail. The recording itself lies at Twilio."""

    recording_sid: str
    call_id: str
    url: str | None
    """Where Twilio keeps it; fetching it takes the account's credentials."""

    duration_s: int | None
    transcription: str | None
    """What was understood; None if nothing was, or not yet."""

    received_at: datetime
    """When we first heard of it."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The recording of one stream of a call, as far as is known; the last one stands.

    What is None leaves what was known as it is, unless it is `gone`.
    """

    call_id: str
    began_ms: int
    """When in the call it begins: not 0 for a caller who comes back."""

    keep_days: int | None = None
    """So long after the call it is kept, as was promised; None: as the settings say."""

    place: str | None = None
    """A path or an address; None while nothing is there but the call going on."""

    recording_ms: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    gone: bool = False
    """Whether it was erased."""


@dataclass(frozen=True, slots=True)
class Private:
    """What of a turn is to be silent in the recording; the last one of it stands."""

    call_id: str
    seq: int
    """Of the turn."""

    channel: Literal[0, 1]
    """Whose voice: the caller's, or the bot's."""

    started_ms: int
    ended_ms: int
    """From the call's beginning."""

    shares: list[list[float]]
    """From, to: 0 is where the turn's words begin, 1 where they end. Empty: nothing."""


@dataclass(frozen=True, slots=True)
class Silenced:
    """A recording is about to be silenced: there, and where it was before."""

    call_id: str
    began_ms: int
    """Which recording: see `Recording`."""

    spans: list[list[int]]
    """Channel, from, to: milliseconds from the beginning of the recording."""


@dataclass(frozen=True, slots=True)
class FlowNote:
    """Something that was decided about a call: names of the dialplan's, never words."""

    call_id: str
    at_ms: int
    kind: str
    """What: `menu`, `tool`, `refused`… as `voicebot.flow.model.Kind` has them."""

    name: str
    detail: str
    """The verdict, if there is one: which rule refused, what became of a tool."""


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The caller pressed a key."""

    call_id: str
    at_ms: int
    digit: str = ""
    """Which one, if it chose something; empty for digits of a number, sensitive or not.
    """


@dataclass(frozen=True, slots=True)
class ModelLost:
    """From here on the call had no model."""

    call_id: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class FaultNote:
    """Something went wrong for the first time; the call went on, or not."""

    call_id: str
    at_ms: int
    code: Fault


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Where a call went on: out of its stream, or back into one."""

    call_id: str
    step: str
    """`Ring`, `Record`, `ComeBack` or `HangUp`."""

    target: str | None
    """A name of the dialplan's, if somebody is rung."""


@dataclass(frozen=True, slots=True)
class ForwardOver:
    """What Twilio said of a transfer."""

    call_id: str
    status: str


Record = (
    CallStarted
    | CallAnswered
    | Turn
    | Decision
    | Latency
    | TokensUsed
    | FlowNote
    | KeyPressed
    | ModelLost
    | FaultNote
    | Forwarded
    | ForwardOver
    | Message
    | Recording
    | Private
    | Silenced
    | CallEnded
    | CallReopened
    | Reviewed
    | Transcribed
)
"""What can be noted of a call."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A decision, and whether it turned out that the caller had said something."""

    decision: Decision
    has_words: bool
    """Whether the model found words in the caller's turn that it made or ended."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls between two numbers cost."""

    direction: str
    from_number: str = field(repr=False)
    to_number: str = field(repr=False)
    ucny: int
    tokens: int
    """That the model read and spoke."""

    talked_ms: int


@dataclass(frozen=True, slots=True)
class Call:
    """A whole row: what is None did not happen, or not yet."""

    call_id: str
    call_sid: str
    account_sid: str
    from_number: str
    to_number: str
    direction: str
    persona: str
    route: str
    dialplan_revision: str
    started_at: datetime
    answered_at: datetime | None
    stream_sid: str | None
    ended_at: datetime | None
    duration_ms: int | None
    end_reason: EndReason | None
    ended_by: Party | None
    faults: tuple[str, ...]
    recording: str | None
    recording_ms: int | None
    usage: dict[str, int]
    waited_ms: int | None = None
    instance_id: str | None = None
    cost: dict[str, int] = field(default_factory=dict)
    cost_ucny: int = 0
    """All of `cost`: in millionths of a yuan, as all money here."""
