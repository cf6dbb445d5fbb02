"""What of a call is recorded, with whose consent, and how long that is kept."""

import re
from typing import Annotated, Final, Literal

from pydantic import Field

from voicebot.dialplan.section import Section
from voicebot.dialplan.values import Line, Speech, word

DAYS: Final = re.compile(r"[1-9][0-9]{0,3}d")
KEPT: Final = "days from 1d to 9999d"

# Of which the caller must know before the first byte is stored.
TOLD: Final = ("announce", "ask")


class Recording(Section):
    """Whether calls are recorded."""

    mode: Literal["never", "announce", "ask", "always"] = "never"
    """`announce`: once the caller has heard `consent`; `ask`: once they said yes to it,
    or pressed 1; `always`: from the first moment, for who has consent otherwise."""

    consent: Speech | None = None
    """Said first of all, before the greeting; nothing interrupts it (`announce`, where
    it tells, and `ask`, where it asks)."""

    withdraw: Annotated[tuple[Line, ...], Field(max_length=50)] = ()
    """Words that end the recording, beside the usual ones (`announce`, `ask`)."""

    retention: Annotated[str, word(DAYS, KEPT)] | None = None
    """Recordings are erased so long after the call; none: as the settings say."""

    @property
    def keep_days(self) -> int | None:
        return None if self.retention is None else int(self.retention[:-1])
