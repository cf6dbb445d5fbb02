"""The page of a call shows it, and nothing that was said in it can do anything."""

import asyncio
import base64
import hashlib
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import soundfile
from typer.testing import CliRunner

from tests.store.noted import put
from tests.store.test_calls import DECISION, ENDED, MESSAGE, STARTED, TURN
from tests.store.test_latencies import STAGED
from voicebot.cli import app
from voicebot.cli.call_page import STYLE
from voicebot.cli.timeline import strips
from voicebot.cli.waveform import COLUMN_MS, Peaks, joined, peaks
from voicebot.errors import StoreError
from voicebot.store.calls import open_store
from voicebot.store.recordings import StereoRecording
from voicebot.store.records import FlowNote

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "</style><style>@import url(//evil)</style>",
    "</title><svg/onload=alert(1)>",
    "<!--<script>",
    "-->]]><!DOCTYPE x>",
    '"><a href="javascript:alert(1)">x</a>',
    "' onmouseover='alert(1)",
    "&lt;script&gt;&#x3c;script&#x3e;",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<meta http-equiv=refresh content='0;url=//evil'>",
    "<base href=//evil>",
    "<form action=//evil><button>",
    "\u202e<b>\u2028\x1b[2J\x00\x0c",
    "<td></td></tr></table><math><mi xlink:href='data:,'>",
]
VOID = {"meta"}
TAGS = "html head meta title style body h1 h2 p table tr th td del"
SVG = "svg path rect line text title"
SHOWN = {*TAGS.split(), *SVG.split()}
NAMES = "lang charset http-equiv content name class"
PLACES = "viewbox d x y x1 x2 y1 y2 width height"
ATTRIBUTES = {*NAMES.split(), *PLACES.split()}


class Strict(HTMLParser):
    """Takes a page apart, and is content with nothing that isn't well-formed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.metas: list[dict[str, str | None]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag in VOID:
            self.metas.append(dict(attrs))
        else:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("an instruction")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError("a declaration")


@pytest.fixture(autouse=True)
def _data_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith(("VOICEBOT_", "CREDENTIALS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def fill(words: list[str]) -> None:
    async def filling() -> None:
        async with open_store(Path("data/calls.sqlite")) as store:
            await put(store, replace(STARTED, persona=words[0], route=words[-1]))
            for seq, text in enumerate(words):
                bot = replace(TURN, seq=2 * seq, generated_text=text, heard_text="")
                cut = replace(bot, heard_text=text[:3], started_ms=seq * 9000 + 900)
                caller = replace(
                    bot, seq=2 * seq + 1, who="caller", interrupted=False, reply_ms=None
                )
                await put(store, cut, caller, FlowNote("c1", 5, "tool", text, text))
                await put(store, replace(DECISION, seq=seq, rule=text, outcome=text))
            await put(store, replace(MESSAGE, transcription=words[0]), STAGED, ENDED)

    asyncio.run(filling())


def made(*options: str) -> str:
    result = CliRunner().invoke(
        app, ["calls", "show", "c1", "--html", "out.html", *options]
    )
    assert result.exit_code == 0, result.exception
    assert result.stdout == "out.html written\n"
    return Path("out.html").read_text(encoding="utf-8")


def taken_apart(page: str) -> Strict:
    parser = Strict()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def test_nothing_that_was_said_becomes_a_part_of_the_page() -> None:
    fill(HOSTILE)
    page = made()
    found = taken_apart(page)
    assert set(found.tags) <= SHOWN
    assert found.attributes <= ATTRIBUTES
    assert found.tags.count("style") == 1
    cells = "\n".join(found.texts)
    for text in HOSTILE[:13]:
        assert text in cells
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\u2028]", page)


def test_the_page_asks_for_nothing_and_runs_nothing() -> None:
    fill(HOSTILE)
    page = made()
    assert page.startswith("<!doctype html>\n")
    policies = [
        meta["content"]
        for meta in taken_apart(page).metas
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert policies == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    ]
    assert f"<style>{STYLE}</style>" in page
    assert not {"href", "src", "style"} & taken_apart(page).attributes


def test_the_page_tells_what_was_heard_and_where_it_was_cut() -> None:
    fill(["a table for two"])
    page = made()
    assert '<td>a t<del>able for two</del></td><td>a t</td><td class="n">0.50 s' in page
    assert "<title>cut off</title>" in page
    assert "<title>reply after 0.64 s</title>" in page
    assert "<title>1.20 s: a table for two, a table for two</title>" in page
    assert "bot_goodbye by bot" in page
    waits = ("~1.00 s", "~500 ms", "100 ms", "250 ms", "50 ms", "60 ms", "~40 ms")
    shown = "</td><td>".join((*waits, "~1000 ms"))
    assert f"<tr><td>{shown}</td></tr>" in page
    assert "<td>tool a table for two: a table for two</td>" in page
    assert "a message of 12 s, transcribed: RE1" in page


def test_a_callers_number_is_masked_unless_asked_for() -> None:
    fill(["hello"])
    assert STARTED.from_number not in made()
    assert STARTED.from_number in made("--numbers")
    assert Path("out.html").stat().st_mode & 0o777 == 0o600


def test_a_recording_is_drawn_and_one_that_is_gone_is_told_of() -> None:
    fill(["hello"])
    assert "recordings/c1.wav: the recording is gone" in made()
    recording = StereoRecording(Path("recordings/c1.wav"))
    loud, silent = b"\x80", b"\xff"
    recording.write((loud + silent) * 8000 + (silent + loud) * 4000)
    recording.close()
    page = made()
    assert re.search('<path class="caller" d="M0 10[.][0-9] L1 10[.][0-9] ', page)
    assert '<path class="bot" d="M0 98.0 L1 98.0 ' in page
    Path("recordings/c1.wav").write_bytes(b"RIFF")
    assert "expected a recording that can be read" in made()


def test_a_call_without_a_recording_says_so() -> None:
    async def filling() -> None:
        async with open_store(Path("data/calls.sqlite")) as store:
            await put(store, STARTED)

    asyncio.run(filling())
    assert "There is no recording." in made()


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_both_sides_are_measured(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"one.{form}"
    sound = [[0.5, 0.0]] * 400 + [[0.0, -0.25]] * 600
    soundfile.write(path, sound, 8000)
    found = peaks("one", path.read_bytes())
    assert len(found) == 1000 * 1000 // 8000 // COLUMN_MS + 1
    assert found[0] == pytest.approx((0.5, 0.0), abs=0.001)
    assert found[-1] == pytest.approx((0.0, 0.25), abs=0.001)


def test_what_is_no_recording_is_one_sentence() -> None:
    with pytest.raises(StoreError, match="^one: expected a recording that can be read"):
        peaks("one", b"RIFF")


def test_each_stream_is_drawn_where_it_began() -> None:
    early: Peaks = [(0.5, 0.0)] * 2
    late: Peaks = [(0.0, 0.25)]
    drawn = joined([(0, early), (10 * COLUMN_MS, late)])
    assert drawn == [*early, *[(0.0, 0.0)] * 8, *late]


def test_a_call_has_a_strip_for_each_minute() -> None:
    long = replace(TURN, started_ms=30_000, ended_ms=150_000, heard_ms=120_000)
    drawn = list(strips([], [long], [DECISION]))
    bars = [[r.get("width") for r in svg.iter("rect")] for svg in drawn]
    assert bars == [["600", "12.8"], ["1200"], ["600"]]
    assert [len(svg.findall("line[@class='cut']")) for svg in drawn] == [0, 0, 1]
    assert [len(svg.findall("line[@class='decision']")) for svg in drawn] == [1, 0, 0]
    assert list(strips([], [], [])) == []
    (mono,) = strips([(0.5,)], [], [])
    assert [path.get("class") for path in mono.iter("path")] == ["caller"]
