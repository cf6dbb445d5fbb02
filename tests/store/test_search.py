"""What was said is found, wherever the log lies."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.noted import put
from tests.store.postgres import Postgres
from tests.store.test_calls import ENDED, MESSAGE, MINUTE, NOON, STARTED, TURN, another
from voicebot.store import search as module
from voicebot.store.calls import CallStore, open_store
from voicebot.store.records import CallEnded, EndReason, Turn
from voicebot.store.which import EVERY, Which


def said(call: int, seq: int, text: str) -> Turn:
    return replace(TURN, call_id=f"c{call}", seq=seq, generated_text=text)


def ended(call: int, **changes: object) -> CallEnded:
    return replace(ENDED, call_id=f"c{call}", **changes)  # type: ignore[arg-type]


async def two_calls(store: CallStore) -> None:
    await put(store, another(1), another(2, NOON + MINUTE))
    await put(
        store, said(1, 0, "您好，我想预订明天晚上七点"), said(1, 1, "Table FOUR?")
    )
    await put(store, said(2, 0, "我想取消"), said(2, 1, "a table, 100 % sure_thing"))


async def found(
    store: CallStore, *words: str, limit: int = 99, which: Which = EVERY
) -> list[tuple[str, int | None]]:
    hits = await store.search(words, limit, which)
    return [(hit.call.call_id, hit.seq) for hit in hits]


@pytest.mark.parametrize(
    ("words", "turns"),
    [
        (["预订明天"], [("c1", 0)]),
        (["预订"], [("c1", 0)]),
        (["七点"], [("c1", 0)]),  # at the very end
        (["点"], [("c1", 0)]),
        (["我想"], [("c2", 0), ("c1", 0)]),
        (["我"], [("c2", 0), ("c1", 0)]),
        (["table"], [("c2", 1), ("c1", 1)]),
        (["TABLE", "four"], [("c1", 1)]),
        (["four?"], [("c1", 1)]),
        (["a"], [("c2", 1), ("c1", 1)]),
        (["le"], [("c2", 1), ("c1", 1)]),
        (["我想", "明天"], [("c1", 0)]),
        (["我想", "table"], []),
        (["100 %"], [("c2", 1)]),
        (["%"], [("c2", 1)]),
        (["_"], [("c2", 1)]),
        (["100 _"], []),
        (["不在"], []),
        (["absent"], []),
        (['"'], []),
        (['" OR "tab'], []),
        (["'"], []),
        (["table*"], []),
    ],
)
async def test_words_are_found_in_chinese_and_english(
    store: CallStore, words: list[str], turns: list[tuple[str, int]]
) -> None:
    await two_calls(store)
    assert await found(store, *words) == turns


async def test_a_letter_that_begins_too_many_trigrams_is_found_by_reading(
    store: CallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_TERMS", 1)
    await two_calls(store)
    assert await found(store, "我") == [("c2", 0), ("c1", 0)]
    assert await found(store, "我", "预订明天") == [("c1", 0)]


@pytest.mark.parametrize("few", [0, 1000])
@pytest.mark.parametrize(
    ("which", "turns"),
    [
        (Which(since=NOON + MINUTE), [("c2", 1)]),
        (Which(until=NOON + MINUTE), [("c1", 1)]),
        (Which(since=NOON, until=NOON + MINUTE), [("c1", 1)]),
        (Which(persona="reception"), [("c2", 1), ("c1", 1)]),
        (Which(persona="nobody"), []),
        (Which(number="+15550100199"), [("c2", 1), ("c1", 1)]),
        (Which(number="+15550002222"), [("c2", 1), ("c1", 1)]),
        (Which(number="+1555000"), []),
        (Which(end_reason=EndReason.IDLE), [("c2", 1)]),
        (Which(min_duration_ms=70_000), [("c2", 1)]),
    ],
)
async def test_only_the_calls_that_are_meant_are_searched_and_listed(
    store: CallStore,
    which: Which,
    turns: list[tuple[str, int]],
    few: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FEW_CALLS", few)
    await two_calls(store)
    await put(store, ended(1))
    await put(store, ended(2, end_reason=EndReason.IDLE, duration_ms=70_000))
    assert await found(store, "table", which=which) == turns
    assert await found(store, "ta", which=which) == turns
    listed = [call.call_id for call in await store.list_calls(9, which)]
    assert listed == [call_id for call_id, _ in turns]


async def test_messages_are_found_after_the_turns_of_their_call(
    store: CallStore,
) -> None:
    await two_calls(store)
    message = replace(MESSAGE, call_id="c2", transcription="a TABLE please")
    await put(store, message, replace(message, recording_sid="RE2", transcription=None))
    assert await found(store, "table") == [("c2", 1), ("c2", None), ("c1", 1)]
    hit = (await store.search(["please"], 9))[0]
    assert (hit.who, hit.at_ms, hit.text) == ("caller", None, "a TABLE please")


async def test_the_newest_are_found_if_there_are_too_many(store: CallStore) -> None:
    for number in (2, 0, 3, 1):  # as they come, not as they began
        await put(store, another(number, NOON + number * MINUTE))
        await put(store, *(said(number, seq, "table") for seq in range(3)))
    hits = await found(store, "table", limit=4)
    assert {call_id for call_id, _ in hits} == {"c3", "c2"}
    assert [seq for call_id, seq in hits if call_id == "c3"] == [0, 1, 2]


async def test_what_a_turn_says_no_longer_is_not_found(store: CallStore) -> None:
    await two_calls(store)
    await put(store, said(1, 1, "my number is gone"))
    assert await found(store, "four") == []
    assert await found(store, "number is") == [("c1", 1)]
    await store.rebuild()
    assert await found(store, "number is") == [("c1", 1)]
    assert await found(store, "table") == [("c2", 1)]


async def test_what_was_said_before_there_was_an_index_is_found(
    where: Path | str,
) -> None:
    from tests.store.test_migrate import down

    async with open_store(where) as store:
        await two_calls(store)
    await down(where, "0004")
    async with open_store(where) as store:
        assert await found(store, "我想") == [("c2", 0), ("c1", 0)]
        assert await found(store, "table") == [("c2", 1), ("c1", 1)]
        await put(store, said(2, 2, "more of the table"))
        assert await found(store, "table") == [("c2", 1), ("c2", 2), ("c1", 1)]


async def test_a_call_that_is_deleted_leaves_nothing_in_the_index(
    file_store: CallStore, path: Path
) -> None:
    await two_calls(file_store)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM calls WHERE call_id = 'c1'")
    with closing(sqlite3.connect(path)) as connection, connection:
        left = connection.execute("SELECT call_id FROM turn_search_ids").fetchall()
        assert left == [("c2",), ("c2",)]
        check = "INSERT INTO turn_search (turn_search, rank)"
        connection.execute(f"{check} VALUES ('integrity-check', 1)")
    assert await found(file_store, "four") == []


async def test_what_was_deleted_can_be_forgotten_by_the_index(
    store: CallStore, path: Path
) -> None:
    def is_in_the_index() -> bool:
        if not path.exists():
            return False  # it is at a server
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT block FROM turn_search_data").fetchall()
        return any(b"q  " in row[0] for row in rows)

    await two_calls(store)
    await put(store, said(1, 0, "qqq"))
    assert is_in_the_index() is store._database.is_file
    await put(store, said(1, 0, "else"))
    await store.database.compact()
    assert not is_in_the_index()
    assert await found(store, "table") == [("c2", 1), ("c1", 1)]


async def test_a_server_without_the_extension_is_searched_all_the_same(
    postgres: Postgres,
) -> None:
    where = postgres.emptied()
    async with open_store(where) as store:
        await two_calls(store)
    postgres.execute("DROP EXTENSION IF EXISTS pg_trgm CASCADE")
    async with open_store(where) as store:
        assert await found(store, "table") == [("c2", 1), ("c1", 1)]


@given(
    texts=st.lists(st.text("ab我想 A_%", max_size=9), min_size=1, max_size=6),
    words=st.lists(st.text("ab我想A_%", min_size=1, max_size=4), max_size=2),
)
@settings(max_examples=40, deadline=None)
def test_the_index_finds_what_is_there(
    texts: list[str], words: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    wanted = words or ["a"]

    async def searched() -> list[tuple[str, int | None]]:
        path = tmp_path_factory.mktemp("log") / "calls.sqlite"
        async with open_store(path) as store:
            await put(store, replace(STARTED, started_at=NOON + timedelta(hours=1)))
            await put(store, *(said(1, seq, text) for seq, text in enumerate(texts)))
            return await found(store, *wanted)

    expected = [
        ("c1", seq)
        for seq, text in enumerate(texts)
        if all(word.lower() in text.lower() for word in wanted)
    ]
    assert asyncio.run(searched()) == expected
