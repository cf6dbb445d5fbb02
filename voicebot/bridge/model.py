"""What can happen to a call (events), what to do about it (actions), its phases."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from voicebot.bridge.settings import BargeIn, Listening, Prompt


class Ending(StrEnum):
    """Why a call was ended by the bridge. The call log has the same words."""

    CALLER_HANGUP = "caller_hangup"
    BOT_GOODBYE = "bot_goodbye"
    IDLE = "idle"
    MAX_DURATION = "max_duration"
    NO_MEDIA = "no_media"
    DRAIN = "drain"
    STEPFUN_LOST = "stepfun_lost"
    STEPFUN_REFUSED = "stepfun_refused"
    STEPFUN_STALLED = "stepfun_stalled"
    TWILIO_LOST = "twilio_lost"
    TRANSFERRED = "transferred"
    VOICEMAIL = "voicemail"


# Those that come many times a second make themselves: the `__init__` that a dataclass
# is given takes ten times as long, when all else is compiled. None is to be changed.

# ---- events: what happened ------------------------------------------------------


@dataclass(slots=True, init=False)
class CallerAudio:
    """A chunk of the caller's voice, 20 ms in practice."""

    ulaw: bytes
    """G.711 μ-law, 8000 Hz, mono: one byte a sample."""

    def __init__(self, ulaw: bytes) -> None:
        self.ulaw = ulaw


@dataclass(frozen=True, slots=True)
class CallerKey:
    """The caller pressed a key."""

    digit: str


@dataclass(slots=True, init=False)
class MarkReturned:
    """All that was sent before the mark of this name was played, or cleared."""

    name: str
    waited_s: float
    """How long ago it came: see `arrivals`."""

    def __init__(self, name: str, waited_s: float = 0.0) -> None:
        self.name = name
        self.waited_s = waited_s


@dataclass(frozen=True, slots=True)
class SessionReady:
    """The model's session is open and configured."""


@dataclass(frozen=True, slots=True)
class ServerSpeechStarted:
    """The model's own VAD hears the caller (turn owner `server` only)."""


@dataclass(frozen=True, slots=True)
class ServerSpeechStopped:
    """The model's own VAD hears the caller's turn end (turn owner `server` only)."""


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """The caller's turn became an item of the conversation."""

    item_id: str


@dataclass(frozen=True, slots=True)
class CallerText:
    """What the caller said in a turn. May come much later than the turn."""

    item_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """The model began to answer."""

    response_id: str


@dataclass(slots=True, init=False)
class BotAudio:
    """A piece of the bot's voice."""

    response_id: str
    pcm16: bytes
    """Signed 16-bit little-endian, 24000 Hz, mono."""

    def __init__(self, response_id: str, pcm16: bytes) -> None:
        self.response_id = response_id
        self.pcm16 = pcm16


@dataclass(slots=True, init=False)
class BotText:
    """A piece of what the bot says; it runs ahead of the audio."""

    response_id: str
    text: str

    def __init__(self, response_id: str, text: str) -> None:
        self.response_id = response_id
        self.text = text


@dataclass(frozen=True, slots=True)
class ReplyDone:
    """The model has nothing to add to this answer, however it ended."""

    response_id: str


@dataclass(frozen=True, slots=True)
class ModelRefused:
    """The model answered one of our commands with an error; its session lives on."""

    kind: Literal["no_speech", "ongoing_response"]


@dataclass(frozen=True, slots=True)
class PeerLost:
    """One side of the call is gone; nothing more comes from it, nothing reaches it."""

    ending: Ending
    heals: bool = True
    """Of the model: another session may be had, and work."""


@dataclass(frozen=True, slots=True)
class EndRequested:
    """Somebody on our side wants the call to end politely."""

    ending: Ending
    words: Prompt | None = None
    """Our last ones; None: the goodbye of the settings. Without text there are none."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Say words of ours: after what is being said, or instead of it."""

    id: str
    """`NoteHeard` tells what became of it, as `prompt:` and this."""
    prompt: Prompt
    """If it wasn't rendered, the model says it."""
    cut: bool = False
    """Drop what is being said, what waits to be, and the answer that is due."""


@dataclass(frozen=True, slots=True)
class StopSpeaking:
    """Drop what the caller hasn't heard, what waits, and the answer that is due."""


@dataclass(frozen=True, slots=True)
class Answering:
    """
    Whether the model answers the caller.

    While it doesn't, turns are heard, made items and noted all the same. An answer
    that it has begun is said to its end; one that it hasn't is given up.
    """

    on: bool


@dataclass(frozen=True, slots=True)
class ReplyWanted:
    """The model is to answer, though the caller said nothing new."""


@dataclass(frozen=True, slots=True)
class ModelOptional:
    """Whether the call goes on when the model is lost."""

    on: bool


@dataclass(frozen=True, slots=True)
class Retune:
    """
    Listen, and let the caller interrupt, in another way from now on.

    A turn or an answer that has begun ends as it began: it counts as soon as the bot
    listens, or is to answer.
    """

    barge_in: BargeIn
    listening: Listening


@dataclass(frozen=True, slots=True)
class Reword:
    """Say other words of ours from now on, as in another language."""

    goodbye: Prompt
    apology: Prompt
    fillers: tuple[Prompt, ...]
    farewells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    """The instant that `next_deadline` named has come."""


Event = (
    CallerAudio
    | CallerKey
    | MarkReturned
    | SessionReady
    | ServerSpeechStarted
    | ServerSpeechStopped
    | TurnCommitted
    | CallerText
    | ReplyStarted
    | BotAudio
    | BotText
    | ReplyDone
    | ModelRefused
    | PeerLost
    | EndRequested
    | Speak
    | StopSpeaking
    | Answering
    | ReplyWanted
    | ModelOptional
    | Retune
    | Reword
    | DeadlineReached
)


# ---- actions: what to do, in order -----------------------------------------------


@dataclass(slots=True, init=False)
class PlayToCaller:
    """Send audio to the caller now."""

    ulaw: bytes
    at: float
    """When the caller will hear its first byte, on the clock of `now`."""

    def __init__(self, ulaw: bytes, at: float) -> None:
        self.ulaw = ulaw
        self.at = at


@dataclass(slots=True, init=False)
class MarkCaller:
    """Ask to be told when all that was sent so far has been played."""

    name: str

    def __init__(self, name: str) -> None:
        self.name = name


@dataclass(frozen=True, slots=True)
class ClearCaller:
    """Drop what the caller's side has buffered and not played."""

    at: float
    """From this instant on the caller hears nothing of it."""


@dataclass(slots=True, init=False)
class AppendAudio:
    """Give the model a piece of the caller's voice."""

    pcm16: bytes

    def __init__(self, pcm16: bytes) -> None:
        self.pcm16 = pcm16


@dataclass(frozen=True, slots=True)
class CommitAudio:
    """The caller's turn is over: make an item of what was appended."""


@dataclass(frozen=True, slots=True)
class AskForReply:
    """Let the model answer."""


@dataclass(frozen=True, slots=True)
class AskToSay:
    """Let the model speak this text, word for word."""

    text: str


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Stop the answer that the model is giving."""


@dataclass(frozen=True, slots=True)
class AmendReply:
    """Of an answer that is over, the caller heard only this: let the model know."""

    response_id: str
    heard_text: str


@dataclass(frozen=True, slots=True)
class ForgetTurn:
    """What the caller said in this item was no turn: the model is to forget it."""

    item_id: str


@dataclass(frozen=True, slots=True)
class FindTurns:
    """
    Whether the model's own VAD is to find the caller's turns from now on.

    Either way it forgets what it heard of a turn that isn't over.
    """

    by_server: bool


@dataclass(frozen=True, slots=True)
class Redial:
    """The model is lost: open another session; SessionReady or PeerLost comes of it."""

    ending: Ending
    """How it was lost."""
    give_up_at: float
    """The session is of no use any more, on the clock of `now`."""
    spare: bool = False
    """Of the other engine, this time and from now on."""


@dataclass(frozen=True, slots=True)
class Recall:
    """What was said before this session began, and heard: let the model know."""

    who: Literal["caller", "bot"]
    text: str


@dataclass(frozen=True, slots=True)
class GoOn:
    """The answer before broke off with its session: the next is the rest of it."""


@dataclass(frozen=True, slots=True)
class NoteTurn:
    """A turn for the call log. The same `seq` again replaces what it said before."""

    seq: int
    who: Literal["caller", "bot"]
    item_id: str | None
    """The caller's item, once the model named it."""
    response_id: str | None
    """The bot's response; `prompt:…` for our own words."""
    started_ms: int
    """From the start of the call: when it began to be heard."""
    ended_ms: int
    generated_text: str
    """All that was said, or would have been."""
    heard_text: str
    """The part of it that the caller heard; of the caller, all."""
    generated_ms: int
    heard_ms: int
    proved_ms: int
    """What of it Twilio's marks have proved to be played; of the caller, all."""
    interrupted: bool
    reply_ms: int | None
    """From the caller's last word to the first audio sent; None for other turns."""


@dataclass(frozen=True, slots=True)
class NoteHeard:
    """
    What became of something that the bot said, or was to say. Once for each.

    Behind its `NoteTurn`, if anything was made of it.
    """

    response_id: str
    """The model's response; `prompt:…` for our own words, whoever spoke them."""
    heard_ms: int
    whole: bool
    """All that there is of it was heard."""


@dataclass(frozen=True, slots=True)
class ModelGone:
    """The model is lost, and the call goes on without it (`ModelOptional`)."""

    ending: Ending
    """How the call would have ended."""


@dataclass(frozen=True, slots=True)
class ModelBack:
    """Another session is open in place of the one that was lost; Recalls follow."""

    away_ms: int
    attempts: int
    """Sessions that were asked for, this one included."""


class Rule(StrEnum):
    """What a decision about the caller's turn rested on."""

    # barge-in: the bot speaks
    PROTECTED = "protected"  # nothing may cut what is being said
    TOO_SHORT = "too_short"  # not enough clear speech
    TOO_SOFT = "too_soft"  # far softer than this caller speaks: somebody else
    NOT_VOICE = "not_voice"  # the neural VAD, or its sound: a cough, a key, music
    CLEAR_SPEECH = "clear_speech"  # it was enough to stop for good (mode `stop`)
    LONG_SPEECH = "long_speech"  # it went on for `confirm_ms`
    STOP_WORD = "stop_word"
    WORDS = "words"
    BACKCHANNEL = "backchannel"
    ECHO = "echo"  # its words are the bot's own
    NO_WORDS = "no_words"  # the model found none in it
    SPOKE_AGAIN = "spoke_again"
    NO_ANSWER = "no_answer"  # the words didn't come within `decide_ms`
    KEY = "key"
    CALL_ENDED = "call_ended"  # before it was decided
    # end of turn: the caller speaks
    SILENCE = "silence"
    MAX_TURN = "max_turn"
    SERVER = "server"  # the model's own VAD said so


class Outcome(StrEnum):
    """What came of it."""

    # barge-in
    IGNORED = "ignored"  # the bot went on speaking
    RESUMED = "resumed"  # it paused, and went on where it was
    CONFIRMED = "confirmed"  # it gave the caller the floor
    # end of turn
    ANSWERED = "answered"
    TOO_EARLY = "too_early"  # the caller went on before an answer was heard
    # the call ended, there were no words in it, or the model wasn't to answer
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class NoteDecision:
    """
    A decision about the caller's turn, for the call log: why, and what it rested on.

    The same `seq` again replaces what it said before.
    """

    seq: int
    kind: Literal["barge_in", "end_of_turn"]
    at_ms: int
    """From the start of the call: when that speech, or that turn, began."""
    decided_ms: int
    """From the start of the call: when the decision fell."""
    rule: Rule
    outcome: Outcome
    caller_seq: int | None
    """The caller's turn (`NoteTurn.seq`) that it made or ended, if any."""
    trace: str
    """
    One letter for each 20 ms from `at_ms` on: what the caller's line sounded like
    (`audio.vad.Sound`), in upper case where the VAD took it for speech.
    """
    features: Mapping[str, int | float | str]
    """Levels (dBov), durations (ms) and settings that it rested on; never words."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call. The last action of every call, and given once."""

    ending: Ending


Action = (
    PlayToCaller
    | MarkCaller
    | ClearCaller
    | AppendAudio
    | CommitAudio
    | AskForReply
    | AskToSay
    | CancelReply
    | AmendReply
    | ForgetTurn
    | FindTurns
    | Redial
    | Recall
    | GoOn
    | NoteTurn
    | NoteDecision
    | NoteHeard
    | ModelGone
    | ModelBack
    | HangUp
)


# ---- phases ----------------------------------------------------------------------


class Phase(StrEnum):
    """Who has the floor."""

    LISTENING = "listening"  # nobody speaks; the caller may
    CALLER = "caller"  # the caller speaks
    WAITING = "waiting"  # the caller has finished; an answer is due
    SPEAKING = "speaking"  # the caller hears the bot, or is about to
    TENTATIVE = "tentative"  # the bot has paused: does the caller mean to interrupt?
    CLOSING = "closing"  # our last words are being heard
    ENDED = "ended"


class Moment(StrEnum):
    """What changes a phase; found in events, by the VAD or by the clock."""

    CALLER_STARTED = "caller started"
    PAUSED = "paused"  # the caller may be about to interrupt
    RESUMED = "resumed"  # it was none
    CALLER_STOPPED = "caller stopped"
    TURN_DROPPED = "turn dropped"  # it held no speech
    REPLY_DUE = "reply due"  # the model answers unasked (turn owner `server`)
    BOT_AUDIBLE = "bot audible"
    BOT_HEARD = "bot heard"  # to its last byte
    CLOSE = "close"
    END = "end"


LIVE: Final = frozenset(Phase) - {Phase.ENDED}
OPEN: Final = LIVE - {Phase.CLOSING}

# Every way a call can change phase; a pair that isn't here leaves it alone.
# The diagram in docs/architecture.md is drawn from this table.
TRANSITIONS: Final[Mapping[tuple[Phase, Moment], Phase]] = {
    (Phase.LISTENING, Moment.CALLER_STARTED): Phase.CALLER,
    (Phase.WAITING, Moment.CALLER_STARTED): Phase.CALLER,  # had not finished yet
    (Phase.SPEAKING, Moment.CALLER_STARTED): Phase.CALLER,  # barge-in
    (Phase.SPEAKING, Moment.PAUSED): Phase.TENTATIVE,
    (Phase.TENTATIVE, Moment.RESUMED): Phase.SPEAKING,
    (Phase.TENTATIVE, Moment.CALLER_STARTED): Phase.CALLER,  # barge-in, confirmed
    (Phase.CALLER, Moment.CALLER_STOPPED): Phase.WAITING,
    (Phase.CALLER, Moment.TURN_DROPPED): Phase.LISTENING,
    (Phase.WAITING, Moment.TURN_DROPPED): Phase.LISTENING,
    (Phase.LISTENING, Moment.REPLY_DUE): Phase.WAITING,
    (Phase.CALLER, Moment.REPLY_DUE): Phase.WAITING,
    (Phase.LISTENING, Moment.BOT_AUDIBLE): Phase.SPEAKING,
    (Phase.WAITING, Moment.BOT_AUDIBLE): Phase.SPEAKING,
    (Phase.SPEAKING, Moment.BOT_HEARD): Phase.LISTENING,
    **{(phase, Moment.CLOSE): Phase.CLOSING for phase in OPEN},
    **{(phase, Moment.END): Phase.ENDED for phase in LIVE},
}
