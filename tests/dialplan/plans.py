"""Small dialplans on disk, and what `load` has to say about them."""

from pathlib import Path

from voicebot.dialplan.load import load
from voicebot.dialplan.model import Dialplan, Number, Route
from voicebot.dialplan.persona import Apology, Goodbye, Greeting, Persona
from voicebot.errors import DialplanError

NUMBERS = """\
version: 2
numbers:
  main: {e164: "+12025550100", display_name: Front desk}
  hotel: {e164: "+12025550120", display_name: Hotel}
"""
ROUTES = """\
routes:
  - name: default
    do: {persona: desk}
"""
PERSONA = """\
title: Front desk
language: en
instructions: Be kind.
greeting: {text: Hello.}
"""


def written(
    folder: Path, plan: str = NUMBERS + ROUTES, *, desk: str = PERSONA, **others: str
) -> Path:
    """A folder with a dialplan, the persona `desk`, and others by id."""
    (folder / "personas").mkdir(parents=True, exist_ok=True)
    (folder / "dialplan.yaml").write_text(plan, encoding="utf-8")
    for name, text in {"desk": desk, **others}.items():
        path = folder / "personas" / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
    return folder


def mistakes(folder: Path) -> list[str]:
    """What is wrong in a folder, a line each, with paths relative to it."""
    try:
        load(folder)
    except DialplanError as exc:
        return [str(p).removeprefix(f"{folder}/") for p in exc.problems]
    return []


def persona(**given: object) -> Persona:
    """Someone who answers, complete but for what is given."""
    return Persona.model_validate(
        {
            "id": "desk",
            "title": "Front desk",
            "language": "en",
            "instructions": "Be kind.",
            "greeting": Greeting(text="Hello."),
            "goodbye": Goodbye(text="Bye."),
            "apology": Apology(text="Sorry."),
            **given,
        }
    )


def dialplan(*routes: Route) -> Dialplan:
    """Two numbers, and routes for them."""
    numbers = {
        "main": Number(e164="+12025550100", display_name="Front desk"),
        "hotel": Number(e164="+12025550120", display_name="Hotel"),
    }
    return Dialplan(numbers, routes, {"desk": persona()}, revision="0" * 12)
