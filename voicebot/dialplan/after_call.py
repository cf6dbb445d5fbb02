"""What a persona's `after_call` says: who is told of a call that is over."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Flag, Label, Line, word

ADDRESS: Final = re.compile(
    r"https://[A-Za-z0-9.-]{1,253}(?::[0-9]{2,5})?(?:/[!-~]{0,400})?"
    r"|http://(?:localhost|127\.0\.0\.1)(?::[0-9]{2,5})?(?:/[!-~]{0,400})?"
)


class Webhook(Section):
    """Somebody who is told, by a signed POST."""

    webhook: Annotated[
        str, word(ADDRESS, "an https:// address (http:// only to this machine)")
    ]
    """Where to."""

    include: Annotated[
        tuple[Literal["numbers", "words", "review"], ...], Field(max_length=3)
    ] = ()
    """What is private and told all the same: both phone `numbers`, the `words` of
    both sides, and the `review` of it."""


class Wanted(Section):
    """Something that is to be found out about a call."""

    type: Literal["text", "number", "bool"] = "text"
    """What it is."""

    about: Line | None = None
    """What it is, in words: for the model that looks for it."""

    one_of: Annotated[tuple[Line, ...], Field(max_length=50)] = ()
    """What it may be; texts only."""

    @model_validator(mode="before")
    @classmethod
    def _may_be_a_word(cls, given: Any) -> Any:
        return {"type": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _chooses_texts(self) -> "Wanted":
        if self.one_of and self.type != "text":
            raise PydanticCustomError("wanted", "expected one_of only with type: text")
        return self


def _unreserved(given: dict[str, Wanted]) -> dict[str, Wanted]:
    if taken := {"summary", "disposition"} & given.keys():
        message = "expected another name than {name}"
        raise PydanticCustomError("wanted", message, {"name": min(taken)})
    return given


class AfterCall(Section):
    """What is done when a call is over."""

    transcribe: Flag = False
    """Whether what has no words yet gets some (`stepaudio-2.5-asr`): messages that the
    caller left, and turns of theirs that were recorded."""

    summary: Flag = False
    """Whether a chat model (`stepaudio-2.5-chat`) sums the call up."""

    dispositions: Annotated[tuple[Label, ...], Field(max_length=50)] = ()
    """What may have become of a call: the same model says which."""

    extract: Annotated[
        dict[Label, Wanted], Field(max_length=30), AfterValidator(_unreserved)
    ] = {}
    """What it is to find in the call besides: names, and `text`, `number` or `bool`."""

    deliver: Annotated[tuple[Webhook, ...], Field(max_length=5)] = ()
    """Who is told of it. See [After a call](after-call.md)."""

    @property
    def is_reviewed(self) -> bool:
        """Whether a model is asked anything about it."""
        return bool(self.summary or self.dispositions or self.extract)
