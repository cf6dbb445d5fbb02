"""Begin a folder of dialplans from a template."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def run(
    folder: Annotated[
        Path, typer.Argument(help="A folder that is empty or isn't there.")
    ] = Path("dialplans"),
    template: Annotated[
        Literal["clinic", "hotel", "shop", "smallest"],
        typer.Option(help="What is closest to your business."),
    ] = "smallest",
) -> None:
    """Begin a folder of dialplans from a template, which `voicebot check` passes."""
    import shutil
    from importlib.resources import as_file, files

    from voicebot.errors import ConfigError

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: expected an empty folder, or none")
    templates = files("voicebot.dialplan") / "templates" / template
    try:
        with as_file(templates) as source:
            shutil.copytree(source, folder, dirs_exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"{folder}: {exc.strerror}") from exc
    for path in sorted(folder.rglob("*.yaml")):
        print(path)
    print(f"\nPut your numbers into {folder / 'dialplan.yaml'}, then: ", end="")
    print(f"voicebot check {folder}")
