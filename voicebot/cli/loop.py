"""How commands run what is asynchronous."""

from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on uvloop: about a sixth less CPU a message than asyncio's."""
    return uvloop.run(main)
