"""`voicebot say`: hear a voice, and how soon it speaks."""

import sys
import time
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from voicebot.cli.account import Offline
from voicebot.cli.files import written
from voicebot.cli.play import play_file, player_path
from voicebot.cli.sound import as_wav
from voicebot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from voicebot.cli.account import Account
    from voicebot.stepfun.tts import Format, SpeechRequest

    Speak = Callable[[Account, list[SpeechRequest]], AsyncGenerator[bytes, None]]

MODEL: Final = "stepaudio-2.5-tts"
VOICE: Final = "linjiajiejie"

# How a file is called -> the format that is asked for. WAV is made here, of samples.
FORMATS: "Final[dict[str, Format]]" = {
    ".wav": "pcm",
    ".pcm": "pcm",
    ".mp3": "mp3",
    ".flac": "flac",
    ".opus": "opus",
    ".ogg": "opus",
}


def run(
    text: Annotated[
        str, typer.Argument(help="What to say; - reads it from the standard input.")
    ],
    voice: Annotated[
        str, typer.Option(help="`voicebot voices list` has them.")
    ] = VOICE,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Write it there: {', '.join(FORMATS)}."),
    ] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Piece by piece, over HTTP.")
    ] = False,
    socket: Annotated[
        bool, typer.Option("--socket", help="Piece by piece, over a WebSocket.")
    ] = False,
    rate_hz: Annotated[int, typer.Option("--rate", help="Samples a second.")] = 24000,
    speed: Annotated[float, typer.Option(help="0.5 to 2.")] = 1.0,
    volume: Annotated[float, typer.Option(help="0.1 to 2.")] = 1.0,
    instruction: Annotated[
        str | None, typer.Option(help="How to say it: up to 200 characters.")
    ] = None,
    model: Annotated[str, typer.Option(help="The TTS model.")] = MODEL,
    offline: Offline = False,
) -> None:
    """
    Say something in a voice, and play it, or write it into a file.

    Tells how long it took, and what it costs. What stands in (round brackets) directs
    the voice and isn't spoken; the telephone has --rate 8000.
    """
    from voicebot.cli.loop import run as run_loop
    from voicebot.stepfun.prices import speech_ucny, told
    from voicebot.stepfun.tts import SpeechRequest

    words = sys.stdin.read() if text == "-" else text
    form = _format(out)
    if stream and socket:
        raise ConfigError("--stream, --socket: expected one of them, got both")
    if (stream or socket) and form != "pcm":
        raise ConfigError(
            f"{out}: expected a .wav or .pcm file: other kinds aren't streamed"
        )
    requests = [
        SpeechRequest(model, piece, voice, rate_hz, speed, volume, instruction, form)
        for piece in _pieces(words, form)
    ]
    speak = _by_socket if socket else _by_events if stream else _whole
    player = None if out else player_path()
    sound, first_s, all_s = run_loop(_timed(requests, speak, offline))
    file = as_wav(sound, rate_hz) if out is None or out.suffix == ".wav" else sound
    if player:
        play_file(player, file, ".wav")
    elif out:
        with written(out) as target:
            target.write(file)
    length = (
        f"{len(sound) / 2 / rate_hz:.2f} s of speech" if form == "pcm" else f"{out}"
    )
    print(f"{length}: begun after {first_s:.2f} s, all there after {all_s:.2f} s")
    print(f"{told(speech_ucny(words))} at most")


def _format(out: Path | None) -> "Format":
    if out is None:
        return "pcm"
    if out.suffix not in FORMATS:
        raise ConfigError(f"{out}: expected a file called {', '.join(FORMATS)}")
    return FORMATS[out.suffix]


def _pieces(words: str, form: str) -> list[str]:
    """Cut what is too long for one request, if its sound can be put together again."""
    from voicebot.stepfun.pieces import pieces_of

    return pieces_of(words) or [words] if form == "pcm" else [words]


async def _timed(
    requests: "list[SpeechRequest]", speak: "Speak", offline: bool
) -> tuple[bytes, float, float]:
    """Return the sound, and after how many seconds it began, and was all there."""
    from voicebot.cli.account import stepfun_account
    from voicebot.config import load_settings

    async with stepfun_account(load_settings(), offline=offline) as account:
        begun_at = time.monotonic()
        first_s, sound = None, b""
        async with aclosing(speak(account, requests)) as pieces:
            async for piece in pieces:
                first_s = first_s or time.monotonic() - begun_at
                sound += piece
        return sound, first_s or 0.0, time.monotonic() - begun_at


async def _whole(
    account: "Account", requests: "list[SpeechRequest]"
) -> "AsyncGenerator[bytes, None]":
    from voicebot.net.tts import Tts

    tts = Tts(account.http, account.base_url, account.api_key)
    for request in requests:
        yield await tts.speak(request)


async def _by_events(
    account: "Account", requests: "list[SpeechRequest]"
) -> "AsyncGenerator[bytes, None]":
    from voicebot.net.tts import Tts

    tts = Tts(account.http, account.base_url, account.api_key)
    for request in requests:
        async with aclosing(tts.stream(request)) as pieces:
            async for piece in pieces:
                yield piece


async def _by_socket(
    account: "Account", requests: "list[SpeechRequest]"
) -> "AsyncGenerator[bytes, None]":
    from voicebot.net.tts_stream import speech_stream
    from voicebot.stepfun.address import speech_url
    from voicebot.stepfun.tts_stream import VoiceSettings

    first = requests[0]
    settings = VoiceSettings(
        first.model,
        first.voice,
        first.rate_hz,
        first.speed,
        first.volume,
        first.instruction,
    )
    url = speech_url(account.base_url, first.model)
    async with speech_stream(url, account.api_key, settings) as socket:
        for request in requests:
            await socket.send_text(request.text)
        await socket.finish()
        async for piece in socket:
            yield piece
