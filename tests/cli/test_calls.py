"""The commands read a call log that the store wrote."""

import asyncio
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile
from typer.testing import CliRunner, Result

from tests.store.noted import put
from tests.store.test_calls import DECISION, ENDED, MESSAGE, STARTED, TURN
from voicebot.bridge.model import Outcome, Rule
from voicebot.cli import app
from voicebot.cli.decisions import WHAT_CAME, WHY
from voicebot.errors import ConfigError, StoreError
from voicebot.store.calls import open_store
from voicebot.store.faults import Fault
from voicebot.store.recordings import StereoRecording
from voicebot.store.records import (
    FaultNote,
    FlowNote,
    Forwarded,
    ForwardOver,
    KeyPressed,
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
    assert "+1555…11" in masked
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
                KeyPressed("c1", 1800),
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
        ["1.80", "s", "key"],
    ]
    as_json = json.loads(output("show", "c1", "--events", "--json"))
    assert len(as_json["events"]) == 12
    assert as_json["events"][-1]["kind"] == "key"


@pytest.mark.usefixtures("log")
def test_rows_are_made_anew() -> None:
    before = output("show", "c1", "--json")
    assert output("rebuild") == "the rows of 2 calls were made anew\n"
    assert output("show", "c1", "--json") == before
