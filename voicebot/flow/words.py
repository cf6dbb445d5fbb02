"""What a caller's turn means to a question of ours: yes, or leave-taking."""

import re
from typing import Final

from voicebot.bridge.words import Words, heard_in, says
from voicebot.dialplan.language import folded
from voicebot.dialplan.turns import BargeIn

YES: Final = (
    *("yes", "yeah", "yep", "yup", "sure", "ok", "okay", "correct", "exactly", "right"),
    *("that's right", "please do", "go ahead", "of course", "absolutely", "confirmed"),
    *("对", "对的", "是", "是的", "好", "好的", "可以", "行", "没错", "没问题"),
    *(
        "嗯",
        "当然",
        "要的",
        "はい",
        "sí",
        "si",
        "claro",
        "oui",
        "d'accord",
        "ja",
        "genau",
    ),
)
# Said beside a yes, it is none. Some only look like one.
NO: Final = (
    *("no", "not", "nope", "don't", "doesn't", "isn't", "wrong", "wait", "never"),
    *("cancel", "stop", "but", "maybe", "later", "hold on", "what"),
    *(
        "不",
        "别",
        "没有",
        "错了",
        "等",
        "算了",
        "取消",
        "但是",
        "好像",
        "对不起",
        "再说",
    ),
    *("什么", "吗", "いいえ", "pero", "espere", "non", "mais", "nein", "nicht", "aber"),
)
# These hold one of the above, and mean yes.
NO_LESS: Final = re.compile("没问题|没错|不错|no problem|why not", re.IGNORECASE)

FAREWELLS: Final = (
    *("bye", "goodbye", "bye-bye", "good bye", "that's all", "nothing else"),
    *(
        "再见",
        "拜拜",
        "没有别的事了",
        "没别的事了",
        "さようなら",
        "adiós",
        "hasta luego",
    ),
    *("au revoir", "tschüss", "auf wiederhören"),
)

_WORD: Final = re.compile(r"[\w'’-]+")
_CJK: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def affirms(text: str) -> bool:
    """Whether a turn says yes: begins with it, and takes nothing of it back."""
    if says(NO_LESS.sub(" ", text), NO):
        return False
    words = [folded(word) for word in _WORD.findall(text)]
    return any(_begins(words, phrase) for phrase in YES)


def takes_leave(text: str, farewells: tuple[str, ...]) -> bool:
    """Whether a turn holds a farewell: one of the persona's, or a usual one."""
    return says(text, (*farewells, *FAREWELLS))


def _begins(words: list[str], phrase: str) -> bool:
    parts = [folded(part) for part in phrase.split()]
    if words and _CJK.search(phrase) and len(phrase) > 1:
        return words[0].startswith(parts[0])  # blanks end no word there
    return words[: len(parts)] == parts


def means_it(text: str, wants: BargeIn) -> bool:
    """Whether the caller wants something, and doesn't just listen."""
    meant = heard_in(
        text,
        backchannel=wants.backchannel,
        stop_words=wants.stop_words,
        min_words=wants.min_words,
    )
    return meant in (Words.STOP, Words.WORDS)
