"""What is asked about a caller when a call comes in."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from voicebot.dialplan.address import Headers, Url
from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Label, duration, word

_STEP: Final = r"[A-Za-z_][A-Za-z0-9_-]{0,63}(?:\[[0-9]{1,3}\])*"
PATH: Final = re.compile(rf"(?:\$\.)?{_STEP}(?:\.{_STEP}){{0,7}}")

JsonPath = Annotated[str, word(PATH, "a path such as name or $.customer.name")]


class Lookup(Section):
    """A request that is made when a call comes in; it runs under the greeting."""

    url: Url
    """Where it goes; `${env:X}`, `${file:/x}` and, behind the host, `{{variables}}` are
    filled in."""

    headers: Headers = {}
    """What else the server is sent."""

    timeout_s: Annotated[float, duration("100ms", "5s", "s")] = Field(
        1.2, alias="timeout"
    )
    """What isn't there by then isn't waited for."""

    map: Annotated[dict[Label, JsonPath], Field(min_length=1, max_length=50)]
    """Variables with `from: lookup`, and where the answer has their values."""

    on_error: Literal["continue"] = "continue"
    """The call goes on without what could not be found out; it never waits."""


def at(path: str, payload: Any) -> Any:
    """Follow a path into JSON; None if it leads nowhere."""
    for step in re.findall(r"[^.\[\]]+|\[[0-9]+\]", path.removeprefix("$.")):
        if step.startswith("["):
            index = int(step[1:-1])
            is_there = isinstance(payload, list) and index < len(payload)
            payload = payload[index] if is_there else None
        else:
            payload = payload.get(step) if isinstance(payload, dict) else None
    return payload
