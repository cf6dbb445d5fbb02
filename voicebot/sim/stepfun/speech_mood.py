"""How the offline StepFun speaks where the documents contradict each other."""

from dataclasses import dataclass, replace
from math import inf
from random import Random

# (low, high): each time it is needed, a value is drawn evenly from the range.
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class SpeechMood:
    """
    Everything about speech from text, and about voices, that StepFun decides.

    The defaults are what the documents say, without a fault.

    Source:
        StepFun: Create audio, Stream audio, Create and preview a voice; public
        measurements on a Step Plan (2026-09). What nobody has measured is marked so.
    """

    # Timing, of sockets and of streamed answers
    first_s: Range = (0.46, 0.46)
    """From a sentence to its first audio; 0.46 was measured on the socket."""
    pace: float = 1.5
    """Seconds of audio sent in a second; measured over HTTP only, as about 1."""
    delta_ms: int = 200

    # What is sent
    mislabels_created: bool = False
    """tts.response.created is called tts.connection.done, as in the page's sample."""
    done_is_called: str = "tts.response.audio.done"
    """The page's table says response.audio.done; a client knows tts.response.done."""
    done_holds_all: bool = False
    """The last event holds all audio once more."""
    wav_chunks: bool = False
    """Each piece is a WAV file though samples were asked for."""
    odd_bytes: bool = False
    """Pieces end in the middle of a sample. Never seen."""
    unknown_events: bool = False
    """An event of an unknown type precedes each piece. Never seen."""

    # Failing
    anonymous_errors: bool = False
    """Errors don't name the session."""
    fails_after: int | None = None
    """So many pieces of an utterance are sent, and then an error."""
    drops_after: int | None = None
    """So many pieces are sent, half an event if it can be cut, and nothing more."""
    stalls_after: int | None = None
    """So many pieces are sent; the connection stays, and nothing is said on it."""
    idle_s: float = 60.0
    """A socket on which nothing happens for so long is closed."""

    # Voices
    preview_is: str | None = None
    """Format of a preview whatever was asked for. The page says wav, and mp3."""
    shortest_reference_s: float = 5.0
    """One page demands 5 to 10 s of a voice, another one advertises 3."""
    plan_lacks: frozenset[str] = frozenset({"system_voices"})
    """What the Step Plan's path doesn't have: preview, clone, list, files too?"""
    plan_status: int = 404
    """How it says so: 404 or 402."""

    @classmethod
    def burst(cls) -> "SpeechMood":
        """All at once: for tests that must not wait for speech."""
        return cls(first_s=(0.0, 0.0), pace=inf)

    @classmethod
    def real(cls) -> "SpeechMood":
        """As measured, on an average day."""
        return cls(first_s=(0.4, 0.96), pace=1.1)

    @classmethod
    def nasty(cls, random: Random) -> "SpeechMood":
        """A bad day: `real`, with whatever goes wrong by this chance."""

        def after() -> int | None:
            return random.randint(0, 6) if random.random() < 0.15 else None

        return replace(
            cls.real(),
            delta_ms=random.choice([20, 100, 200, 1000]),
            mislabels_created=random.random() < 0.3,
            done_is_called=random.choice(
                ["tts.response.audio.done", "response.audio.done", "tts.response.done"]
            ),
            done_holds_all=random.random() < 0.3,
            wav_chunks=random.random() < 0.3,
            odd_bytes=random.random() < 0.3,
            unknown_events=random.random() < 0.3,
            anonymous_errors=random.random() < 0.5,
            fails_after=after(),
            drops_after=after(),
            stalls_after=after(),
            preview_is=random.choice([None, "wav", "mp3"]),
            plan_lacks=random.choice(
                [
                    frozenset({"system_voices"}),
                    frozenset({"system_voices", "preview", "files"}),
                ]
            ),
            plan_status=random.choice([402, 404]),
        )
