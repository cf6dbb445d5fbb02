"""What came while frames waited for each other."""

import pytest

from voicebot.bridge.arrivals import arrivals
from voicebot.bridge.model import CallerAudio, CallerKey, Event, MarkReturned

ONE, TWO, THREE = (CallerAudio(bytes([n]) * 160) for n in (1, 2, 3))
ALL = CallerAudio(ONE.ulaw + TWO.ulaw + THREE.ulaw)


def test_frames_become_one_piece_in_order() -> None:
    assert arrivals([ONE, TWO, THREE]) == [ALL]


def test_what_came_alone_is_as_it_was() -> None:
    for event in (ONE, MarkReturned("m"), CallerKey("1")):
        assert arrivals([event]) == [event]
    assert arrivals([]) == []


@pytest.mark.parametrize(
    ("events", "waited_ms"),
    [
        ([MarkReturned("m"), ONE, TWO, THREE], 50),
        ([ONE, MarkReturned("m"), TWO, THREE], 30),
        ([ONE, TWO, MarkReturned("m"), THREE], 10),
        ([ONE, TWO, THREE, MarkReturned("m")], 0),
    ],
)
def test_a_mark_knows_how_long_it_has_waited_and_splits_nothing(
    events: list[Event], waited_ms: int
) -> None:
    mark, audio = arrivals(events)
    assert isinstance(mark, MarkReturned)
    assert (mark.name, round(mark.waited_s * 1000)) == ("m", waited_ms)
    assert audio == ALL


def test_a_key_stays_where_it_was_pressed() -> None:
    key = CallerKey("1")
    assert arrivals([ONE, key, TWO]) == [ONE, key, TWO]
    assert arrivals([key, ONE, TWO]) == [key, CallerAudio(ONE.ulaw + TWO.ulaw)]
    assert arrivals([ONE, TWO, key]) == [CallerAudio(ONE.ulaw + TWO.ulaw), key]
