"""A model reviews calls that are over; its answers are checked, and paid."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from tests.canary import KEY
from tests.dialplan.plans import dialplan, persona
from tests.store.noted import writing
from tests.store.test_calls import ENDED, NOON, STARTED, TURN
from voicebot.dialplan.persona import Persona
from voicebot.errors import UpstreamError
from voicebot.net.chat import Chat
from voicebot.runtime.after_call import Messenger, told_of
from voicebot.runtime.reviews import Reviewer
from voicebot.runtime.scribe import Scribe
from voicebot.store.calls import CallStore
from voicebot.store.records import Call, Record, Reviewed
from voicebot.store.writer import Writer

WANTS = {"summary": True, "dispositions": ["booked"], "extract": {"guests": "number"}}
GOOD = '{"summary": "Four come.", "disposition": "booked", "guests": 4}'
USAGE = {"prompt_tokens": 100, "cached_tokens": 50, "completion_tokens": 10}
SAID = replace(
    TURN, seq=2, who="caller", heard_text="For four.", generated_text="For four."
)


class Model:
    """Answers as the chat model does, what it is told to."""

    def __init__(self, *answers: str | int) -> None:
        self.answers = list(answers)
        self.asked: list[list[dict[str, str]]] = []
        self.formats: list[str | None] = []

    async def take(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.asked.append(asked["messages"])
        self.formats.append(asked.get("response_format", {}).get("type"))
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            return web.Response(status=answer)
        message = {"role": "assistant", "content": answer}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": USAGE})


def desk() -> Persona:
    return persona(after_call=WANTS)


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    async with writing(tmp_path) as writer:
        yield writer


async def noted(writer: Writer, *records: Record) -> Call:
    for record in (STARTED, *records, ENDED):
        writer.note(record, NOON)
    await writer.stored()
    call = await writer.store.get_call("c1")
    assert call
    return call


async def reviewed(writer: Writer, call: Call, model: Model) -> str:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", model.take)
    server = TestServer(app)
    await server.start_server()
    try:
        async with ClientSession() as http:
            chat = Chat(http, f"{server.make_url('/v1')}", KEY)
            one = Reviewer(writer.store, chat, Scribe(writer))
            return await one.review(call, desk())
    finally:
        await writer.stored()
        await server.close()


async def found(store: CallStore) -> Reviewed:
    review = await store.review("c1")
    assert review
    return review


async def test_what_was_found_is_in_the_record_and_paid(writer: Writer) -> None:
    call = await noted(writer, TURN, SAID)
    model = Model(GOOD)
    assert await reviewed(writer, call, model) == "reviewed"
    ((system, user),) = model.asked
    assert system["role"] == "system"
    assert user["content"] == f"bot: {TURN.heard_text}\ncaller: For four."
    assert await found(writer.store) == Reviewed(
        "c1", "Four come.", "booked", {"guests": 4}, USAGE, {"review": 850}
    )
    after = await writer.store.get_call("c1")
    assert after
    assert after.cost_ucny == call.cost_ucny + 850
    assert await writer.store.rebuild() == 1
    assert await writer.store.get_call("c1") == after


async def test_a_model_that_cannot_be_held_to_json_is_asked_all_the_same(
    writer: Writer,
) -> None:
    call = await noted(writer, SAID)
    model = Model(400, "Sure!", GOOD)
    assert await reviewed(writer, call, model) == "reviewed"
    assert model.formats == ["json_object", None, None]
    with pytest.raises(UpstreamError):
        await reviewed(writer, call, Model(400, 400))


async def test_an_answer_of_another_form_is_asked_for_once_more(
    writer: Writer,
) -> None:
    call = await noted(writer, SAID)
    model = Model('{"guests": "four"}', GOOD)
    assert await reviewed(writer, call, model) == "reviewed"
    *_, wrong, again = model.asked[1]
    assert wrong == {"role": "assistant", "content": '{"guests": "four"}'}
    assert "guests must be number" in again["content"]
    assert (await found(writer.store)).usage["completion_tokens"] == 20


async def test_two_wrong_answers_are_paid_and_nothing_is_found(writer: Writer) -> None:
    call = await noted(writer, SAID)
    assert await reviewed(writer, call, Model("", "Sure!")) == "no answer of that form"
    review = await found(writer.store)
    assert (review.summary, review.extracted) == (None, {})
    assert review.cost == {"review": 1700}


async def test_of_a_call_without_words_nobody_is_asked(writer: Writer) -> None:
    call = await noted(writer, TURN)
    assert await reviewed(writer, call, Model()) == "nothing was said"
    assert await writer.store.review("c1") is None


async def test_a_service_that_is_away_is_an_error(writer: Writer) -> None:
    call = await noted(writer, SAID)
    with pytest.raises(UpstreamError):
        await reviewed(writer, call, Model(503))


async def test_others_are_told_what_was_found_only_if_they_ask(writer: Writer) -> None:
    call = await noted(writer, SAID)
    await reviewed(writer, call, Model(GOOD))
    review = await found(writer.store)
    told = told_of(call, [], [], ("review",), review)
    assert told["review"]["extracted"] == {"guests": 4}
    assert told_of(call, [], [], ("review",))["review"] is None
    assert b"Four" not in orjson.dumps(told_of(call, [], [], (), review))


async def test_a_review_is_asked_for_once_and_later_if_nobody_answers(
    writer: Writer,
) -> None:
    await noted(writer, SAID)
    app = web.Application()
    model = Model(503, GOOD)
    app.router.add_post("/chat/completions", model.take)
    server = TestServer(app)
    await server.start_server()
    plan = replace(dialplan(), personas={"reception": desk()})
    at = [ENDED.ended_at]
    async with ClientSession() as http:
        chat = Chat(http, f"{server.make_url('')}".rstrip("/"), KEY)
        reviewer = Reviewer(writer.store, chat, Scribe(writer))
        one = Messenger(writer.store, lambda: plan, None, reviewer, lambda: at[0])
        assert [await one.round(), await one.round()] == [1, 0]
        at[0] = ENDED.ended_at.replace(minute=ENDED.ended_at.minute + 5)
        assert [await one.round(), await one.round()] == [1, 0]
    await server.close()
    await writer.stored()
    assert (await found(writer.store)).disposition == "booked"
