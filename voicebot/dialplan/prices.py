"""What `VOICEBOT_PRICES` names: a file with what is paid for a call."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from voicebot.dialplan.section import Section
from voicebot.dialplan.source import Problem, parse
from voicebot.dialplan.validate import validated
from voicebot.dialplan.values import money


def first_version(value: object) -> object:
    """Refuse all but 1; True and 1.0, which equal it, too."""
    if type(value) is int and value == 1:
        return value
    raise PydanticCustomError("version", "expected 1")


Price = Annotated[int, money("0", "999999")]


class Tokens(Section):
    """Yuan for a million tokens of the realtime model."""

    input_ucny: Price = Field(10_000_000, alias="input")
    """Those that it reads."""

    cached_ucny: Price = Field(2_000_000, alias="cached")
    """Those that it had read before."""

    output_ucny: Price = Field(70_000_000, alias="output")
    """Those that it writes and speaks."""


class Chat(Section):
    """Yuan for a million tokens of the chat model, of reviews and of cascades."""

    input_ucny: Price = Field(10_000_000, alias="input")
    """Those that it reads."""

    cached_ucny: Price = Field(2_000_000, alias="cached")
    """Those that it had read before."""

    output_ucny: Price = Field(25_000_000, alias="output")
    """Those that it writes."""


class Asr(Section):
    """Yuan for the model that transcribes clips."""

    hour_ucny: Price = Field(150_000, alias="hour")
    """An hour that it listens to."""


class Speech(Section):
    """Yuan for the model that speaks in a cascade."""

    per_10k_ucny: Price = Field(5_800_000, alias="per_10k")
    """Ten thousand characters; two Latin letters are one."""


class Twilio(Section):
    """Yuan for the telephone."""

    minute_ucny: Price = Field(0, alias="minute")
    """A minute of a call; begun ones count in full."""


class PriceFile(Section):
    """
    What is paid, in yuan. What isn't there is as StepFun lists it for
    the `stepaudio-2.5` models `realtime`, `chat`, `asr` and `tts`.

    Source: StepFun, Pricing details (guides/pricing/details), read in November 2026.
    """

    version: Annotated[int, BeforeValidator(first_version)]
    """Of this format: 1."""

    tokens: Tokens = Tokens()
    chat: Chat = Chat()
    asr: Asr = Asr()
    speech: Speech = Speech()
    twilio: Twilio = Twilio()


def read_prices(path: Path, data: bytes) -> tuple[PriceFile | None, list[Problem]]:
    """Return what a file of prices says; None, and why, if it can't be used."""
    root, problems = parse(path, data)
    if root is None or problems:
        return None, problems
    return validated(PriceFile, path, root, problems), problems
