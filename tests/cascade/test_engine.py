"""A session of the cascade, as our own side of the realtime protocol sees it."""

from collections.abc import Mapping

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cascade.session import (
    BOOK,
    BUSY,
    CONFIG,
    MODERATED,
    NO_KEY,
    SECOND,
    Client,
)
from voicebot.cascade.engine import BUFFER_BYTES, Cascade
from voicebot.cascade.orders import (
    Ask,
    GetReady,
    GiveUp,
    NotSpoken,
    NotTranscribed,
    NotWritten,
    Result,
    Speak,
    Spoken,
    SpokenOut,
    Stop,
    Tell,
    Transcribe,
    Transcribed,
    Written,
    WrittenOut,
)
from voicebot.stepfun.chat import Message, ToolCall
from voicebot.stepfun.realtime import commands, events
from voicebot.stepfun.realtime.commands import ServerVad, WebSearch
from voicebot.stepfun.realtime.events import ErrorKind, ResponseStatus
from voicebot.stepfun.realtime.history import History


def names(told: list[events.ServerEvent]) -> list[str]:
    return [type(event).__name__ for event in told]


def error(told: list[events.ServerEvent]) -> ErrorKind:
    (event,) = told
    assert isinstance(event, events.ServerError)
    return event.kind


def done(told: list[events.ServerEvent]) -> ResponseStatus:
    (status,) = [e.status for e in told if isinstance(e, events.ResponseDone)]
    return status


def audio(told: list[events.ServerEvent]) -> bytes:
    return b"".join(e.pcm16 for e in told if isinstance(e, events.AudioDelta))


# ---- the session -----------------------------------------------------------------


def test_a_session_opens_and_echoes_what_it_was_told() -> None:
    client = Client()
    client.send(client.session.configure(CONFIG))
    created, updated = client.heard
    assert created == events.SessionCreated("abc123")
    assert updated == events.SessionUpdated("abc123", "linjiajiejie", False)
    assert client.session.voice_accepted
    assert client.orders == [GetReady("linjiajiejie")]
    session = orjson.loads(client.frames[-1])["session"]
    assert session["tools"][0]["function"]["name"] == "book"


def test_other_instructions_leave_all_else_as_it_is() -> None:
    client = Client().configured()
    client.send(b'{"type":"session.update","session":{"instructions":"Be brief."}}')
    ask = client.asked()
    assert ask.messages[0] == Message("system", "Be brief.")
    assert ask.tools == (BOOK,)


def test_tools_that_stepfun_runs_by_itself_are_echoed_and_not_offered() -> None:
    client = Client()
    client.send(
        commands.session_update(
            commands.SessionConfig("", "v", None, (WebSearch("news"), BOOK))
        )
    )
    assert len(orjson.loads(client.frames[-1])["session"]["tools"]) == 2
    assert client.asked().tools == (BOOK,)


def test_turns_are_the_clients() -> None:
    client = Client().configured()
    told = client.send(commands.find_turns(ServerVad())[0])
    assert error(told) is ErrorKind.OTHER
    assert (
        "turn_detection must be null"
        in orjson.loads(client.frames[-1])["error"]["message"]
    )
    assert names(client.send(*commands.find_turns(None))) == [
        "SessionUpdated",
        "Cleared",
    ]
    echoed = b'{"type":"session.update","session":{"turn_detection":{"type":""}}}'
    assert names(client.send(echoed)) == ["SessionUpdated"]


def test_a_voice_that_was_heard_stays() -> None:
    client = Client().configured()
    other = b'{"type":"session.update","session":{"voice":"other"}}'
    assert names(client.send(other)) == ["SessionUpdated"]
    client.asked()
    client.answers("Yes.")
    assert client.last(Speak).voice == "other"
    back = b'{"type":"session.update","session":{"voice":"linjiajiejie"}}'
    assert error(client.send(back)) is ErrorKind.OTHER
    assert names(client.send(other)) == ["SessionUpdated"]


@pytest.mark.parametrize(
    "frame",
    [
        b"{",
        b"[]",
        b'{"type":7}',
        b'{"type":"session.update"}',
        b'{"type":"session.update","session":{"voice":7}}',
        b'{"type":"session.update","session":{"input_audio_format":"g711_ulaw"}}',
        b'{"type":"session.update","session":{"tools":[{"type":"function"}]}}',
        b'{"type":"session.update","session":{"tools":[{"type":"function",'
        b'"function":{"name":"no name"}}]}}',
        b'{"type":"input_audio_buffer.append","audio":"AAAA"}',
        b'{"type":"input_audio_buffer.append","audio":"?"}',
        b'{"type":"conversation.item.create","item":{"type":"message","role":"user",'
        b'"content":[{"type":"input_audio","audio":"AAAA"}]}}',
        b'{"type":"conversation.item.create","item":{"type":"message","role":"tool",'
        b'"content":[{"type":"input_text","text":"x"}]}}',
    ],
)
def test_a_frame_that_is_none_is_refused_and_changes_nothing(frame: bytes) -> None:
    client = Client().configured()
    assert error(client.send(frame)) is ErrorKind.INVALID_EVENT_FORMAT
    assert client.asked().messages == (
        Message("system", "You are a test."),
        Message("user", "Hello?"),
    )


def test_an_error_names_the_frame_that_it_is_about() -> None:
    client = Client()
    (told,) = client.send(b'{"type":"conversation.item.truncate","event_id":"e1"}')
    assert isinstance(told, events.ServerError)
    assert told.event_id == "e1"


def test_a_tool_without_a_schema_is_one() -> None:
    client = Client()
    client.send(
        b'{"type":"session.update","session":{"tools":[{"type":"function",'
        b'"function":{"name":"end"}}]}}'
    )
    (tool,) = client.asked().tools
    assert (tool.name, tool.description, tool.parameters) == ("end", "", {})


# ---- the caller's turns ----------------------------------------------------------


def test_a_turn_becomes_an_item_when_its_words_are_known() -> None:
    client = Client().configured()
    item_id = client.turn()
    assert client.last(Transcribe) == Transcribe(item_id, SECOND)
    told = client.give(Transcribed(item_id, "Hello."))
    assert told == [
        events.Committed(item_id, None),
        events.ItemCreated(item_id, "message", "user", None),
        events.UserTranscript(item_id, "Hello."),
    ]


def test_a_turn_without_words_is_none() -> None:
    client = Client().configured()
    first = client.turn("Hello.")
    noise = client.turn()
    assert error(client.give(Transcribed(noise, " … "))) is ErrorKind.NO_SPEECH
    client.send(commands.create_response())
    assert client.last(Ask).messages[1:] == (Message("user", "Hello."),)
    second = client.turn()
    committed = client.give(Transcribed(second, "Well?"))[0]
    assert committed == events.Committed(second, first)


def test_a_commit_needs_something_to_commit() -> None:
    client = Client().configured()
    assert error(client.send(commands.commit())) is ErrorKind.APPEND_NOT_CALLED
    client.send(commands.append(SECOND))
    assert names(client.send(commands.clear())) == ["Cleared"]
    assert error(client.send(commands.commit())) is ErrorKind.APPEND_NOT_CALLED
    client.send(commands.append(bytes(100)))
    assert error(client.send(commands.commit())) is ErrorKind.NO_SPEECH
    assert not client.all(Transcribe)


def test_of_a_commit_that_is_too_long_the_end_counts() -> None:
    client = Client().configured()
    client.send(commands.append(b"\1\1" * 100))
    for _ in range(12):
        client.send(commands.append(SECOND * 10))
    client.send(commands.commit())
    assert client.last(Transcribe).pcm16 == bytes(BUFFER_BYTES)


def test_turns_are_told_in_the_order_in_which_they_were_spoken() -> None:
    client = Client().configured()
    first, second = client.turn(), client.turn()
    assert client.give(Transcribed(second, "Two."), Transcribed("?", "")) == []
    told = client.give(Transcribed(first, "One."))
    assert [e.item_id for e in told if isinstance(e, events.Committed)] == [
        first,
        second,
    ]


def test_what_couldnt_be_understood_is_a_turn_all_the_same() -> None:
    client = Client().configured()
    item_id = client.turn()
    client.send(commands.create_response())
    told = client.give(NotTranscribed(item_id, BUSY))
    assert names(told) == ["Committed", "ItemCreated", "ResponseCreated"]
    assert "could not be understood" in client.last(Ask).messages[-1].text


# ---- when an answer is asked for -------------------------------------------------


def test_an_answer_waits_until_all_turns_are_understood() -> None:
    client = Client().configured()
    first, second = client.turn(), client.turn()
    assert client.send(commands.create_response(), commands.create_response()) == []
    client.give(Transcribed(first, "One."))
    assert not client.all(Ask)
    told = client.give(Transcribed(second, "Two."))
    assert names(told)[-1] == "ResponseCreated"
    assert [m.text for m in client.last(Ask).messages[1:]] == ["One.", "Two."]
    assert error(client.send(commands.create_response())) is (
        ErrorKind.ONGOING_RESPONSE
    )


def test_noise_isnt_answered() -> None:
    client = Client().configured()
    noise = client.turn()
    client.send(commands.create_response())
    assert error(client.give(Transcribed(noise, ""))) is ErrorKind.NO_SPEECH
    assert not client.all(Ask)


def test_what_was_asked_for_behind_noise_is_answered() -> None:
    client = Client().configured()
    noise = client.turn()
    client.send(
        commands.create_message("user", "Say exactly: Hello."),
        commands.create_response(),
    )
    told = client.give(Transcribed(noise, ""))
    assert names(told) == ["ServerError", "ResponseCreated"]


def test_a_model_may_begin_the_conversation() -> None:
    client = Client().configured()
    assert names(client.send(commands.create_response())) == ["ResponseCreated"]
    assert [m.role for m in client.last(Ask).messages] == ["system", "user"]


def test_an_answer_that_isnt_wanted_any_more_isnt_asked_for() -> None:
    client = Client().configured()
    item_id = client.turn()
    client.send(commands.create_response())
    assert error(client.send(commands.cancel_response())) is (
        ErrorKind.NO_ONGOING_RESPONSE
    )
    client.give(Transcribed(item_id, "Hello."))
    assert not client.all(Ask)


# ---- an answer -------------------------------------------------------------------


def test_an_answer_is_told_as_stepfun_tells_one() -> None:
    client = Client().configured()
    client.asked()
    told = client.answers("Yes. We are open.")
    assert names(told) == [
        "OutputItemAdded",
        "ItemCreated",
        "ContentPartAdded",
        "TranscriptDelta",
        "TranscriptDelta",
        "AudioDelta",
        "AudioDelta",
        "TranscriptDone",
        "AudioDone",
        "ContentPartDone",
        "OutputItemDone",
        "ResponseDone",
    ]
    assert audio(told) == SECOND * 2
    words = [e.text for e in told if isinstance(e, events.TranscriptDelta)]
    assert words == ["Yes. ", "We are open."]
    assert done(told) is ResponseStatus.COMPLETED
    assert client.last(Stop).response_id == client.last(Ask).response_id
    client.send(commands.create_response())
    assert client.last(Ask).messages[-1] == Message("assistant", "Yes. We are open.")


def test_the_voice_begins_before_the_answer_is_written() -> None:
    client = Client().configured()
    ask = client.asked()
    client.give(Written(ask.response_id, "Well, we are "))
    assert not client.all(Speak)
    client.give(Written(ask.response_id, "open on Friday, from nine"))
    assert client.last(Speak) == Speak(
        ask.response_id, 0, "Well, we are open on Friday,", "linjiajiejie"
    )


def test_two_pieces_are_made_at_a_time_and_told_in_order() -> None:
    client = Client().configured()
    ask = client.asked()
    client.give(Written(ask.response_id, "One. Two. Three. Four."))
    assert [each.piece for each in client.all(Speak)] == [0, 1]
    assert client.give(Spoken(ask.response_id, 1, b"22")) == []
    assert audio(client.give(Spoken(ask.response_id, 0, b"11"))) == b"11"
    assert client.give(SpokenOut(ask.response_id, 1)) == []
    told = client.give(SpokenOut(ask.response_id, 0))
    assert audio(told) == b"22"
    assert [each.piece for each in client.all(Speak)] == [0, 1, 2]
    client.give(WrittenOut(ask.response_id))
    assert [each.piece for each in client.all(Speak)] == [0, 1, 2, 3]
    # What doesn't exist, and what is late, is of no consequence.
    assert client.give(Spoken(ask.response_id, 9, b"99")) == []
    assert client.give(Spoken(ask.response_id, 2, b"")) == []
    assert client.give(SpokenOut(ask.response_id, 9)) == []
    assert client.give(NotSpoken(ask.response_id, 9, BUSY)) == []


@pytest.mark.parametrize("text", ["…", "__", "()"])
def test_marks_alone_are_written_and_not_spoken(text: str) -> None:
    client = Client().configured()
    ask = client.asked()
    told = client.give(Written(ask.response_id, text), WrittenOut(ask.response_id))
    assert "TranscriptDelta" in names(told)
    assert done(told) is ResponseStatus.COMPLETED
    assert not client.all(Speak)


def test_an_answer_that_is_cancelled_ends_at_once() -> None:
    client = Client().configured()
    ask = client.asked()
    client.give(
        Written(ask.response_id, "One. Two."), Spoken(ask.response_id, 0, b"11")
    )
    told = client.send(commands.cancel_response())
    assert done(told) is ResponseStatus.CANCELLED
    assert client.last(Stop).response_id == ask.response_id
    late: list[Result] = [
        Written(ask.response_id, "Three."),
        WrittenOut(ask.response_id),
        Spoken(ask.response_id, 0, b"11"),
        NotWritten(ask.response_id, BUSY),
    ]
    assert client.give(*late) == []
    assert error(client.send(commands.cancel_response())) is (
        ErrorKind.NO_ONGOING_RESPONSE
    )


def test_what_was_heard_takes_the_place_of_what_was_said() -> None:
    """The repair that our side makes after an interruption works here."""
    client, history = Client().configured(), History(set())
    seen = 0

    def catch_up() -> None:
        nonlocal seen
        for event in client.heard[seen:]:
            history.saw(event)
        seen = len(client.heard)

    ask = client.asked("Are you open?")
    client.give(
        Written(ask.response_id, "Yes. Until nine."), Spoken(ask.response_id, 0, b"11")
    )
    client.send(commands.cancel_response())
    client.turn("On Sunday?")
    catch_up()
    told = client.send(*history.amend(ask.response_id, "Yes."))
    assert names(told) == ["ItemDeleted", "ItemCreated"]
    client.send(commands.create_response())
    assert client.last(Ask).messages[1:] == (
        Message("user", "Are you open?"),
        Message("assistant", "Yes."),
        Message("user", "On Sunday?"),
    )


# ---- functions -------------------------------------------------------------------


def test_a_function_is_called_and_its_output_answered() -> None:
    client = Client().configured()
    ask = client.asked("A table, please.")
    told = client.answers("One moment.", ToolCall("theirs", "book", '{"at": 9}'))
    called = next(e for e in told if isinstance(e, events.FunctionArgumentsDone))
    assert (called.name, called.arguments) == ("book", '{"at": 9}')
    assert called.response_id == ask.response_id
    assert names(told)[-1] == "ResponseDone"
    shown = orjson.loads(client.frames[-1])["response"]["output"]
    assert [item["type"] for item in shown] == ["message", "function_call"]

    client.send(commands.create_message("system", "The line is bad."))
    client.send(commands.create_function_output(called.call_id, "booked"))
    client.send(commands.create_response())
    assert client.last(Ask).messages[1:] == (
        Message("user", "A table, please."),
        Message("assistant", "One moment."),
        Message(
            "assistant",
            "",
            tool_calls=(ToolCall(called.call_id, "book", '{"at": 9}'),),
        ),
        Message("tool", "booked", call_id=called.call_id),
        Message("system", "The line is bad."),
    )


def test_calls_of_one_answer_are_told_together_and_never_without_an_output() -> None:
    client = Client().configured()
    client.asked()
    told = client.answers("", ToolCall("", "book", "{}"), ToolCall("", "book", "[]"))
    calls = [e.call_id for e in told if isinstance(e, events.FunctionArgumentsDone)]
    assert len(set(calls)) == 2
    client.send(commands.create_function_output(calls[1], "no"))
    client.send(commands.create_response())
    asked, first, second = client.last(Ask).messages[-3:]
    assert [call.id for call in asked.tool_calls] == calls
    assert (first.text, first.call_id) == ("(There is no result yet.)", calls[0])
    assert (second.text, second.call_id) == ("no", calls[1])


def test_items_that_cant_be_are_refused() -> None:
    client = Client().configured()
    output = commands.create_function_output("call_1", "x")
    assert error(client.send(output)) is ErrorKind.OTHER
    call = b'{"type":"conversation.item.create","item":{"type":"function_call"}}'
    assert error(client.send(call)) is ErrorKind.BAD_ITEM_TYPE
    lost = commands.create_message("assistant", "Hm.", after="nowhere", event_id="h1")
    (told,) = client.send(lost)
    assert told == events.ServerError(ErrorKind.BAD_PREVIOUS_ITEM, None, "h1")
    assert error(client.send(commands.delete_item("nothing"))) is ErrorKind.OTHER


def test_items_stand_where_they_are_put() -> None:
    client = Client().configured()
    first = client.turn("One.")
    client.turn("Three.")
    client.send(commands.create_message("user", "Two.", after=first))
    client.send(commands.create_message("assistant", ""))  # nothing of it was heard
    client.send(commands.delete_item(first), commands.create_response())
    assert [m.text for m in client.last(Ask).messages[1:]] == ["Two.", "Three."]


# ---- failures --------------------------------------------------------------------


def test_an_answer_that_fails_says_so_and_the_second_in_a_row_ends_the_session() -> (
    None
):
    client = Client().configured()
    ask = client.asked()
    assert done(client.give(NotWritten(ask.response_id, BUSY))) is (
        ResponseStatus.FAILED
    )
    client.send(commands.create_response())
    assert client.give(NotWritten(client.last(Ask).response_id, BUSY)) == []
    assert client.last(GiveUp) == GiveUp(BUSY)


def test_an_answer_in_between_makes_up_for_a_failure() -> None:
    client = Client().configured()
    for _ in range(3):
        client.give(NotWritten(client.asked().response_id, BUSY))
        client.asked()
        client.answers("Yes.")
    assert not client.given_up


def test_what_is_refused_from_the_beginning_isnt_told_again_either() -> None:
    client = Client().configured()
    client.give(NotWritten(client.asked("Damn.").response_id, MODERATED))
    client.send(commands.create_response())
    assert "may not be told" in client.last(Ask).messages[-1].text


def test_content_that_is_refused_isnt_the_end_and_isnt_told_again() -> None:
    client = Client().configured()
    client.asked("Hello?")
    client.answers("Yes?")
    client.turn("Damn.")
    client.send(commands.create_message("system", "A note."))
    for _ in range(3):
        told = client.give(NotWritten(client.asked("Really.").response_id, MODERATED))
        assert done(told) is ResponseStatus.FAILED
    assert not client.given_up
    client.send(commands.create_response())
    _, hello, yes, *behind = client.last(Ask).messages
    assert (hello.text, yes.text) == ("Hello?", "Yes?")
    withheld = [each for each in behind if each.role == "user"]
    assert len(behind) == len(withheld) + 1
    assert {each.text for each in withheld} == {
        "(The caller said something here that you may not be told.)"
    }


@pytest.mark.parametrize(
    "result",
    [
        lambda ask, item: NotTranscribed(item, NO_KEY),
        lambda ask, item: NotWritten(ask.response_id, NO_KEY),
        lambda ask, item: NotSpoken(ask.response_id, 0, NO_KEY),
    ],
    ids=["asr", "chat", "speech"],
)
def test_a_key_that_is_none_ends_the_session_at_once(result: object) -> None:
    client = Client().configured()
    ask = client.asked()
    item_id = client.turn()
    assert callable(result)
    assert client.give(result(ask, item_id)) == []
    assert client.last(GiveUp) == GiveUp(NO_KEY)


def test_an_answer_that_breaks_off_is_spoken_as_far_as_its_sentences_go() -> None:
    client = Client().configured()
    ask = client.asked()
    client.give(Written(ask.response_id, "Yes. We are o"))
    assert client.give(NotWritten(ask.response_id, BUSY)) == []
    assert client.give(Written(ask.response_id, "pen.")) == []
    assert client.give(WrittenOut(ask.response_id)) == []
    told = client.give(Spoken(ask.response_id, 0, b"11"), SpokenOut(ask.response_id, 0))
    assert done(told) is ResponseStatus.INCOMPLETE
    assert [each.text for each in client.all(Speak)] == ["Yes."]


def test_a_piece_of_which_nothing_came_is_tried_once_more() -> None:
    client = Client().configured()
    ask = client.asked()
    client.give(Written(ask.response_id, "One. Two."), WrittenOut(ask.response_id))
    assert client.give(NotSpoken(ask.response_id, 0, BUSY)) == []
    assert [each.piece for each in client.all(Speak)] == [0, 1, 0]
    told = client.give(NotSpoken(ask.response_id, 0, BUSY))
    assert done(told) is ResponseStatus.FAILED


def test_what_is_spoken_is_told_though_the_voice_is_lost_behind_it() -> None:
    client = Client().configured()
    ask = client.asked()
    client.give(Written(ask.response_id, "One. Two. Three."))
    client.give(
        NotSpoken(ask.response_id, 1, BUSY), NotSpoken(ask.response_id, 1, BUSY)
    )
    told = client.give(Spoken(ask.response_id, 0, b"11"), SpokenOut(ask.response_id, 0))
    assert audio(told) == b"11"
    assert done(told) is ResponseStatus.INCOMPLETE


def test_a_sentence_that_breaks_off_isnt_said_twice_and_the_next_follows() -> None:
    client = Client().configured()
    ask = client.asked()
    client.give(Written(ask.response_id, "One. Two."), WrittenOut(ask.response_id))
    client.give(Spoken(ask.response_id, 0, b"11"), NotSpoken(ask.response_id, 0, BUSY))
    told = client.give(Spoken(ask.response_id, 1, b"22"), SpokenOut(ask.response_id, 1))
    assert audio(told) == b"22"
    assert done(told) is ResponseStatus.INCOMPLETE
    assert [each.piece for each in client.all(Speak)] == [0, 1]


# ---- whatever comes --------------------------------------------------------------


FRAMES: Mapping[str, bytes] = {
    "append": commands.append(SECOND[:4800]),
    "commit": commands.commit(),
    "clear": commands.clear(),
    "create": commands.create_response(),
    "cancel": commands.cancel_response(),
    "note": commands.create_message("system", "A note."),
    "update": commands.session_update(CONFIG),
}


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(sorted(FRAMES))
        | st.tuples(
            st.sampled_from(["words", "none", "text", "end", "call", "audio", "over"]),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_responses_begin_and_end_one_at_a_time(
    steps: list[str | tuple[str, bool]],
) -> None:
    client = Client()
    for step in steps:
        if isinstance(step, str):
            client.send(FRAMES[step])
        else:
            client.give(*outcome(client, *step))
    running = None
    for event in client.heard:
        match event:
            case events.ResponseCreated(response_id):
                assert running is None
                running = response_id
            case events.ResponseDone(response_id):
                assert running == response_id
                running = None
            case events.AudioDelta(response_id) | events.TranscriptDelta(response_id):
                assert running == response_id
            case _:
                pass


def outcome(client: Client, what: str, well: bool) -> list[Result]:
    """Something that may come of the last order of its kind, if there was one."""
    match what:
        case "words" | "none" if heard := client.all(Transcribe):
            item_id = heard[-1].item_id
            if not well:
                return [NotTranscribed(item_id, BUSY)]
            return [Transcribed(item_id, "Hello." if what == "words" else "")]
        case "text" | "end" | "call" if asked := client.all(Ask):
            response_id = asked[-1].response_id
            if not well:
                return [NotWritten(response_id, MODERATED)]
            calls = (ToolCall("", "book", "{}"),) if what == "call" else ()
            more = Written(response_id, "One. Two, and three. ")
            return [more] if what == "text" else [WrittenOut(response_id, calls)]
        case "audio" | "over" if spoken := client.all(Speak):
            last = spoken[-1]
            if not well:
                return [NotSpoken(last.response_id, last.piece, MODERATED)]
            if what == "audio":
                return [Spoken(last.response_id, last.piece, b"11")]
            return [SpokenOut(last.response_id, last.piece)]
        case _:
            return []


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_frame_breaks_it(frame: bytes) -> None:
    (order,) = Cascade("abc123").receive(frame)
    assert isinstance(order, Tell)
