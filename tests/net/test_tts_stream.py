"""Text that is spoken while it is written, against the offline StepFun."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from math import inf
from random import Random
from typing import Any

import pytest

from tests.net.stepfun import LIMIT_S, offline
from voicebot.errors import UpstreamError
from voicebot.net import tts_stream
from voicebot.net.tts_stream import SpeechAhead, SpeechSocket, speech_stream
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.server import OfflineStepFun
from voicebot.sim.stepfun.speech_mood import SpeechMood
from voicebot.stepfun.address import speech_url
from voicebot.stepfun.tts_stream import (
    Flushed,
    SentenceBegun,
    SentenceEnded,
    Spoken,
    VoiceSettings,
)

MODEL = "stepaudio-2.5-tts"
SETTINGS = VoiceSettings(MODEL, "ganliannvsheng")
TEXT = "Good morning. We are open until five o'clock."


def stream(
    server: OfflineStepFun, settings: VoiceSettings = SETTINGS, key: str = "key"
) -> AbstractAsyncContextManager[SpeechSocket]:
    return speech_stream(speech_url(server.base_url, settings.model), key, settings)


async def spoken(server: OfflineStepFun, settings: VoiceSettings = SETTINGS) -> bytes:
    async with stream(server, settings) as socket:
        await socket.send_text(TEXT)
        await socket.finish()
        return b"".join([piece async for piece in socket])


async def until(holds: Callable[[], object]) -> None:
    """Let others go on until it holds. The caller has a limit."""
    while not holds():  # noqa: ASYNC110 - a server's count, which tells nobody
        await asyncio.sleep(0)


async def closed(server: OfflineStepFun) -> None:
    """Wait until the server has no socket left."""
    seen = server.statistics
    await until(lambda: seen.speech_sockets == seen.speech_sockets_closed)


async def test_a_text_is_spoken_sentence_by_sentence_while_it_is_written() -> None:
    async with offline() as server, stream(server) as socket:
        for piece in ("Good mor", "ning. We", " are open"):
            await socket.send_text(piece)
        await socket.flush()
        told = []
        async for event in socket.events():
            told.append(event)
            if isinstance(event, Flushed):
                await socket.send_text(" until 5.")
                await socket.finish()
    words = [event for event in told if not isinstance(event, Spoken)]
    assert words == [
        SentenceBegun("Good morning."),
        SentenceEnded("Good morning."),
        SentenceBegun("We are open"),
        SentenceEnded("We are open"),
        Flushed(),
        SentenceBegun("until 5."),
        SentenceEnded("until 5."),
    ]
    assert socket.spoken
    assert socket.session_id
    assert server.statistics.spoken_characters == len(
        "Good morning.We are openuntil 5."
    )


@pytest.mark.parametrize("rate_hz", [8000, 24000])
async def test_the_samples_have_the_rate_that_was_asked_for(rate_hz: int) -> None:
    async with offline() as server:
        pcm16 = await spoken(server, replace(SETTINGS, rate_hz=rate_hz))
    assert 2.0 < len(pcm16) / 2 / rate_hz < 6.0


@pytest.mark.parametrize(
    "oddity",
    [
        {"wav_chunks": True},
        {"odd_bytes": True},
        {"mislabels_created": True},
        {"unknown_events": True},
        {"done_holds_all": True},
        {"done_is_called": "response.audio.done"},
        {"done_is_called": "tts.response.done"},
    ],
)
async def test_what_the_documents_contradict_each_other_in_sounds_the_same(
    oddity: dict[str, Any],
) -> None:
    async with offline() as server:
        usual = await spoken(server)
    async with offline(**oddity) as server:
        assert await spoken(server) == usual


async def test_leaving_interrupts() -> None:
    async with offline(first_s=(0.0, 0.0), pace=1.0) as server:
        async with stream(server) as socket:
            await socket.send_text(TEXT)
            await socket.finish()
            async for piece in socket:
                assert piece
                break
        await closed(server)
    assert socket.spoken


@pytest.mark.parametrize(
    ("mood", "said", "retryable"),
    [
        ({"fails_after": 0}, "HTTP 503: server_error", True),
        ({"fails_after": 2}, "HTTP 503: server_error", True),
        ({"fails_after": 2, "anonymous_errors": True}, "HTTP 503", True),
        ({"drops_after": 0}, "no answer: closed", True),
        ({"drops_after": 2}, "no answer: closed", True),
    ],
)
async def test_a_sentence_that_ends_in_the_middle_is_one_error(
    mood: dict[str, Any], said: str, retryable: bool
) -> None:
    async with offline(**mood) as server, stream(server) as socket:
        await socket.send_text(TEXT)
        await socket.finish()
        with pytest.raises(UpstreamError, match=said) as caught:
            async for _ in socket:
                pass
        assert caught.value.retryable is retryable
        assert caught.value.trace_id == socket.session_id
        assert socket.spoken is (2 in mood.values())
        assert not socket.is_open
        with pytest.raises(UpstreamError, match="closed"):
            await socket.send_text("More.")


@pytest.mark.parametrize("seed", range(24))
async def test_on_a_bad_day_it_is_spoken_or_one_error_and_nothing_is_left_open(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tts_stream, "SPEAK_S", 0.3)
    async with offline() as server:
        usual = await spoken(server)
        bad = SpeechMood.nasty(Random(seed))
        server.mood = Mood(speech=replace(bad, first_s=(0.0, 0.0), pace=inf))
        failed: UpstreamError | None = None
        try:
            assert await spoken(server) == usual
        except UpstreamError as error:
            failed = error
        assert failed is None or failed.trace_id
        await closed(server)


async def test_silence_while_speech_is_due_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tts_stream, "SPEAK_S", 0.05)
    async with offline(stalls_after=1) as server, stream(server) as socket:
        await socket.send_text(TEXT)
        reading = asyncio.ensure_future(anext(heard := socket.events()))
        assert isinstance(await reading, SentenceBegun)  # nothing is due, and it waits
        await socket.finish()
        with pytest.raises(UpstreamError, match="no answer: timeout"):
            async for _ in heard:
                pass


async def test_who_waits_already_is_told_that_speech_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tts_stream, "SPEAK_S", 0.5)
    async with offline(stalls_after=0) as server, stream(server) as socket:
        reading = asyncio.ensure_future(anext(socket.events()))
        await asyncio.sleep(0)
        await socket.send_text("Go")
        await socket.flush()
        assert isinstance(await reading, SentenceBegun)
        with pytest.raises(UpstreamError, match="no answer: timeout"):
            await anext(socket.events())


async def test_after_a_flush_the_text_may_take_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tts_stream, "SPEAK_S", 0.4)
    async with offline() as server, stream(server) as socket:
        await socket.send_text("One moment")
        await socket.flush()
        events = socket.events()
        async for event in events:
            if isinstance(event, Flushed):
                break
        events = socket.events()
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.wait([waiting], timeout=0.8)
        assert not waiting.done()
        await socket.send_text("Done.")
        await socket.finish()
        assert await waiting == SentenceBegun("Done.")
        assert all([isinstance(x, Spoken | SentenceEnded) async for x in events])


@pytest.mark.parametrize(
    ("refusals", "key", "said"),
    [
        ((), "wrong", "HTTP 401: invalid_api_key"),
        ((402,), "key", "HTTP 402: quota_exceeded"),
        ((404,), "key", "HTTP 404: model_not_found"),
        ((429, 429), "key", "HTTP 429: rate_limit_exceeded"),
        ((451,), "key", "HTTP 451: content_moderation"),
        ((503, 500), "key", "HTTP 500: server_error"),
    ],
)
async def test_a_socket_that_is_refused_says_why(
    refusals: tuple[int, ...], key: str, said: str
) -> None:
    async with offline(refusals=refusals) as server:
        with pytest.raises(UpstreamError, match=said):
            async with stream(server, key=key):
                pass


async def test_an_upgrade_that_fails_once_is_tried_again() -> None:
    async with offline(refusals=(503,)) as server:
        assert await spoken(server)


async def test_a_voice_that_there_is_not_is_refused() -> None:
    async with offline() as server:
        with pytest.raises(UpstreamError, match="HTTP 400: bad_request"):
            async with stream(server, replace(SETTINGS, voice="nobody")):
                pass


async def test_a_server_that_greets_nobody_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def mute(connection: ServerConnection) -> None:
        await connection.wait_closed()

    monkeypatch.setattr(tts_stream, "GREET_S", 0.05)
    async with asyncio.timeout(LIMIT_S), serve(mute, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = speech_url(f"http://127.0.0.1:{port}", MODEL)
        with pytest.raises(UpstreamError, match="no answer: timeout"):
            async with speech_stream(url, "key", SETTINGS):
                pass


async def test_what_is_no_event_is_one_error() -> None:
    from websockets.asyncio.server import ServerConnection, serve

    async def mad(connection: ServerConnection) -> None:
        await connection.send("<html>")

    async with asyncio.timeout(LIMIT_S), serve(mad, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = speech_url(f"http://127.0.0.1:{port}", MODEL)
        with pytest.raises(UpstreamError, match="HTTP 101: bad_answer"):
            async with speech_stream(url, "key", SETTINGS):
                pass


# ---- opened ahead --------------------------------------------------------------


async def opened(server: OfflineStepFun, count: int) -> None:
    """Wait until so many sockets have been opened in all."""
    await until(lambda: server.statistics.speech_sockets >= count)


async def say(socket: SpeechSocket) -> bytes:
    await socket.send_text(TEXT)
    await socket.finish()
    return b"".join([piece async for piece in socket])


async def test_a_socket_that_was_opened_ahead_is_taken_and_another_one_opened() -> None:
    async with offline() as server:
        ahead = SpeechAhead(lambda: stream(server))
        async with ahead.running():
            await until(lambda: ahead.ready)
            for count in (2, 3, 4):
                async with ahead.take() as socket:
                    assert server.statistics.speech_sockets == count - 1
                    assert await say(socket)
                    await opened(server, count)
                await until(lambda: ahead.ready)
        await closed(server)
        assert server.statistics.speech_sockets == 4


async def test_one_that_is_not_there_yet_is_opened() -> None:
    async with offline() as server:
        ahead = SpeechAhead(lambda: stream(server))
        async with ahead.take() as socket:  # nobody keeps any
            assert await say(socket)


async def test_one_that_is_too_old_is_replaced() -> None:
    async with offline() as server:
        ahead = SpeechAhead(lambda: stream(server), max_age_s=0.05)
        async with ahead.running():
            await opened(server, 3)
        await closed(server)


async def test_one_that_was_closed_meanwhile_is_not_taken() -> None:
    async with offline(idle_s=0.05) as server:
        ahead = SpeechAhead(lambda: stream(server), count=2)
        async with ahead.running():
            await until(lambda: ahead.ready)
            await closed(server)
            server.mood = Mood(speech=SpeechMood.burst())
            async with ahead.take() as socket:
                assert await say(socket)


async def test_if_none_can_be_opened_who_asks_is_told_and_nobody_else_tries() -> None:
    async with offline(refusals=(402, 402, 402)) as server:
        ahead = SpeechAhead(lambda: stream(server))
        async with ahead.running():
            await until(lambda: len(server._speech_refusals) == 2)
            for _ in range(100):
                await asyncio.sleep(0)
            assert len(server._speech_refusals) == 2
            with pytest.raises(UpstreamError, match="HTTP 402"):
                async with ahead.take():
                    pass
            await until(lambda: not server._speech_refusals)  # it was tried again
            async with ahead.take() as socket:
                assert await say(socket)
            await until(lambda: ahead.ready)
