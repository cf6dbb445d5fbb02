"""`voicebot transcribe`: have a sound file transcribed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from voicebot.cli.account import Offline
from voicebot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voicebot.stepfun.asr import AsrRequest, Format, Transcript

TIMEOUT_S: Final = 120.0

# How a file is called -> the format that StepFun is told. Of the others, and of WAV,
# the samples are sent: StepFun takes no FLAC, and our recordings hold two people.
FORMATS: "Final[dict[str, Format]]" = {".mp3": "mp3", ".ogg": "ogg", ".opus": "ogg"}
DECODED: Final = (".wav", ".flac")

# Of our recordings: the left channel, and the right.
SPEAKERS: Final = ("caller", "bot")


def run(
    file: Annotated[
        Path,
        typer.Argument(
            help="A .wav, .flac, .mp3 or .ogg file; with two channels, as recordings "
            "of calls have them, each by itself."
        ),
    ],
    language: Annotated[
        str | None, typer.Option(help="Such as zh or en; else StepFun finds out.")
    ] = None,
    hotword: Annotated[
        list[str] | None,
        typer.Option(help="A name or a term that is expected; repeatable."),
    ] = None,
    timestamps: Annotated[
        bool, typer.Option("--timestamps", help="Say when each piece was spoken.")
    ] = False,
    itn: Annotated[
        bool,
        typer.Option(help="Numbers, dates and amounts in digits, or as they are said."),
    ] = True,
    model: Annotated[str, typer.Option(help="The ASR model.")] = "stepaudio-2.5-asr",
    json: Annotated[
        bool, typer.Option("--json", help="Print one object, for programs.")
    ] = False,
    offline: Offline = False,
) -> None:
    """Print the words of a sound file, and what it cost to find them."""
    from voicebot.cli.loop import run as run_loop
    from voicebot.config import load_settings
    from voicebot.runtime.till import load_prices
    from voicebot.stepfun.asr import AsrRequest
    from voicebot.stepfun.prices import told
    from voicebot.store.usage import asr_cost_of

    settings = load_settings()
    clips, audio_ms = _clips(file)
    requests = [
        AsrRequest(
            audio,
            form,
            model=model,
            language=language,
            hotwords=tuple(hotword or ()),
            itn=itn,
            timestamps=timestamps,
        )
        for audio, form in clips
    ]
    found = run_loop(_transcribed(requests, offline=offline))
    speakers = SPEAKERS if len(found) > 1 else ("",)
    ucny = asr_cost_of(load_prices(settings.prices), audio_ms * len(found))
    if json:
        _print_json(zip(speakers, found, strict=True), audio_ms, ucny)
        return
    for speaker, transcript in zip(speakers, found, strict=True):
        _print(speaker, transcript, timestamps=timestamps)
    print(f"({audio_ms * len(found) / 1000:.2f} s of sound: {told(ucny)})")


def _clips(file: Path) -> "tuple[list[tuple[bytes, Format]], int]":
    """
    Read a file; return what is sent, a clip for each channel, and how long each is.

    Raises:
        ConfigError: it can't be read, or is no sound.
    """
    import soundfile

    from voicebot.cli.sound import as_wav

    if file.suffix not in (*FORMATS, *DECODED):
        names = ", ".join((*DECODED, *FORMATS))
        raise ConfigError(f"{file}: expected a file called {names}")
    try:
        data = file.read_bytes()
        samples, rate_hz = soundfile.read(file, dtype="int16", always_2d=True)
    except OSError as exc:
        raise ConfigError(f"{file}: {exc.strerror}") from exc
    except soundfile.LibsndfileError as exc:
        raise ConfigError(f"{file}: expected sound, got something else") from exc
    audio_ms = len(samples) * 1000 // rate_hz
    channels = samples.T
    if len(channels) > len(SPEAKERS):
        raise ConfigError(f"{file}: expected 1 or 2 channels, got {len(channels)}")
    if len(channels) == 1 and file.suffix in FORMATS:
        return [(data, FORMATS[file.suffix])], audio_ms
    wavs = [as_wav(channel.astype("<i2").tobytes(), rate_hz) for channel in channels]
    return [(wav, "wav") for wav in wavs], audio_ms


async def _transcribed(
    requests: "list[AsrRequest]", *, offline: bool
) -> "list[Transcript]":
    from voicebot.cli.account import stepfun_account
    from voicebot.config import load_settings
    from voicebot.net.asr import Asr

    async with stepfun_account(load_settings(), offline=offline) as account:
        asr = Asr(account.http, account.base_url, account.api_key)
        return [await asr.transcribe(request, TIMEOUT_S) for request in requests]


def _print(speaker: str, transcript: "Transcript", *, timestamps: bool) -> None:
    from voicebot.cli.output import seconds, stranger

    if timestamps:
        for piece in transcript.timed:
            at = f"{seconds(piece.start_ms)} to {seconds(piece.end_ms)}"
            print("  ".join(filter(None, (speaker, at, stranger(piece.text).plain))))
    else:
        words = stranger(transcript.text).plain or "(nothing was understood)"
        print(f"{speaker}: {words}" if speaker else words)


def _print_json(
    found: "Iterable[tuple[str, Transcript]]", audio_ms: int, ucny: int
) -> None:
    from voicebot.cli.output import print_json

    print_json(
        {
            "transcripts": [
                {
                    "speaker": speaker or None,
                    "text": transcript.text,
                    "pieces": [
                        {
                            "text": piece.text,
                            "start_ms": piece.start_ms,
                            "end_ms": piece.end_ms,
                        }
                        for piece in transcript.timed
                    ],
                    "session_id": transcript.session_id,
                    "trace_id": transcript.trace_id,
                }
                for speaker, transcript in found
            ],
            "audio_ms": audio_ms,
            "cost_ucny": ucny,
        }
    )
