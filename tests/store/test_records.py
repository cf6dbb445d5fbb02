from typing import get_args

from voicebot.store.records import ENDED_BY, EndReason, Party


def test_every_end_is_somebodys() -> None:
    assert set(ENDED_BY) == set(EndReason)
    assert set(ENDED_BY.values()) == set(get_args(Party))
