"""A call as a picture: a strip a minute, the caller above, the bot below."""

from collections.abc import Iterator, Sequence
from math import ceil
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement

from voicebot.cli.output import clock, seconds
from voicebot.cli.waveform import COLUMN_MS
from voicebot.observe.logs import printable

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from voicebot.cli.waveform import Peaks
    from voicebot.store.records import Decision, Turn

STRIP_MS: Final = 60_000
WIDTH: Final = STRIP_MS // COLUMN_MS
HEIGHT: Final = 150
LANES: Final = (("caller", 38), ("bot", 98))  # and the middle of each
REACH: Final = 28
BARS: Final = {"caller": 2, "bot": 130}
WAIT_Y: Final = 66


def strips(
    peaks: "Peaks", turns: "Sequence[Turn]", decisions: "Sequence[Decision]"
) -> Iterator[Element]:
    """
    Draw a call.

    Args:
        peaks: of the recording; empty if there is none.
    """
    ends = [turn.ended_ms for turn in turns]
    long_ms = max([len(peaks) * COLUMN_MS, *ends], default=0)
    for minute in range(ceil(long_ms / STRIP_MS)):
        first_ms = minute * STRIP_MS
        svg = Element("svg", viewBox=f"0 0 {WIDTH} {HEIGHT}")
        _seconds(svg, first_ms)
        _waves(svg, peaks[minute * WIDTH : (minute + 1) * WIDTH])
        for turn in turns:
            _turn(svg, turn, first_ms)
        for each in decisions:
            if first_ms <= each.decided_ms < first_ms + STRIP_MS:
                x = _x(each.decided_ms - first_ms)
                told = f"{seconds(each.decided_ms)}: {each.rule}, {each.outcome}"
                _line(svg, "decision", x, 0, HEIGHT - 14, told)
        yield svg


def _seconds(svg: Element, first_ms: int) -> None:
    for at_ms in range(0, STRIP_MS, 10_000):
        _line(svg, "second", _x(at_ms), 0, HEIGHT, "")
        label = SubElement(svg, "text", x=f"{_x(at_ms) + 3:g}", y=f"{HEIGHT - 3}")
        label.text = clock(first_ms + at_ms)


def _waves(svg: Element, peaks: "Peaks") -> None:
    for channel, (who, middle) in enumerate(LANES):
        loud = [column[channel] for column in peaks if channel < len(column)]
        if not loud:
            continue
        above = [f"{x} {middle - REACH * peak:.1f}" for x, peak in enumerate(loud)]
        below = [f"{x} {middle + REACH * peak:.1f}" for x, peak in enumerate(loud)]
        outline = " L".join([*above, *reversed(below)])
        SubElement(svg, "path", {"class": who, "d": f"M{outline}Z"})


def _turn(svg: Element, turn: "Turn", first_ms: int) -> None:
    began_ms = turn.started_ms - first_ms
    ended_ms = turn.ended_ms - first_ms
    told = f"{turn.who}, {seconds(turn.started_ms)} to {seconds(turn.ended_ms)}"
    _bar(svg, turn.who, began_ms, ended_ms, BARS[turn.who], told)
    if turn.reply_ms is not None:
        waited = f"reply after {seconds(turn.reply_ms)}"
        _bar(svg, "wait", began_ms - turn.reply_ms, began_ms, WAIT_Y, waited)
    if turn.interrupted:
        cut_ms = began_ms + (turn.heard_ms or 0)
        if 0 <= cut_ms < STRIP_MS:
            _line(svg, "cut", _x(cut_ms), WAIT_Y, HEIGHT - 14, "cut off")


def _bar(
    svg: Element, kind: str, first_ms: int, last_ms: int, y: int, told: str
) -> None:
    """What of it lies in this strip."""
    first_ms, last_ms = max(0, first_ms), min(STRIP_MS, last_ms)
    if first_ms >= last_ms:
        return
    width = f"{max(1.0, _x(last_ms - first_ms)):g}"
    place = {"x": f"{_x(first_ms):g}", "y": str(y), "width": width, "height": "5"}
    bar = SubElement(svg, "rect", {"class": kind, **place})
    SubElement(bar, "title").text = printable(told)


def _line(svg: Element, kind: str, x: float, above: int, below: int, told: str) -> None:
    place = {"x1": f"{x:g}", "x2": f"{x:g}", "y1": str(above), "y2": str(below)}
    line = SubElement(svg, "line", {"class": kind, **place})
    if told:
        SubElement(line, "title").text = printable(told)


def _x(ms: float) -> float:
    return ms / COLUMN_MS
