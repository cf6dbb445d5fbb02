"""Files that commands write."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from voicebot.errors import StoreError


@contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """
    Open a file for writing. It is there once it is whole, and for our eyes only.

    Raises:
        StoreError: it can't be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with open(part, "wb", opener=_private) as file:
            yield file
        part.replace(path)
    except OSError as exc:
        raise StoreError(f"{path}: {exc.strerror}") from exc
    finally:
        part.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
