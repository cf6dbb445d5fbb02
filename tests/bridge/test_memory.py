"""A call of any length needs no more memory than a short one."""

import sys
from collections import deque

from tests.bridge.calls import SILENCE, VOICE, pcm
from voicebot.bridge.bridge import Bridge
from voicebot.bridge.model import (
    BotAudio,
    BotText,
    CallerAudio,
    CallerText,
    MarkCaller,
    MarkReturned,
    ReplyDone,
    ReplyStarted,
    SessionReady,
    TurnCommitted,
)
from voicebot.bridge.settings import Listening, Settings
from voicebot.bridge.speech import TAPE_BYTES


def size(thing: object, seen: set[int]) -> int:
    """Bytes of this and of all that only it holds, as far as it is data of ours."""
    if id(thing) in seen or isinstance(thing, type) or callable(thing):
        return 0
    seen.add(id(thing))
    parts: list[object] = []
    if isinstance(thing, dict):
        parts = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | deque):
        parts = list(thing)
    elif type(thing).__module__.startswith("voicebot"):
        slots = getattr(thing, "__slots__", ())
        parts = [getattr(thing, name) for name in slots]
        parts += vars(thing).values() if hasattr(thing, "__dict__") else ()
    return sys.getsizeof(thing) + sum(size(part, seen) for part in parts)


def after(turns: int, *, marks: bool) -> int:
    """What a call with so many turns of 4 s holds."""
    bridge, now = (
        Bridge(Settings(duration_s=1e9, listening=Listening(end_silence_ms=300)), 0.0),
        0.0,
    )
    bridge.start(now)
    bridge.handle(SessionReady(), now)
    answer = pcm(1500)
    for turn in range(turns):
        for ulaw in (VOICE[:4800], SILENCE * 25):
            now += len(ulaw) / 8000
            bridge.handle(CallerAudio(ulaw), now)
        item, reply = f"item-{turn:032}", f"reply-{turn:032}"
        bridge.handle(TurnCommitted(item), now)
        bridge.handle(ReplyStarted(reply), now)
        bridge.handle(BotText(reply, "Yes, of course. " * 4), now)
        actions = bridge.handle(BotAudio(reply, answer), now)
        bridge.handle(ReplyDone(reply), now)
        bridge.handle(CallerText(item, "Can I come on Friday? " * 2), now)
        for _ in range(15):
            now += 0.2
            for action in actions:
                if isinstance(action, MarkCaller) and marks:
                    bridge.handle(MarkReturned(action.name), now)
            actions = bridge.handle(CallerAudio(SILENCE), now)
    return size(bridge, set())


def test_a_call_of_half_an_hour_holds_no_more_than_one_of_some_minutes() -> None:
    assert after(450, marks=True) <= after(80, marks=True) + 4096


def test_nor_does_it_if_no_mark_ever_comes_back() -> None:
    assert after(450, marks=False) <= after(110, marks=False) + 4096


def test_a_call_holds_no_more_than_its_tape_and_a_hundred_kilobytes() -> None:
    """
    The tape is 15 s of what was sent last, so that a word is found in all of an answer.
    And then there are the words of the last 40 turns, for another session of the model.

    A bytearray that is trimmed at its front keeps up to an eighth more than it holds.
    """
    assert after(450, marks=False) < 9 / 8 * TAPE_BYTES + 110_000
