"""Digits that are said one by one, of recordings that everybody's digits share."""

from collections.abc import Callable
from typing import Final

DIGITS: Final = tuple("0123456789")

# Between two digits, beside the silence that each recording has at its ends; 8000
# bytes of G.711 μ-law are a second.
GAP: Final = b"\xff" * 640


def is_read_out(text: str) -> bool:
    """Whether a text is digits with a blank between each two."""
    return bool(text) and all(each in DIGITS for each in text.split(" "))


def read_out(text: str, digit: Callable[[str], bytes | None]) -> bytes | None:
    """
    Return digits spoken, μ-law at 8000 Hz; None if one of them isn't rendered.

    Args:
        text: as `is_read_out` wants it.
        digit: finds one spoken.
    """
    spoken = [digit(each) for each in text.split(" ")]
    known = [each for each in spoken if each is not None]
    return GAP.join(known) if len(known) == len(spoken) else None
