"""
What the main process and its workers tell each other, one frozen dataclass a message.

The main process takes the webhooks, keeps the books and admits; a worker conducts
calls, from the model's dial to the last byte of a stream.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from voicebot.config import Settings
from voicebot.flow.budget import Amounts
from voicebot.flow.model import BudgetReached
from voicebot.runtime.live import Ticket
from voicebot.runtime.metrics import Sight
from voicebot.store.records import CallEnded, Record

# ---- to a worker -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Begin:
    """The first message: the settings of the server, whatever its files say by now."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class Prompt:
    """Rendered words, μ-law; None: they are said no more."""

    name: str
    ulaw: bytes | None


@dataclass(frozen=True, slots=True)
class Prepare:
    """A call was admitted: its stream comes in a moment."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Conduct:
    """Its stream is there: a connection comes along. Ends with `Over`."""

    ticket: Ticket
    token: str
    head: bytes
    """The request for the upgrade, which was read and not answered."""


@dataclass(frozen=True, slots=True)
class Forget:
    """A call that was prepared doesn't come."""

    call_id: str


@dataclass(frozen=True, slots=True)
class LedOn:
    """The answer to `LeadOn`: whether Twilio knows; None if there is nobody."""

    call_id: str
    told: bool | None


@dataclass(frozen=True, slots=True)
class Reached:
    """What a call has spent was too much for these."""

    call_id: str
    budgets: tuple[BudgetReached, ...]


@dataclass(frozen=True, slots=True)
class EndAll:
    """Time is up: every call says goodbye."""


@dataclass(frozen=True, slots=True)
class Finish:
    """No new calls come; exit when the last one is over."""


Order = Begin | Prompt | Prepare | Conduct | Forget | LedOn | Reached | EndAll | Finish

# ---- from a worker -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ready:
    """It can conduct calls."""


@dataclass(frozen=True, slots=True)
class Noted:
    """Something for the call log."""

    record: Record
    at: datetime


@dataclass(frozen=True, slots=True)
class Saw:
    """Something for the metrics."""

    sight: Sight


@dataclass(frozen=True, slots=True)
class Spent:
    """What a call took of its budgets since it told last."""

    call_id: str
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Writes:
    """A recording is being written, or no more."""

    path: Path
    is_live: bool


@dataclass(frozen=True, slots=True)
class LeadOn:
    """A call is to leave its stream."""

    call_id: str
    wanted: str
    values: Mapping[str, str]
    consented: bool


@dataclass(frozen=True, slots=True)
class Over:
    """A call's stream is over, or came to nothing."""

    call_id: str
    end: CallEnded


News = Ready | Noted | Saw | Spent | Writes | LeadOn | Over
