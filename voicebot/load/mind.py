"""What the offline StepFun says under load: the number of the call that it hears."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from voicebot.load.watermark import BASE, DIGITS, TURNS, Mark, mark_bot, read_caller
from voicebot.sim.stepfun.babble import RATE_HZ, babble, from_pcm16, to_pcm16
from voicebot.sim.stepfun.mind import Reply, Utterance
from voicebot.sim.stepfun.wit import verbatim

# Digits as letters: nobody takes them for a number that should be kept private.
LETTERS: Final = "bcdfghjk"
HEARD: Final = re.compile(f"This is ([{LETTERS}]{{{DIGITS}}})\\.")
SAID: Final = re.compile(f"To ([{LETTERS}]{{{DIGITS}}}), ([{LETTERS}]): ")
UNMARKED: Final = "This is nobody."

ANSWER_MS: Final = 5000
WORDS: Final = (
    "we are open every day from nine to five, and you find us right behind the station."
)
VOICE_HZ: Final = 800
"""The voice ends below the marks."""


def heard(call: int) -> str:
    """What a call's caller says, in words."""
    return f"This is {_spelt(call)}."


def call_heard(text: str) -> int | None:
    """Of whom the words are."""
    found = HEARD.search(text)
    return _number(found[1]) if found else None


def call_said(text: str) -> Mark | None:
    """To whom an answer is given."""
    found = SAID.match(text)
    return Mark(_number(found[1]), LETTERS.index(found[2])) if found else None


class MarkedMind:
    """Reads the mark of the caller's turn, and answers with it for five seconds."""

    def hear(self, pcm16: bytes, history: Sequence[Utterance]) -> str:
        call = read_caller(pcm16)
        return UNMARKED if call is None else heard(call)

    def answer(self, instructions: str, history: Sequence[Utterance]) -> Reply:
        last = history[-1] if history else Utterance("system", "")
        if not last.spoken and (words := verbatim(last.text)):
            return Reply(words)
        turns = [each.text for each in history if each.role == "user"]
        call = call_heard(turns[-1]) if turns else None
        if call is None:
            return Reply("Who is this?")
        turn = LETTERS[len(turns) % TURNS]
        return Reply(f"To {_spelt(call)}, {turn}: {WORDS}")

    def speak(self, text: str, voice: str, language: str) -> bytes:
        mark = call_said(text)
        if mark is None:
            return _below_marks(babble(text))
        return mark_bot(_answer(), mark)


@lru_cache(1)
def _answer() -> bytes:
    whole = np.resize(from_pcm16(babble(WORDS)), ANSWER_MS * RATE_HZ // 1000)
    return _below_marks(to_pcm16(whole))


@lru_cache(64)
def _below_marks(pcm16: bytes) -> bytes:
    """A voice that nobody takes for a mark."""
    samples = from_pcm16(pcm16)
    spectrum = np.fft.rfft(samples)
    spectrum[VOICE_HZ * len(samples) // RATE_HZ :] = 0
    return to_pcm16(np.fft.irfft(spectrum, len(samples)))


def _spelt(call: int) -> str:
    return "".join(LETTERS[call // BASE**place % BASE] for place in range(DIGITS))


def _number(letters: str) -> int:
    return sum(LETTERS.index(each) * BASE**place for place, each in enumerate(letters))
