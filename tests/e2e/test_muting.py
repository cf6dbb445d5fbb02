"""What is masked in a transcript is silent in the recording of the same call."""

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
import soundfile

from tests.canary import CARD, CARD_SPOKEN
from tests.e2e.house import PERSONA, House, house, says
from voicebot.runtime import housekeeping
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.script import Say
from voicebot.store.events import EventKind
from voicebot.store.muting import Silence, silence
from voicebot.store.records import Call, Silenced

LINES = (
    Line(f"My card is {CARD_SPOKEN}.", f"Thank you: {CARD}."),
    Line("Goodbye.", "Bye then."),
)


async def spans_of(home: House, call: Call) -> list[list[int]]:
    events = await home.board.store.events(call.call_id, [EventKind.SILENCED])
    ((spans),) = (x.record.spans for x in events if isinstance(x.record, Silenced))
    return spans


async def test_a_card_number_is_silent_in_the_recording_and_all_else_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tmp_path / "before.wav"

    def silenced(path: Path, where: Iterable[Silence]) -> int:
        shutil.copy(path, before)
        return silence(path, where)

    monkeypatch.setattr(housekeeping, "silence", silenced)
    async with house(tmp_path, *LINES, mood=Mood.burst()) as home:
        report = await home.call(
            Say(says("My card is in my hand."), "card"), Say(says("Goodbye."), "bye")
        )
        call, turns = await home.record(report)
        spans = await spans_of(home, call)
    said, answer = (x for x in turns if "[card]" in x.generated_text)
    assert said.generated_text == "My card is [card]."
    assert answer.generated_text == "Thank you: [card]."
    assert [channel for channel, _, _ in spans] == [0, 1]
    for (_, start_ms, end_ms), turn in zip(spans, (said, answer), strict=True):
        half = (turn.started_ms + turn.ended_ms) // 2
        assert start_ms < half < end_ms
    was, rate = soundfile.read(before, dtype="int16")
    now, _ = soundfile.read(call.recording, dtype="int16")
    expected = was.copy()
    for channel, start_ms, end_ms in spans:
        part = slice(start_ms * rate // 1000, end_ms * rate // 1000)
        assert abs(was[part, channel]).max() > 1000
        expected[part, channel] = 0
    assert len(now) == len(expected)
    assert (now == expected).all()
    left = await asyncio.to_thread(list, (tmp_path / "data").rglob("*.wav"))
    assert left == []


async def test_who_says_nothing_private_is_heard_in_full(tmp_path: Path) -> None:
    async with house(
        tmp_path, Line("Goodbye.", "Bye then."), mood=Mood.burst(), persona=PERSONA
    ) as home:
        report = await home.call(Say(says("Goodbye."), "bye"))
        call, _ = await home.record(report)
        kinds = {x.kind for x in await home.board.store.events(call.call_id)}
    assert not kinds & {EventKind.PRIVATE, EventKind.SILENCED}
    assert call.recording
