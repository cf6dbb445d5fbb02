"""Repairs of a conversation, with the server's part played by hand."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.stepfun.realtime import events
from voicebot.stepfun.realtime.events import ErrorKind
from voicebot.stepfun.realtime.history import (
    HEARD,
    HEARD_NOTHING,
    KEPT,
    History,
    Means,
)

Frame = dict[str, Any]


def read(frames: list[bytes]) -> list[Frame]:
    return [json.loads(frame) for frame in frames]


def caller(item_id: str, before: str | None = None) -> list[events.ServerEvent]:
    """A turn of the caller's."""
    return [
        events.Committed(item_id, before),
        events.ItemCreated(item_id, "message", "user", before),
    ]


def answer(item_id: str, before: str | None = None) -> list[events.ServerEvent]:
    """An answer of the model's; its response is `r-` and the item's id."""
    return [
        events.OutputItemAdded(f"r-{item_id}", item_id, "message", None, None),
        events.ItemCreated(item_id, "message", "assistant", before),
        events.TranscriptDelta(f"r-{item_id}", item_id, "We open at nine."),
    ]


def history(
    *happened: list[events.ServerEvent], refused: set[Means] | None = None
) -> History:
    made = History(set() if refused is None else refused)
    for some in happened:
        for event in some:
            made.saw(event)
    return made


def error(
    event_id: str | None = None, kind: ErrorKind = ErrorKind.OTHER
) -> events.ServerError:
    return events.ServerError(kind, None, event_id)


def text_of(frame: Frame) -> str:
    return str(frame["item"]["content"][0]["text"])


# ---- what is sent ----------------------------------------------------------------


def test_the_last_answer_is_replaced_at_the_end() -> None:
    talk = history(caller("u1"), answer("a1", "u1"))
    delete, create = read(talk.amend("r-a1", "We open"))
    assert (delete["type"], delete["item_id"]) == ("conversation.item.delete", "a1")
    assert create["type"] == "conversation.item.create"
    assert create["item"]["role"] == "assistant"
    assert text_of(create) == "We open"
    assert "previous_item_id" not in create
    assert delete["event_id"] != create["event_id"]


def test_an_answer_with_a_turn_behind_it_is_replaced_where_it_stood() -> None:
    talk = history(caller("u1"), answer("a1", "u1"), caller("u2", "a1"))
    _, create = read(talk.amend("r-a1", "We open"))
    assert create["previous_item_id"] == "u1"


@pytest.mark.parametrize("owner", ["local", "server"])
def test_a_turn_that_is_about_to_come_counts_as_behind_it(owner: str) -> None:
    talk = history(caller("u1"), answer("a1", "u1"))
    if owner == "local":
        talk.committing()
    else:
        talk.saw(events.SpeechStarted("u2", None))
    _, create = read(talk.amend("r-a1", "We open"))
    assert create["previous_item_id"] == "u1"


@pytest.mark.parametrize("kind", [ErrorKind.NO_SPEECH, ErrorKind.APPEND_NOT_CALLED])
def test_a_turn_that_was_refused_does_not(kind: ErrorKind) -> None:
    talk = history(caller("u1"), answer("a1", "u1"))
    talk.committing()
    talk.saw(error(kind=kind))
    _, create = read(talk.amend("r-a1", "We open"))
    assert "previous_item_id" not in create


def test_an_answer_of_which_nothing_was_heard_is_deleted() -> None:
    talk = history(answer("a1"), caller("u1"))
    (delete,) = read(talk.amend("r-a1", ""))
    assert delete["type"] == "conversation.item.delete"


def test_the_first_item_with_something_behind_it_is_told_of_in_a_note() -> None:
    talk = history(answer("a1"), caller("u1", "a1"))
    (note,) = read(talk.amend("r-a1", "Hello"))
    assert note["item"]["role"] == "system"
    assert text_of(note) == HEARD.format(text="Hello")


def test_an_item_that_was_not_seen_to_be_created_is_told_of_in_a_note() -> None:
    talk = history(caller("u1"), answer("a1")[:1])
    (note,) = read(talk.amend("r-a1", ""))
    assert text_of(note) == HEARD_NOTHING


def test_an_answer_that_left_nothing_and_a_second_amendment_are_nothing() -> None:
    talk = history(caller("u1"), answer("a1", "u1"))
    assert talk.amend("r-unknown", "We") == []
    assert talk.amend("r-a1", "We")
    assert talk.amend("r-a1", "We open") == []


def test_a_function_call_is_no_answer_and_its_odd_place_no_loop() -> None:
    talk = history(
        caller("u1"),
        [
            events.OutputItemAdded("r", "f1", "function_call", "c", "book"),
            events.ItemCreated("f1", "function_call", None, "f1"),
            events.TranscriptDelta("r", "", "Let me see."),
        ],
    )
    assert talk.amend("r", "Let") == []


def test_a_turn_is_forgotten_once_and_is_no_place_any_more() -> None:
    talk = history(caller("u1"), answer("a1", "u1"), caller("u2"), answer("a2", "u2"))
    talk.committing()
    (delete,) = read(talk.forget("u2"))
    assert delete["item_id"] == "u2"
    assert talk.forget("u2") == []
    _, create = read(talk.amend("r-a2", "We"))
    assert create["previous_item_id"] == "a1"


def test_an_answer_made_anew_is_a_place_for_others() -> None:
    talk = history(caller("u1"), answer("a1", "u1"), caller("u2", "a1"))
    talk.amend("r-a1", "We open")
    talk.saw(events.ItemDeleted("a1"))
    talk.saw(events.ItemDeleted("never heard of"))
    talk.saw(events.ItemCreated("a1 anew", "message", "assistant", "u1"))
    for event in answer("a2", "u2"):
        talk.saw(event)
    talk.forget("u2")
    talk.committing()
    _, create = read(talk.amend("r-a2", "Of course"))
    assert create["previous_item_id"] == "a1 anew"


def test_an_item_behind_one_we_do_not_know_stands_at_the_end() -> None:
    talk = history(answer("a1", "gone"), caller("u1", "a1"), answer("a2", "gone"))
    _, create = read(talk.amend("r-a2", "Yes"))
    assert "previous_item_id" not in create


# ---- what is refused -------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize("refuses", [Means.DELETE, Means.INSERT, Means.APPEND])
def test_what_is_refused_is_told_in_a_note_now_and_not_tried_again(
    refuses: Means, named: bool
) -> None:
    refused: set[Means] = set()
    behind = caller("u2", "a1") if refuses is Means.INSERT else []
    talk = history(caller("u1"), answer("a1", "u1"), behind, refused=refused)
    delete, create = read(talk.amend("r-a1", "We open"))
    if refuses is not Means.DELETE:
        talk.saw(events.ItemDeleted("a1"))
    event_id = (delete if refuses is Means.DELETE else create)["event_id"]
    refusal = talk.refused(error(event_id if named else None))
    assert refusal
    assert (refusal.means, refusal.is_news) == (refuses, True)
    (note,) = read(refusal.instead)
    assert text_of(note) == HEARD.format(text="We open")
    assert refused == {refuses}

    other = history(caller("u1"), answer("a1", "u1"), behind, refused=refused)
    (note,) = read(other.amend("r-a1", "We"))
    assert text_of(note) == HEARD.format(text="We")


def test_where_nothing_can_be_inserted_the_last_answer_is_still_replaced() -> None:
    talk = history(caller("u1"), answer("a1", "u1"), refused={Means.INSERT})
    assert len(talk.amend("r-a1", "We")) == 2


def test_of_two_refusals_of_a_repair_only_the_first_makes_a_note() -> None:
    talk = history(caller("u1"), answer("a1", "u1"))
    talk.amend("r-a1", "We open")
    first, second = talk.refused(error()), talk.refused(error())
    assert first
    assert second
    assert (len(first.instead), second.instead) == (1, [])


def test_a_place_that_was_not_found_is_the_inserted_items() -> None:
    talk = history(caller("u1"), answer("a1", "u1"), caller("u2", "a1"))
    talk.amend("r-a1", "We open")
    refusal = talk.refused(error(kind=ErrorKind.BAD_PREVIOUS_ITEM))
    assert refusal
    assert refusal.means is Means.INSERT
    assert talk.refused(error(kind=ErrorKind.BAD_PREVIOUS_ITEM)) is None


def test_a_turn_that_cannot_be_forgotten_makes_no_note() -> None:
    refused: set[Means] = set()
    talk = history(caller("u1"), caller("u2", "u1"), refused=refused)
    talk.forget("u2")
    refusal = talk.refused(error())
    assert refusal
    assert refusal.instead == []
    refused.clear()
    assert talk.forget("u2")  # it is still there
    refused.add(Means.DELETE)
    assert talk.forget("u1") == []


def test_what_another_session_has_learnt_meanwhile_is_no_news() -> None:
    refused: set[Means] = set()
    talk = history(caller("u1"), refused=refused)
    talk.forget("u1")
    refused.add(Means.DELETE)
    refusal = talk.refused(error())
    assert refusal
    assert not refusal.is_news


def test_where_notes_are_refused_too_nothing_is_said() -> None:
    refused = {Means.DELETE}
    talk = history(caller("u1"), answer("a1", "u1"), refused=refused)
    assert talk.amend("r-a1", "We")
    refusal = talk.refused(error())
    assert refusal
    assert (refusal.means, refusal.instead) == (Means.NOTE, [])
    other = history(caller("u1"), answer("a1", "u1"), refused=refused)
    assert other.amend("r-a1", "We") == []


def test_an_error_about_something_else_is_no_refusal() -> None:
    talk = history(caller("u1"), answer("a1", "u1"))
    assert talk.refused(error()) is None
    delete, _ = read(talk.amend("r-a1", "We open"))
    assert talk.refused(error("of another command")) is None
    assert talk.refused(error(delete["event_id"], ErrorKind.ENGINE)) is None
    assert talk.refused(error(kind=ErrorKind.NO_ONGOING_RESPONSE)) is None


def test_once_all_is_done_no_error_is_a_refusal() -> None:
    talk = history(caller("u1"), answer("a1", "u1"), answer("a2", "a1"))
    talk.amend("r-a2", "We open")
    talk.saw(events.ItemDeleted("a2"))
    for event in answer("a3", "a1"):  # the model's own isn't taken for ours
        talk.saw(event)
    talk.saw(events.ItemCreated("a2 anew", "message", "assistant", "a1"))
    talk.saw(events.ItemDeleted("deleted by nobody"))
    assert talk.refused(error()) is None
    talk.saw(events.ItemCreated("odd", "message", None, None))
    noted = history(answer("a1"), caller("u1"))
    noted.amend("r-a1", "We")
    noted.saw(events.ItemCreated("n1", "message", "system", "u1"))
    assert noted.refused(error()) is None


# ---- however it goes -------------------------------------------------------------


def test_a_long_conversation_is_remembered_by_its_end() -> None:
    talk = history(*(caller(f"u{n}") + answer(f"a{n}") for n in range(2 * KEPT)))
    assert talk.amend("r-a0", "We") == []
    (note,) = read(talk.amend(f"r-a{KEPT}", "We"))  # its item is forgotten
    assert note["item"]["role"] == "system"
    assert len(talk.amend(f"r-a{2 * KEPT - 1}", "We")) == 2


def test_of_commands_that_nobody_answers_the_latest_are_remembered() -> None:
    talk = history()
    for n in range(KEPT + 1):
        for event in caller(f"u{n}"):
            talk.saw(event)
        talk.forget(f"u{n}")
    assert talk.refused(error("history_1")) is None
    assert talk.refused(error("history_2"))


class Server:
    """Keeps the items' order as a server does, and answers late."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.answers: list[events.ServerEvent] = []
        self.made = 0

    def add(self, role: str, after: str | None = None) -> str:
        self.made += 1
        item_id = f"{role}{self.made}"
        at = len(self.items) if after is None else self.items.index(after) + 1
        self.items.insert(at, item_id)
        before = self.items[at - 1] if at else None
        if role == "assistant":
            response_id = f"r-{item_id}"
            added = events.OutputItemAdded(response_id, item_id, "message", None, None)
            self.answers.append(added)
        elif role == "user":
            self.answers.append(events.Committed(item_id, before))
        kind = "assistant" if role == "anew" else role
        self.answers.append(events.ItemCreated(item_id, "message", kind, before))
        return item_id

    def take(self, frame: Frame) -> None:
        """Carry out a command; a place or an item that isn't there is an error."""
        if frame["type"] == "conversation.item.delete":
            self.items.remove(frame["item_id"])
            self.answers.append(events.ItemDeleted(frame["item_id"]))
        else:
            role = frame["item"]["role"]
            after = frame.get("previous_item_id")
            self.add("anew" if role == "assistant" else role, after)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["turn", "answer", "amend", "forget", "hear"])))
def test_no_repair_names_what_is_not_there_and_words_stay_in_their_place(
    moves: list[str],
) -> None:
    server, talk = Server(), History(set())
    said: list[str] = []  # answers that were not amended yet

    def hear() -> None:
        for event in server.answers:
            talk.saw(event)
        server.answers.clear()

    for move in [*moves, "hear"]:
        match move:
            case "turn":
                talk.committing()
                server.add("user")
            case "answer":
                hear()  # the bridge amends only what it has heard of
                said.append(server.add("assistant"))
                hear()
            case "amend" if said:
                item_id = said.pop()
                at = server.items.index(item_id)
                frames = read(talk.amend(f"r-{item_id}", "Well"))
                for frame in frames:
                    server.take(frame)
                if len(frames) == 2:
                    assert server.items[at].startswith("anew")
                else:
                    assert at == 0
            case "forget":
                turns = [item for item in server.items if item.startswith("user")]
                for frame in read(talk.forget(turns[-1]) if turns else []):
                    server.take(frame)
            case _:
                hear()
    assert talk._order == server.items


# ---- what was said in another session --------------------------------------------


def test_what_was_said_before_is_told_as_it_was_said() -> None:
    talk = history()
    asked, said = read(
        talk.recall("user", "A room?") + talk.recall("assistant", "Yes.")
    )
    assert (asked["item"]["role"], text_of(asked)) == ("user", "A room?")
    assert (said["item"]["role"], text_of(said)) == ("assistant", "Yes.")


def test_a_server_that_takes_no_answers_of_ours_is_told_in_a_note() -> None:
    talk = history()
    talk.recall("assistant", "Yes.")
    refusal = talk.refused(error())
    assert refusal
    (note,) = read(refusal.instead)
    assert note["item"]["role"] == "system"
    assert "you said" in text_of(note)
    (other,) = read(talk.recall("assistant", "No."))
    assert other["item"]["role"] == "system"
