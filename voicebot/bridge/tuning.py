"""
What other settings would have done, told from decisions that fell.

Each is decided again for itself, under the settings then in force, and under the same
with some of them changed; what adapts to a caller stays as it was. A decision that
rested on something else (a key, protected words, the model's own VAD, the neural VAD,
a turn that was too long, the profile of a question) stands as it fell.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final

from voicebot.audio.framing import FRAME_MS
from voicebot.bridge.model import NoteDecision, Outcome, Rule
from voicebot.bridge.replay import replay_barge_in, replay_end
from voicebot.bridge.settings import BargeIn

MIN: Final = "barge_in.min_ms"
CONFIRM: Final = "barge_in.confirm_ms"
END_SILENCE: Final = "listening.end_silence_ms"

# What can be changed, and to what.
TUNABLE: Final[Mapping[str, range]] = {
    MIN: range(0, 3001),
    CONFIRM: range(0, 5001),
    END_SILENCE: range(200, 3001),
}

# The caller meant it, even if the model found no words in the turn that followed.
MEANT: Final = frozenset({Rule.STOP_WORD, Rule.WORDS, Rule.KEY})

# Durations have no say in these.
STANDING: Final = frozenset({Rule.PROTECTED, Rule.TOO_SOFT, Rule.KEY})


@dataclass(frozen=True, slots=True)
class Past:
    """A decision that fell, and what is known of it by now."""

    note: NoteDecision
    has_words: bool
    """Whether the model found words in the caller's turn that it made or ended."""
    turn: NoteDecision | None = None
    """Of a barge-in: how the turn that it made came to its end."""

    @property
    def was_meant(self) -> bool:
        """
        Whether the caller meant to interrupt.

        They did if the bot gave them the floor for what they said or pressed, or if
        their turn had words; not if the bot went on where it had paused.
        """
        match self.note.outcome:
            case Outcome.RESUMED:
                return False
            case Outcome.CONFIRMED:
                return self.has_words or self.note.rule in MEANT
            case _:
                return self.has_words


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles, in milliseconds."""

    p50: int
    p95: int


@dataclass(frozen=True, slots=True)
class BargeIns:
    """What became of sounds that the caller's line brought while the bot spoke."""

    onsets: int
    stops: int
    """The bot paused, or stopped."""
    false_stops: int
    """The caller hadn't meant it."""
    false_yields: int
    """Of these: the bot didn't go on, either."""
    missed_stops: int
    """The caller had meant it, and the bot spoke on."""
    unknown: int
    """The bot hadn't stopped when the trace ended, in the middle of speech."""
    delay_ms: Spread | None
    """From the onset to the stop, where the caller had meant it and these settings
    have a say in it."""


@dataclass(frozen=True, slots=True)
class Ends:
    """What became of the caller's turns."""

    turns: int
    too_early: int
    """The caller went on."""
    reply_ms: Spread | None
    """From the caller's last word to the answer, where it is known, of turns that end
    in time both then and now."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Then: the settings that were in force. Now: with what was changed."""

    barge_in_then: BargeIns
    barge_in_now: BargeIns
    added_delay_ms: Spread | None
    """By how much later the bot stops, of stops that were meant and happen in both."""
    barge_in_standing: int
    """Onsets that these settings have no say in."""
    end_then: Ends
    end_now: Ends
    added_reply_ms: Spread | None
    """By how much later the answer comes, of turns that end in time in both."""
    end_standing: int


def compare(pasts: Iterable[Past], changes: Mapping[str, int]) -> Comparison:
    """
    Decide again.

    Args:
        changes: milliseconds by keys of TUNABLE, each within its range.
    """
    onsets = []
    turns = []
    for past in pasts:
        if past.note.rule is Rule.CALL_ENDED:
            continue  # it wasn't decided, and we shall never know
        if past.note.kind == "barge_in":
            onsets.append(_onset(past, changes))
        else:
            turns.append(_turn(past.note, changes))
    return Comparison(
        barge_in_then=_barge_ins([(one.was_meant, one.then) for one in onsets]),
        barge_in_now=_barge_ins([(one.was_meant, one.now) for one in onsets]),
        added_delay_ms=spread([one.added_ms for one in onsets]),
        barge_in_standing=sum(one.stands for one in onsets),
        end_then=Ends(
            turns=len(turns),
            too_early=sum(turn.early_then for turn in turns),
            reply_ms=spread([turn.reply_ms(0) for turn in turns]),
        ),
        end_now=Ends(
            turns=len(turns),
            too_early=sum(turn.early_now for turn in turns),
            reply_ms=spread([turn.reply_ms(turn.later_ms) for turn in turns]),
        ),
        added_reply_ms=spread([turn.added_ms for turn in turns]),
        end_standing=sum(turn.stands for turn in turns),
    )


def spread(values: Sequence[int | None]) -> Spread | None:
    """By nearest rank, so of values that occurred; None if none is known."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    p50, p95 = (known[ceil(len(known) * percent / 100) - 1] for percent in (50, 95))
    return Spread(p50, p95)


# ---- barge-in --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the bot did about an onset."""

    stopped: bool
    after_ms: int | None
    """None if these settings have no say in it, either."""
    yielded: bool
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class _Onset:
    was_meant: bool
    then: _Heard
    now: _Heard
    stands: bool

    @property
    def added_ms(self) -> int | None:
        then_ms, now_ms = self.then.after_ms, self.now.after_ms
        if not self.was_meant or then_ms is None or now_ms is None:
            return None
        return now_ms - then_ms


def _onset(past: Past, changes: Mapping[str, int]) -> _Onset:
    note = past.note
    stopped = note.outcome is not Outcome.IGNORED
    min_ms, confirm_ms = _number(note, "min_ms"), _number(note, "confirm_ms")
    if note.rule not in STANDING and min_ms is not None and confirm_ms is not None:
        was = BargeIn(
            mode="stop" if note.rule is Rule.CLEAR_SPEECH else "pause",
            min_ms=round(min_ms),
            confirm_ms=round(confirm_ms),
        )
        then = _listen(past, was)
        if then.stopped == stopped:
            barge_in = replace(
                was,
                min_ms=changes.get(MIN, was.min_ms),
                confirm_ms=changes.get(CONFIRM, was.confirm_ms),
            )
            return _Onset(past.was_meant, then, _listen(past, barge_in), stands=False)
    stands = _Heard(stopped, None, yielded=note.outcome is Outcome.CONFIRMED)
    return _Onset(past.was_meant, stands, stands, stands=True)


def _listen(past: Past, barge_in: BargeIn) -> _Heard:
    note = past.note
    trace = _whole_trace(past)
    replayed = replay_barge_in(trace, barge_in, _number(note, "factor") or 1.0)
    stopped = replayed.stopped_after_ms is not None
    # What gave the caller the floor for another reason does so again.
    words = note.outcome is Outcome.CONFIRMED and note.rule is not Rule.LONG_SPEECH
    return _Heard(
        stopped,
        replayed.stopped_after_ms,
        yielded=stopped and (words or replayed.confirmed_after_ms is not None),
        unknown=not stopped and trace[-1:].isupper(),
    )


def _whole_trace(past: Past) -> str:
    """
    The trace of a barge-in, on to the end of the turn that it made.

    Its own ends with the decision, too soon to tell what settings that ask for more
    speech would have made of it.
    """
    note, turn = past.note, past.turn
    if turn is None or note.outcome is not Outcome.CONFIRMED:
        return note.trace
    known = round((turn.at_ms - note.at_ms) / FRAME_MS)  # frames until the turn's begin
    gap = "." * (known - len(note.trace))
    return note.trace + gap + turn.trace[max(0, len(note.trace) - known) :]


def _barge_ins(heard: Sequence[tuple[bool, _Heard]]) -> BargeIns:
    false = [one for was_meant, one in heard if one.stopped and not was_meant]
    meant = [one for was_meant, one in heard if was_meant]
    unknown = sum(one.unknown for _, one in heard)
    return BargeIns(
        onsets=len(heard),
        stops=sum(one.stopped for _, one in heard),
        false_stops=len(false),
        false_yields=sum(one.yielded for one in false),
        missed_stops=sum(not (one.stopped or one.unknown) for one in meant),
        unknown=unknown,
        delay_ms=spread([one.after_ms for one in meant]),
    )


# ---- end of turn -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Turn:
    early_then: bool
    early_now: bool
    replied_ms: float | None
    later_ms: int
    stands: bool

    @property
    def added_ms(self) -> int | None:
        return None if self.early_then or self.early_now else self.later_ms

    def reply_ms(self, later_ms: int) -> int | None:
        if self.replied_ms is None or self.added_ms is None:
            return None
        return round(self.replied_ms) + later_ms


def _turn(note: NoteDecision, changes: Mapping[str, int]) -> _Turn:
    is_early = note.outcome is Outcome.TOO_EARLY
    reply_ms = _number(note, "reply_ms")
    wanted_ms = _number(note, "wanted_ms")
    if note.rule is Rule.SILENCE and _own_profile(note) and wanted_ms is not None:
        then = replay_end(note.trace, round(wanted_ms))
        if then.early == is_early:
            if END_SILENCE in changes:
                pace = _number(note, "pace")
                frames = changes[END_SILENCE] * (pace or 1.0) / FRAME_MS
                wanted_ms = FRAME_MS * round(frames)  # as `Endpointing` does
            now = replay_end(note.trace, round(wanted_ms))
            later_ms = now.ended_after_ms - then.ended_after_ms
            return _Turn(is_early, now.early, reply_ms, later_ms, stands=False)
    return _Turn(is_early, is_early, reply_ms, 0, stands=True)


def _own_profile(note: NoteDecision) -> bool:
    """Whether `end_silence_ms` was in force: a question may bring its own profile."""
    own: str | float = note.features.get("own_profile", "normal")
    return note.features.get("profile", own) == own


def _number(note: NoteDecision, feature: str) -> float | None:
    value = note.features.get(feature)
    return None if isinstance(value, str) else value
