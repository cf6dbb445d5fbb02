"""Each expectation: a call in which it is met, and one in which it isn't."""

from functools import partial
from typing import Any

import pytest

from tests.rehearse.calls import (
    ASKS,
    INTERRUPTS,
    LISTENS,
    LONG,
    desk,
    made,
    missed,
    scenario,
)
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import Action, AmendReply, Event, NoteTurn, PlayToCaller
from voicebot.dialplan.testing import EXPECTATIONS, Expectation
from voicebot.rehearse.expect import JUDGES, Miss, judge
from voicebot.runtime.conduct import flow_of

SLOW = {"faults": [{"model": "slow"}]}
DEAF: dict[str, Any] = {"barge_in": {"mode": "never"}, "filler": {"say": []}}
SILENT: dict[str, Any] = {"filler": {"say": []}}


@pytest.mark.parametrize(
    ("caller", "expect"),
    [
        (ASKS, {"heard": "hello this is THE DESK"}),
        (ASKS, {"heard": "green light", "within": "2s"}),
        (INTERRUPTS, {"not_heard": "green light"}),
        (INTERRUPTS, {"outcome": "confirmed", "within": "1s"}),
        (LISTENS, {"outcome": "resumed", "within": "1500ms"}),
        (INTERRUPTS, {"speech_stopped": {"within": "600ms"}}),
        (INTERRUPTS, {"no_audio_gap_over": "2s"}),
        (LISTENS, {"no_audio_gap_over": "2s"}),
        # Whom the bot talks over doesn't wait for it.
        ([{"say": "Hello", "wait": "none"}], {"no_audio_gap_over": "2s"}),
        (ASKS, {"lost_words": 0}),
        (LISTENS, {"lost_words": 0}),
        (INTERRUPTS, {"lost_words": 0}),
        (INTERRUPTS, {"heard_transcript_excludes_unplayed": True}),
        (INTERRUPTS, {"model_history_equals_heard": True}),
        ([], {"ended_by": "caller_hangup"}),
        ([{"silence": "1m"}], {"ended_by": "idle"}),
        (ASKS, {"log_never_contains": "246810"}),
    ],
)
def test_is_met(caller: list[dict[str, Any]], expect: dict[str, Any]) -> None:
    assert missed(scenario(caller, expect)) is None


@pytest.mark.parametrize(
    ("caller", "expect", "given", "who", "expected", "got"),
    [
        (ASKS, {"heard": "engineer"}, {}, {}, "'engineer' heard", LONG),
        # What the bot would have said, but for the interruption, wasn't heard.
        (INTERRUPTS, {"heard": "green light"}, {}, {}, "'green light' heard", "Hello"),
        (
            ASKS,
            {"heard": "green light", "within": "3s"},
            SLOW,
            SILENT,
            "'green light' heard within 3.0s",
            "begun after 4.9s",
        ),
        (ASKS, {"not_heard": "green light"}, {}, {}, "'green light' not heard", LONG),
        (
            INTERRUPTS,
            {"outcome": "resumed"},
            {},
            {},
            "resumed",
            "confirmed after",
        ),
        (
            LISTENS,
            {"outcome": "resumed", "within": "100ms"},
            {},
            {},
            "resumed within 100ms",
            "resumed after",
        ),
        (
            LISTENS,
            {"outcome": "resumed"},
            {},
            DEAF,
            "resumed",
            "ignored",
        ),
        (
            ASKS,
            {"outcome": "ignored"},
            {},
            {},
            "ignored",
            "the caller did nothing while the bot spoke",
        ),
        (
            INTERRUPTS,
            {"speech_stopped": {"within": "600ms"}},
            {},
            DEAF,
            "silence within 600ms of the caller's first sound",
            "after 10.6s",
        ),
        (
            ASKS,
            {"speech_stopped": {"within": "600ms"}},
            {},
            {},
            "silence within 600ms of the caller's first sound",
            "the caller did nothing while the bot spoke",
        ),
        (
            ASKS,
            {"no_audio_gap_over": "2s"},
            SLOW,
            SILENT,
            "no silence over 2.0s",
            "4.9s from 4.3s on",
        ),
        ([], {"ended_by": "idle"}, {}, {}, "idle", "caller_hangup"),
        (
            [{"say": "It is 2 4 6."}],
            {"log_never_contains": "2 4 6"},
            {},
            {},
            "'2 4 6' in no log",
            "in the call log, turn 2",
        ),
        (
            [],
            {"log_never_contains": "persona=desk"},
            {},
            {},
            "'persona=desk' in no log",
            "in the log",
        ),
    ],
)
def test_is_not_met(
    caller: list[dict[str, Any]],
    expect: dict[str, Any],
    given: dict[str, Any],
    who: dict[str, Any],
    expected: str,
    got: str,
) -> None:
    miss = missed(scenario(caller, expect, **given), desk(**who))
    assert miss is not None
    assert miss.expected == expected
    assert got in miss.got


class Broken(Bridge):
    """A bridge with a bug, planted by what it does with its actions."""

    def handle(self, event: Event, now: float) -> list[Action]:
        return [
            fixed
            for action in super().handle(event, now)
            if (fixed := self.broken(action)) is not None
        ]

    def broken(self, action: Action) -> Action | None:
        return action


class Boasting(Broken):
    """Notes as heard what it would have said."""

    def broken(self, action: Action) -> Action | None:
        if isinstance(action, NoteTurn) and action.who == "bot":
            return NoteTurn(
                **{
                    name: getattr(action, name)
                    for name in NoteTurn.__dataclass_fields__
                    if name != "heard_text"
                },
                heard_text=action.generated_text,
            )
        return action


class Secretive(Broken):
    """Doesn't tell the model what was heard."""

    def broken(self, action: Action) -> Action | None:
        return None if isinstance(action, AmendReply) else action


class Stuttering(Broken):
    """Loses a second of what it says."""

    lost = 0

    def broken(self, action: Action) -> Action | None:
        if isinstance(action, PlayToCaller) and action.at > 5 and self.lost < 8000:
            self.lost += len(action.ulaw)
            return None
        return action


@pytest.mark.parametrize(
    ("bug", "caller", "expect", "expected", "got"),
    [
        (
            Stuttering,
            ASKS,
            {"lost_words": 0},
            "at most 0 words lost",
            ": '",
        ),
        (
            Boasting,
            INTERRUPTS,
            {"heard_transcript_excludes_unplayed": True},
            "only words that reached the ear in the call log",
            ", of which was heard 'First unplug the",
        ),
        (
            Secretive,
            INTERRUPTS,
            {"model_history_equals_heard": True},
            "the model to believe it said 'First unplug",
            LONG[:30],
        ),
    ],
)
def test_a_planted_bug_is_found(
    monkeypatch: pytest.MonkeyPatch,
    bug: type[Broken],
    caller: list[dict[str, Any]],
    expect: dict[str, Any],
    expected: str,
    got: str,
) -> None:
    test = scenario(caller, expect)
    assert missed(test) is None
    planted = partial(flow_of, bridge=bug)
    monkeypatch.setattr("voicebot.rehearse.stream.flow_of", planted)
    miss = missed(test)
    assert miss is not None
    assert miss.expected.startswith(expected)
    assert got in miss.got


def test_an_answer_too_many_in_the_models_history_is_found() -> None:
    facts = made(scenario(INTERRUPTS))
    wanted = Expectation.model_validate({"model_history_equals_heard": True})
    assert judge(wanted, facts) is None
    facts.record.history.append(facts.record.history[1])
    miss = judge(wanted, facts)
    assert miss == Miss("2 answers in the model's history", "3")


def test_words_that_are_said_again_are_found() -> None:
    facts = made(scenario(LISTENS))
    wanted = Expectation.model_validate({"repeated_words": 1})
    assert judge(wanted, facts) is None
    answer = facts.heard[-1]
    answer.parts += answer.parts
    miss = judge(wanted, facts)
    assert miss is not None
    assert miss.expected == "at most 1 words repeated"
    assert "unplug the main" in miss.got


def test_what_is_said_as_the_caller_hangs_up_isnt_asked_of_the_model() -> None:
    test = scenario(
        [*ASKS, {"hangup": True, "at": "+1500ms"}],
        {"model_history_equals_heard": True},
    )
    facts = made(test)
    assert facts.is_last(facts.heard[-1])
    assert judge(test.expect[0], facts) is None
    assert judge(Expectation.model_validate({"lost_words": 0}), facts) is None


def test_every_expectation_that_a_file_may_have_is_judged() -> None:
    fields = Expectation.model_fields
    aliases = {fields[key].alias or key for key in JUDGES}
    assert aliases == set(EXPECTATIONS)
