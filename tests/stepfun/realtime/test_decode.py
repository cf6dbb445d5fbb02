import json
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stepfun.examples import EXAMPLES, named
from voicebot.errors import RemoteProtocolError
from voicebot.fields import Fields
from voicebot.stepfun.realtime import events
from voicebot.stepfun.realtime.decode import READERS, read_event
from voicebot.stepfun.realtime.events import ErrorKind, ResponseStatus, ServerEvent

SESSION = "01a07c4e52b17d0c9be1f6a2407d3311"
RESPONSE = "df17aa72-3bde-4468-a13b-ecb9733ba43b"
ANSWER = "adae078a-1621-46c3-985e-cc427ecaf7ef"
TOOL_RESPONSE = "b87f7763-1335-4837-b049-823ffe0a6095"
CUT_RESPONSE = "b0e6a3a6-d659-4dfc-9224-0ea9d92a176b"
CALL_ITEM = "item_20261018031207"
CALL = "call_20261018151207_lookup_booking"
CALLER = "9b4c807a-9966-4d35-b21e-7eb4a7bcae72"
TYPED = "42577c28-ad2f-4dbd-ae31-22958899360b"
BEFORE = "f7adc3cb-3b28-4fe4-97f2-8e01c0bbc00a"
NAME = "lookup_booking"
ARGUMENTS = '{"phone": "+493012345678"}'
WORDS = "Friday at half past nine is free. Shall I book it?"
IDS = (RESPONSE, ANSWER)
CALL_IDS = (TOOL_RESPONSE, CALL_ITEM)
MESSAGE = (*IDS, "message", None, None)
FUNCTION_CALL = (*CALL_IDS, "function_call", CALL, NAME)
PCM16 = b"".join(
    sample.to_bytes(2, "little")
    for sample in (
        *(0, 82, 164, 246, 327, 407, 485, 563, 638, 712, 783, 852),
        *(919, 983, 1043, 1101, 1155, 1206, 1253, 1297, 1336, 1371, 1403, 1430),
    )
)

# Name of a documented or observed frame -> what it means to us.
MEANT: dict[str, ServerEvent | None] = {
    "s.session.created": events.SessionCreated(SESSION),
    "s.session.updated": events.SessionUpdated(SESSION, "ganliannvsheng", True, 1200),
    "s.session.updated.novad": events.SessionUpdated(SESSION, "jingdiannvsheng", False),
    "s.speech_started": events.SpeechStarted(CALLER, 4180),
    "s.speech_stopped": events.SpeechStopped(CALLER, 6320),
    "s.committed": events.Committed(CALLER, BEFORE),
    "s.cleared": events.Cleared(),
    "s.item.created.user_text": events.ItemCreated(TYPED, "message", "user", None),
    "s.item.created.user_audio": events.ItemCreated(CALLER, "message", "user", BEFORE),
    "s.item.created.assistant": events.ItemCreated(
        ANSWER, "message", "assistant", TYPED
    ),
    "s.item.created.function_call": events.ItemCreated(
        CALL_ITEM, "function_call", None, CALL_ITEM
    ),
    "s.item.deleted": events.ItemDeleted(CALLER),
    "s.transcription.delta": events.UserTranscriptDelta(CALLER, "can I come on"),
    "s.transcription.completed": events.UserTranscript(
        CALLER, "Can I come on Friday morning instead?"
    ),
    "s.response.created": events.ResponseCreated(RESPONSE),
    "s.output_item.added": events.OutputItemAdded(*MESSAGE),
    "s.output_item.added.function_call": events.OutputItemAdded(*FUNCTION_CALL),
    "s.content_part.added": events.ContentPartAdded(*IDS, "audio"),
    "s.audio_transcript.delta": events.TranscriptDelta(*IDS, "Friday at half past"),
    "s.audio.delta": events.AudioDelta(*IDS, PCM16),
    "s.audio_transcript.done": events.TranscriptDone(*IDS, WORDS),
    "s.audio.done": events.AudioDone(*IDS),
    "s.text.delta": events.TextDelta(*IDS, "Friday at "),
    "s.text.done": events.TextDone(*IDS, "Friday at half past nine is free."),
    "s.thinking.delta": events.ThinkingDelta(*IDS),
    "s.thinking.done": events.ThinkingDone(*IDS),
    "s.fc_args.delta": events.FunctionArgumentsDelta(
        *CALL_IDS, CALL, None, '{"phone": "+4930'
    ),
    "s.fc_args.done": events.FunctionArgumentsDone(*CALL_IDS, CALL, NAME, ARGUMENTS),
    "s.content_part.done": events.ContentPartDone(*IDS, "audio"),
    "s.output_item.done": events.OutputItemDone(*MESSAGE),
    "s.output_item.done.function_call": events.OutputItemDone(*FUNCTION_CALL),
    "s.response.done": events.ResponseDone(
        RESPONSE,
        ResponseStatus.COMPLETED,
        events.Usage(412, 301, 111, 64, 220, 81, 64, 0, 24, 87),
    ),
    "s.response.done.function_call": events.ResponseDone(
        TOOL_RESPONSE,
        ResponseStatus.COMPLETED,
        events.Usage(268, 248, 20, 0, 248, 0, 0, 0, 20, 0),
    ),
    "s.response.done.cancelled": events.ResponseDone(
        CUT_RESPONSE, ResponseStatus.CANCELLED, None
    ),
    "s.response.done.incomplete": events.ResponseDone(
        CUT_RESPONSE, ResponseStatus.INCOMPLETE, None
    ),
    "s.response.cancelled": events.ResponseCancelled(CUT_RESPONSE),
    "s.error": events.ServerError(ErrorKind.ONGOING_RESPONSE, None, "evt_c_0013"),
    "s.error.commit_vad": events.ServerError(
        ErrorKind.COMMIT_WHEN_SERVER_VAD, None, "evt_c_0005"
    ),
    "s.error.nocancel": events.ServerError(
        ErrorKind.NO_ONGOING_RESPONSE, None, "evt_c_0015"
    ),
    "s.error.nospeech": events.ServerError(ErrorKind.NO_SPEECH, None, None),
    "s.error.flat": events.ServerError(ErrorKind.OTHER, "invalid_value", "evt_c_0099"),
    "s.rate_limits.updated": None,  # its name is all that is known
}


def read(message: object, active: str = "") -> ServerEvent | None:
    return read_event(Fields.parse(json.dumps(message)), active)


def error(**members: object) -> events.ServerError:
    event = read({"type": "error", "error": members})
    assert isinstance(event, events.ServerError)
    return event


def test_every_documented_frame_has_a_meaning() -> None:
    assert MEANT.keys() == named("s.")


def test_every_known_type_has_a_documented_frame() -> None:
    assert READERS.keys() <= {EXAMPLES[name]["type"] for name in named("s.")}


@pytest.mark.parametrize("name", MEANT)
def test_a_frame_means_what_it_is_documented_or_observed_to_mean(name: str) -> None:
    assert read(EXAMPLES[name]) == MEANT[name]


@pytest.mark.parametrize("name", MEANT)
def test_words_arguments_and_audio_stay_out_of_a_traceback(name: str) -> None:
    shown = repr(read(EXAMPLES[name]))
    for private in ("Friday", "can I come", "phone", "\\x"):
        assert private not in shown


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Ongoing response already exists", ErrorKind.ONGOING_RESPONSE),
        ("append is not called", ErrorKind.APPEND_NOT_CALLED),
        ("invalid event format: tool_choice", ErrorKind.INVALID_EVENT_FORMAT),
        (
            "item.type must be message or function_call_output",
            ErrorKind.BAD_ITEM_TYPE,
        ),
        ("cannot find previous item root", ErrorKind.BAD_PREVIOUS_ITEM),
        ("voice nobody is not valid", ErrorKind.BAD_VOICE),
        ("template: continue_final_message is set", ErrorKind.EMPTY_HISTORY),
        ("internal error of speech engine", ErrorKind.ENGINE),
        ("you exceeded your quota", ErrorKind.QUOTA),
        ("rate limit reached", ErrorKind.RATE_LIMITED),
        ("too many requests", ErrorKind.RATE_LIMITED),
        ("something new", ErrorKind.OTHER),
    ],
)
def test_an_error_is_told_by_a_fragment_of_its_message(
    message: str, kind: ErrorKind
) -> None:
    event = error(message=message)
    assert event == events.ServerError(kind, None, None)
    assert message not in repr(event)


@pytest.mark.parametrize(
    ("members", "kind", "code"),
    [
        ({"type": "quota_exceeded"}, ErrorKind.QUOTA, None),
        (
            {"code": "rate_limit_exceeded"},
            ErrorKind.RATE_LIMITED,
            "rate_limit_exceeded",
        ),
        ({"code": 429}, ErrorKind.RATE_LIMITED, "429"),
        ({"code": "402"}, ErrorKind.QUOTA, "402"),
        ({"code": "the caller said no"}, ErrorKind.OTHER, None),
        ({"code": 503, "message": ["new"], "type": None}, ErrorKind.OTHER, "503"),
    ],
)
def test_an_error_is_told_by_its_type_or_its_code_too(
    members: dict[str, Any], kind: ErrorKind, code: str | None
) -> None:
    assert error(**members) == events.ServerError(kind, code, None)


def test_an_event_id_that_is_none_is_not_kept() -> None:
    assert error(event_id="my number is 12").event_id is None


def test_an_error_without_its_wrapper_is_an_error_all_the_same() -> None:
    message = {"type": "error", "message": "no speech found"}
    assert read(message) == events.ServerError(ErrorKind.NO_SPEECH, None, None)
    message = {"type": "server_error", "message": "internal error of speech engine"}
    assert read(message) == events.ServerError(ErrorKind.ENGINE, None, None)


def test_a_delta_without_ids_belongs_to_the_running_response() -> None:
    delta = {"type": "response.audio.delta", "delta": "AAAA"}
    assert read(delta, "r1") == events.AudioDelta("r1", "", b"\0\0\0")
    assert read(delta) == events.AudioDelta("", "", b"\0\0\0")
    item = {"type": "response.output_item.added", "item": {"id": "i1", "type": "new"}}
    assert read(item, "r1") == events.OutputItemAdded("r1", "i1", "new", None, None)


def test_a_content_part_may_keep_its_kind_to_itself() -> None:
    part = {"type": "response.content_part.done", "item_id": "i1"}
    assert read(part, "r1") == events.ContentPartDone("r1", "i1", "")
    assert read(part | {"part": {}}, "r1") == events.ContentPartDone("r1", "i1", "")


def test_speech_may_stop_without_an_item() -> None:
    stopped = {"type": "input_audio_buffer.speech_stopped", "response_id": "r1"}
    assert read(stopped) == events.SpeechStopped(None, None)


def test_a_time_may_be_a_string_as_the_page_says() -> None:
    started = {"type": "input_audio_buffer.speech_started", "item_id": "i1"}
    assert read(started) == events.SpeechStarted("i1", None)
    assert read(started | {"audio_start_ms": "4180"}) == (
        events.SpeechStarted("i1", 4180)
    )


def test_the_first_item_has_none_before_it() -> None:
    committed = {"type": "input_audio_buffer.committed", "item_id": "i1"}
    assert read(committed) == events.Committed("i1", None)


def test_fragments_of_arguments_are_read_in_the_pages_form_too() -> None:
    message = {
        "type": "response.function_call_arguments.delta",
        "call_id": "c1",
        "name": "hang_up",
        "arguments": "{",
    }
    assert read(message, "r1") == (
        events.FunctionArgumentsDelta("r1", "", "c1", "hang_up", "{")
    )


@pytest.mark.parametrize("turn_detection", [{}, {"turn_detection": None}])
def test_an_echo_may_keep_quiet_about_turn_detection(
    turn_detection: dict[str, None],
) -> None:
    message = {"type": "session.updated", "session": {"id": "s1"} | turn_detection}
    assert read(message) == events.SessionUpdated("s1", None, None)


@pytest.mark.parametrize("echoed", [1.5, "much", None])
def test_no_odd_threshold_hides_that_the_session_is_updated(echoed: object) -> None:
    detection = {"type": "server_vad", "energy_awakeness_threshold": echoed}
    message = {
        "type": "session.updated",
        "session": {"id": "s1", "turn_detection": detection},
    }
    assert read(message) == events.SessionUpdated("s1", None, True)


@pytest.mark.parametrize("status", ["exploded", None, 7])
@pytest.mark.parametrize("usage", [None, "much", {}, {"total_tokens": -1}])
def test_no_odd_status_or_usage_hides_that_a_response_is_over(
    status: object, usage: object
) -> None:
    response = {"id": "r1", "status": status, "usage": usage}
    event = read({"type": "response.done", "response": response})
    assert event == events.ResponseDone("r1", ResponseStatus.UNKNOWN, None)


def test_usage_without_details_counts_none() -> None:
    usage = {"total_tokens": 3, "input_tokens": 2, "output_tokens": 1}
    response = {"id": "r1", "status": "failed", "usage": usage}
    event = read({"type": "response.done", "response": response})
    expected = events.Usage(3, 2, 1, 0, 0, 0, 0, 0, 0, 0)
    assert event == events.ResponseDone("r1", ResponseStatus.FAILED, expected)


def test_a_cancelled_response_may_be_named_in_either_place_or_in_none() -> None:
    bare = {"type": "response.cancelled"}
    assert read(bare) == events.ResponseCancelled(None)
    nested = bare | {"response": {"id": "r1"}}
    assert read(nested) == events.ResponseCancelled("r1")


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({}, "message.type: missing"),
        ({"type": 7}, "message.type: expected text, got int"),
        ({"type": "session.created"}, "message.session: missing"),
        (
            {"type": "response.audio.delta", "delta": "private!"},
            "message.delta: expected base64, got a string of 8 characters",
        ),
        (
            {"type": "error", "error": "private"},
            "message.error: expected an object, got a string of 7 characters",
        ),
        (
            {"type": "response.done", "response": {"status": "completed"}},
            "message.response.id: missing",
        ),
    ],
)
def test_a_bad_frame_is_refused_with_its_path_and_without_its_content(
    message: object, problem: str
) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(message)
    assert str(caught.value) == problem


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "type", "code"]), inner, max_size=3)
    ),
    max_leaves=6,
)
MEMBERS = sorted({key for name in named("s.") for key in EXAMPLES[name]} - {"type"})
messages = st.builds(
    lambda kind, members: {"type": kind} | members,
    st.sampled_from([*READERS, "new", "new_error"]),
    st.dictionaries(st.sampled_from(MEMBERS), json_values, max_size=6),
)


@settings(max_examples=300)
@given(messages)
def test_no_members_make_the_reader_raise_anything_undocumented(
    message: dict[str, Any],
) -> None:
    try:
        data = orjson.dumps(message)
    except TypeError:
        return  # an integer or a text that JSON can't carry
    with suppress(RemoteProtocolError):  # refused, as documented
        read_event(Fields.parse(data), "r1")
