"""
Listens to the trace of a recorded decision again, under other settings.

A trace tells what the caller's line sounded like, not what was said: it can be told
whether and when the bot would have stopped, and when the turn would have ended, but
not what words would have changed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from voicebot.audio.framing import FRAME_MS
from voicebot.bridge.evidence import ONSET_GAP_MS, ONSET_MS, Evidence
from voicebot.bridge.interruption import CLEAR_SHARE
from voicebot.bridge.settings import BargeIn


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the caller's line makes of a speaking bot."""

    stopped_after_ms: int | None
    """From the start of the trace until the bot paused or stopped; None: it didn't."""
    confirmed_after_ms: int | None
    """Until it gave the caller the floor because the speech went on; None: not so."""


def replay_barge_in(trace: str, barge_in: BargeIn, factor: float = 1.0) -> Replayed:
    """
    Listen to a trace as the bot does while it speaks.

    Args:
        trace: a letter for each 20 ms; see `NoteDecision.trace`.
        factor: how much more, or less, than `min_ms` it takes in this call.
    """
    needed_ms = barge_in.min_ms * factor
    clear_ms = CLEAR_SHARE * barge_in.confirm_ms
    evidence = Evidence()
    silent_ms = began_at_ms = 0
    stopped: int | None = None
    for at_ms, letter in _frames(trace):
        speech = letter.isupper()
        silent_ms = 0 if speech else silent_ms + FRAME_MS
        if not evidence.speech_ms:
            if not speech:
                continue
            began_at_ms = at_ms - FRAME_MS
        evidence.add(letter)
        if stopped is None:
            if not _suffices(evidence, needed_ms, barge_in):
                if silent_ms >= ONSET_GAP_MS:
                    evidence = Evidence()  # it came to nothing
                continue
            stopped = at_ms
        if not speech:
            continue
        if at_ms - began_at_ms >= barge_in.confirm_ms and evidence.ms >= clear_ms:
            return Replayed(stopped, at_ms)
    return Replayed(stopped, None)


def _suffices(evidence: Evidence, needed_ms: float, barge_in: BargeIn) -> bool:
    if barge_in.mode == "pause":
        enough = evidence.speech_ms >= ONSET_MS and evidence.ms >= needed_ms
        return enough and evidence.tells
    return evidence.suffices(needed_ms)


@dataclass(frozen=True, slots=True)
class EndReplayed:
    """When the caller's turn ends."""

    ended_after_ms: int
    """From the start of the trace. What follows the trace is taken for silence."""
    early: bool
    """The caller went on after it."""


def replay_end(trace: str, end_silence_ms: int) -> EndReplayed:
    """
    Find the first pause of a turn that is long enough to end it.

    Args:
        trace: a letter for each 20 ms, from the turn's first speech on.
    """
    silent_ms = 0
    for at_ms, letter in _frames(trace):
        silent_ms = 0 if letter.isupper() else silent_ms + FRAME_MS
        if silent_ms >= end_silence_ms:
            return EndReplayed(at_ms, _has_speech(trace[at_ms // FRAME_MS :]))
    frames = ceil((end_silence_ms - silent_ms) / FRAME_MS)
    return EndReplayed((len(trace) + frames) * FRAME_MS, early=False)


def _frames(trace: str) -> Iterable[tuple[int, str]]:
    """Each letter with the milliseconds that have gone by at its end."""
    return ((index * FRAME_MS, letter) for index, letter in enumerate(trace, 1))


def _has_speech(trace: str) -> bool:
    return any(letter.isupper() for letter in trace)
