"""Rewrite dialplans of an older version of their format for this one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer


def run(
    dialplans: Annotated[
        Path,
        typer.Argument(
            envvar="VOICEBOT_DIALPLANS",
            help="The folder that holds dialplan.yaml and personas/.",
        ),
    ] = Path("dialplans"),
    write: Annotated[
        bool, typer.Option("--write", help="Rewrite the files; else only show how.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one object, for programs.")
    ] = False,
) -> None:
    """Rewrite dialplans of an older version of their format for this one.

    Prints what changes, as a diff; comments, order and line ends stay. With --write
    all files are rewritten, or none. Exits with 1 and one `file:line:column: …` for
    each mistake that must be mended before.
    """
    from voicebot.cli.problems import print_problems
    from voicebot.dialplan.migrate import VERSION, migrated
    from voicebot.errors import DialplanError

    try:
        before = _files(dialplans)
        after = migrated(dialplans / PLAN, before)
    except DialplanError as exc:
        if not json:
            raise
        print_problems(exc)
        raise typer.Exit(1) from None
    if write:
        replace_all(after)
    diffs = {path: _diff(path, before[path], text) for path, text in after.items()}
    if json:
        from json import dumps

        files = [{"file": str(path), "diff": diff} for path, diff in diffs.items()]
        report = {"ok": True, "problems": [], "changed": files, "written": write}
        print(dumps(report, ensure_ascii=False, indent=2))
        return
    print("".join(diffs.values()), end="")
    if not after:
        print(f"{dialplans}: nothing to do, this is version {VERSION}")
    elif write:
        print(f"\n{len(after)} rewritten; now: voicebot check {dialplans}")
    else:
        print(f"\n{len(after)} to rewrite: voicebot migrate {dialplans} --write")


PLAN = "dialplan.yaml"


def _files(folder: Path) -> dict[Path, bytes]:
    """Read what a dialplan consists of."""
    from voicebot.errors import ConfigError

    paths = [folder / PLAN]
    for name in ("personas", "mixins"):
        found = sorted((folder / name).glob("*.yaml"))
        paths += [path for path in found if not path.name.startswith(".")]
    files = {}
    for path in paths:
        try:
            files[path] = path.read_bytes()
        except OSError as exc:
            raise ConfigError(f"{path}: {exc.strerror}") from exc
    return files


def _diff(path: Path, before: bytes, after: bytes) -> str:
    from difflib import unified_diff

    old, new = (
        data.decode("utf-8-sig").replace("\r\n", "\n").splitlines(keepends=True)
        for data in (before, after)
    )
    shown = unified_diff(old, new, fromfile=str(path), tofile=str(path))
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in shown)


def replace_all(files: Mapping[Path, bytes]) -> None:
    """
    Replace the contents of all these files, or of none.

    Raises:
        ConfigError: one can't be replaced; those that were are what they were before.
    """
    import shutil

    from voicebot.errors import ConfigError

    new: dict[Path, Path] = {}
    old: dict[Path, bytes] = {}
    path = Path()
    try:
        for path, data in files.items():
            real = path.resolve()  # a link stays one
            new[real] = real.with_name(f".{real.name}.migrate")
            new[real].write_bytes(data)
            shutil.copymode(real, new[real])
            old[real] = real.read_bytes()
        for path, written in new.items():
            written.replace(path)
    except OSError as exc:
        for real, data in old.items():
            if not new[real].exists():  # it was replaced
                real.write_bytes(data)
        for written in new.values():
            written.unlink(missing_ok=True)
        raise ConfigError(f"{path}: {exc.strerror}; nothing was rewritten") from exc
