"""Where the time went, in a table."""

from dataclasses import replace

from tests.store.test_latencies import LATENCY, PROVED
from voicebot.store.latency import EXPLAINED, HEADINGS, lines, quantile, steps_of

CASCADE = replace(LATENCY, understood_ms=1600, written_ms=1850)


def test_each_step_is_since_the_one_before_it() -> None:
    assert steps_of(LATENCY) == (500, None, None, 400, 60, 40, 1000)
    assert steps_of(CASCADE) == (500, 100, 250, 50, 60, 40, 1000)
    assert steps_of(replace(CASCADE, understood_ms=None))[1:4] == (None, 350, 50)
    assert steps_of(replace(CASCADE, written_ms=None))[1:4] == (100, None, 300)


def test_what_is_estimated_is_marked() -> None:
    assert list(lines([LATENCY])) == [
        ("~1.00 s", "~500 ms", "", "", "400 ms", "60 ms", "~40 ms", "~1000 ms")
    ]
    assert list(lines([PROVED])) == [
        ("~1.00 s", "~500 ms", "", "", "400 ms", "60 ms", "80 ms", "~1040 ms")
    ]
    assert "~" in EXPLAINED
    assert {len(line) for line in lines([LATENCY, PROVED])} == {len(HEADINGS)}


def test_steps_that_were_not_seen_are_left_out() -> None:
    blind = replace(LATENCY, committed_ms=None)
    assert steps_of(blind) == (None, None, None, None, 60, 40, 1000)
    assert next(lines([blind]))[1:5] == ("", "", "", "")
    silent = replace(LATENCY, delta_ms=None)
    assert steps_of(silent) == (500, None, None, None, None, 40, 1000)
    assert list(lines([blind, blind]))[-1][:2] == ("95 %", "")


def test_audio_before_the_news_of_the_commit_took_no_time() -> None:
    assert steps_of(replace(LATENCY, delta_ms=1400))[3] == 0


def test_several_answers_have_a_middle_and_a_far_end() -> None:
    *_, middle, far = lines([LATENCY, PROVED, replace(LATENCY, committed_ms=1700)])
    assert middle[:5] == ("median", "500 ms", "", "", "400 ms")
    assert far[:2] == ("95 %", "700 ms")
    assert list(lines([])) == []


def test_quantiles_are_values_that_there_were() -> None:
    assert quantile([None, None], 0.5) is None
    assert quantile([3, None, 1, 2], 0.5) == 2
    assert quantile(range(100), 0.95) == 95
    assert quantile([7], 1.0) == 7
