import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stepfun.examples import EXAMPLES
from voicebot.errors import RemoteProtocolError
from voicebot.stepfun.realtime.delta import DeltaShape
from voicebot.stepfun.realtime.events import AudioDelta
from voicebot.stepfun.realtime.session import RealtimeSession

DELTA = EXAMPLES["s.audio.delta"]
RESPONSE_ID, ITEM_ID = DELTA["response_id"], DELTA["item_id"]
OTHER_EVENT_ID = "00000000-aaaa-bbbb-cccc-000000000000"


def frame(*, compact: bool = False, **changes: Any) -> bytes:
    separators = (",", ":") if compact else (", ", ": ")
    return json.dumps(DELTA | changes, separators=separators).encode()


def outcome(session: RealtimeSession, data: bytes) -> object:
    """What a frame gives: an event, None, or the text of its refusal."""
    try:
        return session.receive(data)
    except RemoteProtocolError as exc:
        return str(exc)


def learnt(data: bytes) -> DeltaShape:
    shape = DeltaShape.learn(data)
    assert shape is not None
    return shape


@pytest.mark.parametrize("compact", [True, False])
def test_the_next_delta_of_an_item_needs_no_parser(compact: bool) -> None:
    shape = learnt(frame(compact=compact))
    audio = bytes(range(256))
    following = frame(
        compact=compact,
        event_id=OTHER_EVENT_ID,
        delta=base64.b64encode(audio).decode(),
    )
    assert shape.read(following) == audio


@pytest.mark.parametrize(
    "data",
    [
        b'{"type": "response.audio.delta", "delta": "AAAA"}',
        b'{"event_id": "e", "delta": "AAAA", "output_index": 0}',
        b'{"event_id": "e", "delta": "AAAA", "extra": "x"}',
        b'{"event_id": "e", "type": "\\u0072", "delta": "AAAA"}',
        b'{"event_id": "e", "delta": "AAAA"} ',
        b'{"event_id" : "e", "delta": "AAAA"}',
        b'{"event_id": 7, "delta": "AAAA"}',
    ],
)
def test_a_delta_of_another_make_is_left_to_the_parser(data: bytes) -> None:
    assert DeltaShape.learn(data) is None


@pytest.mark.parametrize(
    "data",
    [
        frame(item_id="f7adc3cb-3b28-4fe4-97f2-8e01c0bbc00a"),
        frame(type="response.audio.doneX"),
        frame(event_id="47aadfe0-470d-4c35-bdf8-ac5dbc76ee\n"),
        frame(event_id="short"),
        frame(delta="AA*A"),
        frame(delta="AAA"),
        frame() + b" ",
        frame()[:-3],
        re.sub(rb'delta": ".*', b'delta": "}', frame()),
        b"[" + frame()[1:],
        b"",
    ],
)
def test_a_frame_that_differs_is_left_to_the_parser(data: bytes) -> None:
    assert learnt(frame()).read(data) is None


base64_like = st.one_of(
    st.binary(max_size=40).map(lambda audio: base64.b64encode(audio).decode()),
    st.text(alphabet='AQ+/=-_ \n\\"}{:,', max_size=12),
    st.text(max_size=6),
)
deltas = st.builds(
    frame,
    compact=st.booleans(),
    event_id=st.sampled_from([DELTA["event_id"], OTHER_EVENT_ID]) | base64_like,
    response_id=st.sampled_from([RESPONSE_ID, OTHER_EVENT_ID, "", None]),
    item_id=st.sampled_from([ITEM_ID, "", None, 7]),
    delta=base64_like,
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A delta of which a stretch was cut out, or replaced."""
    data = draw(deltas)
    start = draw(st.integers(0, len(data)))
    end = draw(st.integers(start, min(len(data), start + 8)))
    return data[:start] + draw(st.binary(max_size=4)) + data[end:]


@settings(max_examples=400)
@given(st.lists(deltas | damaged(), max_size=8))
def test_the_quick_way_and_the_parser_always_agree(frames: list[bytes]) -> None:
    quick, slow = RealtimeSession(), RealtimeSession()
    quick.receive(frame())
    slow.receive(frame())
    for data in frames:
        slow._shape = None  # it has to parse each frame in full
        assert outcome(quick, data) == outcome(slow, data)
        assert quick.active_response == slow.active_response


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=9), min_size=1, max_size=6), st.booleans())
def test_audio_is_the_same_however_it_is_cut_into_deltas(
    chunks: list[bytes], as_text: bool
) -> None:
    session = RealtimeSession()
    heard = b""
    for chunk in chunks:
        data = frame(delta=base64.b64encode(chunk).decode())
        event = session.receive(data.decode() if as_text else data)
        assert isinstance(event, AudioDelta)
        assert len(event.pcm16) % 2 == 0
        heard += event.pcm16
    sent = b"".join(chunks)
    assert heard == sent[: len(sent) & ~1]
