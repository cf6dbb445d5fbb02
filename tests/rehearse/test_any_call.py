"""Whatever the caller does, no expectation is missed for want of a clear account."""

from random import Random
from typing import Any

import pytest

from tests.rehearse.calls import desk, made, scenario
from voicebot.dialplan.testing import Expectation
from voicebot.rehearse.expect import judge

ALWAYS: list[dict[str, Any]] = [
    {"lost_words": 0},
    {"heard_transcript_excludes_unplayed": True},
    {"model_history_equals_heard": True},
    {"log_never_contains": "246810"},
]


def step(random: Random) -> dict[str, Any]:
    at = random.choice(["+0ms", "+300ms", "+1s", "+2500ms", "3s"])
    words = random.choice(
        ["okay", "嗯嗯", "wait", "Hold on, it is on fire", "我想预约"]
    )
    wait = random.choice(["quiet", "greeting", "none"])
    return random.choice(
        [
            {"say": words, "wait": wait},
            {"barge_in": {"at": at, "say": words}},
            {"backchannel": words, "at": at},
            {"dtmf": "12"},
            {"dtmf": "3", "at": at},
            {"silence": "2s"},
            {"hangup": True, "at": at},
        ]
    )


@pytest.mark.parametrize("seed", range(20))
def test_any_call_is_told_truly(seed: int) -> None:
    random = Random(seed)
    steps = [step(random) for _ in range(random.randint(0, 6))]
    who = desk(
        model={"vad": random.choice(["local", "server"])},
        barge_in={"mode": random.choice(["pause", "stop", "never"])},
    )
    facts = made(scenario(steps), who)
    wanted = [Expectation.model_validate(each) for each in ALWAYS]
    assert [judge(each, facts) for each in wanted] == [None] * len(wanted)
