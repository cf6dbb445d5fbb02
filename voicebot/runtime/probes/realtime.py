"""Opens sessions at StepFun, and plays doctor's scripts there."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final, NamedTuple

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from voicebot.doctor import services
from voicebot.doctor.finding import Finding, Part
from voicebot.doctor.hearing import HearingSeen, look_at_hearing
from voicebot.doctor.judge import (
    judge_hearing,
    judge_session,
    judge_speaking,
    lost,
    session_limit,
)
from voicebot.doctor.services import AccountSeen
from voicebot.doctor.session import SessionSeen, look_at_session
from voicebot.doctor.speaking import SpeakingSeen, look_at_speaking
from voicebot.doctor.talk import Heard, Script
from voicebot.errors import UpstreamError
from voicebot.net.realtime import realtime_socket
from voicebot.runtime.probes.services import Clip
from voicebot.stepfun.address import other_ledger, realtime_url
from voicebot.stepfun.realtime.history import Means

# More than a call makes: what happens now and then is to be told from what is so.
DIALS: Final = 3
REDIAL_S: Final = 0.4

# What the server speaks in when none is asked for (stepfun reference, 3.3).
DEFAULT_VOICE: Final = "jingdiannvsheng"


class Place(NamedTuple):
    """A server, and a key to it."""

    base_url: str
    api_key: str
    model: str

    @property
    def url(self) -> str:
        return realtime_url(self.base_url, self.model)


class Examined(NamedTuple):
    """What came of trying out a server."""

    findings: list[Finding]
    repairs: dict[Means, bool | None]
    """What of repairs it takes; None: it didn't answer."""

    tokens: Counter[str]
    """What was billed, by `input` and `output`."""


async def try_account(place: Place) -> AccountSeen:
    """See whether a session opens; on the other ledger, if this one has no money."""
    seen = AccountSeen()
    try:
        async with _dialled(place, seen.refused.append):
            seen.opened = True
    except UpstreamError as error:
        other = other_ledger(place.base_url) if error.status == 402 else None
        if other:
            seen.other_url = other
            seen.other_opened = await _opens(place._replace(base_url=other))
    return seen


async def examine(
    place: Place, voices: Sequence[str], needed: Collection[str], clip: Clip
) -> Examined:
    """
    Try out a server: what its sessions take, how it speaks, how it hears.

    Args:
        voices: to be tried.
        needed: those of them that personas speak in.
        clip: what the server is to hear.
    """
    session = SessionSeen()
    speaking = SpeakingSeen()
    hearing = HearingSeen(len(clip.pcm24) // 48, clip.words)
    found: list[Finding] = []
    now = asyncio.get_running_loop().time

    def voice() -> str:
        taken = (name for name in voices if session.voices.get(name))
        return next(taken, DEFAULT_VOICE)

    scripts: dict[str, Callable[[], Script[None]]] = {
        "session": lambda: look_at_session(session, voices, now()),
        "speaking": lambda: look_at_speaking(speaking, voice(), now()),
        "hearing": lambda: look_at_hearing(hearing, clip.pcm24, voice(), now()),
    }
    judges = {
        "session": lambda: judge_session(session, needed),
        "speaking": lambda: judge_speaking(speaking),
        "hearing": lambda: judge_hearing(hearing),
    }
    for what, script in scripts.items():
        try:
            async with _dialled(place) as socket:
                await _play(script(), socket)
        except UpstreamError as error:
            found.append(services.failed(Part.REALTIME, what, error, place.base_url))
            continue
        except ConnectionClosed:
            found.append(lost(what))
        found += judges[what]()
    tokens = speaking.tokens + hearing.tokens
    return Examined([*found, session_limit()], speaking.repairs, tokens)


async def _opens(place: Place) -> bool:
    try:
        async with _dialled(place):
            return True
    except UpstreamError:
        return False


@asynccontextmanager
async def _dialled(
    place: Place, refused: Callable[[UpstreamError], None] = lambda _: None
) -> AsyncIterator[ClientConnection]:
    """
    Open a socket, in up to DIALS tries; close it on the way out.

    Args:
        refused: is told of each try that failed.

    Raises:
        UpstreamError: the last try's.
    """
    async with AsyncExitStack() as stack:
        yield await _dial(stack, place, refused)


async def _dial(
    stack: AsyncExitStack, place: Place, refused: Callable[[UpstreamError], None]
) -> ClientConnection:
    for _ in range(DIALS - 1):
        opening = realtime_socket(place.url, place.api_key)
        try:
            return await stack.enter_async_context(opening)
        except UpstreamError as error:
            refused(error)
            if not error.retryable:
                raise
        await asyncio.sleep(REDIAL_S)
    try:
        opening = realtime_socket(place.url, place.api_key)
        return await stack.enter_async_context(opening)
    except UpstreamError as error:
        refused(error)
        raise


async def _play(script: Script[None], socket: ClientConnection) -> None:
    """
    Play a script to its end.

    Raises:
        ConnectionClosed: the server closed the socket before.
    """
    try:
        step = next(script)
        while True:
            for frame in step.frames:
                # What came before it was closed is read first; that tells, then.
                with suppress(ConnectionClosed):
                    await socket.send(frame, text=True)
            step = script.send(await _heard(socket, step.until))
    except StopIteration:
        pass


async def _heard(socket: ClientConnection, until: float) -> Heard:
    now = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout_at(until):
            frame = await socket.recv(decode=False)
    except TimeoutError:
        return Heard(None, max(now(), until))
    return Heard(frame, now())
