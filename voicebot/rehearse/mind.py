"""What the offline model of a rehearsal answers: the test's `model:` lines."""

import json
import re
from collections.abc import Sequence
from typing import Final
from unicodedata import normalize

from voicebot.dialplan.testing import ModelLine
from voicebot.sim.stepfun.mind import Call, Reply, Utterance
from voicebot.sim.stepfun.wit import verbatim

# What an answer follows: the caller's words, and what came of a tool.
ASKING: Final = ("user", "tool")

OTHERWISE: Final = {
    "en": "I see. What else can I do for you?",
    "zh": "好的。请问还有什么可以帮您？",
}


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
        self._given: dict[tuple[str, ...], Reply] = {}

    def answer(self, history: Sequence[Utterance]) -> Reply:
        """Say what comes next in the conversation, or ask for a tool."""
        last = history[-1] if history else None
        if last and not last.spoken and (words := verbatim(last.text)):
            return Reply(words)
        asked = tuple(each.text for each in history if each.role in ASKING)
        if asked not in self._given:
            self._given[asked] = self._next(asked[-1] if asked else "")
        return self._given[asked]

    def _next(self, text: str) -> Reply:
        said = plain(text)
        for line in self._left:
            if line.hear is None or plain(line.hear) in said:
                self._left.remove(line)
                args = json.dumps(line.args, ensure_ascii=False)
                call = Call(line.call, args) if line.call else None
                return Reply(line.say or "", call=call)
        return Reply(self._otherwise)
