"""Files that a plan names: they are below its folder, or they are not read."""

from pathlib import Path
from stat import S_ISREG


def read_beside(folder: Path, name: str, max_bytes: int) -> bytes | str:
    """
    Read a file that stands below a folder.

    Args:
        name: as it is written in the plan.

    Returns:
        Its content, one byte more than `max_bytes` if it is too long; or, as text,
        why it is not read.
    """
    there = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts or "\\" in name:
        return f"expected a file below {folder}, got {name!r}"
    try:
        if not there.resolve(strict=True).is_relative_to(folder.resolve()):
            return f"{name!r} is a link to a file outside of {folder}"
        # Opening a pipe would wait for somebody who writes to it.
        if not S_ISREG(there.stat().st_mode):
            return f"expected a regular file, got {name!r}"
        with there.open("rb") as opened:
            return opened.read(max_bytes + 1)
    except OSError as exc:
        return f"{name!r} cannot be read: {exc.strerror}"
