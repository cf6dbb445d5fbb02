"""What is known about a call by name: from its route, its caller, its digits."""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

MAX_CHARACTERS: Final = 200
# Halves of surrogate pairs too: they can't be sent on as UTF-8.
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|\{\{|\}\}")


def as_data(text: str) -> str:
    """Return text that came from outside as what may be filled into our own."""
    while _UNSAFE.search(text):  # what is left may be one anew
        text = _UNSAFE.sub("", text)
    return text[:MAX_CHARACTERS].strip()


class Values:
    """
    Variables of one call. Sensitive ones are kept, and told nobody.

    Args:
        known: from the start.
        hidden: names of those that are sensitive, wherever their values come from.
    """

    def __init__(self, known: Mapping[str, str], hidden: Collection[str] = ()) -> None:
        self._hidden = hidden
        self._open = {x: known[x] for x in known if x not in hidden}
        self._sensitive = {x: known[x] for x in known if x in hidden}

    def set(self, name: str, text: str, *, sensitive: bool = False) -> None:
        self._open.pop(name, None)
        self._sensitive.pop(name, None)
        is_hidden = sensitive or name in self._hidden
        (self._sensitive if is_hidden else self._open)[name] = as_data(text)

    def shown(self) -> Mapping[str, str]:
        """Those that may be spoken and logged."""
        return MappingProxyType(self._open)

    def known(self, name: str) -> str:
        """A value, whoever may see it; empty if there is none."""
        return self._open.get(name) or self._sensitive.get(name, "")

    def all(self) -> Mapping[str, str]:
        """The sensitive ones too, for the services that they were given for."""
        return self._open | self._sensitive

    def secret(self, name: str) -> str | None:
        """A sensitive one, for the service that it was typed for."""
        return self._sensitive.get(name)
