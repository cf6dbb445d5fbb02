"""
What StepFun takes in a request for speech, checked before one is sent.

A refusal costs a round trip, and says less than we know. An error's text has the
member's path, what was expected and what was there, never the words themselves.

Source: StepFun API reference "Create audio" (api-reference/audio/create-audio) and
"Stream audio" (api-reference/audio/ws-audio), which agree.
"""

from collections.abc import Collection
from typing import Final

import orjson

from voicebot.errors import LocalProtocolError

TEXT_CHARACTERS: Final = 1000
INSTRUCTION_CHARACTERS: Final = 200
RATES_HZ: Final = (8000, 16000, 22050, 24000, 48000)
SPEEDS: Final = (0.5, 2.0)
VOLUMES: Final = (0.1, 2.0)

# Models that can't be told how to speak: they refuse an instruction.
UNINSTRUCTED: Final = frozenset({"step-tts-2", "step-tts-mini"})


def check_text(path: str, text: str, most: int = TEXT_CHARACTERS) -> None:
    """
    Check that a text has 1 to `most` characters.

    Raises:
        LocalProtocolError: it hasn't.
    """
    if not 1 <= len(text) <= most:
        raise LocalProtocolError(
            f"{path}: expected 1 to {most} characters, got {len(text)}"
        )


def check_choice(path: str, got: object, allowed: Collection[object]) -> None:
    """
    Check that this is one of what there is to choose from.

    Raises:
        LocalProtocolError: it isn't.
    """
    if got not in allowed:
        names = ", ".join(map(str, allowed))
        raise LocalProtocolError(f"{path}: expected one of {names}, got {got}")


def check_rate(path: str, rate_hz: int) -> None:
    """
    Check that audio can have this rate.

    Raises:
        LocalProtocolError: it can't.
    """
    check_choice(path, rate_hz, RATES_HZ)


def check_number(path: str, got: float, limits: tuple[float, float]) -> None:
    """
    Check that a number lies within its limits.

    Raises:
        LocalProtocolError: it doesn't.
    """
    low, high = limits
    if not low <= got <= high:
        raise LocalProtocolError(f"{path}: expected {low:g} to {high:g}, got {got:g}")


def check_instruction(path: str, instruction: str | None, model: str) -> None:
    """
    Check how a voice is told to speak; None tells it nothing.

    Raises:
        LocalProtocolError: it is too long, or the model takes none.
    """
    if instruction is None:
        return
    check_text(path, instruction, INSTRUCTION_CHARACTERS)
    if model in UNINSTRUCTED:
        raise LocalProtocolError(f"{path}: expected none for {model}, got one")


def manner(
    instruction: str | None, pronunciations: Collection[str], *, markdown_filter: bool
) -> dict[str, object]:
    """Return how to speak, as members of a request; what is the default isn't told."""
    members: dict[str, object] = {}
    if instruction is not None:
        members["instruction"] = instruction
    if pronunciations:
        members["pronunciation_map"] = {"tone": list(pronunciations)}
    if markdown_filter:
        members["markdown_filter"] = True
    return members


def to_json(members: dict[str, object], what: str) -> bytes:
    """
    Write a request.

    Args:
        what: it is, for the error.

    Raises:
        LocalProtocolError: a text isn't Unicode: it holds half a character.
    """
    try:
        return orjson.dumps(members)
    except TypeError:
        raise LocalProtocolError(
            f"{what}: expected Unicode text, got a lone surrogate"
        ) from None
