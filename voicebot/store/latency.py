"""The steps of answers, for people: one line an answer, and what is usual. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from voicebot.store.records import Latency

HEADINGS: Final = (
    *("spoken at", "commit", "understood", "written", "first audio"),
    *("sent", "heard", "in all"),
)
"""Of `lines`."""

EXPLAINED: Final = (
    "Each column is the time since the one before it that is there, `in all` since the "
    "caller's last word. Of a cascade, `understood` is its ASR, `written` its chat "
    "model up to the first words that can be spoken, `first audio` its voice. ~ is an "
    "estimate: `spoken at` is where our VAD heard the last word; `heard` "
    "is measured by the mark behind the first sound, late by its way back."
)


def lines(latencies: Sequence[Latency]) -> Iterator[tuple[str, ...]]:
    """Return what `HEADINGS` names, of each answer and of all: `median`, `95 %`."""
    for each in latencies:
        yield (f"~{each.spoken_ms / 1000:.2f} s", *_shown(each))
    if len(latencies) > 1:
        steps = [steps_of(each) for each in latencies]
        for name, part in (("median", 0.5), ("95 %", 0.95)):
            yield (
                name,
                *(_ms(quantile(column, part)) for column in zip(*steps, strict=True)),
            )


def steps_of(latency: Latency) -> tuple[int | None, ...]:
    """
    Return how long each step took, in ms, then all of them until it was heard.

    None: that step, or the one that it is counted from, wasn't seen.
    """
    spoken, sent = latency.spoken_ms, latency.sent_ms
    committed, understood = latency.committed_ms, latency.understood_ms
    written, delta = latency.written_ms, latency.delta_ms
    known = committed if understood is None else understood
    return (
        _between(spoken, committed),
        _between(committed, understood),
        _between(known, written),
        _between(known if written is None else written, delta),
        _between(delta, sent),
        latency.heard_ms - sent,
        latency.heard_ms - spoken,
    )


def quantile(values: Sequence[int | None], part: float) -> int | None:
    """Return the least value that so many are at or below; None if there are none."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    return known[min(len(known) - 1, int(part * len(known)))]


def _between(first: int | None, then: int | None) -> int | None:
    # Audio may be there before the commit is known of: that took no time.
    return None if first is None or then is None else max(0, then - first)


def _shown(latency: Latency) -> Iterator[str]:
    guessed = latency.heard_by == "clock"
    marks = ("~", "", "", "", "", "~" if guessed else "", "~")
    for mark, ms in zip(marks, steps_of(latency), strict=True):
        yield "" if ms is None else f"{mark}{ms} ms"


def _ms(value: int | None) -> str:
    return "" if value is None else f"{value} ms"
