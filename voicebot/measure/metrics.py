"""
What is to be said about a call, from what happened in it.

Everything is judged at the caller's ear, so that nothing here depends on how the bridge
came to its decisions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from voicebot.audio.framing import ulaw_bytes
from voicebot.measure.answers import Word
from voicebot.measure.pieces import Piece

FRAME_PROBE: Final = ulaw_bytes(10)

YIELD_S: Final = 2.0
"""The bot must be silent within this."""

SETTLED_S: Final = 0.3
"""A gap that is shorter is no silence yet: the bot may be between two words."""

FADE_AFTER_S: Final = 0.03
"""A faded end comes this soon: after the `clear`, so it may come a little later."""

STOP_MS: Final = 250.0
"""
A silence that the answer doesn't have. Shorter ones are heard as a part of fluent
speech: that is where phonetics draws the line between articulation and a pause
(F. Goldman-Eisler: Psycholinguistics, 1968).
"""

FADE_MS: Final = 80.0
"""A faded end is no longer than this; of a word, that much may be faded."""

SLIP_MS: Final = 60.0
"""Said twice within a word without a hole, so much is a stumble, not a new start."""

WORD_MARGIN_MS: Final = 12.0
"""What a word may lack at either end, where it is softest."""

TORN_MS: Final = 80.0
"""So much of a word's end may follow after a silence, or of its beginning be before."""

SEAM_MS: Final = 5.0
"""What may be missing between what was heard before a silence and after it."""


@dataclass(frozen=True, slots=True)
class Yielding:
    """How the bot made way for a caller who interrupted it."""

    latency_ms: float | None
    """
    From the caller's onset to the last that the ear got before the bot was silent,
    the carrier's delay taken off; None if it wasn't silent within two seconds of the
    onset, or not until the caller was done. 0: it happened to be silent already.
    """
    went_on: bool
    """It took up the same answer again."""

    @property
    def missed(self) -> bool:
        """The caller meant it and the bot spoke on, then or later."""
        return self.latency_ms is None or self.went_on


def yielding(
    bot: Sequence[Piece], onset_s: float, done_s: float, carrier_s: float, answer: int
) -> Yielding:
    """
    Judge an interruption.

    Args:
        onset_s: when the energy of the caller's speech began, on the line.
        done_s: when it ended.
        carrier_s: from Twilio's buffer to the ear.
        answer: the one that is interrupted.
    """
    silent_s = onset_s
    for piece in bot:
        if piece.at_s >= max(done_s, silent_s + SETTLED_S):
            break
        silent_s = max(silent_s, piece.end_s)
    went_on = any(
        piece.answer == answer and piece.at_s >= silent_s - 1e-6 for piece in bot
    )
    latency_s = max(0.0, silent_s - onset_s - carrier_s) if silent_s > onset_s else 0.0
    if silent_s - onset_s - carrier_s > YIELD_S:
        return Yielding(None, went_on)
    return Yielding(1000 * latency_s, went_on)


@dataclass(frozen=True, slots=True)
class Stop:
    """The bot fell silent within an answer."""

    at_s: float
    gap_ms: float | None
    """Until it went on; None if it never did."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """How an answer sounded at the ear."""

    stops: tuple[Stop, ...]
    """Where it stopped though there was more to play."""
    underruns: int
    """Where it stopped because the model hadn't sent more: not the bridge's fault."""
    lost: tuple[str, ...]
    """
    Words that never reached the ear in one piece, up to where the answer ended.

    A piece may lack up to 80 ms of the word at one end, if nothing is missing: if the
    next piece goes on where this one ended (or up to 80 ms before), or if the piece
    before began with the word and came at least to where this one begins. So a word
    that is torn apart is lost, unless within 80 ms of its beginning or its end; and one
    that is said again, from within 80 ms of its beginning on, is not. A faded end
    counts as heard.
    """
    repeated: tuple[str, ...]
    """
    Words that reached it so more than once, not counting those whose end was faded.

    What a new start repeats of the end of the word before makes no word of that.
    """
    reached: int
    """The furthest byte of it that was heard, counted from 1."""

    @property
    def cut_for_good(self) -> bool:
        return any(stop.gap_ms is None for stop in self.stops)

    @property
    def resumed(self) -> bool:
        """It stopped, and went on without losing or repeating a word."""
        whole = not self.lost and not self.repeated
        return bool(self.stops) and not self.cut_for_good and whole


def rendition(
    bot: Sequence[Piece],
    answer: int,
    size: int,
    words: Sequence[Word],
    arrived: Sequence[tuple[float, int, int]] = (),
    until_s: float = float("inf"),
) -> Rendition:
    """
    Judge how an answer was heard.

    Args:
        answer: which one; `size`: how many bytes it has.
        arrived: (when, answer, bytes so far): what the bridge had to play. Without
            it, every hole is taken for a stop.
        until_s: when the call ended: what would have been heard later isn't missed.
    """
    mine = _with_fades(bot, answer)
    if not mine:
        return Rendition((), 0, (), (), 0)
    stops: list[Stop] = []
    underruns = 0
    for before, after in zip(mine, mine[1:], strict=False):
        gap_ms = 1000 * (after.at_s - before.end_s)
        if gap_ms < STOP_MS:
            continue
        if _had_more(arrived, answer, before.end, before.end_s):
            stops.append(Stop(before.end_s, gap_ms))
        else:
            underruns += 1
    reached = max(piece.end for piece in mine)
    last = mine[-1]
    # What is left may be no more than the silence behind the last word.
    spoken = ulaw_bytes(words[-1].end_ms) if words else size
    over = last.end >= min(size, spoken)
    if not over and until_s - last.end_s > 1.0:
        stops.append(Stop(last.end_s, None))
    lost, repeated = _words(mine, answer, words, reached)
    return Rendition(tuple(stops), underruns, lost, repeated, reached)


def _with_fades(bot: Sequence[Piece], answer: int) -> list[Piece]:
    """The pieces of an answer, and the faded ends that follow them at once."""
    mine: list[Piece] = []
    for piece in bot:
        follows = bool(mine) and piece.at_s - mine[-1].end_s < FADE_AFTER_S
        if piece.answer == answer or (piece.answer is None and follows):
            mine.append(piece)
    return mine


def _had_more(
    arrived: Sequence[tuple[float, int, int]], answer: int, end: int, at_s: float
) -> bool:
    """Whether the bridge had more of an answer to play than was heard of it."""
    if not arrived:
        return True
    sizes = [size for when, which, size in arrived if which == answer and when <= at_s]
    return max(sizes, default=0) > end + ulaw_bytes(20)


@dataclass(slots=True)
class _Run:
    """What the ear got of an answer in one go: bytes of the answer."""

    start: int
    end: int
    faded_end: int
    """Its end, with what was faded of it."""


def _runs(mine: Sequence[Piece], answer: int) -> list[_Run]:
    runs: list[_Run] = []
    end_s = -1.0
    for piece in mine:
        run = runs[-1] if runs else None
        if run and _goes_on(piece, run.faded_end, end_s):
            if piece.answer == answer:
                run.end = run.faded_end = max(piece.end, run.faded_end)
            else:
                fade = min(piece.end, run.faded_end + ulaw_bytes(FADE_MS))
                run.faded_end = max(fade, run.faded_end)
        elif piece.answer == answer:
            runs.append(_Run(piece.start, piece.end, piece.end))
        end_s = piece.end_s
    return runs


def _words(
    mine: Sequence[Piece], answer: int, words: Sequence[Word], reached: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which words were lost, which repeated, among those that were come to."""
    runs = _runs(mine, answer)
    with_fades = [(run.start, run.faded_end) for run in runs]
    without = [(run.start, run.end) for run in runs]
    lost, repeated = [], []
    for word in words:
        first = ulaw_bytes(word.start_ms + WORD_MARGIN_MS)
        end = ulaw_bytes(word.end_ms - WORD_MARGIN_MS)
        if end > reached:
            break
        if not _times(first, end, with_fades):
            lost.append(word.text)
        elif _times(first, end, without) > 1:
            repeated.append(word.text)
    return tuple(lost), tuple(repeated)


def _times(first: int, end: int, runs: Sequence[tuple[int, int]]) -> int:
    """How often a word was heard in one piece: see `Rendition.lost`."""
    torn, seam = ulaw_bytes(TORN_MS), ulaw_bytes(SEAM_MS)
    times = 0
    heard_to = -1  # where the piece before ended, if it began with the word
    made_up = False  # this piece brings the end of what the one before counted as
    for n, (start, upto) in enumerate(runs):
        next_start, next_end = runs[n + 1] if n + 1 < len(runs) else (upto, 0)
        goes_on = max(first, upto - torn) < next_start <= upto + seam
        whole = start <= first and end <= upto
        lacks_end = start <= first and end - torn <= upto < end <= next_end
        lacks_end = lacks_end and goes_on
        lacks_start = first < start <= min(first + torn, heard_to + seam)
        lacks_start = lacks_start and end <= upto and not made_up
        times += whole or lacks_end or lacks_start
        heard_to, made_up = (upto if start <= first else -1), lacks_end
    return times


def _goes_on(piece: Piece, end: int, end_s: float) -> bool:
    """Whether the ear takes a piece for the continuation of what came before."""
    slip = end - piece.start  # a faded end may begin a little before what was heard
    soon = piece.at_s - end_s < (FADE_AFTER_S if slip else STOP_MS / 1000)
    return soon and -ulaw_bytes(5) <= slip <= ulaw_bytes(SLIP_MS)


def reply(bot: Sequence[Piece], done_s: float, first_new: int) -> Piece | None:
    """The first of a new answer that the ear got once the caller was done."""
    for piece in bot:
        new = piece.answer is not None and piece.answer >= first_new
        if new and piece.at_s >= done_s:
            return piece
    return None


def spoke_over(bot: Sequence[Piece], onset_s: float, done_s: float) -> bool:
    """Whether the bot began to speak while the caller wasn't done."""
    return any(onset_s <= piece.at_s < done_s for piece in bot)


def stale_frames(
    sent: Sequence[tuple[float, bytes]], cut_at_s: float, whole: bytes
) -> int:
    """How many frames of an answer were sent after it had been given up."""
    return sum(
        at > cut_at_s
        and len(ulaw) >= FRAME_PROBE
        and whole.find(ulaw[:FRAME_PROBE]) >= 0
        for at, ulaw in sent
    )
