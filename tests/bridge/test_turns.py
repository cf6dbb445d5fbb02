"""Turns from a VAD's decisions: 20 ms each, written as `#` for speech, `.` for none."""

import pytest

from voicebot.bridge.turns import Change, TurnDetector


def changes(line: str, *, min_ms: int | None = 100, max_turn_ms: int = 30_000) -> str:
    """What each decision changes: `(` a turn starts, `)` it stops, blank: nothing."""
    detector = TurnDetector(end_silence_ms=200, max_turn_ms=max_turn_ms)
    shown = {Change.STARTED: "(", Change.STOPPED: ")", None: " "}
    return "".join(shown[detector.push(each == "#", min_ms)] for each in line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("....#####...", "        (   "),
        ("####.#......", "     (      "),
        ("####.........#....", "             (    "),
        ("####..........#....", " " * 19),  # 200 ms of silence undo an onset
        ("#####..........", "    (         )"),
        ("#####.........#..........", "    (                   )"),
        ("#####..........#####", "    (         )    ("),
    ],
)
def test_a_turn_starts_with_enough_speech_and_stops_with_enough_silence(
    line: str, expected: str
) -> None:
    assert changes(line) == expected


def test_a_turn_that_never_ends_is_ended() -> None:
    assert changes("#" * 12, max_turn_ms=200) == "    (    )  "


def test_an_onset_waits_until_a_turn_may_begin() -> None:
    detector = TurnDetector(end_silence_ms=200, max_turn_ms=30_000)
    assert [detector.push(True, None) for _ in range(20)] == [None] * 20
    assert detector.push(True, 100) is Change.STARTED
    assert detector.turn_ms == 420


def test_an_onset_that_ended_before_a_turn_could_begin_is_forgotten() -> None:
    detector = TurnDetector(end_silence_ms=200, max_turn_ms=30_000)
    for speech in [True] * 20 + [False] * 10:
        detector.push(speech, None)
    assert detector.push(False, 100) is None
    assert detector.turn_ms == 0


def test_the_silence_since_the_last_word_outlives_the_turn() -> None:
    detector = TurnDetector(end_silence_ms=200, max_turn_ms=30_000)
    for speech in [True] * 5 + [False] * 10:
        detector.push(speech, 100)
    assert not detector.speaking
    assert detector.silent_ms == 200
    assert detector.turn_ms == detector.voiced_ms == 0


def test_a_reset_ends_the_turn_without_a_word() -> None:
    detector = TurnDetector(end_silence_ms=200, max_turn_ms=30_000)
    for _ in range(5):
        detector.push(True, 100)
    detector.reset()
    assert [detector.push(False, 100) for _ in range(20)] == [None] * 20
