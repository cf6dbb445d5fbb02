"""What a check comes to."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Part(StrEnum):
    """What can be checked apart from the rest."""

    ACCOUNT = "account"  # does the key open anything, and which ledger pays
    REALTIME = "realtime"
    CHAT = "chat"
    SPEECH = "speech"
    ASR = "asr"
    VOICES = "voices"
    TWILIO = "twilio"  # the account and its numbers
    PUBLIC = "public"  # our own address, as Twilio sees it


STEPFUN: Final = (
    Part.ACCOUNT,
    Part.REALTIME,
    Part.CHAT,
    Part.SPEECH,
    Part.ASR,
    Part.VOICES,
)
"""What is asked of StepFun."""


class Verdict(StrEnum):
    HOLDS = "ok"
    TOLD = "told"  # the documents say so; it isn't measured
    DIFFERS = "differs"  # otherwise than the documents say: calls cope
    FAILS = "fails"  # calls fail or suffer: there is something to do
    UNKNOWN = "unknown"  # it couldn't be checked


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    part: Part
    what: str
    verdict: Verdict
    says: str
    todo: str = ""


# Exit codes. 2 is a wrong command line.
ALL_WELL: Final = 0
SOMETHING_FAILS: Final = 1
NOT_ALL_CHECKED: Final = 3


def exit_code(findings: Iterable[Finding]) -> int:
    verdicts = {finding.verdict for finding in findings}
    if Verdict.FAILS in verdicts:
        return SOMETHING_FAILS
    return NOT_ALL_CHECKED if Verdict.UNKNOWN in verdicts else ALL_WELL
