"""The compiled frame path is what its source is. `make test-compiled` asks both."""

import os
import tomllib
import traceback
from collections.abc import Callable
from dataclasses import FrozenInstanceError, asdict, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import (
    BotText,
    CallerAudio,
    CallerKey,
    Ending,
    EndRequested,
    MarkReturned,
    Phase,
    Speak,
)
from voicebot.bridge.settings import BargeIn, Prompt, Settings
from voicebot.bridge.vitals import DeadAir
from voicebot.observe.build import code_of
from voicebot.runtime.orders import Saw
from voicebot.runtime.pipe import packed, unpacked
from voicebot.stepfun.realtime.events import AudioDelta, TranscriptDelta
from voicebot.twilio.messages import Mark

ROOT = Path(__file__).parents[1]
TOOLS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
TABLE = TOOLS["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]
SHELL = {
    "voicebot.runtime.alarms",
    "voicebot.runtime.call",
    "voicebot.runtime.legs",
    "voicebot.sim.clock",
    "voicebot.sim.twilio.driver",
}
WANTED = "compiled" if os.environ.get("COMPILED") else "interpreted"


def modules() -> list[str]:
    found = {path for pattern in TABLE["modules"] for path in ROOT.glob(pattern)}
    found -= {ROOT / path for path in TABLE["left-out"]}
    names = (path.relative_to(ROOT).with_suffix("") for path in found)
    return sorted(".".join(name.parts) for name in names if name.name != "__init__")


def test_every_line_of_the_table_is_of_a_file() -> None:
    for pattern in (*TABLE["modules"], *TABLE["left-out"], *TABLE["native"]):
        assert [*ROOT.glob(pattern)], pattern
    assert len(modules()) > 30


def test_the_tests_run_every_line_of_what_is_compiled() -> None:
    """But for the shell around a call, at both of its ends: whole calls run it."""
    covered = TOOLS["coverage"]["run"]["include"]
    for module in modules():
        if module in SHELL:
            continue
        path = Path(module.replace(".", "/")).with_suffix(".py")
        parts = [path, *(parent / "*" for parent in path.parents)]
        assert {str(part) for part in parts} & {*covered}, module


@pytest.mark.parametrize("module", modules())
def test_the_twin_that_is_tested_is_the_one_that_was_asked_for(module: str) -> None:
    assert code_of(module) == WANTED
    file = import_module(module).__file__
    assert file
    assert file.endswith(".py") == (WANTED == "interpreted")


@pytest.mark.parametrize("pattern", TABLE["native"])
def test_frames_go_through_c_where_that_was_asked_for(pattern: str) -> None:
    package = ".".join(Path(pattern).parent.parts)
    quick = import_module(f"{package}.quick")
    assert quick.__all__
    for name in quick.__all__:
        is_native = getattr(quick, name).__module__ == f"{package}.native"
        assert is_native == (WANTED == "compiled"), name


def test_an_event_is_a_value() -> None:
    one = CallerKey("1")
    assert one == CallerKey("1")
    assert one != CallerKey("2")
    assert hash(one) == hash(CallerKey("1"))
    assert {one: 1}[CallerKey("1")] == 1
    with pytest.raises(FrozenInstanceError):
        one.digit = ""  # type: ignore[misc]
    assert not hasattr(one, "__dict__")


@pytest.mark.parametrize(
    ("make", "other", "written"),
    [
        (
            lambda: CallerAudio(b"\xff"),
            CallerAudio(b"\x7f"),
            "CallerAudio(ulaw=b'\\xff')",
        ),
        (
            lambda: BotText("r", "Hi"),
            BotText("r", "Ho"),
            "BotText(response_id='r', text='Hi')",
        ),
        (
            lambda: MarkReturned("g"),
            MarkReturned("g", 0.1),
            "MarkReturned(name='g', waited_s=0.0)",
        ),
        (lambda: Mark("g"), Mark("h"), "Mark(name='g')"),
        (
            lambda: AudioDelta("r", "i", b"\0\0"),
            AudioDelta("r", "i", b"\1\0"),
            "AudioDelta(response_id='r', item_id='i')",
        ),
        (
            lambda: TranscriptDelta("r", "i", "Hi"),
            TranscriptDelta("r", "i", "Ho"),
            "TranscriptDelta(response_id='r', item_id='i')",
        ),
    ],
)
def test_what_comes_often_makes_itself_and_is_a_value_otherwise(
    make: Callable[[], object], other: object, written: str
) -> None:
    one = make()
    assert one == make()
    assert one != other
    assert repr(one) == written
    assert not hasattr(one, "__dict__")


def test_settings_are_copied_with_changes_and_taken_apart() -> None:
    before = Settings(greeting=Prompt("Hello."), barge_in=BargeIn(min_ms=200))
    after = replace(before, owner="server")
    assert (after.owner, after.greeting) == ("server", Prompt("Hello."))
    assert before.owner == "local"
    assert asdict(after)["barge_in"]["min_ms"] == 200
    assert repr(Prompt("Hi.")) == "Prompt(text='Hi.', ulaw=None, must_hear=False)"


def test_an_event_is_matched_by_position_and_by_name() -> None:
    match Speak("menu", Prompt("Press 1.")):
        case Speak(id, Prompt(text=text), cut=cut):
            assert (id, text, cut) == ("menu", "Press 1.", False)
        case _:
            pytest.fail("it isn't matched")


def test_a_kind_is_its_word() -> None:
    assert f"{Phase.SPEAKING}" == "speaking"
    assert Phase("speaking") is Phase.SPEAKING


@pytest.mark.parametrize(
    "message",
    [
        Saw(DeadAir(850.5)),
        EndRequested(Ending.IDLE),
        Speak("menu", Prompt("Press 1.", b"\xff", must_hear=True)),
    ],
)
def test_what_is_compiled_goes_to_a_worker_and_back(message: object) -> None:
    assert unpacked(packed(message)) == message


def test_a_bug_is_a_traceback_that_names_the_line() -> None:
    bridge = Bridge(Settings(), 0.0)
    bridge.start(0.0)
    nonsense: Any = "no event"
    with pytest.raises((AssertionError, TypeError)) as caught:
        bridge.handle(nonsense, 0.02)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.filename.endswith(("voicebot/bridge/bridge.py", "typing.py", __file__))
