import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stepfun.examples import EXAMPLES, named
from voicebot.errors import LocalProtocolError
from voicebot.stepfun.realtime import commands
from voicebot.stepfun.realtime.commands import (
    Retrieval,
    ServerVad,
    SessionConfig,
    Tool,
    WebSearch,
)

FUNCTION = EXAMPLES["c.session.update"]["session"]["tools"][0]["function"]
CONFIG = SessionConfig(
    instructions=EXAMPLES["c.session.update"]["session"]["instructions"],
    voice="ganliannvsheng",
    turn_detection=ServerVad(),
    tools=(Tool(**FUNCTION), WebSearch("Search the web for fresh facts", 3, 3)),
)
PCM16 = base64.b64decode(EXAMPLES["c.input_audio_buffer.append"]["audio"])

# Name of a documented frame -> how we say it.
SAID = {
    "c.session.update": commands.session_update(CONFIG),
    "c.input_audio_buffer.append": commands.append(PCM16),
    "c.input_audio_buffer.commit": commands.commit(),
    "c.input_audio_buffer.clear": commands.clear(),
    "c.item.create.user_text": commands.create_message(
        "user", "I would like to move my appointment to Friday."
    ),
    "c.item.create.assistant_text": commands.create_message(
        "assistant", "Sure, which time on Friday suits you?"
    ),
    "c.item.create.system_text": commands.create_message(
        "system", "The caller is verified. Do not ask for the birth date again."
    ),
    "c.item.create.user_audio": commands.create_user_audio(PCM16),
    "c.item.create.function_call_output": commands.create_function_output(
        "call_20261018151207_lookup_booking",
        '{"found":true,"slot":"2026-10-23T09:30"}',
    ),
    "c.item.delete": commands.delete_item("9b4c807a-9966-4d35-b21e-7eb4a7bcae72"),
    "c.response.create": commands.create_response(),
    "c.response.cancel": commands.cancel_response(),
}

# Name of a documented frame -> why we never say it.
NEVER_SAID = {
    "c.session.update.novad": "see the tests of null, and of what `find_turns` says",
    "c.session.update.retrieval": "knowledge comes through functions of ours",
    "c.response.create.override": "clients disagree on whether it is obeyed",
    "c.item.truncate": "undocumented",
}


def test_every_documented_command_is_said_or_has_a_reason_not_to() -> None:
    assert SAID.keys() | NEVER_SAID.keys() == named("c.")


def test_a_running_session_gets_other_instructions_and_tools_and_nothing_else() -> None:
    tool = Tool("go_on", "Go on.", {"type": "object"})
    frame = commands.instruct(SessionConfig("Be kind.", "voice", None, (tool,)))
    told = json.loads(frame)
    assert told["type"] == "session.update"
    assert told["session"].keys() == {"instructions", "tools"}
    assert told["session"]["instructions"] == "Be kind."
    assert told["session"]["tools"][0]["function"]["name"] == "go_on"


@pytest.mark.parametrize("name", SAID)
def test_a_command_is_what_the_page_documents(name: str) -> None:
    documented: dict[str, Any] = json.loads(json.dumps(EXAMPLES[name]))
    del documented["event_id"]  # optional, and never echoed
    assert json.loads(SAID[name]) == documented


def test_tools_of_stepfuns_own_say_what_is_given_and_no_more() -> None:
    facts = Retrieval("170000000000000001", "Prices", "{{query}} in {{knowledge}}")
    config = SessionConfig("x", "voice", None, (WebSearch(), facts, Retrieval("17")))
    assert json.loads(commands.instruct(config))["session"]["tools"] == [
        {"type": "web_search", "function": {}},
        {
            "type": "retrieval",
            "function": {
                "description": "Prices",
                "options": {
                    "vector_store_id": "170000000000000001",
                    "prompt_template": "{{query}} in {{knowledge}}",
                },
            },
        },
        {"type": "retrieval", "function": {"options": {"vector_store_id": "17"}}},
    ]


def test_a_command_says_its_place_and_its_name_only_if_they_are_given() -> None:
    plain = json.loads(commands.create_message("assistant", "Sure."))
    assert plain.keys() == {"type", "item"}
    frame = commands.create_message("assistant", "Sure.", after="i1", event_id="e1")
    named = {"previous_item_id": "i1", "event_id": "e1"}
    assert json.loads(frame) == plain | named
    deleted = json.loads(commands.delete_item("i1", event_id="e2"))
    assert (deleted["item_id"], deleted["event_id"]) == ("i1", "e2")


def test_turn_detection_is_switched_off_by_an_explicit_null() -> None:
    config = SessionConfig("Be brief.", "ganliannvsheng", turn_detection=None)
    session = json.loads(commands.session_update(config))["session"]
    assert session["turn_detection"] is None
    assert session["tools"] == []


@pytest.mark.parametrize("vad", [ServerVad(silence_ms=700), None])
def test_who_finds_turns_is_changed_alone_and_what_had_begun_is_cleared(
    vad: ServerVad | None,
) -> None:
    update, clear = map(json.loads, commands.find_turns(vad))
    config = SessionConfig("Be brief.", "ganliannvsheng", turn_detection=vad)
    whole = json.loads(commands.session_update(config))["session"]
    assert update == {
        "type": "session.update",
        "session": {"turn_detection": whole["turn_detection"]},
    }
    assert (vad is None) is (whole["turn_detection"] is None)
    assert clear == json.loads(commands.clear())


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"prefix_padding_ms": -1}, "prefix_padding_ms: expected 0 or more, got -1"),
        ({"silence_ms": -1}, "silence_ms: expected 0 or more, got -1"),
        ({"energy_threshold": -1}, "energy_threshold: expected 0 to 5000, got -1"),
        ({"energy_threshold": 5001}, "energy_threshold: expected 0 to 5000, got 5001"),
    ],
)
def test_turn_detection_out_of_range_is_a_bug_of_ours(
    members: dict[str, int], problem: str
) -> None:
    with pytest.raises(LocalProtocolError, match=problem):
        ServerVad(**members)


@pytest.mark.parametrize("energy_threshold", [0, 5000])
def test_turn_detection_may_go_to_the_ends_of_its_range(energy_threshold: int) -> None:
    ServerVad(prefix_padding_ms=0, silence_ms=0, energy_threshold=energy_threshold)


@pytest.mark.parametrize("name", ["", "book table", "x" * 65, "预订"])
def test_a_tool_that_stepfun_would_refuse_is_a_bug_of_ours(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="expected 1 to 64 letters"):
        Tool(name, "", {})


def test_a_schema_that_is_no_json_is_a_bug_of_ours() -> None:
    tool = Tool("hang_up", "End the call.", {"enum": object()})
    config = SessionConfig("", "v", turn_detection=None, tools=(tool,))
    with pytest.raises(LocalProtocolError, match=r"session\.update: expected JSON"):
        commands.session_update(config)


def test_half_a_character_cannot_be_sent() -> None:
    with pytest.raises(LocalProtocolError, match=r"conversation\.item\.create: "):
        commands.create_message("user", "\ud800")


def test_the_instructions_stay_out_of_a_traceback() -> None:
    assert CONFIG.instructions not in repr(CONFIG)


@settings(max_examples=50)
@given(st.binary(max_size=2000))
def test_audio_arrives_as_it_was_sent_or_not_at_all(audio: bytes) -> None:
    if len(audio) % 2:
        with pytest.raises(LocalProtocolError, match="expected whole 16-bit samples"):
            commands.append(audio)
        with pytest.raises(LocalProtocolError, match="expected whole 16-bit samples"):
            commands.create_user_audio(audio)
        return
    assert base64.b64decode(json.loads(commands.append(audio))["audio"]) == audio
    item = json.loads(commands.create_user_audio(audio))["item"]
    assert base64.b64decode(item["content"][0]["audio"]) == audio


def test_an_append_above_15_mb_is_not_sent() -> None:
    largest = commands.append(bytes(11_250_000))
    assert len(json.loads(largest)["audio"]) == 15_000_000
    with pytest.raises(LocalProtocolError, match="expected at most 15 MB"):
        commands.append(bytes(11_250_002))
