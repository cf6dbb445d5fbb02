"""
How dialplan files are checked: frozen models whose aliases are the YAML keys.

Durations are written with a unit (`550ms`, `20s`, `10m`) and end up in fields
that carry one: `end_silence_ms`, `idle_s`. Positions in files are `load`'s matter.
"""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Some keys and values of a file. A key that it doesn't know is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )
