"""`voicebot say`: hear a voice, and how soon it speaks."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from voicebot.cli.account import Offline
from voicebot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from voicebot.cli.account import Account
    from voicebot.stepfun.tts import Format, SpeechRequest

MODEL: Final = "stepaudio-2.5-tts"
VOICE: Final = "linjiajiejie"
PHONE_HZ: Final = 8000

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

    words = sys.stdin.read() if text == "-" else text
    form = _format(out)
    if stream and socket:
        raise ConfigError("--stream, --socket: expected one of them, got both")
    if (stream or socket) and form != "pcm":
        raise ConfigError(
            f"{out}: expected a .wav or .pcm file: other kinds aren't streamed"
        )
    request = _request(
        model, words, voice, rate_hz, speed, volume, instruction, format=form
    )
    how = "socket" if socket else "events" if stream else "whole"
    sound, first_s = run_loop(_spoken(request, how, offline))
    _write(sound, request, out)
    length = f"{len(sound) / 2 / rate_hz:.2f} s of speech" if form == "pcm" else "all"
    print(
        f"{length}, the first of it after {first_s:.2f} s; {told(speech_ucny(words))}"
    )


def _request(*told: object, **more: object) -> "SpeechRequest":
    """
    Raises:
        ConfigError: what was asked for is beyond what StepFun takes.
    """
    from voicebot.errors import LocalProtocolError
    from voicebot.stepfun.tts import SpeechRequest

    try:
        return SpeechRequest(*told, **more)  # type: ignore[arg-type]
    except LocalProtocolError as exc:
        raise ConfigError(str(exc)) from exc
