"""A flight record is done again, and the first difference is found."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.bridge.calls import BUSINESS, GREETING, PLAIN, SILENCE, VOICE, Call, pcm
from voicebot.bridge import model as do
from voicebot.bridge.flight import (
    CLASSES,
    Flown,
    RecordedBridge,
    decoded,
    encoded,
    fly,
    told_of,
)
from voicebot.bridge.settings import BargeIn, Settings
from voicebot.errors import StoreError

RICH = replace(
    BUSINESS,
    greeting=GREETING,
    barge_in=BargeIn("pause", stop_words=("stop",)),
    fillers=(GREETING,),
)


class Recorded(Call):
    """A call that is recorded from its start on."""

    def __init__(
        self, settings: Settings, listen: Callable[[bytes], float] | None = None
    ) -> None:
        self.lines: list[bytes] = []
        bridge = partial(RecordedBridge, tell=self.lines.append)
        super().__init__(settings, listen=listen, bridge=bridge)


def talk(call: Call) -> None:
    """A greeting, a turn, an answer that is interrupted, a key, a goodbye."""
    call.wait(1.0)
    call.turn(seconds=1.2)
    call.give(do.ReplyStarted("r1"), do.BotText("r1", "您好, the table is yours"))
    call.give(do.BotAudio("r1", pcm(2000)), do.ReplyDone("r1"))
    call.wait(0.8)
    call.say(1.5)
    call.wait(1.0)
    call.give(do.CallerKey("7"))
    call.give(do.EndRequested(do.Ending.DRAIN))
    call.wait(2.0)


@pytest.mark.parametrize("settings", [PLAIN, RICH, replace(RICH, owner="server")])
@pytest.mark.parametrize("listen", [None, lambda ulaw: ulaw[0] / 256])
def test_a_call_is_done_again_to_its_end(
    settings: Settings, listen: Callable[[bytes], float] | None
) -> None:
    call = Recorded(settings, listen)
    plain = Call(settings, listen=listen)
    for each in (call, plain):
        if settings.owner == "server":
            each.wait(1.0)
            each.say(1.0)
        else:
            talk(each)
    assert call.log == plain.log  # who records changes nothing
    flown = fly(call.lines)
    assert flown == Flown(len(call.lines) - 1, flown.until_ms, None)
    assert flown.until_ms == pytest.approx((call.now - 100) * 1000, abs=50)


def test_another_bridge_is_found_out_where_it_differs_first() -> None:
    call = Recorded(RICH)
    talk(call)
    head = json.loads(call.lines[0])
    head["settings"]["barge_in"]["mode"] = "never"
    flown = fly([json.dumps(head).encode(), *call.lines[1:]])
    found = flown.difference
    assert found
    assert found.step == flown.steps + 1
    assert found.at_ms == flown.until_ms > 1000
    assert found.event.startswith("CallerAudio(ulaw=160 bytes")
    assert "ClearCaller" in found.recorded
    assert "ClearCaller" not in found.replayed


def test_the_start_is_compared_too() -> None:
    call = Recorded(RICH)
    step = json.loads(call.lines[1])
    step["actions"] = []
    found = fly([call.lines[0], json.dumps(step).encode()]).difference
    assert found
    assert (found.event, found.at_ms, found.recorded) == ("the start", 0, "")
    assert found.replayed


@pytest.mark.parametrize("scores", [[], [0.9] * 9])
def test_that_the_neural_detector_is_asked_otherwise_is_a_difference(
    scores: list[float],
) -> None:
    call = Recorded(PLAIN, lambda ulaw: 0.5)
    call.hear(VOICE[:3200])
    numbers = [n for n, line in enumerate(call.lines) if b'"scores":[0' in line]
    lines = list(call.lines)
    step = json.loads(lines[numbers[0]])
    lines[numbers[0]] = json.dumps(step | {"scores": scores}).encode()
    found = fly(lines).difference
    assert found
    assert found.recorded == f"asked the neural detector {len(scores)} times"
    assert found.replayed == "asked the neural detector 1 times"


def test_a_record_that_ends_early_is_done_again_so_far() -> None:
    call = Recorded(RICH)
    talk(call)
    assert fly(call.lines[:40]) == Flown(39, fly(call.lines[:40]).until_ms, None)
    assert fly(call.lines[:1]) == Flown(0, 0, None)


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (0, b""),
        (0, b"{}"),
        (0, b"[]"),
        (0, b'{"version":2}'),
        (0, b'{"version":1,"now":0,"listens":false,"settings":{"class":"None"}}'),
        (2, b'{"now":'),
        (2, b'{"now":0,"event":{"class":"CallerAudio"},"scores":[],"actions":[]}'),
        (2, b'{"now":0,"event":{"class":"Prompt","no":1},"scores":[],"actions":[]}'),
        (2, b'{"now":0,"event":{"bytes":"a secret"},"scores":[],"actions":[]}'),
    ],
)
def test_what_is_no_record_is_one_sentence_that_repeats_nothing(
    number: int, line: bytes
) -> None:
    lines = list(Recorded(PLAIN).lines)
    lines[number] = line
    with pytest.raises(StoreError) as caught:
        fly(lines)
    assert str(caught.value) == (
        f"line {number + 1}: expected a flight record of this release, "
        "got something else"
    )
    with pytest.raises(StoreError):
        fly([])


def test_which_key_was_pressed_is_not_in_the_record() -> None:
    call = Recorded(PLAIN)
    call.give(do.CallerKey("7"))
    assert b'"digit":"0"' in call.lines[-1]
    assert b"7" not in call.lines[-1].split(b'"event":')[1].split(b"}")[0]


def test_no_sound_of_an_action_is_in_the_record() -> None:
    call = Recorded(RICH)
    call.wait(0.5)
    for line in call.lines[1:]:
        assert b'"bytes"' not in json.dumps(json.loads(line)["actions"]).encode()


@pytest.mark.parametrize(
    "value",
    [
        do.CallerAudio(SILENCE),
        do.PeerLost(do.Ending.TWILIO_LOST),
        RICH,
        {"a": 1, "b": (2.5, None, True)},
        "您好",
    ],
)
def test_what_was_encoded_is_decoded(value: Any) -> None:
    assert decoded(json.loads(json.dumps(encoded(value)))) == value


def test_what_was_encoded_is_told_without_sound() -> None:
    assert told_of(encoded(do.CallerAudio(SILENCE))).startswith(
        "CallerAudio(ulaw=160 bytes"
    )
    lost = do.PeerLost(do.Ending.TWILIO_LOST)
    assert told_of(encoded(lost)) == "PeerLost(ending=twilio_lost, heals=True)"
    assert told_of(encoded({"a": (1, 2)})) == "{a: [1, 2]}"
    assert told_of({"digest": "ab", "length": 3}) == "3 bytes ab"


def test_all_that_a_bridge_is_told_and_does_can_be_encoded() -> None:
    for union in (do.Event, do.Action):
        for kind in union.__args__:
            assert CLASSES[kind.__name__] is kind
