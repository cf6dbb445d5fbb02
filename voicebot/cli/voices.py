"""`voicebot voices`: whose voice a persona can have."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from voicebot.cli.account import Account, Offline, data_of
from voicebot.cli.files import written
from voicebot.cli.say import MODEL
from voicebot.errors import ConfigError

if TYPE_CHECKING:
    from voicebot.net.voices import Voices
    from voicebot.stepfun.voices import ClonedVoice, Reference

T = TypeVar("T")

app = typer.Typer(help="Whose voice a persona can have.", no_args_is_help=True)

UPLOADED = "file-"  # how the ID of a recording begins

Recording = Annotated[
    str,
    typer.Argument(
        metavar="RECORDING",
        help="5 to 10 s of one person, WAV or MP3; or the ID of an uploaded one.",
    ),
]
Said = Annotated[
    str | None,
    typer.Option("--text", help="What is said in it: better than a transcript."),
]
Model = Annotated[str, typer.Option(help="The TTS model.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


@app.command("list")
def list_voices(
    own: Annotated[
        bool, typer.Option("--own", help="Only those cloned by this account.")
    ] = False,
    official: Annotated[
        bool,
        typer.Option("--official", help="Only those that StepFun itself lists now."),
    ] = False,
    phone: Annotated[
        bool, typer.Option("--phone", help="Only those meant for telephone service.")
    ] = False,
    model: Annotated[
        str, typer.Option(help="The TTS model that speaks with them.")
    ] = MODEL,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    offline: Offline = False,
) -> None:
    """
    List the official voices, as read in November 2026, and those of your account.

    Of the latter with what was said of consent when they were cloned here. A persona
    has one by its `model: {voice: …}`. StepFun's own list (`--official`) is that of an
    older model, and a Step Plan has none.
    """
    from voicebot.cli.loop import run as run_loop
    from voicebot.cli.output import print_json, print_out, table
    from voicebot.config import load_settings
    from voicebot.errors import UpstreamError
    from voicebot.runtime.consents import kept_statements
    from voicebot.stepfun.advice import advice
    from voicebot.stepfun.official_voices import OFFICIAL, OfficialVoice

    if own and official:
        raise ConfigError("--own, --official: expected one of them, got both")
    settings = load_settings()
    known: Sequence[OfficialVoice] = OFFICIAL
    if official:
        ours = {each.voice: each for each in OFFICIAL}
        listed = run_loop(_official(offline))
        known = [ours.get(x) or OfficialVoice(x, "", "", (model,)) for x in listed]
    rows: list[dict[str, object]] = []
    if not own:
        rows += [
            {"voice": x.voice, "name": x.name, "kind": x.kind, "phone": x.phone}
            for x in known
            if (official or model in x.models) and (x.phone or not phone)
        ]
    if own or not official and (offline or settings.stepfun_api_key):
        statements = kept_statements(data_of(settings, offline=offline))
        try:
            cloned = run_loop(_own(offline))
        except UpstreamError as error:
            if own:
                raise
            says = advice(error, settings.stepfun_base_url)
            typer.echo(f"the account's own voices aren't listed: {says}", err=True)
            cloned = []
        for voice in cloned:
            made = f"{voice.made_at:%Y-%m-%d}" if voice.made_at else None
            consent = statements.get(voice.voice)
            about = {"voice": voice.voice, "kind": "cloned", "made": made}
            rows.append({**about, "consent": consent})
    if json:
        print_json(rows)
        return
    shown = table("voice", "name", "what", "phone")
    for row in rows:
        kind = str(row["kind"])
        if kind == "cloned":
            kind += f" {row['made'] or ''}: {row['consent'] or 'no consent kept here'}"
        name = str(row.get("name", ""))
        shown.add_row(str(row["voice"]), name, kind, "☎" if row.get("phone") else "")
    print_out(shown)


@app.command("preview")
def preview(
    recording: Recording,
    say: Annotated[str, typer.Option(help="What to say in that voice.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it there instead of playing it."),
    ] = None,
    text: Said = None,
    instruction: Annotated[
        str | None, typer.Option(help="How to say it: up to 200 characters.")
    ] = None,
    model: Model = MODEL,
    yes: Yes = False,
    offline: Offline = False,
) -> None:
    """
    Hear what a clone would sound like; it costs what speaking the words costs.

    A recording is uploaded, and stays at StepFun: its ID is printed, for `clone`.
    """
    from voicebot.cli.loop import run as run_loop
    from voicebot.cli.play import play_file, player_path
    from voicebot.stepfun.prices import speech_ucny, told
    from voicebot.stepfun.voices import Preview, PreviewRequest

    reference = _reference(recording)
    player = None if out else player_path()
    price = told(speech_ucny(say))
    _confirm(f"Upload the recording, and speak for {price} at most?", yes)

    async def working(account: Account, voices: "Voices") -> Preview:
        file_id = await _file_id(voices, recording, reference)
        request = PreviewRequest(model, file_id, say, text, instruction=instruction)
        return await voices.preview(request)

    heard = run_loop(_with_voices(working, offline))
    if player:
        play_file(player, heard.audio, f".{heard.kind}")
    elif out:
        path = out.with_suffix(f".{heard.kind}")  # not always the kind asked for
        with written(path) as file:
            file.write(heard.audio)
        print(f"{path}: {len(heard.audio)} bytes")
    print(f"{price} at most")


@app.command("clone")
def clone(
    recording: Recording,
    consent: Annotated[
        str | None,
        typer.Option(help="Who agreed to have their voice cloned, and to what."),
    ] = None,
    consent_file: Annotated[
        Path | None,
        typer.Option("--consent-file", metavar="FILE", help="The same, from a file."),
    ] = None,
    text: Said = None,
    model: Model = MODEL,
    yes: Yes = False,
    offline: Offline = False,
) -> None:
    """
    Clone a voice, which costs money once; without the person's consent it isn't done.

    The statement is kept with the voice's ID in the folder `voices` of the data folder.
    """
    from voicebot.cli.loop import run as run_loop
    from voicebot.runtime.consents import Consent, checked_statement, digest, keep
    from voicebot.runtime.scribe import now
    from voicebot.stepfun.prices import CLONE_UCNY, told
    from voicebot.stepfun.voices import CloneRequest, MadeVoice

    statement = checked_statement(_statement(consent, consent_file))
    reference = _reference(recording)
    _confirm(f"Clone this voice for {told(CLONE_UCNY)}?", yes)

    async def working(account: Account, voices: "Voices") -> tuple[MadeVoice, Path]:
        file_id = await _file_id(voices, recording, reference)
        sha256 = digest(reference.data) if reference else ""
        agreed = Consent(statement, now(), file_id, sha256)
        keep(account.data, agreed)  # first: there is no voice without one
        made = await voices.clone(CloneRequest(model, file_id, text))
        path = keep(
            account.data,
            Consent(statement, agreed.given_at, file_id, sha256, made.voice),
        )
        return made, path

    made, path = run_loop(_with_voices(working, offline))
    if made.duplicated:
        print(f"{made.voice} had been made of this before: nothing is charged")
    else:
        print(f"{made.voice} is made, for {told(CLONE_UCNY)}")
    print(f"the consent is kept in {path}")


async def _official(offline: bool) -> tuple[str, ...]:
    async def working(_: Account, voices: "Voices") -> tuple[str, ...]:
        return await voices.official()

    return await _with_voices(working, offline)


async def _own(offline: bool) -> "list[ClonedVoice]":
    async def working(_: Account, voices: "Voices") -> "list[ClonedVoice]":
        return [voice async for voice in voices.cloned()]

    return await _with_voices(working, offline)


async def _with_voices(
    work: "Callable[[Account, Voices], Awaitable[T]]", offline: bool
) -> "T":
    from voicebot.cli.account import stepfun_account
    from voicebot.config import load_settings
    from voicebot.net.voices import Voices

    async with stepfun_account(load_settings(), offline=offline) as account:
        voices = Voices(account.http, account.base_url, account.api_key)
        return await work(account, voices)


async def _file_id(
    voices: "Voices", recording: str, reference: "Reference | None"
) -> str:
    """Upload a recording, unless it was before."""
    if reference is None:
        return recording
    file = await voices.upload(reference)
    print(f"the recording is at StepFun: {file.file_id}")
    return file.file_id


def _reference(recording: str) -> "Reference | None":
    """Read a recording; None if it was uploaded before."""
    from voicebot.stepfun.voices import Reference

    if recording.startswith(UPLOADED):
        return None
    path = Path(recording)
    try:
        return Reference(path.read_bytes(), path.name)
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc


def _statement(consent: str | None, file: Path | None) -> str:
    if (consent is None) == (file is None):
        raise ConfigError(
            "--consent, --consent-file: expected one of them, which says who agreed "
            "to have their voice cloned"
        )
    if file is None:
        return consent or ""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "not UTF-8"
        raise ConfigError(f"{file}: {reason}") from exc


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True, err=True)
