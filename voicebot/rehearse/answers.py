"""What other servers answer in a rehearsed call, as its test says."""

import json
from collections.abc import Mapping
from typing import Any, Final

from voicebot.dialplan.actions_check import LOOKUP
from voicebot.dialplan.persona import Persona
from voicebot.flow.lookup import values_in
from voicebot.flow.model import Fetch, Fetched, LookedUp, Trouble
from voicebot.flow.requests import readable, trouble_of

TAKES_S: Final = 0.3  # a server that is well


class Answers:
    """
    Answers requests.

    Args:
        given: of the test: JSON, `{status: 503}` or `{timeout: true}`, by tool.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def to(self, order: Fetch) -> tuple[float, Fetched]:
        """Return what comes of a request, and after how many seconds."""
        body, status, trouble = self._answer(order.tool)
        if trouble is Trouble.TIMEOUT:
            return order.errand.timeout_s, Fetched(order.id, trouble=trouble)
        if trouble:
            return TAKES_S, Fetched(order.id, trouble=trouble, status=status)
        return TAKES_S, Fetched(order.id, readable(body) or "", status=status)

    def to_lookup(self, persona: Persona) -> tuple[float, LookedUp] | None:
        """Return what comes of a persona's lookup; None if it has none."""
        if persona.lookup is None:
            return None
        body, _, trouble = self._answer(LOOKUP)
        takes_s = (
            TAKES_S if trouble is not Trouble.TIMEOUT else persona.lookup.timeout_s
        )
        values = {} if trouble else values_in(persona, body) or {}
        return takes_s, LookedUp(values, trouble, round(takes_s * 1000))

    def _answer(self, name: str) -> tuple[bytes, int | None, Trouble | None]:
        given = self._given.get(name, {"status": 404})
        match given:
            case {"timeout": True, **more} if not more:
                return b"", None, Trouble.TIMEOUT
            case {"status": int(status), **more} if not more:
                return b"", status, trouble_of(status)
            case _:
                return json.dumps(given, ensure_ascii=False).encode(), 200, None
