"""What is said and heard in a session, where a server would come too late to see it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from voicebot.bridge.model import (
    AppendAudio,
    CommitAudio,
    Ending,
    PeerLost,
    Recall,
    ReplyStarted,
    SessionReady,
)
from voicebot.flow.model import Input
from voicebot.runtime.dialogue import WAITING_FRAMES, Dialogue
from voicebot.stepfun.realtime.commands import SessionConfig
from voicebot.stepfun.realtime.history import Means
from voicebot.store.faults import Fault

CONFIG = SessionConfig("Be brief.", "linjiajiejie", turn_detection=None)
CREATED = {"type": "session.created", "session": {"id": "s1"}}
UPDATED = {"type": "session.updated", "session": {"id": "s1"}}
REPLIES = {"type": "response.created", "response": {"id": "r"}}
TOKENS = {"total_tokens": 5, "input_tokens": 3, "output_tokens": 2}
USED = {"id": "r", "status": "completed", "usage": TOKENS}
DONE = {"type": "response.done", "response": USED}
BROKEN = {"type": "error", "error": {"message": "error of speech engine"}}


@dataclass
class Session:
    """A socket, and what a dialogue does with it."""

    refused: set[Means] = field(default_factory=set)
    faults: Counter[Fault] = field(default_factory=Counter)
    usage: Counter[str] = field(default_factory=Counter)
    delivered: list[Input] = field(default_factory=list)
    written: list[dict[str, Any]] = field(default_factory=list)
    takes: bool = True

    def dialogue(self) -> Dialogue:
        return Dialogue(CONFIG, self.refused, self.faults, self.usage)

    def open(self, dialogue: Dialogue) -> None:
        dialogue.begin(self)
        hear(dialogue, CREATED, UPDATED)

    def kinds(self) -> list[str]:
        return [each["type"].rpartition(".")[2] for each in self.written]

    def write(self, text: bytes) -> bool:
        self.written.append(orjson.loads(text))
        return self.takes

    def listen(self, hear: object) -> None:
        raise NotImplementedError

    async def read(self) -> bytes:
        raise NotImplementedError


def outcome(dialogue: Dialogue) -> tuple[bool, str]:
    return dialogue.failed.is_set(), type(dialogue.failure).__name__


def hear(dialogue: Dialogue, *events: dict[str, Any]) -> None:
    for event in events:
        dialogue.take(orjson.dumps(event))


async def test_a_call_that_joins_an_open_session_hears_first_that_it_is() -> None:
    session = Session()
    dialogue = session.dialogue()
    session.open(dialogue)
    hear(dialogue, REPLIES)  # to nobody
    dialogue.join(session.delivered.append)
    hear(dialogue, REPLIES)
    assert session.delivered == [SessionReady(), ReplyStarted("r")]
    assert dialogue.is_told


async def test_a_session_that_breaks_before_its_call_came_is_lost() -> None:
    session = Session()
    dialogue = session.dialogue()
    session.open(dialogue)
    with pytest.raises(ConnectionError):
        hear(dialogue, BROKEN)
    dialogue.join(session.delivered.append)
    hear(dialogue, BROKEN)
    assert session.delivered == [SessionReady(), PeerLost(Ending.STEPFUN_LOST)]


async def test_nothing_is_heard_of_a_session_that_was_given_up() -> None:
    session = Session()
    before = session.dialogue()
    before.join(session.delivered.append)
    session.open(before)
    after = before.anew(session.refused)
    hear(before, REPLIES, DONE, BROKEN)
    assert session.delivered == [SessionReady()]
    assert not session.usage
    assert not session.faults
    session.open(after)
    hear(after, REPLIES, DONE)
    assert session.delivered[1:3] == [SessionReady(), ReplyStarted("r")]
    assert session.usage["total_tokens"] == 5


async def test_one_that_was_given_up_while_it_was_opened_is_never_told_of() -> None:
    session = Session()
    before = session.dialogue()
    before.join(session.delivered.append)
    after = before.anew(session.refused)
    after.send(Recall("caller", "Hello."))
    session.open(before)
    assert not session.delivered
    assert session.kinds() == ["update"]  # what is said now is for the other
    session.open(after)
    assert session.kinds() == ["update", "update", "create"]


async def test_what_is_recalled_before_a_session_is_open_may_be_refused_in_it() -> None:
    session = Session()
    dialogue = session.dialogue()
    for text in ("We open at nine.", "And close at five."):
        dialogue.send(Recall("bot", text))
    session.open(dialogue)
    with capture_logs() as logs:
        for recalled in session.written[1:]:
            no = {"message": "not supported", "event_id": recalled["event_id"]}
            hear(dialogue, {"type": "error", "error": no})
    roles = [each["item"]["role"] for each in session.written[1:]]
    assert roles == ["assistant", "assistant", "system", "system"]
    assert session.faults == {Fault.STEPFUN_REPAIR_REFUSED: 2}
    assert len(logs) == 1  # once for all that the server refuses


async def test_what_waits_stays_for_another_session_if_the_first_never_was() -> None:
    session = Session()
    dialogue = session.dialogue()
    for _ in range(WAITING_FRAMES):
        dialogue.send(AppendAudio(bytes(2)))
    dialogue.begin(session)
    dialogue.end()
    session.open(dialogue)
    assert session.kinds() == ["update"] + ["append"] * WAITING_FRAMES
    assert not session.faults


async def test_the_first_failure_is_why_a_session_ends_until_it_has() -> None:
    session = Session()
    dialogue = session.dialogue()
    dialogue.begin(session)

    def bug(event: Input) -> None:
        raise ZeroDivisionError

    dialogue.join(bug)
    for event in (CREATED, UPDATED, REPLIES):
        dialogue.hear(orjson.dumps(event))
    assert outcome(dialogue) == (True, "ZeroDivisionError")
    session.takes = False
    dialogue.send(CommitAudio())
    assert session.faults == {Fault.STEPFUN_WRITE_BLOCKED: 1}
    assert outcome(dialogue) == (True, "ZeroDivisionError")
    dialogue.end()
    assert outcome(dialogue) == (False, "NoneType")
