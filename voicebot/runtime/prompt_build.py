"""Rendering all prompts ahead: several at a time, and only what isn't there."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from voicebot.audio.framing import ulaw_ms
from voicebot.errors import StoreError, UpstreamError
from voicebot.runtime.prompts import (
    SUFFIX,
    Speaker,
    Words,
    keep_prompt,
    prompt_path,
    render,
)

# What is wrong with the account, and not with one prompt: no other will do better.
ACCOUNT: Final = frozenset({None, 401, 402, 403, 404})

# A draft that old was left by a process that was killed.
DRAFT_S: Final = 3600


@dataclass(slots=True)
class Built:
    """What came of it."""

    rendered: int = 0
    spoken_ms: float = 0.0
    failed: list[tuple[Words, UpstreamError]] = field(default_factory=list)
    stopped: UpstreamError | StoreError | None = None
    """Why the rest wasn't tried."""


def missing(folder: Path, words: Iterable[Words]) -> list[Words]:
    """Return those that aren't rendered, each sound once."""
    named = {each.name: each for each in words}
    return [each for each in named.values() if not _is_there(folder, each)]


async def build(
    folder: Path,
    tts: Speaker,
    words: Iterable[Words],
    *,
    at_a_time: int,
    done: Callable[[], None],
) -> Built:
    """
    Render, and keep each as soon as it is: who stops it loses nothing.

    One that StepFun refuses doesn't keep the others from being tried, unless the
    account is refused.

    Args:
        at_a_time: how many requests are under way.
        done: told after each.

    Raises:
        StoreError: one can't be kept.
    """
    built, waiting = Built(), iter(list(words))

    async def work() -> None:
        for each in waiting:  # one iterator for all: each takes the next
            if built.stopped:
                return
            await _render(folder, tts, each, built)
            done()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_a_time):
            tasks.create_task(work())
    if isinstance(built.stopped, StoreError):
        raise built.stopped
    return built


def prune(folder: Path, words: Iterable[Words]) -> int:
    """
    Remove what none of these says, and return how much that was.

    A server that has it in memory keeps saying it.

    Raises:
        StoreError: something can't be removed.
    """
    kept = {prompt_path(folder, each) for each in words}
    removed = 0
    try:
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            is_prompt = path.suffix == SUFFIX and path not in kept
            if is_prompt or _is_left_over(path):
                path.unlink(missing_ok=True)
                removed += 1
    except OSError as exc:
        raise StoreError(f"{exc.filename}: {exc.strerror}") from exc
    return removed


async def _render(folder: Path, tts: Speaker, words: Words, built: Built) -> None:
    try:
        ulaw = await render(tts, words)
    except UpstreamError as error:
        if error.status in ACCOUNT:
            built.stopped = built.stopped or error
        built.failed.append((words, error))
        return
    try:
        await asyncio.to_thread(keep_prompt, folder, words, ulaw)
    except OSError as exc:
        path = prompt_path(folder, words)
        built.stopped = StoreError(f"{path}: {exc.strerror}")
        return
    built.rendered += 1
    built.spoken_ms += ulaw_ms(len(ulaw))


def _is_there(folder: Path, words: Words) -> bool:
    try:
        return prompt_path(folder, words).stat().st_size > 0
    except OSError:
        return False


def _is_left_over(path: Path) -> bool:
    is_draft = path.suffix.removeprefix(".").isdecimal()
    return is_draft and path.stat().st_mtime < time.time() - DRAFT_S
