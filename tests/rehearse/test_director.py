"""Rehearsed calls of a persona that has a director."""

from typing import Any

from tests.rehearse.calls import desk, made, scenario
from voicebot.bridge.model import Ending
from voicebot.store.records import EndReason

WHO = desk(
    director={
        "actions": {
            "human": {"when": "The caller asks for a person.", "do": {"transfer": "x"}},
            "hours": {"when": "They ask for hours.", "do": {"say": "Nine to five."}},
        }
    },
    transfer={"announce": "I put you through."},
)
ASKS: list[dict[str, Any]] = [
    {"say": "What can I do?"},
    {"say": "I need some real person to help"},
    {"silence": "9s"},
]


def test_the_offline_director_picks_what_the_caller_speaks_of() -> None:
    facts = made(scenario(ASKS), WHO)
    assert facts.record.ending is EndReason.TRANSFERRED
    assert [each.text for each in facts.heard][-2:] == [
        "Then please leave the room.",
        "I put you through.",
    ]


def test_a_test_says_what_is_picked() -> None:
    script = [{"hear": "can i do", "pick": "hours"}, {"hear": "real", "pick": "none"}]
    facts = made(scenario(ASKS, director=script), WHO)
    assert facts.record.ending is Ending.CALLER_HANGUP
    assert [each.text for each in facts.heard].count("Nine to five.") == 1
    events = [line for line in facts.record.lines if "event=call event" in line]
    assert [line.partition(" detail")[0] for line in events] == [
        "kind=director name=hours"
    ]


def test_a_rehearsal_is_the_same_each_time() -> None:
    first, second = (made(scenario(ASKS), WHO) for _ in range(2))
    assert first.record.heard == second.record.heard
    assert first.record.ended_at == second.record.ended_at
