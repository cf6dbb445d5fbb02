"""The commands read a call log that the store wrote."""

import asyncio
import csv
import io
import json
import os
import re
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import soundfile
from typer.testing import CliRunner, Result

from tests.store.noted import put
from tests.store.test_calls import (
    DECISION,
    ENDED,
    MESSAGE,
    MINUTE,
    NOON,
    STARTED,
    TURN,
    another,
)
from tests.store.test_latencies import LATENCY
from voicebot.bridge.model import Outcome, Rule
from voicebot.cli import app
from voicebot.cli.decisions import WHAT_CAME, WHY
from voicebot.errors import ConfigError, StoreError, VoicebotError
from voicebot.store.calls import open_store
from voicebot.store.export import cell
from voicebot.store.faults import Fault
from voicebot.store.recordings import StereoRecording
from voicebot.store.records import (
    FaultNote,
    FlowNote,
    Forwarded,
    ForwardOver,
    KeyPressed,
    Silenced,
    Transcribed,
)

CALLER = replace(
    TURN,
    seq=0,
    who="caller",
    generated_text="[red]a table\x1b[2J\nfor two",
    heard_text="",
    started_ms=61_000,
    interrupted=False,
    reply_ms=None,
)
BARGE_IN = replace(
    DECISION,
    rule="backchannel",
    outcome="resumed",
    features={
        "level_dbov": -21.5,
        "floor_dbov": -52,
        "evidence_ms": 208,
        "speech_ms": 320,
        "stop_after_ms": 180,
        "gap_ms": 640,
        "min_ms": 180,
        "factor": 1.25,
        "confirm_ms": 600,
        "decide_ms": 450,
    },
)
END = replace(
    DECISION,
    seq=2,
    kind="end_of_turn",
    decided_ms=4000,
    rule="silence",
    outcome="answered",
    trace="V" * 100 + "." * 28,
    features={
        "profile": "normal",
        "silence_ms": 560,
        "wanted_ms": 550,
        "pace": 1,
        "reply_ms": 910,
    },
)
KEY = replace(
    DECISION, seq=3, decided_ms=90_000, rule="key", features={}, trace="", caller_seq=2
)
WHOLE = replace(TURN, seq=2, heard_text=TURN.generated_text, interrupted=False)


@pytest.fixture(autouse=True)
def _data_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith(("VOICEBOT_", "CREDENTIALS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def log() -> None:
    """A log of a call that is over, and of one that goes on."""

    async def fill() -> None:
        async with open_store(Path("data/calls.sqlite")) as store:
            await put(store, STARTED)
            for turn in (CALLER, TURN, WHOLE):
                await put(store, turn)
            await put(store, ENDED)
            await put(store, replace(STARTED, call_id="d2", call_sid="CA2"))

    asyncio.run(fill())


@pytest.fixture
def decided(log: None) -> None:
    """The call that is over has decisions, and a recording of 10 s."""

    async def fill() -> None:
        async with open_store(Path("data/calls.sqlite")) as store:
            for decision in (BARGE_IN, END, KEY):
                await put(store, decision)

    asyncio.run(fill())
    recording = StereoRecording(Path("recordings/c1.wav"))
    for second in range(10):  # a byte tells the second, and the side
        recording.write(bytes([second, 100 + second]) * 8000)
    recording.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["calls", *arguments])


def output(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.exception
    return result.stdout


def parsed(*arguments: str) -> Any:
    return json.loads(output(*arguments, "--json"))


@pytest.mark.usefixtures("log")
def test_calls_are_listed_newest_first_with_how_they_ended() -> None:
    _, going_on, over = output("list").splitlines()
    assert "not yet" in going_on
    for part in ("reception", "1:00", "bot_goodbye by bot", "+15550002222", "c1"):
        assert part in over


@pytest.mark.usefixtures("log")
def test_a_list_is_as_long_as_asked() -> None:
    assert [call["call_id"] for call in parsed("list", "--limit", "1")] == ["d2"]


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("command", [["list"], ["show", "c1"]])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_callers_number_is_masked_unless_asked_for(
    command: list[str], form: list[str]
) -> None:
    masked = output(*command, *form)
    assert "+1555…99" in masked
    assert STARTED.from_number not in masked
    assert STARTED.from_number in output(*command, *form, "--numbers")


@pytest.mark.usefixtures("log")
def test_a_call_is_shown_with_what_was_said_and_heard() -> None:
    text = output("show", "CA1")
    lines = text.splitlines()
    assert any("recordings/c1.wav (0:59)" in line for line in lines)
    assert any("stepfun.lost" in line for line in lines)
    caller, cut, whole = lines[-3:]
    assert caller.split()[:2] == ["61.00", "s"]
    assert caller.split()[-4:] == [
        "caller",
        r"[red]a",
        r"table\x1b[2J\x0afor",
        "two",
    ]
    assert cut.split()[-2:] == ["0.64", "s"]
    assert f"cut off: {TURN.heard_text}" in cut
    assert whole.split()[-3:] == ["all", "0.64", "s"]
    assert "\x1b" not in text


@pytest.mark.usefixtures("log")
def test_that_there_is_a_message_is_shown_and_what_it_says_only_as_json() -> None:
    assert "a message" not in output("show", "c1")
    untold = replace(
        MESSAGE, recording_sid="RE2", duration_s=None, transcription=None, url=None
    )

    async def fill() -> None:
        async with open_store(Path("data/calls.sqlite")) as store:
            await put(store, MESSAGE)
            await put(store, untold)

    asyncio.run(fill())
    shown = output("show", "c1")
    assert "a message of 12 s, transcribed: RE1\na message: RE2\n" in shown
    assert str(MESSAGE.transcription) not in shown
    told = parsed("show", "c1")["messages"]
    assert [each["transcription"] for each in told] == [MESSAGE.transcription, None]


@pytest.mark.usefixtures("log")
def test_as_json_a_call_is_complete() -> None:
    shown = parsed("show", "c1", "--numbers")
    assert shown["call"]["from_number"] == STARTED.from_number
    assert shown["call"]["end_reason"] == "bot_goodbye"
    assert shown["call"]["started_at"] == "2026-11-22T12:00:00.123456+00:00"
    assert [turn["seq"] for turn in shown["turns"]] == [0, 1, 2]
    assert shown["turns"][1]["heard_text"] == TURN.heard_text


@pytest.mark.usefixtures("log")
def test_a_call_without_words_is_shown_too() -> None:
    assert output("show", "d2").endswith("nothing was said\n")


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("beginning", "sentence"),
    [
        ("zz", "no call begins with 'zz'"),
        ("CA", "several calls begin with 'CA': give more"),
    ],
)
def test_a_call_that_cannot_be_found_is_one_sentence(
    beginning: str, sentence: str
) -> None:
    result = run("show", beginning)
    assert isinstance(result.exception, StoreError)
    assert str(result.exception) == sentence


@pytest.mark.parametrize("command", [["list"], ["show", "c1"]])
def test_without_a_log_there_is_one_sentence_and_still_no_log(
    command: list[str],
) -> None:
    result = run(*command)
    assert isinstance(result.exception, StoreError)
    assert str(result.exception).startswith("data/calls.sqlite: no call log yet")
    assert not Path("data").exists()


def test_a_log_without_calls_says_so() -> None:
    async def create() -> None:
        async with open_store(Path("data/calls.sqlite")):
            pass

    asyncio.run(create())
    assert output("list") == "no calls yet\n"


@pytest.mark.usefixtures("decided")
def test_decisions_are_shown_with_what_they_rested_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    *_, barge_in, end, key = output("show", "c1", "--decisions").splitlines()
    assert re.split("  +", barge_in.strip()) == [
        "1",
        "1.20 s",
        "barge-in",
        "paused, went on: it only shows that the caller listens",
        "speech 320 ms, clear 208 ms, 30 dB above the noise, stopped after 180 ms, "
        "went on after 640 ms, min_ms 180, times 1.25, confirm_ms 600, decide_ms 450",
    ]
    for part in (
        "  4.00 s  ",
        "  end of turn  ",
        "  answered: the caller fell silent  ",
        "  waited 560 ms, replied after 910 ms, profile normal, ",
        "end of turn after 550 ms, pace 1 ",
    ):
        assert part in end
    assert key.rstrip().endswith("stopped, listened: a key was pressed")


@pytest.mark.usefixtures("decided")
def test_decisions_are_shown_only_if_asked_for() -> None:
    assert "barge-in" not in output("show", "c1")
    assert "decisions" not in parsed("show", "c1")


@pytest.mark.usefixtures("decided")
def test_as_json_decisions_are_complete() -> None:
    shown = parsed("show", "c1", "--decisions")
    assert [decision["seq"] for decision in shown["decisions"]] == [1, 2, 3]
    assert shown["decisions"][0]["features"] == BARGE_IN.features
    assert shown["decisions"][1]["trace"] == END.trace


@pytest.mark.usefixtures("log")
def test_a_call_without_decisions_says_so() -> None:
    assert output("show", "c1", "--decisions").endswith("nothing was decided\n")


def test_there_are_words_for_every_rule_and_outcome() -> None:
    assert set(WHY) == set(Rule)
    assert set(WHAT_CAME) == set(Outcome)


@pytest.mark.usefixtures("decided")
@pytest.mark.parametrize("times", [1, 2])
def test_each_decision_is_cut_out_of_the_recording(times: int) -> None:
    texts = [
        output("show", "c1", "--decisions", "--clips", "clips") for _ in range(times)
    ]
    assert texts[-1].endswith("2 of 3 decisions cut out into clips\n")
    whole = Path("recordings/c1.wav").read_bytes()
    assert {file.name for file in Path("clips").iterdir()} == {"c1-1.wav", "c1-2.wav"}
    for seq, first_ms, last_ms in ((1, 0, 3200), (2, 2000, 6000)):
        clip = Path(f"clips/c1-{seq}.wav")
        assert clip.read_bytes()[58:] == whole[58 + 16 * first_ms : 58 + 16 * last_ms]
        info = soundfile.info(clip)
        assert (info.channels, info.samplerate) == (2, 8000)
        assert info.frames == 8 * (last_ms - first_ms)
        assert clip.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("decided")
def test_clips_and_json_go_together() -> None:
    shown = parsed("show", "c1", "--decisions", "--clips", "clips")
    assert len(shown["decisions"]) == 3
    assert Path("clips/c1-1.wav").exists()


@pytest.mark.usefixtures("decided")
def test_a_recording_that_cannot_be_cut_is_one_sentence() -> None:
    def refusal(call: str) -> str:
        result = run("show", call, "--decisions", "--clips", "clips")
        assert isinstance(result.exception, StoreError)
        return str(result.exception)

    recording = Path("recordings/c1.wav")
    assert refusal("d2") == "call d2: it wasn't recorded, or that was lost"
    recording.write_bytes(b"RIFF")
    assert refusal("c1") == f"{recording}: expected a recording, got 4 bytes"
    recording.write_bytes(bytes(100))
    assert refusal("c1") == f"{recording}: expected a recording, got 100 bytes"
    soundfile.write(recording, [0.0] * 9, 8000)
    assert "expected a recording of ours, stereo, 8000 Hz" in refusal("c1")
    recording.unlink()
    assert refusal("c1") == f"{recording}: the recording is gone"
    recording.mkdir()
    assert refusal("c1") == f"{recording}: Is a directory"
    assert not Path("clips").exists()


@pytest.mark.usefixtures("decided")
def test_a_clip_that_cannot_be_written_is_one_sentence() -> None:
    Path("clips/c1-1.wav").mkdir(parents=True)
    result = run("show", "c1", "--decisions", "--clips", "clips")
    assert isinstance(result.exception, StoreError)
    assert str(result.exception).startswith("clips/c1-1.wav: ")


@pytest.mark.usefixtures("decided")
def test_clips_are_of_decisions() -> None:
    result = run("show", "c1", "--clips", "clips")
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == "--clips: expected it together with --decisions"


@pytest.mark.usefixtures("log")
def test_all_that_was_noted_is_shown_but_not_what_was_said() -> None:
    async def fill() -> None:
        async with open_store(Path("data/calls.sqlite")) as store:
            await put(
                store,
                FlowNote("c1", 1500, "refused", "front desk", "too_many"),
                FlowNote("c1", 1600, "menu", "[red]main", ""),
                FaultNote("c1", 1700, Fault.TWILIO_RESET),
                Forwarded("c1", "Ring", "front desk"),
                Forwarded("c1", "ComeBack", None),
                ForwardOver("c1", "busy"),
                Transcribed("c1", 2, None, 900, True, {}),
                Transcribed("c1", None, "RE1", 900, False, {}),
                KeyPressed("c1", 1800),
                KeyPressed("c1", 1900, "9"),
                Silenced("c1", 0, [[0, 1, 2]]),
            )

    asyncio.run(fill())
    shown = output("show", "c1", "--events").partition("kind")[2].splitlines()[1:]
    assert [line.split(maxsplit=1)[1].split() for line in shown] == [
        ["call.started"],
        ["61.00", "s", "turn", "caller"],
        ["0.10", "s", "turn", "bot"],
        ["0.10", "s", "turn", "bot"],
        ["call.ended", "bot_goodbye"],
        ["1.50", "s", "flow", "refused", "front", "desk:", "too_many"],
        ["1.60", "s", "flow", "menu", "[red]main"],
        ["1.70", "s", "fault", "twilio.reset"],
        ["transfer", "Ring", "front", "desk"],
        ["transfer", "ComeBack"],
        ["transfer.over", "busy"],
        ["transcription", "turn", "2:", "words"],
        ["transcription", "RE1:", "nothing"],
        ["1.80", "s", "key"],
        ["1.90", "s", "key", "9"],
        ["silenced", "1", "places"],
    ]
    as_json = json.loads(output("show", "c1", "--events", "--json"))
    assert len(as_json["events"]) == 16
    assert as_json["events"][-2]["kind"] == "key"


@pytest.mark.usefixtures("log")
def test_where_the_time_before_an_answer_went_is_shown() -> None:
    assert "no answer was waited for" in output("show", "c1", "--latency")

    async def fill() -> None:
        async with open_store(Path("data/calls.sqlite")) as store:
            await put(store, LATENCY)

    asyncio.run(fill())
    shown = output("show", "c1", "--latency").partition("spoken at")[2].splitlines()
    assert shown[1].split()[0] == "~1.00"
    as_json = json.loads(output("show", "c1", "--latency", "--json"))
    assert as_json["latencies"][0]["delta_ms"] == 1900


@pytest.mark.usefixtures("log")
def test_rows_are_made_anew() -> None:
    before = output("show", "c1", "--json")
    assert output("rebuild") == "the rows of 2 calls were made anew\n"
    assert output("show", "c1", "--json") == before


@pytest.fixture
def many() -> None:
    """Three calls of one day, and words that are hostile to a spreadsheet."""

    async def fill() -> None:
        async with open_store(Path("data/calls.sqlite")) as store:
            for number in range(3):
                await put(store, another(number, NOON + number * MINUTE))
                await put(store, replace(CALLER, call_id=f"c{number}"))
            await put(store, replace(ENDED, call_id="c1"))
            formula = replace(TURN, call_id="c1", generated_text='=1+1|"A"!B1')
            await put(store, formula, replace(WHOLE, call_id="c1"))

    asyncio.run(fill())


@pytest.mark.usefixtures("many")
def test_a_list_is_shown_page_by_page() -> None:
    text = output("list", "--limit", "2")
    assert text.endswith("older ones: --past c1\n")
    assert [call["call_id"] for call in parsed("list", "--past", "c1")] == ["c0"]
    assert output("list", "--past", "c0") == "no such calls\n"
    result = run("list", "--past", "zz")
    assert str(result.exception) == "no call begins with 'zz'"


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("options", "listed"),
    [
        (["--since", "2026-11-22T12:01:00+00:00"], ["c2", "c1"]),
        (["--until", "2026-11-22T12:01:00+00:00"], ["c0"]),
        (["--until", "99999d"], []),
        (["--persona", "reception"], ["c2", "c1", "c0"]),
        (["--persona", "nobody"], []),
        (["--number", "+1 (555) 010-0199"], ["c2", "c1", "c0"]),
        (["--number", "5550100199"], []),
        (["--end-reason", "bot_goodbye"], ["c1"]),
        (["--min-duration", "1m"], ["c1"]),
        (["--min-duration", "61s"], []),
    ],
)
def test_a_list_has_the_calls_that_are_asked_for(
    options: list[str], listed: list[str]
) -> None:
    assert [call["call_id"] for call in parsed("list", *options)] == listed


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--since", "lately"],
            "--since: expected 30m, 12h, 7d, 2026-11-22 or 2026-11-22T13:30, "
            "got 'lately'",
        ),
        (
            ["--min-duration", "1w"],
            "--min-duration: expected a time like 90s, 5m or 2h, got '1w'",
        ),
    ],
)
def test_what_is_no_time_is_one_sentence(options: list[str], sentence: str) -> None:
    result = run("list", *options)
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == sentence


def test_what_is_no_end_reason_is_one_sentence_with_all_that_there_are() -> None:
    result = run("list", "--end-reason", "boredom")
    assert isinstance(result.exception, ConfigError)
    assert "caller_hangup, " in str(result.exception)
    assert str(result.exception).endswith("got 'boredom'")


@pytest.mark.usefixtures("many")
def test_words_are_searched_and_shown_with_their_call() -> None:
    _, *hits = output("search", "TABLE").splitlines()
    assert [line.split()[3] for line in hits] == ["c2", "c1", "c0"]
    assert all(r"[red]a table\x1b[2J\x0afor two" in line for line in hits)
    assert "+1555…99" in hits[0]
    assert output("search", "您好", "--limit", "1").endswith(
        "there may be more: --limit 2\n"
    )
    (hit, *_) = parsed("search", "two", "table", "--numbers")
    assert hit["call"]["from_number"] == STARTED.from_number
    assert (hit["seq"], hit["at_ms"], hit["who"]) == (0, 61_000, "caller")
    assert output("search", "absent") == "nobody said that\n"
    assert output("search", "table", "--persona", "no") == "nobody said that\n"


@pytest.mark.usefixtures("log")
def test_of_long_words_what_is_around_the_find_is_shown() -> None:
    async def fill() -> None:
        async with open_store(Path("data/calls.sqlite")) as store:
            long = f"{'before ' * 30}needle{' after' * 30}"
            await put(store, replace(CALLER, generated_text=long))
            await put(store, replace(MESSAGE, transcription="a needle"))

    asyncio.run(fill())
    _, turn, message = output("search", "needle").splitlines()
    assert "…" in turn
    assert "before needle after" in turn
    assert len(turn) < 200
    assert "message" in message


def test_nothing_cannot_be_searched() -> None:
    result = run("search", " ")
    assert isinstance(result.exception, ConfigError)
    assert "got nothing" in str(result.exception)


@pytest.mark.usefixtures("many")
def test_calls_are_counted() -> None:
    heading, line = output("stats").splitlines()
    assert line.split()[:4] == ["all", "3", "2", "1:00"]
    assert line.split()[-3:] == ["0", "stepfun.lost", "1"]
    assert [group["key"] for group in parsed("stats", "--by", "end-reason")] == [
        "bot_goodbye",
        "not yet",
    ]
    assert output("stats", "--persona", "nobody") == "no such calls\n"
    result = run("stats", "--by", "week")
    assert "one of persona, day, end-reason, got 'week'" in str(result.exception)


@pytest.mark.usefixtures("many")
def test_calls_are_exported_masked_unless_asked_for() -> None:
    rows = list(csv.DictReader(io.StringIO(output("export"))))
    assert [row["call_id"] for row in rows] == ["c2", "c1", "c0"]
    assert rows[1]["from_number"] == "'+1555…99"
    assert rows[1]["faults"] == '["stepfun.lost"]'
    assert rows[1]["started_at"] == "2026-11-22T12:01:00.123456+00:00"
    assert rows[0]["ended_at"] == ""
    assert STARTED.from_number not in output("export", "--format", "jsonl")
    assert STARTED.from_number in output("export", "--numbers")


@pytest.mark.usefixtures("many")
def test_a_spreadsheet_finds_no_formula_in_an_export() -> None:
    text = output("export", "--what", "turns")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["call_id"], row["seq"]) for row in rows] == [
        ("c2", "0"),
        ("c1", "0"),
        ("c1", "1"),
        ("c1", "2"),
        ("c0", "0"),
    ]
    assert rows[2]["generated_text"] == '\'=1+1|"A"!B1'
    assert rows[0]["generated_text"] == CALLER.generated_text
    for beginning in ("=", "+", "-", "@", "\t", "\r", "\n", "＝"):
        assert str(cell(f"{beginning}cmd")).startswith("'")


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("what", ["calls", "turns"])
def test_all_forms_of_an_export_tell_the_same(what: str) -> None:
    from pyarrow import parquet  # only this test needs it

    for form in ("jsonl", "parquet"):
        told = output("export", "--what", what, "--format", form, "-o", form)
        assert told.endswith(f"{what} written to {form}\n")
        assert Path(form).stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in Path("jsonl").read_text().splitlines()]
    table = parquet.read_table("parquet").to_pylist()
    for line, row in zip(lines, table, strict=True):
        for name, value in line.items():
            if isinstance(value, list | dict):
                assert json.loads(row[name]) == value
            elif isinstance(row[name], datetime):
                assert row[name] == datetime.fromisoformat(value)
            else:
                assert row[name] == value
    assert {path.name for path in Path().iterdir()} == {"data", "jsonl", "parquet"}


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--format", "xml"], "--format: expected one of csv, jsonl, parquet, got"),
        (["--what", "all"], "--what: expected calls or turns, got 'all'"),
        (["--format", "parquet"], "--format parquet: expected --output FILE with it"),
        (["-o", "no/where"], "no/where: No such file or directory"),
    ],
)
def test_an_export_that_cannot_be_is_one_sentence(
    options: list[str], sentence: str
) -> None:
    result = run("export", *options)
    assert isinstance(result.exception, VoicebotError)
    assert str(result.exception).startswith(sentence)


@pytest.mark.usefixtures("many")
def test_without_pyarrow_there_is_no_parquet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run("export", "--format", "parquet", "-o", "file")
    assert isinstance(result.exception, ConfigError)
    assert "voicebot[parquet]" in str(result.exception)
    assert not Path("file").exists()
