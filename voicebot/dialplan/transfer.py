"""How a call is put through to somebody else."""

from typing import Annotated, Final

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.actions import Action
from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Line, Speech

ANNOUNCE: Final = {
    "en": "One moment please, I'm putting you through.",
    "zh": "好的，马上为您转接，请稍候。",
    "ja": "はい、おつなぎします。少々お待ちください。",
    "es": "Un momento, por favor, le paso la llamada.",
    "fr": "Un instant, je vous mets en relation.",
    "de": "Einen Moment bitte, ich verbinde Sie.",
}
# Each needs a meaning of its own: an "ok" or a "好的" stops nothing.
ABORT_WORDS: Final = {
    "en": ("never mind", "don't transfer", "no wait", "wait", "cancel", "stop"),
    "zh": ("不用了", "不要转", "别转", "算了", "等一下", "等等", "取消"),
    "ja": ("やめて", "待って", "結構です", "キャンセル"),
    "es": ("espere", "espera", "no me pase", "cancele", "déjelo"),
    "fr": ("attendez", "laissez tomber", "annulez", "non merci"),
    "de": ("warten sie", "moment mal", "abbrechen", "doch nicht", "lieber nicht"),
}


class OnFail(Section):
    """What a caller gets who comes back because nobody took the call."""

    say: Speech | None = None
    """Said instead of the greeting."""

    do: Action | None = None
    """Done when that was heard; no transfer."""

    @model_validator(mode="after")
    def _is_something(self) -> "OnFail":
        if self.say is None and self.do is None:
            raise PydanticCustomError("on_fail", "expected say, do, or both")
        return self


class Transfer(Section):
    """What is said, and what stops it, whoever asked for it."""

    announce: Speech | None = None
    """What the caller hears first."""

    abort_words: Annotated[tuple[Line, ...], Field(max_length=50)] | None = None
    """Phrases by which the caller stops it before it is done."""

    on_fail: OnFail | None = None
    """When nobody took the call and the target's `fallback` is `persona`; without it,
    the greeting."""


def announcement(transfer: Transfer, language: str) -> str:
    """Return what the caller hears before the call is put through."""
    return transfer.announce or ANNOUNCE.get(_primary(language), ANNOUNCE["en"])


def abort_words(transfer: Transfer, language: str) -> tuple[str, ...]:
    """Return the phrases that stop it; English ones where we know no others."""
    if transfer.abort_words is not None:
        return transfer.abort_words
    return ABORT_WORDS.get(_primary(language), ABORT_WORDS["en"])


def _primary(language: str) -> str:
    return language.partition("-")[0].lower()
