"""What a lookup's answer says of the caller, as variables."""

import json
from collections.abc import Iterator

from voicebot.dialplan.lookup import at
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.variables import coerced
from voicebot.flow.values import as_data


def values_in(persona: Persona, body: bytes) -> dict[str, str] | None:
    """
    Return what an answer has for the variables of a persona, each of its type.

    None if it is no JSON.
    """
    try:
        payload = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return dict(_values(persona, payload))


def _values(persona: Persona, payload: object) -> Iterator[tuple[str, str]]:
    assert persona.lookup
    for name, path in persona.lookup.map.items():
        match at(path, payload):
            case bool() as given:
                text = str(given).lower()
            case str() | int() | float() as given:
                text = as_data(str(given))
            case _:
                continue
        if (value := coerced(persona.vars[name].type, text)) is not None:
            yield name, value
