"""
What StepFun lists for speech: for telling an operator before, and after.

What a call really cost is counted with the prices that the operator sets
(`VOICEBOT_PRICES`).

Source: StepFun, Pricing details (guides/pricing/details) and Step Plan
(step-plan/overview), read in November 2026.
"""

import unicodedata
from typing import Final

# Millionths of a yuan, as everywhere. A Step Plan's million of Credit is worth one
# yuan of list price: so one Credit is one millionth, too.
SPEECH_UCNY: Final = 580  # a character: 5.8 yuan for 10,000
CLONE_UCNY: Final = 9_900_000  # a voice, charged when it is made


def speech_ucny(text: str) -> int:
    """
    Return what it costs to have a text spoken, at most.

    Two Latin letters count as one character. What a digit, a mark or a space counts
    isn't published: as a whole one here.
    """
    return -(-SPEECH_UCNY * speech_halves(text) // 2)


def speech_halves(text: str) -> int:
    """Count what `speech_ucny` is charged for, in half characters."""
    return sum(1 if _is_latin(letter) else 2 for letter in text)


def told(ucny: int) -> str:
    """Write an amount as yuan and as a plan's Credit: `¥0.0116, or 11,600 Credit`."""
    return f"¥{ucny / 1_000_000:.4f}, or {ucny:,} Credit of a Step Plan"


def _is_latin(letter: str) -> bool:
    return letter.isalpha() and unicodedata.name(letter, "").startswith("LATIN ")
