"""Tests run on the source, and some of them on the compiled twin, too."""

import gc
import resource
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import pytest

from voicebot.observe.build import code_of

source_only = pytest.mark.skipif(
    code_of() == "compiled", reason="it changes what can't be changed when compiled"
)

NATIVE: Final = "voicebot.audio.native"
CODES: Final = ["python", "c"] if find_spec(NATIVE) else ["python"]


def each_twin(
    module: str, *names: str, native: str = NATIVE
) -> Callable[..., Iterator[None]]:
    """
    Run the tests of a module twice, where there is the module in C: with what they
    import, and with its twins.

    Args:
        module: the tests.
        names: what has a twin.
        native: the module in C.
    """

    @pytest.fixture(autouse=True, scope="module", params=CODES)
    def twin(request: pytest.FixtureRequest) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            if request.param == "c":
                for name in names:
                    made = getattr(import_module(native), name)
                    patch.setattr(sys.modules[module], name, made)
            yield

    return twin


def memory_kb(
    times: int,
    once: Callable[[], None],
    absurd: list[tuple[type[Exception], str, Callable[[], object]]],
) -> int:
    """Do what works and what doesn't so often; return what was taken at most."""
    for _ in range(times):
        once()
        for error, _, call in absurd:
            with pytest.raises(error):
                call()
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
