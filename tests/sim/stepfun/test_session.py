"""What StepFun documents about a session: settings, items, errors, ends."""

import base64
import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.stepfun.harness import Client, message, silence, tone
from voicebot.sim.stepfun import Drop, Mood, OfflineSession

TOOL = {
    "type": "function",
    "function": {"name": "book", "description": "Book.", "parameters": {}},
}


def refusal(client: Client, kind: str, **members: Any) -> str:
    """Send an event that must be answered with one error, and nothing else."""
    (event,) = client.send(kind, **members)
    assert event["type"] == "error"
    return message(event)


def item(kind: str, role: str = "user", **members: Any) -> dict[str, Any]:
    content = [{"type": kind, **members}]
    return {"type": "message", "role": role, "content": content}


def test_the_session_introduces_itself_unasked() -> None:
    (created,) = Client().events()
    assert created["type"] == "session.created"
    session = created["session"]
    assert len(session["id"]) == 32
    assert session["model"] == "stepaudio-2.5-realtime"
    assert session["voice"] == "jingdiannvsheng"
    assert session["volume_ratio"] == 1
    assert len(created["event_id"]) == 36


FACTS = {"type": "retrieval", "function": {"options": {"vector_store_id": "17"}}}


def test_an_update_is_echoed_in_full_with_built_in_tools_completed() -> None:
    detection = {"type": "server_vad", "silence_duration_ms": 500}
    search = {"type": "web_search", "function": {"options": {"top_k": 3}}}
    (updated,) = Client().send(
        "session.update",
        session={
            "instructions": "Be brief.",
            "voice": "ganliannvsheng",
            "turn_detection": detection,
            "tools": [TOOL, search, FACTS],
            "temperature": 0.5,
        },
    )
    assert updated["type"] == "session.updated"
    session = updated["session"]
    assert session["voice"] == "ganliannvsheng"
    assert session["turn_detection"] == detection
    assert session["tools"][0] == TOOL
    assert session["tools"][1]["function"] == {
        "name": "",
        "options": {"source": 0, "top_k": 3},
    }
    assert session["volume_ratio"] == 1
    assert "temperature" not in session


def test_members_that_an_update_leaves_out_keep_their_values() -> None:
    client = Client()
    client.send("session.update", session={"voice": "ganliannvsheng"})
    (updated,) = client.send("session.update", session={"instructions": "Hi."})
    assert updated["session"]["voice"] == "ganliannvsheng"


@pytest.mark.parametrize(("nulls", "echo"), [(False, {"type": ""}), (True, None)])
def test_turn_detection_null_is_echoed_in_one_of_two_ways(
    nulls: bool, echo: Any
) -> None:
    client = Client(Mood(null_is_echoed=nulls))
    (updated,) = client.send("session.update", session={"turn_detection": None})
    assert updated["session"]["turn_detection"] == echo


@pytest.mark.parametrize(
    ("session", "text"),
    [
        ({"voice": "nobody"}, "voice is not valid"),
        ({"voice": ""}, "voice is not valid"),
        ({"voice": None}, "voice is not valid"),
        ({"input_audio_format": "g711_ulaw"}, "must be pcm16"),
        ({"output_audio_format": "pcm"}, "must be pcm16"),
        ({"turn_detection": {"type": "semantic_vad"}}, "must be server_vad"),
        ({"turn_detection": "server_vad"}, "must be server_vad"),
        (
            {
                "turn_detection": {
                    "type": "server_vad",
                    "energy_awakeness_threshold": 5001,
                }
            },
            "from 0 to 5000",
        ),
        (
            {"turn_detection": {"type": "server_vad", "silence_duration_ms": "500"}},
            "invalid event format",
        ),
        ({"tool_choice": {"type": "function"}}, "invalid event format"),
        ({"tools": [{"type": "function", "name": "flat"}]}, "name is required"),
        ({"tools": [{"type": "mcp"}]}, "tools.type"),
        ({"tools": ["book"]}, "invalid event format"),
        ({"tools": [{"type": "retrieval"}]}, "vector_store_id is required"),
        (
            {"tools": [{"type": "retrieval", "function": {"options": []}}]},
            "invalid event format",
        ),
        (
            {
                "tools": [
                    {"type": "web_search", "function": {"options": {"top_k": "3"}}}
                ]
            },
            "invalid event format",
        ),
        ({"tools": [{"type": "function", "function": 7}]}, "invalid event format"),
        ({"tools": {}}, "invalid event format"),
        ({"instructions": 7}, "invalid event format"),
        ({"modalities": ["video"]}, "invalid event format"),
        (7, "invalid event format"),
    ],
)
def test_a_bad_update_is_refused_as_a_whole_and_the_session_stays(
    session: Any, text: str
) -> None:
    client = Client()
    bad = {"instructions": "X", **session} if isinstance(session, dict) else session
    assert text in refusal(client, "session.update", session=bad)
    (updated,) = client.send("session.update", session={"modalities": ["text"]})
    assert "instructions" not in updated["session"]
    assert updated["session"]["voice"] == "jingdiannvsheng"


def test_a_cloned_voice_is_taken() -> None:
    voice = "voice-tone-Qw4eR6tY8u"
    (updated,) = Client().send("session.update", session={"voice": voice})
    assert updated["session"]["voice"] == voice


def test_the_voice_is_frozen_by_the_first_audio_and_not_before() -> None:
    client = Client().manual()
    client.add_text("hello")
    client.send("response.create", response={"voice": "qinhenvsheng"})
    client.wait(0.1)
    client.send("session.update", session={"voice": "ganliannvsheng"})
    assert client.events("error") == []
    client.wait(10)
    assert "voice cannot be changed" in refusal(
        client, "session.update", session={"voice": "qinhenvsheng"}
    )
    (same,) = client.send("session.update", session={"voice": "ganliannvsheng"})
    assert same["type"] == "session.updated"
    assert "voice" in refusal(
        client, "response.create", response={"voice": "qinhenvsheng"}
    )


def test_items_get_ids_of_our_own_and_follow_one_another() -> None:
    client = Client()
    mine = {"id": "mine", **item("input_text", text="hello")}
    (first,) = client.send("conversation.item.create", item=mine)
    (second,) = client.add_text("Sure.", role="assistant")
    (third,) = client.add_text("The caller is verified.", role="system")
    assert first["item"]["id"] != "mine"
    assert first["item"]["status"] == "in_progress"
    assert first["item"]["content"] == [{"type": "text", "text": "hello"}]
    assert "previous_item_id" not in first
    assert "event_id" in first
    assert first["event_id"] != "e1"
    assert second["previous_item_id"] == first["item"]["id"]
    assert third["previous_item_id"] == second["item"]["id"]


def test_an_item_can_be_put_behind_a_known_one() -> None:
    client = Client()
    (first,) = client.add_text("one")
    client.add_text("two")
    (third,) = client.send(
        "conversation.item.create",
        previous_item_id=first["item"]["id"],
        item=item("input_text", text="between"),
    )
    assert third["previous_item_id"] == first["item"]["id"]


def test_a_text_item_may_be_shown_as_audio() -> None:
    (created,) = Client(Mood(text_items_as="audio")).add_text("hello")
    assert created["item"]["content"] == [{"type": "audio"}]


@pytest.mark.parametrize("previous", ["root", "00000000"])
def test_an_unknown_previous_item_is_refused(previous: str) -> None:
    text = refusal(
        Client(),
        "conversation.item.create",
        previous_item_id=previous,
        item=item("input_text", text="hello"),
    )
    assert text == f"cannot find previous item {previous}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"type": "function_call", "call_id": "c", "name": "f"}, "item.type must be"),
        ({"type": "function_call_output", "output": "1"}, "invalid event format"),
        ({"type": "function_call_output", "call_id": "c"}, "invalid event format"),
        (item("text", text="x"), "content of user"),
        (item("input_text", "assistant", text="x"), "content of assistant"),
        (item("audio", "assistant", audio=""), "content of assistant"),
        (item("input_audio", "system", audio=""), "content of system"),
        (item("input_text", "tool", text="x"), "invalid event format"),
        (item("input_text", text=7), "invalid event format"),
        (item("input_audio", audio="***"), "invalid event format"),
        (item("input_audio", audio="AAA="), None),
        (item("input_audio", audio="AA=="), "invalid event format"),
        (item("input_audio"), "invalid event format"),
        ({"type": "message", "role": "user", "content": []}, "invalid event format"),
        ({"type": "message", "role": "user", "content": ["x"]}, "content of user"),
        ({"type": "message", "role": 7, "content": [{}]}, "invalid event format"),
        (None, "invalid event format"),
    ],
)
def test_which_items_a_client_may_create(value: Any, text: str | None) -> None:
    events = Client().send("conversation.item.create", item=value)
    if text is None:
        assert events[0]["type"] == "conversation.item.created"
    else:
        assert text in message(events[0])


def test_an_audio_item_is_heard_like_a_turn() -> None:
    client = Client().manual()
    audio = base64.b64encode(tone(200)).decode()
    client.send("conversation.item.create", item=item("input_audio", audio=audio))
    client.wait(1)
    (heard,) = client.events("conversation.item.input_audio_transcription.completed")
    assert heard["transcript"] == "hello"


@pytest.mark.parametrize("acknowledged", [True, False])
def test_a_function_output_may_stay_unacknowledged(acknowledged: bool) -> None:
    client = Client(Mood(acknowledges_tool_output=acknowledged))
    output = {"type": "function_call_output", "call_id": "c", "output": "{}"}
    events = client.send("conversation.item.create", item=output)
    assert len(events) == acknowledged
    client.send("response.create")
    assert client.events("response.created")


def test_an_item_can_be_deleted_once() -> None:
    client = Client()
    (created,) = client.add_text("hello")
    item_id = created["item"]["id"]
    (deleted,) = client.send("conversation.item.delete", item_id=item_id)
    assert deleted["type"] == "conversation.item.deleted"
    assert deleted["item_id"] == item_id
    text = refusal(client, "conversation.item.delete", item_id=item_id)
    assert "cannot find item" in text


def test_a_mood_may_refuse_each_means_of_mending_a_conversation() -> None:
    hello = item("text", "assistant", text="Hello.")
    delete = Client(Mood(refuses_delete=True))
    (created,) = delete.add_text("hello")
    item_id = created["item"]["id"]
    text = refusal(delete, "conversation.item.delete", item_id=item_id)
    assert text == f"cannot find item {item_id}"

    assistant = Client(Mood(refuses_assistant_items=True))
    text = refusal(assistant, "conversation.item.create", item=hello)
    assert text == "invalid event format"
    assert assistant.add_text("hello")[0]["type"] == "conversation.item.created"

    insert = Client(Mood(refuses_previous_item_id=True))
    (created,) = insert.add_text("hello")
    item_id = created["item"]["id"]
    text = refusal(
        insert, "conversation.item.create", item=hello, previous_item_id=item_id
    )
    assert text == f"cannot find previous item {item_id}"
    assert len(insert.session._talk.conversation.items) == 1


def test_an_answer_replaced_behind_a_turn_is_what_the_mind_hears_of() -> None:
    client = Client().manual()
    client.ask()
    client.wait(20)
    (answer,) = client.events("response.output_item.added")
    said = answer["item"]["id"]
    client.add_text("when are you open")
    first = client.events("conversation.item.created")[0]["item"]["id"]
    client.send("conversation.item.delete", item_id=said)
    (created,) = client.send(
        "conversation.item.create",
        previous_item_id=first,
        item=item("text", "assistant", text="Hello,"),
    )
    assert created["previous_item_id"] == first
    history = client.session._talk.conversation.history()
    assert [spoken.text for spoken in history] == [
        "hello",
        "Hello,",
        "when are you open",
    ]


def test_an_answers_item_names_the_place_that_it_has_when_it_comes() -> None:
    client = Client(Mood(think_s=(1.0, 1.0))).manual()
    client.ask()
    (late,) = client.add_text("and one more thing")
    client.wait(5)
    created = client.events("conversation.item.created")[-1]
    assert created["item"]["role"] == "assistant"
    assert created["previous_item_id"] == late["item"]["id"]


def test_truncate_is_ignored_in_silence() -> None:
    client = Client()
    events = client.send(
        "conversation.item.truncate", item_id="x", content_index=0, audio_end_ms=1
    )
    assert events == []


def test_an_error_may_name_the_event_at_fault() -> None:
    (named,) = Client(Mood(names_event=1)).send("response.cancel")
    assert named["error"]["event_id"] == "e1"
    assert "code" not in named["error"]
    (unnamed,) = Client(Mood(names_event=0)).send("response.cancel")
    assert "event_id" not in unnamed["error"]


def test_an_unknown_event_is_refused_in_either_shape() -> None:
    (wrapped,) = Client().send("response.dance")
    assert wrapped["type"] == "error"
    assert wrapped["error"]["message"] == "unknown event type"
    (flat,) = Client(Mood(flat_errors=True)).send("response.dance")
    assert flat["type"] == "invalid_request_error"
    assert flat["param"] == "type"


@pytest.mark.parametrize(
    "frame", ["", "nonsense", "[]", "7", "{}", '{"type": 7}', b"{}", "[" * 5000]
)
def test_a_frame_that_is_no_event_is_refused_and_counted(frame: str | bytes) -> None:
    client = Client()
    (event,) = client.send_text(frame)
    assert message(event) == "invalid event format"
    assert client.session.received == {"?": 1}


@pytest.mark.parametrize("audio", [None, 7, "***", "AA=="])
def test_bad_audio_is_refused(audio: Any) -> None:
    text = refusal(Client(), "input_audio_buffer.append", audio=audio)
    assert text == "invalid event format"


def test_more_than_15_mb_of_audio_at_once_are_refused() -> None:
    audio = base64.b64encode(bytes(15_000_002)).decode()
    text = refusal(Client(), "input_audio_buffer.append", audio=audio)
    assert "15 MB" in text


def test_a_minute_without_a_frame_loses_the_connection_without_a_close_frame() -> None:
    client = Client()
    client.now += 30
    client.append(silence(20))
    last = client.now - 0.02
    assert client.session.next_deadline() == pytest.approx(last + 60)
    assert client.session.close_due(last + 59) is None
    assert client.session.close_due(last + 60.1) == Drop("idle", None)


def test_a_ping_counts_as_a_frame() -> None:
    client = Client()
    client.session.touch(159.0)
    assert client.session.close_due(160.5) is None
    assert client.session.next_deadline() == 219.0


@pytest.mark.parametrize("code", [1000, None])
def test_a_session_ends_after_half_an_hour(code: int | None) -> None:
    session = OfflineSession(Mood(expiry_code=code), random=Random(1), now=0.0)
    session.take(0.0)
    session.touch(1790.0)
    assert session.next_deadline() == 1800.0
    assert session.close_due(1799.9) is None
    assert session.close_due(1800.0) == Drop("expired", code)


def test_a_mute_server_says_nothing_at_all() -> None:
    client = Client(Mood(mute_from_start=True))
    client.send("session.update", session={})
    client.ask()
    client.wait(20)
    assert client.frames == []
    assert client.session.received["response.create"] == 1


def test_the_same_seed_makes_the_same_session() -> None:
    def run(seed: int) -> list[tuple[float, str]]:
        client = Client(Mood.nasty(3), seed=seed).vad()
        client.say_something()
        client.wait(5)
        return client.frames

    assert run(7) == run(7)
    assert run(7) != run(8)


KINDS = [
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.delete",
    "response.create",
    "response.cancel",
    "other",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "role", "content", "function", "text"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional=dict.fromkeys(
        ["session", "audio", "item", "item_id", "response", "previous_item_id"], VALUES
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(EVENTS, max_size=12), st.integers(0, 20))
def test_no_client_can_break_a_session(events: list[Any], seed: int) -> None:
    client = Client(Mood.nasty(seed))
    for event in events:
        client.send_text(json.dumps(event))
        client.wait(0.1)
