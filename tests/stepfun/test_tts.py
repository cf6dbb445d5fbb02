import json
from typing import Any

import pytest

from tests.stepfun.examples import EXAMPLES, named
from voicebot.errors import LocalProtocolError
from voicebot.stepfun.realtime.session import RealtimeSession
from voicebot.stepfun.tts import SpeechRequest


def request(text: str = "Hello.", **members: Any) -> SpeechRequest:
    return SpeechRequest("stepaudio-2.5-tts", text, "ganliannvsheng", **members)


def test_a_request_holds_what_the_page_documents() -> None:
    documented = EXAMPLES["ht.req"]
    whole = request(documented["input"], instruction=documented["instruction"])
    body = json.loads(whole.body())
    not_sent = {"stream_format", "markdown_filter"}  # raw audio; plain text
    assert body == {k: v for k, v in documented.items() if k not in not_sent}


def test_a_plain_request_has_no_instruction() -> None:
    body = json.loads(request(rate_hz=24000, speed=1.2, volume=0.8).body())
    assert body == {
        "model": "stepaudio-2.5-tts",
        "input": "Hello.",
        "voice": "ganliannvsheng",
        "response_format": "pcm",
        "sample_rate": 24000,
        "speed": 1.2,
        "volume": 0.8,
    }


@pytest.mark.parametrize("name", sorted(named("ht.sse")))
def test_the_events_of_its_other_answer_mean_nothing_to_a_realtime_session(
    name: str,
) -> None:
    session = RealtimeSession()
    assert session.receive(json.dumps(EXAMPLES[name])) is None
    assert session.unknown == {EXAMPLES[name]["type"]: 1}


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"text": ""}, "input: expected 1 to 1000 characters, got 0"),
        ({"text": "x" * 1001}, "input: expected 1 to 1000 characters, got 1001"),
        ({"rate_hz": 44100}, "sample_rate: expected one of .*, got 44100"),
        ({"speed": 0.4}, "speed: expected 0.5 to 2, got 0.4"),
        ({"speed": float("nan")}, "speed: expected 0.5 to 2, got nan"),
        ({"volume": 2.1}, "volume: expected 0.1 to 2, got 2.1"),
        ({"instruction": "x" * 201}, "instruction: expected 1 to 200 characters"),
    ],
)
def test_a_request_above_a_limit_is_not_made(
    members: dict[str, Any], problem: str
) -> None:
    with pytest.raises(LocalProtocolError, match=problem):
        request(**members)


def test_a_request_at_its_limits_is_made() -> None:
    for rate_hz in (8000, 16000, 22050, 24000, 48000):
        request("字" * 1000, rate_hz=rate_hz, speed=0.5, instruction="x" * 200)


def test_half_a_character_cannot_be_sent() -> None:
    with pytest.raises(LocalProtocolError, match="got a lone surrogate"):
        request("\ud800").body()


def test_the_text_stays_out_of_a_traceback() -> None:
    assert "Hello" not in repr(request())
