"""`voicebot calls play`: the recording of a call."""

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from voicebot.errors import ConfigError, StoreError

if TYPE_CHECKING:  # SQLAlchemy takes longer to import than the rest to run
    from voicebot.store.calls import CallStore

# The first that is there; each plays WAV, FLAC and Opus, and ends by itself.
PLAYERS: Final = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("mpv", "--no-video", "--really-quiet"),
    ("play", "-q"),
    ("cvlc", "--play-and-exit", "--quiet"),
)


def play(
    call_id: Annotated[
        str, typer.Argument(metavar="CALL", help="Its ID or SID, or how that begins.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the recording there instead."),
    ] = None,
    part: Annotated[
        int,
        typer.Option(min=1, help="Which one, of a caller who came back to the bot."),
    ] = 1,
) -> None:
    """Play a call's recording: the caller left, the bot right."""
    player = None if output else player_path()
    place, data = _fetched(call_id, part)
    if output:
        try:
            output.write_bytes(data)
        except OSError as exc:
            raise StoreError(f"{output}: {exc.strerror}") from exc
        print(f"{place} is in {output}")
        return
    assert player
    play_file(player, data, Path(place).suffix)


def _fetched(call_id: str, part: int) -> tuple[str, bytes]:
    from voicebot.cli.call_log import placed, read_log
    from voicebot.config import load_settings
    from voicebot.runtime.housekeeping import archive_of

    async def find(store: "CallStore") -> str:
        call = await store.get_call(call_id)
        if call is None:
            raise StoreError(f"no call begins with {call_id!r}")
        parts = await placed(store, call)
        if not parts:
            raise StoreError(
                f"call {call.call_id}: it wasn't recorded, or that was lost or erased"
            )
        if part > len(parts):
            raise StoreError(f"--part: expected at most {len(parts)}, got {part}")
        return parts[part - 1][0]

    place = read_log(find)
    archive = archive_of(load_settings())
    return place, asyncio.run(archive.read(place))


def play_file(player: tuple[str, ...], data: bytes, suffix: str) -> None:
    """
    Play a sound to its end.

    Args:
        player: of `player_path`.

    Raises:
        StoreError: the player doesn't want to.
    """
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(data)
        file.flush()
        if code := subprocess.run([*player, file.name], check=False).returncode:
            raise StoreError(f"{player[0]}: it ended with code {code}")


def player_path() -> tuple[str, ...]:
    """
    Return the command that plays a sound.

    Raises:
        ConfigError: there is none.
    """
    for player in PLAYERS:
        if path := shutil.which(player[0]):
            return (path, *player[1:])
    names = ", ".join(player[0] for player in PLAYERS)
    raise ConfigError(f"expected one of {names} in PATH; or give --output FILE")
