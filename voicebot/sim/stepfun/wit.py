"""A small conversation by rules: it looks for its answers in the persona."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from math import log
from typing import Any, Final

from voicebot.sim.stepfun.mind import Utterance, language_of
from voicebot.sim.stepfun.phrases import (
    DIRECTIVE,
    FALLBACKS,
    OPENINGS,
    PATIENCE,
    RULES,
    STILL_THERE,
    STOPWORDS,
    SYNONYMS,
    WAIT,
)

VERBATIM: Final = re.compile(
    r"^\W*(?:please\s+|now\s+)*"
    r"(?:say|speak|read|repeat|greet|tell the caller|answer)\b[^:\n]{0,160}:\s*(.+)",
    re.IGNORECASE | re.DOTALL,
)
VERBATIM_ZH: Final = re.compile(
    r"^\W*(?:请|現在|现在)*[^：:\n]{0,30}"
    r"(?:说|念|朗读|重复|复述|问候|播报)[^：:\n]{0,40}[：:]\s*(.+)",
    re.DOTALL,
)
QUOTED: Final = re.compile(r'^[“"「『](.+?)[”"」』]', re.DOTALL)
SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*")
# "Parking: it is free." is about parking; the label isn't spoken.
LABEL: Final = re.compile(r"^[^:：.。，]{1,40}[:：]\s*(?=\S)")
FAQ: Final = re.compile(r"^(?:q|问)[:：].*?\s(?:a|答)[:：]\s*", re.IGNORECASE)
BULLET: Final = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
WORD: Final = re.compile(r"[a-z0-9']+")
IDEOGRAPHS: Final = re.compile(r"[\u4e00-\u9fff]+")


def verbatim(text: str) -> str | None:
    """
    Find the words that a text asks to be said as they are.

    "Say exactly: Good morning." asks for "Good morning.".
    """
    match = VERBATIM.match(text) or VERBATIM_ZH.match(text)
    if match is None:
        return None
    words = match[1].strip()
    quoted = QUOTED.match(words)
    return quoted[1].strip() if quoted else words


def answer(instructions: str, history: Sequence[Utterance]) -> str:
    """
    Say what comes next: the words asked for, a fact of the persona, or small talk.

    Never says the same twice in a row.
    """
    last = history[-1] if history else Utterance("system", "")
    if not last.spoken and (words := verbatim(last.text)):
        return words
    before = next((u.text for u in reversed(history) if u.role == "assistant"), "")
    facts = facts_of(instructions)
    language = _language(last, facts or [instructions])
    said = _candidate(instructions, facts, last, before, language)
    if said == before:
        said = ("Once more: " if language == "en" else "再说一遍：") + said
    return said


def facts_of(instructions: str) -> list[str]:
    """
    List what the persona knows.

    The list lines under a heading that speaks of facts, if there is one; else every
    sentence that doesn't tell the model what to do.
    """
    listed: list[str] = []
    others: list[str] = []
    in_facts = False
    for line in instructions.splitlines():
        if line.lstrip().startswith("#") or re.fullmatch(r"\s*\w[\w ]*[:：]\s*", line):
            in_facts = bool(
                re.search(r"fact|faq|know|资料|事实|知识|常见", line.lower())
            )
        elif in_facts and BULLET.match(line):
            listed.append(BULLET.sub("", line).strip())
        else:
            others += (s.strip() for s in SENTENCE_END.split(BULLET.sub("", line)))
    return listed or [text for text in others if text and not DIRECTIVE.match(text)]


def _language(last: Utterance, texts: Sequence[str]) -> str:
    if last.role == "user" and last.text:
        return language_of(last.text)
    return language_of(" ".join(texts))


def _candidate(
    instructions: str,
    facts: Sequence[str],
    last: Utterance,
    before: str,
    language: str,
) -> str:
    text = last.text.strip()
    if last.role == "tool":
        return _tool_output(text, language)
    if last.role != "user" or not text:
        return _unasked(instructions, text, before, language, heard=last.spoken)
    if re.search(
        r"\b(repeat|say (that|it) again|pardon)\b|再说一遍|没听清", text.lower()
    ):
        return before or FALLBACKS[language][1]
    if re.search(WAIT, text.lower()):
        return PATIENCE[language]
    best = _best_fact(facts, text, before)
    if best is not None:
        return best
    for pattern, replies in RULES[language]:
        if re.search(pattern, text.lower()):
            return _other_than(before, replies)
    return _other_than(before, FALLBACKS[language])


def _unasked(
    instructions: str, text: str, before: str, language: str, *, heard: bool
) -> str:
    """Speak without a question: greet, ask if the caller is there, or ask again."""
    if heard:
        return _other_than(before, FALLBACKS[language][1:])
    if re.search(r"silent|still there|still on the line|quiet|沉默|还在", text.lower()):
        return _other_than(before, STILL_THERE[language])
    role = re.search(
        r"\byou are ([^.,:;\n]{3,80})|你是([^。，：\n]{2,30})", instructions, re.I
    )
    if role is None:
        return OPENINGS[language][0]
    who = (role[1] or role[2]).strip()
    return OPENINGS[language][1].format(who=who)


def _best_fact(facts: Sequence[str], question: str, before: str) -> str | None:
    """Choose the fact that shares the rarest notions with the question."""
    notions = [notions_of(fact) for fact in facts]
    known = Counter(notion for some in notions for notion in some)
    asked = notions_of(question)
    scores = [
        sum(log(1 + len(facts) / known[notion]) for notion in asked & some)
        # A short fact that fits is a better answer than a long one that does.
        - 0.01 * len(some)
        for some in notions
    ]
    ranked = sorted(zip(scores, facts, strict=True), key=lambda pair: -pair[0])
    fitting = [_spoken(fact, asked) for score, fact in ranked if score > 0.3]
    if not fitting:
        return None
    return fitting[0] if fitting[0] != before or len(fitting) == 1 else fitting[1]


def notions_of(text: str) -> set[str]:
    """Reduce a text to what it is about: stems and synonyms; Chinese, pairs."""
    words = [
        word
        for word in WORD.findall(text.lower().replace("how much", "howmuch"))
        if word not in STOPWORDS
    ]
    notions = {
        SYNONYMS.get(word) or SYNONYMS.get(_stem(word), _stem(word)) for word in words
    }
    for run in IDEOGRAPHS.findall(text):
        notions |= {run[n : n + 2] for n in range(len(run) - 1)}
        notions |= {notion for word, notion in SYNONYMS.items() if word in run}
    return notions - STOPWORDS


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "ed", "s", "'s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word


def _spoken(fact: str, asked: set[str]) -> str:
    """
    Put a fact as an answer: two sentences at most, from the one that fits best.

    If its label is what was asked for, it begins at the beginning.
    """
    plain = FAQ.sub("", fact.replace("**", "")).strip()
    label = LABEL.match(plain)
    sentences = [text for text in SENTENCE_END.split(LABEL.sub("", plain)) if text]
    fit = [len(asked & notions_of(text)) for text in sentences]
    best = 0 if label and asked & notions_of(label[0]) else fit.index(max(fit))
    is_chinese = language_of(plain) == "zh"
    said = ("" if is_chinese else " ").join(sentences[best : best + 2])
    end = "。" if is_chinese else "."
    return said if said.endswith((".", "!", "?", "。", "！", "？")) else said + end


def _other_than(before: str, replies: Sequence[str]) -> str:
    return next((reply for reply in replies if reply != before), replies[0])


def _tool_output(text: str, language: str) -> str:
    try:
        value: Any = json.loads(text)
    except ValueError:
        value = text
    if isinstance(value, dict):
        for key in ("say", "message", "text", "error"):
            if isinstance(value.get(key), str):
                return str(value[key])
        value = ", ".join(f"{key} {item}" for key, item in value.items())
    return (
        f"我查到了：{value}。"
        if language == "zh"
        else f"Here is what I found: {value}."
    )
