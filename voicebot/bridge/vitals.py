"""What a call was like at the caller's ear, in a few numbers as it goes on. Pure."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from voicebot.audio.framing import ULAW_BYTES_PER_SECOND
from voicebot.bridge.model import NoteDecision, Outcome
from voicebot.bridge.waterfall import NoteLatency

# A shorter gap is arithmetic; after a longer one, something else is said.
HOLE_S: Final = 0.001
UNDERRUN_S: Final = 0.5

# Nobody barges in more often before it is decided, or says more while one waits.
REMEMBERED: Final = 16

STOPPED: Final = frozenset({Outcome.CONFIRMED, Outcome.RESUMED})


@dataclass(frozen=True, slots=True)
class Greeted:
    """The bot was heard for the first time, and the caller hadn't spoken before."""

    delay_ms: float
    """From the stream's start."""


@dataclass(frozen=True, slots=True)
class BargedIn:
    """The bot fell silent because the caller spoke, or may have."""

    stop_ms: float
    """From the beginning of that speech to the order to be silent."""

    outcome: Outcome
    """CONFIRMED; or RESUMED: it was nothing."""


@dataclass(frozen=True, slots=True)
class RanDry:
    """The bot's voice had a hole, because what was to come came too late."""

    hole_ms: float


@dataclass(frozen=True, slots=True)
class DeadAir:
    """A caller who had spoken got an answer, and heard nothing for so long before."""

    silence_ms: float
    """The longest piece of it; fillers break it up."""


Vital = Greeted | BargedIn | RanDry | DeadAir


@dataclass(slots=True)
class _Sound:
    """A stretch without a hole, in seconds."""

    since: float
    until: float
    was_cut: bool = False


class Vitals:
    """
    Follows one call. A call that comes back from elsewhere is another one.

    Args:
        began_at: seconds, on the clock of all `at`.
    """

    def __init__(self, began_at: float) -> None:
        self._began_at = began_at
        self._sounds: deque[_Sound] = deque(maxlen=REMEMBERED)
        self._cleared_ms: deque[float] = deque(maxlen=REMEMBERED)
        self._had_a_turn = False

    def played(self, size: int, at: float) -> Vital | None:
        """
        Take audio as it is sent.

        Args:
            size: bytes of μ-law.
            at: when its first one is heard.
        """
        until = at + size / ULAW_BYTES_PER_SECOND
        if not self._sounds:
            self._sounds.append(_Sound(at, until))
            return None if self._had_a_turn else Greeted(self._ms(at))
        last = self._sounds[-1]
        hole_s = at - last.until
        if hole_s <= HOLE_S and not last.was_cut:
            last.until = until
            return None
        self._sounds.append(_Sound(at, until))
        is_underrun = hole_s < UNDERRUN_S and not last.was_cut
        return RanDry(hole_s * 1000) if is_underrun else None

    def cleared(self, at: float) -> None:
        """Take the order to drop what isn't heard."""
        self._cleared_ms.append(self._ms(at))
        if self._sounds:
            last = self._sounds[-1]
            last.until, last.was_cut = min(last.until, at), True

    def decided(self, note: NoteDecision) -> Vital | None:
        """Take a decision, or what came of one."""
        if note.kind != "barge_in":
            self._had_a_turn = True
            return None
        stops = [ms - note.at_ms for ms in self._cleared_ms if ms >= note.at_ms]
        self._cleared_ms.clear()
        if not stops or note.outcome not in STOPPED:
            return None
        return BargedIn(stops[0], note.outcome)

    def answered(self, note: NoteLatency) -> Vital | None:
        """Take how an answer came, once; what was measured later is no news."""
        if note.heard_by != "clock":
            return None
        longest_ms, silent_ms = 0.0, float(note.spoken_ms)
        for sound in self._sounds:
            since_ms = min(self._ms(sound.since), note.heard_ms)
            longest_ms = max(longest_ms, since_ms - silent_ms)
            silent_ms = max(silent_ms, self._ms(sound.until))
        return DeadAir(max(longest_ms, note.heard_ms - silent_ms))

    def _ms(self, at: float) -> float:
        return (at - self._began_at) * 1000
