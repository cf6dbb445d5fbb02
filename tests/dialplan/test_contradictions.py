"""Settings that cannot both be meant, at the line and column where they stand."""

from pathlib import Path

import pytest

from tests.dialplan.plans import PERSONA, mistakes, written


@pytest.mark.parametrize(
    ("barge_in", "problem"),
    [
        (
            "{min_ms: 700}",
            "5:20: barge_in.min_ms: expected min_ms to be at most confirm_ms, "
            "got 700ms and 600ms",
        ),
        (
            "{min_ms: 700, confirm_ms: 0.5s}",
            "5:37: barge_in.confirm_ms: expected min_ms to be at most confirm_ms, "
            "got 700ms and 500ms",
        ),
        (
            "{backchannel: [ok, sure], stop_words: [wait, O.K.]}",
            "5:56: barge_in.stop_words[1]: 'O.K.' is backchannel already, on line 5",
        ),
    ],
)
def test_a_contradiction_is_a_mistake(
    tmp_path: Path, barge_in: str, problem: str
) -> None:
    desk = f"{PERSONA}barge_in: {barge_in}\n"
    assert mistakes(written(tmp_path, desk=desk)) == [f"personas/desk.yaml:{problem}"]


@pytest.mark.parametrize(
    "barge_in",
    [
        "{}",
        "{min_ms: 600, confirm_ms: 600}",
        "{mode: stop, min_ms: 700}",  # which doesn't wait to be confirmed
        "{backchannel: ['no']}",  # a stop word of the language, if the persona is still
        "{stop_words: [okay]}",
        "{backchannel: [], stop_words: []}",
    ],
)
def test_what_can_be_meant_is_none(tmp_path: Path, barge_in: str) -> None:
    desk = f"{PERSONA}barge_in: {barge_in}\n"
    assert mistakes(written(tmp_path, desk=desk)) == []


def test_all_phrases_that_are_said_twice_are_named(tmp_path: Path) -> None:
    lists = "backchannel: [ok, sure]\n  stop_words:\n    - Sure\n    - OK\n"
    desk = f"{PERSONA}barge_in:\n  {lists}"
    assert [line.split()[0] for line in mistakes(written(tmp_path, desk=desk))] == [
        "personas/desk.yaml:8:7:",
        "personas/desk.yaml:9:7:",
    ]


@pytest.mark.parametrize("mode", ["announce", "ask"])
def test_who_is_to_be_told_must_be_told_something(tmp_path: Path, mode: str) -> None:
    desk = f"{PERSONA}recording: {{mode: {mode}}}\n"
    assert mistakes(written(tmp_path, desk=desk)) == [
        "personas/desk.yaml:5:19: recording.mode: expected recording.consent with it, "
        f"as mode is {mode!r}"
    ]


@pytest.mark.parametrize(
    "recording", ["{mode: always}", "{consent: x}", "{mode: ask, consent: May we?}"]
)
def test_who_is_not_need_not_be(tmp_path: Path, recording: str) -> None:
    desk = f"{PERSONA}recording: {recording}\n"
    assert mistakes(written(tmp_path, desk=desk)) == []


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (
            "model: {engine: cascade, vad: server}\n",
            "5:31: model.vad: a cascade has no turn detection: expected "
            "model.vad: local",
        ),
        (
            "model: {vad: server}\nfallback: {engine: cascade}\n",
            "6:20: fallback.engine: a cascade has no turn detection: expected "
            "model.vad: local",
        ),
        (
            "model: {engine: cascade}\n"
            "tools: {end: {use: hangup}, news: {kind: web_search}}\n",
            "6:42: tools.news.kind: a cascade has no web_search: expected "
            "engine: realtime",
        ),
    ],
)
def test_a_cascade_does_not_what_only_the_realtime_model_does(
    tmp_path: Path, keys: str, problem: str
) -> None:
    problems = mistakes(written(tmp_path, desk=PERSONA + keys))
    assert problems == [f"personas/desk.yaml:{problem}"]


@pytest.mark.parametrize(
    "keys",
    [
        "model: {engine: cascade, vad: local}\nfallback: {engine: cascade}\n",
        "model: {vad: server}\nfallback: {attempts: 1}\n",
        "fallback: {engine: cascade}\ntools: {news: {kind: web_search}}\n",
    ],
)
def test_an_engine_that_can_do_it_is_none(tmp_path: Path, keys: str) -> None:
    assert mistakes(written(tmp_path, desk=PERSONA + keys)) == []
