import dataclasses
from typing import get_args

import pytest

from voicebot.stepfun.realtime.events import (
    AudioDelta,
    ServerEvent,
    TranscriptDelta,
    UserTranscript,
)


@pytest.mark.parametrize(
    "event", get_args(ServerEvent), ids=lambda event: event.__name__
)
def test_an_event_cannot_be_changed_unless_it_makes_itself(event: type) -> None:
    assert dataclasses.is_dataclass(event)
    makes_itself = event in (AudioDelta, TranscriptDelta)
    assert event.__dataclass_params__.frozen != makes_itself  # type: ignore[attr-defined]
    assert "__dict__" not in dir(event)


def test_an_event_does_not_quote_what_it_carries() -> None:
    assert repr(UserTranscript("i1", "my name")) == "UserTranscript(item_id='i1')"
    assert "pcm16" not in repr(AudioDelta("r1", "i1", b"\1\2"))
