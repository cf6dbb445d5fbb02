"""A load run as one page of HTML that needs nothing else, and runs nothing."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from voicebot.load.figures import Run, Spread
from voicebot.load.report import spreads
from voicebot.load.verdicts import Verdict, is_void

STYLE: Final = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 960px; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse }
td, th { border-bottom: 1px solid #8884; padding: .3rem .8rem; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums }
.holds { color: #2e9e6b } .fails { color: #c0392b; font-weight: bold }
svg { display: block; width: 100%; margin: .6rem 0; background: #8881 }
polyline { fill: none; stroke: #4a90d9; stroke-width: 1.5 }
.limit { stroke: #c0392b; stroke-dasharray: 4 3 }
.steady { fill: #2e9e6b22 } text { fill: #888; font-size: 11px }
"""

WIDTH: Final = 900
HEIGHT: Final = 160
LEFT: Final = 60
FOOT: Final = 20
POINTS: Final = 400

Points = Sequence[tuple[float, float]]

LIMITS_MS: Final = {
    "caller to StepFun": 45.0,
    "StepFun to caller": 5.0,
    "silent after a caller's onset": 450.0,
}


def page(title: str, run: Run, verdicts: Sequence[Verdict]) -> bytes:
    """Make the page."""
    html = Element("html", lang="en")
    _head(html, title)
    body = SubElement(html, "body")
    _put(body, "h1", title)
    if is_void(run):
        late = f"{100 * run.late_share():.1f} % of the callers' frames were late"
        _put(body, "p", f"Void: {late}.").set("class", "fails")
    _verdicts(body, verdicts)
    _put(body, "h2", "Over time")
    start = min((sample.at_s for sample in run.samples), default=run.steady[0])
    for name, unit, points in _over_time(run, start):
        steady = (run.steady[0] - start, run.steady[1] - start)
        _plot(body, name, unit, "s", points, steady=steady)
    _put(body, "h2", "How many were at most so long")
    for name, spread in spreads(run).items():
        if len(spread.values) > 1:
            _plot(body, name, "%", "ms", _share(spread), limit=LIMITS_MS.get(name))
    text = tostring(html, encoding="unicode", method="html")
    return f"<!doctype html>\n{text}\n".encode()


def _over_time(run: Run, start: float) -> list[tuple[str, str, Points]]:
    samples = run.samples
    cores = [
        (now.at_s - start, 100 * (now.cpu_s - before.cpu_s) / (now.at_s - before.at_s))
        for before, now in zip(samples, samples[1:], strict=False)
    ]
    changes = sorted(
        (at_s - start, change)
        for call in run.calls
        if call.stream_s is not None
        for at_s, change in ((call.stream_s, 1), (call.ended_s, -1))
    )
    live, calls = 0, []
    for at_s, change in changes:
        calls.append((at_s, float(live)))
        live += change
        calls.append((at_s, float(live)))
    return [
        ("Calls at once", "", calls),
        ("The server's CPU, of one core", "%", cores),
        (
            "The server's memory",
            "MB",
            [(each.at_s - start, each.rss_bytes / 1e6) for each in samples],
        ),
        (
            "The server's descriptors",
            "",
            [(each.at_s - start, float(each.descriptors)) for each in samples],
        ),
    ]


def _share(spread: Spread) -> Points:
    values = spread.values
    places = sorted({n * (len(values) - 1) // POINTS for n in range(POINTS + 1)})
    return [(values[place], 100 * (place + 1) / len(values)) for place in places]


def _plot(
    body: Element,
    name: str,
    unit: str,
    unit_below: str,
    points: Points,
    *,
    steady: tuple[float, float] | None = None,
    limit: float | None = None,
) -> None:
    """Draw one curve, with the names of its axes' ends."""
    if not points:
        return
    right = max([x for x, _ in points] + ([limit] if limit else [])) or 1.0
    top = max(y for _, y in points) or 1.0
    svg = SubElement(body, "svg", viewBox=f"0 0 {WIDTH} {HEIGHT + FOOT}")
    svg.set("role", "img")
    _put(svg, "title", name)

    def x(value: float) -> float:
        return LEFT + max(0.0, value) / right * (WIDTH - LEFT - 10)

    def y(value: float) -> float:
        return HEIGHT - value / top * (HEIGHT - 24)

    if steady:
        left, end = x(steady[0]), x(min(steady[1], right))
        place = {"x": f"{left:.1f}", "width": f"{max(0.0, end - left):.1f}"}
        SubElement(svg, "rect", {**place, "height": str(HEIGHT), "class": "steady"})
    if limit:
        at = f"{x(limit):.1f},{HEIGHT} {x(limit):.1f},0"
        SubElement(svg, "polyline", {"points": at, "class": "limit"})
    thin = points[:: max(1, len(points) // (2 * POINTS))]
    SubElement(
        svg, "polyline", points=" ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in thin)
    )
    _text(svg, LEFT, 14, name)
    _text(svg, 4, 28, f"{top:.4g} {unit}")
    _text(svg, 4, HEIGHT, f"0 {unit}")
    _text(svg, LEFT, HEIGHT + 14, f"0 {unit_below}")
    _text(svg, WIDTH - 70, HEIGHT + 14, f"{right:.4g} {unit_below}")


def _verdicts(body: Element, verdicts: Sequence[Verdict]) -> None:
    table = SubElement(body, "table")
    heading = SubElement(table, "tr")
    for name in ("must hold", "measured", "limit", ""):
        _put(heading, "th", name)
    for each in verdicts:
        row = SubElement(table, "tr")
        _put(row, "td", each.name)
        measured = "–" if each.value is None else f"{each.value:.1f} {each.unit}"
        _put(row, "td", measured).set("class", "n")
        sign = "≥" if each.at_least else "≤"
        _put(row, "td", f"{sign} {each.limit:g} {each.unit}").set("class", "n")
        said = {True: "holds", False: "does not hold", None: "not judged"}[each.holds]
        style = {True: "holds", False: "fails", None: ""}[each.holds]
        _put(row, "td", said).set("class", style)


def _head(html: Element, title: str) -> None:
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'"
    head = SubElement(html, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(
        head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy}
    )
    _put(head, "title", title)
    SubElement(head, "style").text = STYLE


def _text(svg: Element, x: float, y: float, text: str) -> None:
    _put(svg, "text", text).attrib.update({"x": f"{x:g}", "y": f"{y:g}"})


def _put(parent: Element, tag: str, text: str) -> Element:
    child = SubElement(parent, tag)
    child.text = text
    return child
