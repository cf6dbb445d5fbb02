"""
How dialplan files are checked: frozen models whose aliases are the YAML keys.

Durations are written with a unit (`550ms`, `20s`, `10m`) and end up in fields
that carry one: `end_silence_ms`, `idle_s`. Positions in files are `load`'s matter.
"""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Some keys and values of a file. A key that it doesn't know is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )


S = TypeVar("S", bound=Section)


def overlaid(below: S, above: S | None) -> S:
    """Return a section with what another of its kind sets in place of its own."""
    if above is None:
        return below
    given = {name: getattr(above, name) for name in above.model_fields_set}
    return below.model_copy(update=given)
