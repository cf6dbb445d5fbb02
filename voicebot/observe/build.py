"""Which of the two twins runs: the frame path compiled, or as its source."""

from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from typing import Final, Literal

Code = Literal["compiled", "interpreted"]

HEART: Final = "voicebot.bridge.bridge"  # all modules are compiled, or none


def code_of(module: str = HEART) -> Code:
    """
    Say whether a module is compiled. Imports what it lies in, but not the module.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    spec = find_spec(module)
    if spec is None:
        raise ModuleNotFoundError(f"{module}: no such module", name=module)
    is_compiled = str(spec.origin).endswith(tuple(EXTENSION_SUFFIXES))
    return "compiled" if is_compiled else "interpreted"
