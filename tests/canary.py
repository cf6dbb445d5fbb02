"""
Canaries: made-up secrets that calls of the suite really carry.

The house of the end-to-end tests is called from CALLER and holds KEY and TOKEN; callers
say NAME and CARD in some tests. `tests/watch.py` fails a test that leaks one of them.
"""

from typing import Final

CALLER: Final = "+15550100199"
NAME: Final = "Ottoline Quackenbush"
CARD: Final = "4929 7241 3860 5519"
CARD_SPOKEN: Final = (
    "four nine two nine, seven two four one, three eight six zero, five five one nine"
)
ACCOUNT: Final = "AC" + "a" * 32
KEY: Final = "the-key-of-a-test"
"""Of StepFun."""

TOKEN: Final = "the-token-of-a-test"
"""Of Twilio."""
