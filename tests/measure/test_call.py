"""One small call of each kind, through the real bridge; and the report of a few."""

from dataclasses import asdict, replace
from typing import Literal

import numpy as np
import pytest

from voicebot.errors import ConfigError
from voicebot.measure.answers import answer
from voicebot.measure.call import MeasuredCall
from voicebot.measure.conditions import chosen, conditions
from voicebot.measure.corpus import load
from voicebot.measure.judge import Result, judge
from voicebot.measure.pieces import pieces
from voicebot.measure.record import Network, Record
from voicebot.measure.run import measure, one
from voicebot.measure.scenario import Kind, Scenario, Stimulus, joined, spoken
from voicebot.measure.settings import base_settings
from voicebot.measure.verdicts import verdicts

OWNERS: list[Literal["local", "server"]] = ["local", "server"]
LONG = spoken(load().named("allison_circuits"))
NOTHING = Stimulus(np.zeros(1600))


def scenario(kind: Kind, stimulus: Stimulus = NOTHING, **changes: object) -> Scenario:
    wanted = Scenario("test", "clean", kind, stimulus, 1000, bot_words=5)
    return replace(wanted, **changes)  # type: ignore[arg-type]  # as the test has it


def called(wanted: Scenario, owner: Literal["local", "server"] = "local") -> Record:
    greets = wanted.kind is not Kind.TURN
    settings = replace(base_settings(greets=greets), owner=owner)
    return MeasuredCall(wanted, settings, Network()).run()


@pytest.mark.parametrize("owner", OWNERS)
def test_without_anything_the_whole_answer_is_heard(
    owner: Literal["local", "server"],
) -> None:
    record = called(scenario(Kind.DISTRACTOR), owner)
    whole = record.answers[0].ulaw
    found = pieces(record.heard, [whole])
    assert [(piece.answer, piece.start, piece.size) for piece in found] == [
        (0, 0, len(whole))
    ]
    result = judge(record, owner)
    assert (result.began, result.false_stop, result.underruns) == (True, False, 0)


@pytest.mark.parametrize("owner", OWNERS)
def test_a_long_interruption_is_judged_from_its_onset_on(
    owner: Literal["local", "server"],
) -> None:
    record = called(scenario(Kind.INTERRUPTION, LONG, bot_words=14), owner)
    result = judge(record, owner)
    assert result.began
    assert result.kind is Kind.INTERRUPTION
    assert record.onset_at is not None
    assert record.stimulus_at is not None
    assert record.onset_at == pytest.approx(record.stimulus_at + 0.06)
    if result.latency_ms is not None:
        assert 0 <= result.latency_ms <= 2000


@pytest.mark.parametrize("owner", OWNERS)
def test_a_turn_gets_its_answer(owner: Literal["local", "server"]) -> None:
    result = judge(called(scenario(Kind.TURN, LONG), owner), owner)
    assert not result.missed
    assert not result.spoke_over
    assert result.reply_ms is not None
    assert 100 < result.reply_ms < 3000
    assert result.clipped_ms == 0


def test_what_a_model_is_given_is_understood_and_no_more() -> None:
    record = called(scenario(Kind.TURN, LONG))
    texts = [note.heard_text for _, note in record.notes if note.who == "caller"]
    assert texts[-1] == "all circuits are busy now"


def test_a_call_is_the_same_each_time() -> None:
    wanted = chosen(["noise 10 dB"])["noise 10 dB"][0]
    settings = base_settings(greets=True)
    first, second = (one(wanted, "local", settings, Network()) for _ in range(2))
    assert first == second


def test_a_caller_who_never_gets_to_speak_was_met_with_a_false_stop() -> None:
    result = judge(called(scenario(Kind.INTERRUPTION, LONG, after_ms=60_000)), "local")
    assert (result.began, result.false_stop, result.missed) == (False, True, False)
    silent = replace(called(scenario(Kind.TURN, LONG)), stimulus_at=None)
    assert not judge(silent, "local").began


def test_two_phrases_are_joined_with_their_pause() -> None:
    whole = joined(LONG, LONG, 400)
    assert whole.end_ms == LONG.end_ms + 400 + LONG.end_ms - LONG.onset_ms
    assert whole.words == f"{LONG.words} {LONG.words}"


def test_answers_have_no_bytes_in_common_and_say_where_their_words_are() -> None:
    one_answer, other = answer(1, 8), answer(2, 8)
    for at in range(0, len(one_answer.ulaw) - 80, 80):
        assert other.ulaw.find(one_answer.ulaw[at : at + 80]) < 0
    assert len({word.text for word in one_answer.words}) == 8
    for before, after in zip(one_answer.words, one_answer.words[1:], strict=False):
        assert before.end_ms < after.start_ms


def test_there_are_enough_calls_for_shares_of_a_few_percent() -> None:
    calls = [each for row in conditions().values() for each in row]
    kinds = [each.kind for each in calls]
    assert kinds.count(Kind.INTERRUPTION) >= 60
    assert kinds.count(Kind.DISTRACTOR) >= 100
    assert len({each.name for each in calls}) == len(calls)


def test_a_condition_that_there_isnt_is_refused() -> None:
    with pytest.raises(ConfigError, match="--condition drill: unknown; known: clean, "):
        chosen(["drill"])


def test_a_report_has_rows_verdicts_and_all_calls() -> None:
    told: list[int] = []
    calls = {"dtmf": chosen(["dtmf"])["dtmf"][5:7]}
    report = measure(calls, ["local"], interleavings=20, advance=told.append)
    found = report.as_json()
    assert told[:2] == [1, 1]
    assert len(found["calls"]) == 2
    assert [row["name"] for row in found["conditions"]] == ["dtmf"]
    assert len(found["must_hold"]) == 9 + 1
    stormed = found["must_hold"][-1]
    count = sum(told[2:])
    assert count >= 20
    assert stormed["name"] == (
        f"stale frames after clear, {count} random interleavings"
    )
    assert (stormed["value"], stormed["ok"]) == (0, True)
    assert found["storm_seed"] is None
    assert {"name", "owner", "value", "limit", "unit", "ok", "calls"} <= set(
        found["must_hold"][0]
    )
    assert found["ok"] is report.ok


def test_with_and_without_the_neural_detector_all_is_measured_twice() -> None:
    asked: list[int] = []

    def nobody(ulaw: bytes) -> float:
        asked.append(len(ulaw))
        return 0.0

    calls = {"clean": chosen(["clean"])["clean"][:1]}
    found = measure(calls, ["local"], neural=[None, lambda: nobody]).as_json()
    for what, count in (("conditions", 1), ("must_hold", 9), ("calls", 1)):
        assert [each["neural"] for each in found[what]] == (
            [False] * count + [True] * count
        )
    assert asked
    heard, unheard = (call["latency_ms"] for call in found["calls"])
    assert unheard is None or unheard > heard


def test_murmurs_are_not_words() -> None:
    calls = chosen(["murmurs", "backchannel"])
    names = {row: {each.stimulus.words for each in made} for row, made in calls.items()}
    assert names["murmurs"] == {"嗯", "嗯嗯"}
    assert {"okay", "yeah", "i see", "uh-huh", "对", "好的"} <= names["backchannel"]
    assert not names["murmurs"] & names["backchannel"]
    assert sum(map(len, calls.values())) >= 26


# ---- what must hold ------------------------------------------------------------------


def result(kind: Kind, **figures: object) -> Result:
    made = Result("n", "cough", "local", False, kind, "", True)
    return replace(made, **figures)  # type: ignore[arg-type]  # as the test has it


def test_what_must_hold_is_counted_over_the_right_calls() -> None:
    found = {
        verdict.name: verdict
        for verdict in verdicts(
            "local",
            [
                *[result(Kind.INTERRUPTION, latency_ms=200.0)] * 18,
                result(Kind.INTERRUPTION, latency_ms=500.0, heard_error_ms=21.0),
                result(Kind.INTERRUPTION, missed=True, clipped_ms=30.0),
                result(Kind.INTERRUPTION, false_stop=True),
                result(Kind.INTERRUPTION, marks=False, heard_error_ms=59.0),
                *[result(Kind.DISTRACTOR)] * 18,
                result(Kind.DISTRACTOR, false_stop=True, resumed=True),
                result(Kind.DISTRACTOR, false_stop=True, resumed=False, stale=2),
                result(Kind.DISTRACTOR, false_stop=True, condition="side talk"),
            ],
        )
    }
    values = {name: (each.value, each.ok) for name, each in found.items()}
    assert values == {
        "onset to silence at the ear, p50": (200, True),
        "onset to silence at the ear, p95": (500, False),
        "missed interruptions": (pytest.approx(100 / 21), False),
        "audible false stops": (pytest.approx(300 / 21), False),
        "of these resumed, no word lost or repeated": (50, False),
        "clipped first words": (1, False),
        "heard position error with marks, max": (21, False),
        "heard position error without marks, max": (59, True),
        "stale frames after an answer was given up": (2, False),
    }
    assert asdict(found["missed interruptions"])["calls"] == 21


def test_what_no_call_tells_about_is_neither_kept_nor_broken() -> None:
    assert {verdict.ok for verdict in verdicts("local", [])} == {None}
