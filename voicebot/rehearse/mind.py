"""What the offline model of a rehearsal answers: the test's `model:` lines."""

import json
import re
from collections.abc import Sequence
from typing import Final
from unicodedata import normalize

from voicebot.dialplan.testing import ModelLine
from voicebot.sim.stepfun.mind import Call, Utterance
from voicebot.sim.stepfun.wit import verbatim

OTHERWISE: Final = {
    "en": "I see. What else can I do for you?",
    "zh": "好的。请问还有什么可以帮您？",
}

NOTHING: Final = Utterance("system", "")

# Words, and what the model wants done.
Answer = tuple[str, Call | None]


def plain(text: str) -> str:
    """Leave out what nobody hears: case, marks and blanks."""
    return re.sub(r"[\W_]+", "", normalize("NFKC", text).casefold())


class Lines:
    """
    Finds the answer to what the caller said, or to what came of a tool.

    A question that is put again, as its answer was cut off before it began or came to
    nothing, has the same answer.

    Args:
        language: of the persona; what is said when no line fits is in it.
    """

    def __init__(self, lines: Sequence[ModelLine], language: str) -> None:
        self._left = list(lines)
        is_chinese = language.partition("-")[0] == "zh"
        self._otherwise = OTHERWISE["zh" if is_chinese else "en"]
        self._given: dict[tuple[Utterance, ...], Answer] = {}

    def answer(self, history: Sequence[Utterance]) -> Answer:
        """Say what comes next in the conversation: words, a tool, or both."""
        last = history[-1] if history else None
        if last and not last.spoken and (words := verbatim(last.text)):
            return words, None
        asked = tuple(each for each in history if _is_question(each))
        if asked not in self._given:
            self._given[asked] = self._next(asked[-1] if asked else NOTHING)
        return self._given[asked]

    def _next(self, asked: Utterance) -> Answer:
        for line in self._left:
            if _fits(line, asked):
                self._left.remove(line)
                return line.say or "", _call(line)
        return self._otherwise, None


def _is_question(each: Utterance) -> bool:
    """Whether it is something to answer: not an answer, nor words of ours to say."""
    return each.role in ("tool", "system") or (each.role == "user" and each.spoken)


def _fits(line: ModelLine, asked: Utterance) -> bool:
    if line.hear is not None:
        return asked.role == "user" and plain(line.hear) in plain(asked.text)
    if line.told is not None:
        return asked.role != "user" and plain(line.told) in plain(asked.text)
    return True


def _call(line: ModelLine) -> Call | None:
    if line.calls is None:
        return None
    return Call(line.calls, json.dumps(dict(line.args), ensure_ascii=False))
