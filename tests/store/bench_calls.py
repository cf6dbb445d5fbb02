"""
How fast the log answers when it is large: `python -m tests.store.bench_calls`.

Fills a file of SQLite's with calls (100,000, or as many as are asked for), and prints
the slowest of five answers to each question. A file that is there already is taken.
"""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.store.test_calls import DECISION, ENDED, NOON, STARTED, TURN
from voicebot.store.calls import CallStore, open_store
from voicebot.store.events import Event, number_at
from voicebot.store.records import CallAnswered, EndReason, Record
from voicebot.store.statistics import Grouping
from voicebot.store.which import Which

TIMES = 5
BATCH = 500
RARE = ("帕夫洛娃", "xylophone", "琴谱")
COMMON = "您好，请问有什么可以帮您？"
CHINESE = "我想 预订 明天 晚上 七点 四位 改到 星期五 取消 谢谢 地址 有没有 停车场"
ENGLISH = (
    "I would like to book a table for tomorrow evening please cancel my appointment "
    "what are your opening hours the doctor is not available on Friday morning"
)
WORDS = (*CHINESE.split(), *ENGLISH.split())

SEARCHED = (
    *(*RARE, COMMON, "预订", "table", "我", "to", "a", "预订 停车场", "opening hours"),
    *("appointment 琴谱", "absent", "无"),
)


def records(number: int, dice: random.Random) -> list[Record]:
    """A call with ten turns and five decisions."""
    call_id = f"{dice.getrandbits(128):032x}"
    at = NOON - timedelta(seconds=60 * number)
    caller = f"+1555{dice.randrange(10**7):07}"
    said = []
    for seq in range(10):
        text = "".join(
            word + ("" if ord(word[-1]) > 0x2000 else " ")
            for word in dice.choices(WORDS, k=dice.randrange(3, 15))
        )
        if number % 10_000 == 77 and seq == 5:
            text += RARE[number // 10_000 % len(RARE)]
        said.append(
            replace(
                TURN,
                call_id=call_id,
                seq=seq,
                who="caller" if seq % 2 else "bot",
                generated_text=text if seq else COMMON,
                heard_text=text if seq else COMMON,
                reply_ms=None if seq % 2 else dice.randrange(300, 2500),
            )
        )
    return [
        replace(
            STARTED,
            call_id=call_id,
            call_sid=f"CA{call_id}",
            from_number=caller,
            persona=dice.choice(("reception", "sales", "clinic")),
            started_at=at,
        ),
        CallAnswered(call_id, "MZ1", at),
        *said,
        *(replace(DECISION, call_id=call_id, seq=seq) for seq in range(5)),
        replace(
            ENDED,
            call_id=call_id,
            ended_at=at + timedelta(minutes=1),
            duration_ms=dice.randrange(5_000, 600_000),
            end_reason=EndReason.NODE_CRASH
            if number % 10_000 == 78
            else EndReason.CALLER_HANGUP,
        ),
    ]


async def fill(store: CallStore, calls: int) -> None:
    dice = random.Random(5)  # the same calls each time
    for first in range(0, calls, BATCH):
        events = []
        # The oldest call first, as they come.
        for number in reversed(range(calls - first - BATCH, calls - first)):
            happened = records(number, dice)
            base = number_at(NOON - timedelta(seconds=60 * number))
            events += [
                Event(record.call_id, base + index, NOON, record)
                for index, record in enumerate(happened)
            ]
        await store.append(events)


def searching(store: CallStore, words: str) -> Callable[[], Awaitable[object]]:
    return lambda: store.search(words.split(), 20)


async def slowest_ms(ask: Callable[[], Awaitable[object]]) -> float:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - began) * 1000)
    return max(took)


async def run(path: Path, calls: int, filled: bool) -> None:
    async with open_store(path) as store:
        if not filled:
            began = time.perf_counter()
            await fill(store, calls)
            took = time.perf_counter() - began
            print(f"{calls} calls written in {took:.0f} s")
        (newest,) = await store.list_calls(1)
        (middle,) = await store.list_calls(
            1, Which(until=NOON - timedelta(minutes=calls // 2))
        )
        week = Which(since=NOON - timedelta(days=7))
        crashed = Which(end_reason=EndReason.NODE_CRASH)
        number = Which(number=middle.from_number)
        long = Which(min_duration_ms=599_500)
        await store.get_call(newest.call_id)
        questions: dict[str, Callable[[], Awaitable[object]]] = {
            "list": lambda: store.list_calls(20),
            "list, a page in the middle": lambda: store.list_calls(20, past=middle),
            "list --persona": lambda: store.list_calls(20, Which(persona="clinic")),
            "list --persona of nobody": lambda: store.list_calls(
                20, Which(persona="none")
            ),
            "list --number": lambda: store.list_calls(20, number),
            "list --end-reason, a rare one": lambda: store.list_calls(20, crashed),
            "list --min-duration, rare": lambda: store.list_calls(20, long),
            "show, by 8 letters": lambda: store.get_call(middle.call_id[:8]),
            "show: turns": lambda: store.turns(middle.call_id),
            "show: events": lambda: store.events(middle.call_id),
            **{f"search {words}": searching(store, words) for words in SEARCHED},
            "search 预订 --since a week ago": lambda: store.search(["预订"], 20, week),
            "search table --number": lambda: store.search(["table"], 20, number),
            "search table --persona of nobody": lambda: store.search(
                ["table"], 20, Which(persona="none")
            ),
            "stats --since a week ago": lambda: store.statistics(None, week),
            "stats --by day, all": lambda: store.statistics(Grouping.DAY, Which()),
        }
        for name, ask in questions.items():
            print(f"{name:40} {await slowest_ms(ask):8.1f} ms", flush=True)


if __name__ == "__main__":
    file, *number = sys.argv[1:]
    calls = int(number[0]) if number else 100_000
    asyncio.run(run(Path(file), calls, filled=Path(file).exists()))
