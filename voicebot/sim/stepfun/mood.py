"""How the offline StepFun behaves where the real one leaves room."""

from dataclasses import dataclass, replace
from random import Random

from voicebot.sim.stepfun.speech_mood import SpeechMood

# (low, high): each time it is needed, a value is drawn evenly from the range.
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class At:
    """A point of a session: after so many audio deltas of its n-th response."""

    response: int
    """1 is the session's first response."""

    deltas: int
    """0 is before any audio: the response is created, and nothing follows."""


@dataclass(frozen=True, slots=True)
class Mood:
    """
    Everything that a client must cope with, and that StepFun decides.

    The defaults are polite: no fault, and the quickest timing that was ever seen.

    Source:
        StepFun: Realtime API, guide and public measurements of
        stepaudio-2.5-realtime (2026-09). What nobody has measured is marked so.
    """

    # Hearing
    ear_hz: int = 24000
    """The rate at which it takes what it hears. The documents don't tell."""
    onset_s: float = 0.2
    """From the first loud sample to speech_started; 0.95 was measured."""
    vad_by_default: bool = True
    """Whether turn_detection is on until the client says. Sources disagree."""
    null_is_echoed: bool = False
    """turn_detection null is echoed as null, else as {"type": ""}."""
    transcript_after_s: Range = (0.3, 0.3)
    """From the commit to the caller's transcript, if hearing it takes less."""
    lost_transcripts: float = 0.0
    """Share of the caller's turns whose transcript never comes."""

    # Speaking
    think_s: Range = (0.25, 0.25)
    """From response.created to the first audio, if thinking takes less."""
    pace: Range = (1.05, 1.05)
    """Seconds of audio sent in a second; 1.0 to 1.1 was measured."""
    speed: float = 1.0
    """A factor on `pace` for tests that don't want to wait."""
    all_at_once: bool = False
    """All of a response is sent as soon as it is thought out."""
    jitter_s: float = 0.0
    """Each delta may come so much later than the pace says."""
    first_delta_bytes: int = 9600
    delta_bytes: tuple[int, int] = (9600, 23040)
    """Later deltas: multiples of 1920 in this range; up to 92160 was seen."""
    ragged_deltas: bool = False
    """Deltas that end in the middle of a sample. Never seen."""

    # Writing
    chat_s: Range = (0.4, 0.4)
    """From a request for a chat completion to the answer. Nobody has measured it."""
    chat_garbage: float = 0.0
    """Share of those whose answer is none."""
    word_s: float = 0.03
    """From one piece of a streamed answer to the next. Nobody has measured it."""
    stream_errors: float = 0.0
    """Share of streamed answers, and of transcripts, that end in an error event."""
    stream_halves: float = 0.0
    """Share of them whose stream ends in the middle of an event."""

    # Transcribing
    asr_s: Range = (0.35, 0.35)
    """From a clip to the first words of its transcript; 0.35 to 0.63 was measured."""
    deaf: float = 0.0
    """Share of clips of which nothing is understood."""
    asr_repeats: bool = False
    """A delta holds all words so far. Never seen; the realtime API was to do so."""

    speech: SpeechMood = SpeechMood()
    """Speech from text, and voices."""

    # Being interrupted
    cancel_lag_s: Range = (0.0, 0.1)
    """Audio goes on for so long after response.cancel."""
    cancel_statuses: tuple[str, ...] = ("cancelled",)
    """Status of a cancelled response: one of these."""
    says_cancelled: float = 0.0
    """How often an extra response.cancelled is sent."""
    interrupted_done_s: Range = (0.3, 0.3)
    """From speech_started to the response.done of the response it stopped."""

    # Talking about it
    flat_errors: bool = False
    """Unknown events are refused in the guide's flat shape, without `error`."""
    names_event: float = 1.0
    """How often an error names the client event at fault."""
    text_items_as: str = "text"
    """Content type in conversation.item.created of a text: text or audio."""
    acknowledges_tool_output: bool = True
    obeys_response_instructions: bool = True
    """Whether response.create's own instructions count. Sources disagree."""
    refuses_delete: bool = False
    """No item can be deleted. Never seen, as the next two: nobody has tried."""
    refuses_assistant_items: bool = False
    """A client can't create an item of the assistant's."""
    refuses_previous_item_id: bool = False
    """A client can create items at the end only."""
    refuses_truncate: bool = False
    """An undocumented command brings an error, else nothing. Nobody has told."""
    rate_limits: bool = False
    unknown_events: float = 0.0
    """How often an event of an unknown type precedes an audio delta."""
    garbage: float = 0.0
    """How often a frame that is no event precedes an audio delta."""
    doubles_done: bool = False
    """response.done is sent twice. Never seen."""

    # Money and paths
    no_credit: tuple[str, ...] = ()
    """Bases on which the key has no money, such as "/v1": 402."""
    missing: tuple[str, ...] = ()
    """Paths that aren't there, such as "/step_plan/v1/audio/speech": 404."""

    # Failing
    mute_from_start: bool = False
    """The socket opens and nothing is ever said, not even session.created."""
    stalls: At | None = None
    """The response stops here and never ends, though cancel still works."""
    fails: At | None = None
    """The response ends here with an error and the status failed."""
    drops: At | None = None
    """The connection is lost here, without a close frame."""
    idle_s: float = 60.0
    session_s: float = 1800.0
    expiry_code: int | None = 1000
    """Close code at the session limit; None drops the connection. Unmeasured."""

    @classmethod
    def kind(cls) -> "Mood":
        """No surprises: for demos, and for tests of something else."""
        return cls()

    @classmethod
    def burst(cls) -> "Mood":
        """All at once: for tests that must not wait for speech."""
        return cls(
            all_at_once=True,
            think_s=(0.0, 0.0),
            speech=SpeechMood.burst(),
            chat_s=(0.0, 0.0),
            word_s=0.0,
            asr_s=(0.0, 0.0),
            transcript_after_s=(0.0, 0.0),
            cancel_lag_s=(0.0, 0.0),
            interrupted_done_s=(0.0, 0.0),
        )

    @classmethod
    def real(cls) -> "Mood":
        """As measured on stepaudio-2.5-realtime, on an average day."""
        return cls(
            onset_s=0.95,
            transcript_after_s=(0.28, 1.8),
            think_s=(0.7, 1.9),
            speech=SpeechMood.real(),
            chat_s=(0.3, 1.5),
            asr_s=(0.35, 0.63),
            pace=(1.0, 1.1),
            jitter_s=0.3,
            delta_bytes=(17280, 92160),
            cancel_lag_s=(0.0, 0.45),
            cancel_statuses=("cancelled", "incomplete", "completed"),
            says_cancelled=0.3,
            interrupted_done_s=(0.3, 1.4),
            names_event=0.5,
            acknowledges_tool_output=False,
            obeys_response_instructions=False,
        )

    @classmethod
    def nasty(cls, seed: int) -> "Mood":
        """A bad day: `real`, with whatever this seed makes go wrong."""
        random = Random(seed)

        def spot() -> At | None:
            if random.random() < 0.6:
                return None
            return At(random.randint(1, 3), random.randint(0, 4))

        return replace(
            cls.real(),
            vad_by_default=random.random() < 0.5,
            null_is_echoed=random.random() < 0.5,
            transcript_after_s=(0.0, 4.0),
            lost_transcripts=0.2,
            all_at_once=random.random() < 0.3,
            delta_bytes=random.choice([(1920, 1920), (1920, 23040), (9600, 92160)]),
            ragged_deltas=random.random() < 0.3,
            flat_errors=random.random() < 0.5,
            text_items_as=random.choice(["text", "audio"]),
            rate_limits=random.random() < 0.5,
            unknown_events=0.2,
            garbage=0.1,
            chat_garbage=0.1,
            stream_errors=0.1,
            stream_halves=0.1,
            deaf=0.1,
            doubles_done=random.random() < 0.3,
            stalls=spot(),
            fails=spot(),
            drops=spot(),
            session_s=random.choice([60.0, 600.0, 1800.0]),
            expiry_code=random.choice([None, 1000, 1001, 1011]),
            refuses_delete=random.random() < 0.2,
            refuses_assistant_items=random.random() < 0.2,
            refuses_previous_item_id=random.random() < 0.2,
            speech=SpeechMood.nasty(random),
        )
