"""Turns from a VAD's decisions: 20 ms each, written as `#` for speech, `.` for none."""

import pytest

from voicebot.audio.timbre import Sound
from voicebot.audio.vad import VadFrame
from voicebot.bridge.turns import Change, Needs, TurnDetector

ENOUGH = Needs()
SHOWN = {
    Change.STARTED: "(",
    Change.STOPPED: ")",
    Change.WENT_ON: "+",
    Change.FADED: "-",
    None: " ",
}


def frame(sound: str) -> VadFrame:
    """`#` is clear speech, `.` none; another letter is that sound, taken for speech."""
    if sound == "#":
        sound = "v"
    return VadFrame(sound != ".", -30.0, Sound(sound), -60.0)


def push(
    detector: TurnDetector, line: str, needs: Needs | None = ENOUGH, end_ms: int = 200
) -> list[Change | None]:
    """Give it a line; as the bridge does, forget a turn or an onset that is over."""
    changes = []
    for each in line:
        changes.append(detector.push(frame(each), needs, end_ms))
        if changes[-1] in (Change.STOPPED, Change.FADED):
            detector.reset()
    return changes


def changes(line: str, *, max_turn_ms: int = 30_000, needs: Needs = ENOUGH) -> str:
    """What each decision changes: `(` a turn starts, `)` it stops, blank: nothing."""
    return "".join(SHOWN[each] for each in push(TurnDetector(max_turn_ms), line, needs))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("....#####...", "        (   "),
        ("####.#......", "     (      "),
        ("####.........#....", "             (    "),
        ("####.............#", " " * 17 + "("),
        ("####...............#", " " * 18 + "- "),  # 300 ms of silence undo an onset
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


def test_a_pause_inside_a_turn_is_told_when_the_caller_goes_on() -> None:
    detector = TurnDetector(30_000)
    line = "#####" + 9 * "." + "#" + 10 * "." + "#" + 30 * "."
    found = push(detector, line, end_ms=600)
    assert [each for each in found if each] == [
        Change.STARTED,
        Change.WENT_ON,
        Change.STOPPED,
    ]
    assert found.index(Change.WENT_ON) == 5 + 9 + 1 + 10


def test_what_is_less_like_speech_counts_less() -> None:
    needs = Needs(evidence_ms=100)
    assert changes("#####", needs=needs) == "    ("
    assert changes("h" * 25, needs=needs) == " " * 24 + "("
    assert changes("n" * 25, needs=needs) == " " * 24 + "("
    assert changes("t" * 50, needs=needs) == " " * 50


def test_noise_behind_a_vowel_is_a_consonant() -> None:
    needs = Needs(evidence_ms=100)
    assert changes("###" + "n" * 9, needs=needs) == " " * 11 + "("


def test_a_voice_that_dies_away_needs_more() -> None:
    needs = Needs(evidence_ms=140)
    fades = [VadFrame(True, -20.0 - 5 * n, Sound.VOICE, -60.0) for n in range(16)]
    goes_on = [VadFrame(True, -20.0, Sound.VOICE, -60.0)] * 12

    def started(frames: list[VadFrame]) -> int:
        detector = TurnDetector(30_000)
        found = [detector.push(each, needs, 500) for each in frames]
        return found.index(Change.STARTED)

    assert (started(goes_on), started(fades)) == (6, 10)


def test_who_is_softer_than_asked_for_makes_no_turn() -> None:
    assert changes("#" * 20, needs=Needs(level_dbov=-20.0)) == " " * 20
    assert changes("#" * 5, needs=Needs(level_dbov=-30.0)) == "    ("


def test_who_is_a_little_softer_needs_half_as_much_evidence_again() -> None:
    almost = Needs(100, level_dbov=-27.0, softer_db=4.0)
    assert changes("#" * 8, needs=almost) == "       ("
    assert changes("#" * 5, needs=Needs(100, -30.0, softer_db=4.0)) == "    ("
    assert changes("#" * 20, needs=Needs(100, -25.0, softer_db=4.0)) == " " * 20


def test_what_is_far_softer_than_the_caller_does_not_keep_a_turn_alive() -> None:
    detector = TurnDetector(30_000)
    push(detector, "#" * 80)
    radio = VadFrame(True, -45.0, Sound.VOICE, -60.0)
    changes = [detector.push(radio, ENOUGH, 200) for _ in range(10)]
    assert changes[-1] is Change.STOPPED


def test_the_trace_has_a_letter_a_frame_from_the_first_speech_on() -> None:
    detector = TurnDetector(30_000)
    push(detector, "...##hn..##")
    assert detector.trace == "VVHN..VV"
    assert detector.turn_ms == 160


def test_an_onset_waits_until_a_turn_may_begin() -> None:
    detector = TurnDetector(30_000)
    assert push(detector, "#" * 20, None) == [None] * 20
    assert push(detector, "#") == [Change.STARTED]
    assert detector.turn_ms == 420


def test_an_onset_that_ended_before_a_turn_could_begin_is_forgotten() -> None:
    detector = TurnDetector(30_000)
    push(detector, "#" * 20 + "." * 15, None)
    assert push(detector, ".") == [None]
    assert detector.turn_ms == 0


def test_the_silence_since_the_last_word_outlives_the_turn() -> None:
    detector = TurnDetector(30_000)
    push(detector, "#" * 5 + "." * 10)
    assert not detector.speaking
    assert detector.silent_ms == 200
    assert detector.turn_ms == detector.evidence.speech_ms == 0


def test_a_reset_ends_the_turn_without_a_word() -> None:
    detector = TurnDetector(30_000)
    push(detector, "#" * 5)
    detector.reset()
    assert push(detector, "." * 20) == [None] * 20


def test_what_is_to_be_told_first_begins_where_it_tells() -> None:
    told = Needs(100, told_ms=100)
    assert changes("#" * 10, needs=told) == " " * 8 + "( "  # it goes on
    assert changes("#####" + "." * 9, needs=told) == " " * 13 + "("
    assert changes("####...#", needs=told) == " " * 7 + "("  # two syllables
    assert changes("####" + "." * 10, needs=told) == " " * 14


def test_when_it_is_late_less_will_do() -> None:
    told = Needs(100, told_ms=40, onset_ms=40)
    assert changes("##" + "." * 12, needs=told) == " " * 13 + "("
    assert changes("#" + "." * 13, needs=told) == " " * 14
    late = Needs(100, told_ms=40, late=True, onset_ms=40)
    assert changes("###", needs=late) == " ( "
    softer = Needs(100, -27.0, 4.0, told_ms=40, late=True, onset_ms=40)
    assert changes("###", needs=softer) == "  ("  # half as much again
