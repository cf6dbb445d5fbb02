import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stepfun.examples import EXAMPLES, named
from voicebot.errors import LocalProtocolError, RemoteProtocolError
from voicebot.stepfun.realtime import commands, events
from voicebot.stepfun.realtime.commands import ServerVad, SessionConfig
from voicebot.stepfun.realtime.session import RealtimeSession

CONFIG = SessionConfig("Be brief.", "ganliannvsheng", ServerVad())


def tell(session: RealtimeSession, kind: str, /, **members: Any) -> Any:
    return session.receive(json.dumps({"type": kind, **members}))


def delta(session: RealtimeSession, response_id: str, audio: str = "AAAA") -> bytes:
    """Tell three bytes of a response, or others in base64; return what is heard."""
    event = tell(
        session,
        "response.audio.delta",
        response_id=response_id,
        item_id="i1",
        delta=audio,
    )
    assert event.response_id == response_id
    pcm16: bytes = event.pcm16
    return pcm16


def answering(response_id: str) -> RealtimeSession:
    session = RealtimeSession()
    tell(session, "response.created", response={"id": response_id})
    return session


def active(session: RealtimeSession) -> str | None:
    return session.active_response


def accepted(session: RealtimeSession) -> bool | None:
    return session.voice_accepted


def done(session: RealtimeSession, response_id: str) -> None:
    tell(session, "response.done", response={"id": response_id, "status": "completed"})


def refuse(session: RealtimeSession, message: str) -> None:
    tell(session, "error", error={"message": message})


def echo(session: RealtimeSession, /, **members: object) -> None:
    tell(session, "session.updated", session={"id": "s1", **members})


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("name", sorted(named("s.")))
def test_a_session_takes_every_documented_frame(name: str, as_text: bool) -> None:
    session = RealtimeSession()
    data = json.dumps(EXAMPLES[name])
    event = session.receive(data if as_text else data.encode())
    assert (event is None) == bool(session.unknown)
    assert session.bad_frames == 0


def test_the_session_id_is_kept_for_support() -> None:
    session = RealtimeSession()
    assert session.session_id is None
    tell(session, "session.created", session={"id": "s1"})
    assert session.session_id == "s1"


def test_a_response_is_active_from_its_creation_to_its_end() -> None:
    session = answering("r1")
    assert active(session) == "r1"
    assert session.cancel() == commands.cancel_response()
    done(session, "r1")
    assert active(session) is None
    assert session.cancel() is None


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("response.audio.delta", {"delta": "AAAA"}),
        ("response.audio_transcript.delta", {"delta": "Hello"}),
        ("response.text.delta", {"delta": "Hello"}),
        ("response.thinking.delta", {"delta": "Hm"}),
        ("response.function_call_arguments.delta", {"call_id": "c", "delta": ""}),
    ],
)
def test_the_first_delta_of_an_unknown_response_makes_it_active(
    kind: str, members: dict[str, str]
) -> None:
    session = RealtimeSession()
    tell(session, kind, response_id="r1", item_id="i1", **members)
    assert active(session) == "r1"
    done(session, "r1")
    tell(session, kind, response_id="r1", item_id="i1", **members)
    assert active(session) is None  # a late frame


def test_a_delta_without_a_response_id_starts_none() -> None:
    session = RealtimeSession()
    tell(session, "response.audio.delta", delta="AAAA")
    assert active(session) is None


def test_a_new_response_ends_the_old_one() -> None:
    session = answering("r1")
    tell(session, "response.created", response={"id": "r2"})
    delta(session, "r1")
    done(session, "r1")
    assert active(session) == "r2"


def test_a_response_that_is_done_twice_or_created_late_stays_over() -> None:
    session = answering("r1")
    done(session, "r1")
    done(session, "r1")
    tell(session, "response.created", response={"id": "r1"})
    assert active(session) is None


@pytest.mark.parametrize("members", [{}, {"response_id": "r1"}])
def test_a_cancelled_response_is_over(members: dict[str, str]) -> None:
    session = answering("r1")
    tell(session, "response.cancelled", **members)
    assert active(session) is None


def test_a_cancelled_response_may_come_when_nothing_is_active() -> None:
    session = RealtimeSession()
    tell(session, "response.cancelled")
    assert active(session) is None


def test_a_refused_cancel_tells_that_the_response_is_over() -> None:
    session = answering("r1")
    refuse(session, "no ongoing response to cancel")
    assert active(session) is None
    delta(session, "r1")
    assert active(session) is None


def test_other_errors_leave_the_response_alone() -> None:
    session = answering("r1")
    refuse(session, "ongoing response already exists")
    assert active(session) == "r1"


def test_half_a_sample_waits_for_its_other_half() -> None:
    session = answering("r1")
    assert delta(session, "r1", "AQID") == b"\1\2"
    assert delta(session, "r1", "") == b""
    assert delta(session, "r1", "BA==") == b"\3\4"
    assert delta(session, "r1", "BQY=") == b"\5\6"


def test_half_a_sample_is_not_moved_into_another_response() -> None:
    session = answering("r1")
    assert delta(session, "r1", "AQID") == b"\1\2"
    assert delta(session, "r2", "BQYH") == b"\5\6"
    assert delta(session, "r1", "CQo=") == b"\x09\x0a"  # late, and r1 was over
    assert delta(session, "r2", "CA==") == b"\7\x08"


@pytest.mark.parametrize("end", ["response.audio.done", "response.done"])
def test_half_a_sample_does_not_outlive_its_audio(end: str) -> None:
    session = answering("r1")
    delta(session, "r1", "AQID")
    response = {"id": "r1", "status": "incomplete"}
    tell(session, end, response_id="r1", response=response)
    assert delta(session, "r1", "BQY=") == b"\5\6"


def test_halves_of_samples_of_dead_responses_do_not_pile_up() -> None:
    session = RealtimeSession()
    for number in range(100):
        done(session, f"r{number}")
        delta(session, f"r{number}")
    assert len(session._carries) == 8
    assert len(session._finished) == 32


def test_the_voice_is_accepted_once_it_is_echoed() -> None:
    session = RealtimeSession()
    assert session.configure(CONFIG) == commands.session_update(CONFIG)
    assert accepted(session) is None
    echo(session, voice="ganliannvsheng")
    assert accepted(session) is True
    assert session.session_id == "s1"


def test_another_voice_than_the_one_asked_for_is_noticed() -> None:
    session = RealtimeSession()
    session.configure(CONFIG)
    echo(session, voice="jingdiannvsheng")
    assert accepted(session) is False
    session.configure(CONFIG)
    assert accepted(session) is None


def test_a_voice_that_is_refused_is_not_accepted() -> None:
    session = RealtimeSession()
    session.configure(CONFIG)
    refuse(session, "voice ganliannvsheng is not valid")
    assert accepted(session) is False


def test_an_echo_without_a_voice_or_a_question_proves_nothing() -> None:
    session = RealtimeSession()
    echo(session, voice="jingdiannvsheng")
    assert accepted(session) is None
    session.configure(CONFIG)
    echo(session)
    assert accepted(session) is None


def test_a_configuration_that_cannot_be_sent_changes_nothing() -> None:
    session = RealtimeSession()
    session.configure(CONFIG)
    echo(session, voice="ganliannvsheng")
    with pytest.raises(LocalProtocolError):
        session.configure(SessionConfig("\ud800", "jingdiannvsheng", None))
    assert accepted(session) is True


def test_unknown_types_are_counted_but_not_without_end() -> None:
    session = RealtimeSession()
    for number in range(100):
        assert tell(session, f"new.{number:03}" + "x" * 100) is None
    for _ in range(2):
        assert tell(session, "new.000" + "x" * 100) is None
    assert len(session.unknown) == 32
    assert session.unknown["new.000" + "x" * 57] == 3
    assert session.bad_frames == 0


BAD_FRAMES = [
    "",
    "not JSON",
    "[]",
    "null",
    "{}",
    '{"type": 7}',
    '{"type": "response.audio.delta", "delta": "AAA"}',
    '{"type": "error", "error": {"code": NaN}}',
    "[" * 100_000,
    "1" * 5_000,
    "\ud800",
    b"\xff\xfe",
    b"\x00",
]


@pytest.mark.parametrize("frame", BAD_FRAMES, ids=lambda frame: repr(frame)[:20])
def test_a_bad_frame_is_refused_counted_and_changes_nothing(frame: str | bytes) -> None:
    session = answering("r1")
    for count in (1, 2):
        with pytest.raises(RemoteProtocolError, match="^message"):
            session.receive(frame)
        assert session.bad_frames == count
    assert active(session) == "r1"
    assert delta(session, "r1") == b"\0\0"


def test_thousands_of_digits_are_no_number() -> None:
    session = RealtimeSession()
    started = '{"type": "input_audio_buffer.speech_started", "item_id": "i1", %s}'
    with pytest.raises(RemoteProtocolError):
        session.receive(started % f'"audio_start_ms": "{"1" * 5_000}"')


known_types = st.sampled_from(sorted({EXAMPLES[name]["type"] for name in named("s.")}))


@settings(max_examples=200)
@given(
    st.lists(
        st.text()
        | st.binary()
        | st.builds('{{"type":"{}"}}'.format, known_types)
        | st.sampled_from([json.dumps(EXAMPLES[name]) for name in named("s.")]),
        max_size=12,
    )
)
def test_no_frames_make_a_session_raise_anything_undocumented(
    frames: list[str | bytes],
) -> None:
    session = RealtimeSession()
    refused = 0
    for frame in frames:
        try:
            session.receive(frame)
        except RemoteProtocolError:
            refused += 1
    assert session.bad_frames == refused


@settings(max_examples=100)
@given(st.permutations(sorted(named("s."))))
def test_events_may_come_in_any_order(names: list[str]) -> None:
    session = RealtimeSession()
    for name in names:
        with suppress(RemoteProtocolError):
            event = session.receive(json.dumps(EXAMPLES[name]))
            if isinstance(event, events.ResponseDone):
                assert active(session) != event.response_id
    assert session.bad_frames == 0
