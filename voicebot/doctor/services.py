"""What StepFun's other APIs answered, compared with what calls count on."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

import orjson

from voicebot.doctor.finding import Finding, Part, Verdict
from voicebot.errors import UpstreamError
from voicebot.stepfun.address import ledger
from voicebot.stepfun.advice import BASE, KEY, advice
from voicebot.stepfun.official_voices import OFFICIAL
from voicebot.stepfun.prices import CLONE_UCNY, told

HOLDS, TOLD, DIFFERS, FAILS, UNKNOWN = Verdict

RATE_HZ: Final = 8000
SENTENCE: Final = "The office is open from nine to five, on every day but Sunday."
SENTENCE_S: Final = (2.0, 8.0)
"""How long it takes to say it. At another rate it would seem a third, or three times
as long."""

WORD: Final = re.compile(r"[a-z]+")
ENOUGH_WORDS: Final = 0.7
"""Share of them by which a transcript is one of what was said."""

INSTRUCTIONS: Final = (
    "Answer with one JSON object that fits this JSON Schema, and with nothing else: "
    '{"type": "object", "properties": {"hours": {"type": "string"}}}'
)
QUESTION: Final = "We are open from nine to five."
FENCE: Final = re.compile(r"^```(?:json)?\s*|\s*```$")


@dataclass(slots=True)
class AccountSeen:
    """Whether the key opens a session."""

    refused: list[UpstreamError] = field(default_factory=list)
    """Upgrades that failed, in order."""

    opened: bool = False
    other_url: str | None = None
    """Base of the other ledger, if that was tried."""

    other_opened: bool = False


def judge_account(seen: AccountSeen, base_url: str) -> Finding:
    what, bills = "key", ledger(base_url) or "an unknown ledger"
    if not seen.opened and not seen.refused:
        return no_key(Part.ACCOUNT, what)
    if seen.opened and not seen.refused:
        says = f"opens a session; {bills} pays for it"
        return Finding(Part.ACCOUNT, what, HOLDS, says)
    if seen.opened:
        tries = len(seen.refused) + 1
        codes = ", ".join(error.detail for error in seen.refused)
        says = f"opens a session, at try {tries} ({codes}); {bills} pays for it"
        return Finding(Part.ACCOUNT, what, DIFFERS, says, "calls dial twice, too")
    says = advice(seen.refused[-1], base_url)
    todo = f"set {BASE}={seen.other_url}: there it opens" if seen.other_opened else ""
    return Finding(Part.ACCOUNT, what, FAILS, says, todo)


def no_key(part: Part, what: str) -> Finding:
    return Finding(part, what, UNKNOWN, "there is no key", f"set {KEY}")


def not_opened(part: Part, what: str) -> Finding:
    return Finding(part, what, UNKNOWN, "no session can be opened: see the account")


def failed(part: Part, what: str, error: UpstreamError, base_url: str) -> Finding:
    """Judge a refusal of something that calls need."""
    return Finding(part, what, FAILS, advice(error, base_url))


def absent(part: Part, what: str, error: UpstreamError, base_url: str) -> Finding:
    """Judge a refusal of something that no call needs."""
    if error.status in (402, 404):
        says = f"isn't on this channel (HTTP {error.status}); no call needs it"
        return Finding(part, what, DIFFERS, says)
    return failed(part, what, error, base_url)


def judge_chat(text: str, took_s: float) -> Finding:
    what = "answers in JSON"
    try:
        answer = orjson.loads(FENCE.sub("", text.strip()))
    except orjson.JSONDecodeError:
        answer = None
    if isinstance(answer, dict) and answer.get("hours"):
        return Finding(Part.CHAT, what, HOLDS, f"after {took_s:.2f} s")
    todo = "directors and reviews drop such answers: try again, or another model"
    return Finding(Part.CHAT, what, FAILS, "it answers in another form", todo)


def judge_speech(what: str, pcm16: bytes, took_s: float) -> Finding:
    """
    Args:
        pcm16: SENTENCE, asked for at RATE_HZ.
        took_s: until all of it was there.
    """
    low_s, high_s = SENTENCE_S
    length_s = len(pcm16) / 2 / RATE_HZ
    says = f"{length_s:.1f} s of speech at {RATE_HZ} Hz, after {took_s:.2f} s"
    if low_s <= length_s <= high_s:
        return Finding(Part.SPEECH, what, HOLDS, says)
    says += f"; {low_s:g} to {high_s:g} s would be that sentence"
    todo = "prompts sound wrong: is it another rate, or cut off?"
    return Finding(Part.SPEECH, what, FAILS, says, todo)


def judge_asr(words: str, text: str, took_s: float) -> Finding:
    """
    Args:
        words: what was said, at RATE_HZ.
        text: what was understood of it.
    """
    what = f"understands {RATE_HZ} Hz"
    wanted = WORD.findall(words.casefold())
    got = set(WORD.findall(text.casefold()))
    share = sum(word in got for word in wanted) / len(wanted)
    says = f"{share:.0%} of the words, after {took_s:.2f} s"
    if share >= ENOUGH_WORDS:
        return Finding(Part.ASR, what, HOLDS, says)
    todo = "messages are transcribed badly: tell voicebot's authors"
    return Finding(Part.ASR, what, FAILS, says, todo)


def judge_official(listed: Collection[str]) -> Finding:
    what = "official voices"
    new = sorted({*listed} - {each.voice for each in OFFICIAL})
    says = f"{len(listed)} are listed"
    if new:
        says += f", of which voicebot doesn't know {', '.join(new)}"
        return Finding(Part.VOICES, what, DIFFERS, says)
    return Finding(Part.VOICES, what, HOLDS, says)


def judge_cloned(count: int) -> Finding:
    return Finding(Part.VOICES, "cloned voices", HOLDS, f"{count} are listed")


def judge_preview(error: UpstreamError | None, base_url: str) -> Finding:
    """Judge how a preview of a recording is refused that isn't there."""
    if error is None or error.status == 400:
        says = "is there: what it refuses is a recording that isn't"
        return Finding(Part.VOICES, "preview", HOLDS, says)
    return absent(Part.VOICES, "preview", error, base_url)


def clone_not_tried() -> Finding:
    says = f"no voice is made, and nothing uploaded: that costs {told(CLONE_UCNY)}"
    return Finding(Part.VOICES, "clone", TOLD, says)
