"""What was given up is never heard again, in whatever order the world replies."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from voicebot.measure.storm import storms
from voicebot.measure.weather import WEATHERS, Weather

# It is the other tests that cover the lines; here, tracing would double the time.
pytestmark = pytest.mark.no_cover

# Our own VAD takes twice as long as the model's, which others run.
INTERLEAVINGS = {
    ("stop", "local"): 300,
    ("stop", "server"): 2200,
    ("pause", "local"): 200,
    ("pause", "server"): 500,
}


@contextmanager
def untraced() -> Iterator[None]:
    """Measuring coverage takes six times as long as this, and learns nothing here."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


def interleavings(weather: Weather) -> int:
    return INTERLEAVINGS[weather.mode, weather.owner]


def test_there_are_10_000_interleavings_for_a_bot_that_stops() -> None:
    counts = {
        mode: sum(interleavings(each) for each in WEATHERS if each.mode == mode)
        for mode in ("stop", "pause")
    }
    assert counts["stop"] >= 10_000
    assert counts["pause"] >= 2_000


@pytest.mark.parametrize(
    "weather", WEATHERS, ids=lambda each: f"{each.mode}-{each.owner}-{each.marks}"
)
def test_nothing_that_was_given_up_is_ever_heard(weather: Weather) -> None:
    with untraced():
        found = storms(interleavings(weather), weathers=[weather])
    assert found.interleavings >= interleavings(weather)
    assert (found.stale, found.seed) == (0, None)
    assert found.heard_off_ms <= 60
