"""
A call as one page of HTML that needs nothing else, and runs nothing.

What callers and the model said is hostile: it stands in the page as text of an element
tree, which escapes it, and the page forbids itself scripts, requests and forms.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from voicebot.cli.output import clock, seconds
from voicebot.cli.timeline import strips
from voicebot.observe.logs import printable

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from voicebot.cli.waveform import Peaks
    from voicebot.store.records import Decision, Turn

STYLE: Final = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 1240px; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left }
td, th { vertical-align: top; overflow-wrap: anywhere }
td.n { white-space: nowrap; font-variant-numeric: tabular-nums }
tr.bot td { background: #4a90d914 }
del { color: #c0392b }
svg { display: block; width: 100%; margin: .6rem 0; background: #8881 }
.caller { fill: #2e9e6b } .bot { fill: #4a90d9 } .cut { stroke: #c0392b }
.wait { fill: #e08e0b } .decision { stroke: #8e44ad; stroke-dasharray: 2 2 }
.second { stroke: #8884 } text { fill: #888; font-size: 10px }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the page: what a heading is about, its columns, its rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def page(
    title: str,
    facts: Iterable[tuple[str, str]],
    turns: "Sequence[Turn]",
    decisions: "Sequence[Decision]",
    sound: "Peaks | str",
    sections: Iterable[Section],
) -> bytes:
    """
    Make the page.

    Args:
        facts: of the call, by their names.
        sound: how loud both sides were, or why that isn't known.
        sections: what comes below the transcript.
    """
    html = Element("html", lang="en")
    _head(html, title)
    body = SubElement(html, "body")
    _put(body, "h1", title)
    _table(body, (), list(facts))
    _put(body, "h2", "Timeline")
    if isinstance(sound, str):
        _put(body, "p", sound)
    peaks = [] if isinstance(sound, str) else sound
    body.extend(strips(peaks, turns, decisions))
    _put(
        body,
        "p",
        "Above the caller, below the bot: what the recording has, and each turn. "
        "Orange: the caller waits. Red: the bot was cut off. Dashed: a decision.",
    )
    _put(body, "h2", "What was said")
    _transcript(body, turns)
    for section in sections:
        _put(body, "h2", section.title)
        _table(body, section.columns, section.rows)
    text = tostring(html, encoding="unicode", method="html")
    return f"<!doctype html>\n{text}\n".encode("utf-8", "replace")


def _head(html: Element, title: str) -> None:
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    head = SubElement(html, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(
        head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy}
    )
    SubElement(head, "meta", name="referrer", content="no-referrer")
    _put(head, "title", title)
    SubElement(head, "style").text = STYLE


def _transcript(body: Element, turns: "Sequence[Turn]") -> None:
    columns = ("at", "who", "as generated", "as heard", "heard for", "reply after")
    table = _table(body, columns, ())
    for turn in turns:
        row = SubElement(table, "tr", {"class": turn.who})
        _put(row, "td", clock(turn.started_ms)).set("class", "n")
        _put(row, "td", turn.who)
        said = _put(row, "td", turn.generated_text)
        heard = "" if turn.who == "caller" else turn.heard_text
        if turn.interrupted and turn.generated_text.startswith(heard):
            said.text = printable(heard)
            _put(said, "del", turn.generated_text.removeprefix(heard))
        _put(row, "td", heard)
        _put(row, "td", seconds(turn.heard_ms)).set("class", "n")
        _put(row, "td", seconds(turn.reply_ms)).set("class", "n")


def _table(
    body: Element, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> Element:
    table = SubElement(body, "table")
    if columns:
        heading = SubElement(table, "tr")
        for column in columns:
            _put(heading, "th", column)
    for cells in rows:
        row = SubElement(table, "tr")
        for cell in cells:
            _put(row, "td", cell)
    return table


def _put(parent: Element, tag: str, text: str) -> Element:
    child = SubElement(parent, tag)
    child.text = printable(text)
    return child
