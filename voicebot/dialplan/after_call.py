"""What a persona's `after_call` says: who is told of a call that is over."""

import re
from typing import Annotated, Final, Literal

from pydantic import Field

from voicebot.dialplan.section import Section
from voicebot.dialplan.values import word

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
        tuple[Literal["numbers", "words"], ...], Field(max_length=2)
    ] = ()
    """What is private and told all the same: both phone `numbers`, and the `words` of
    both sides."""


class AfterCall(Section):
    """What is done when a call is over."""

    deliver: Annotated[tuple[Webhook, ...], Field(max_length=5)] = ()
    """Who is told of it. See [After a call](after-call.md)."""
