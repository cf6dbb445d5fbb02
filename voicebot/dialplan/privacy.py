"""What is kept of what was said in a call."""

from typing import Annotated, Final, Literal

from pydantic import Field

from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Label

PRIVATE_KINDS: Final = ("phone", "id_card", "bank_card", "email", "code", "digits")
"""What can be found in words by itself; any other name is a variable's."""


class Privacy(Section):
    """What the call log keeps of the words."""

    store: Literal["all", "no_pii", "metadata"] = "no_pii"
    """Of words: all of them; all but what `redact` names; or none, only who spoke when.
    """

    redact: Annotated[tuple[Label, ...], Field(max_length=50)] = (
        *("phone", "id_card", "bank_card", "email", "code"),
    )
    """What is masked in transcripts and silenced in recordings: `phone`, `id_card`,
    `bank_card`, `email`, `code` (after words such as *PIN*), which are the default;
    `digits` (any five and more), and variables. Those that are `sensitive` always
    are."""
