"""Calls that ask for a route."""

from datetime import UTC, datetime

from voicebot.dialplan.calls import CallFacts
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.routing import Decision, choose

MAIN, HOTEL, CALLER = "+12025550100", "+12025550120", "+442079460000"
NOW = datetime(2027, 3, 1, 8, tzinfo=UTC)  # a Monday, in Shanghai at 16:00


def routed(
    plan: Dialplan, to: str = MAIN, from_: str = CALLER, at: datetime = NOW
) -> Decision:
    return choose(plan, CallFacts(to, from_, at, call_sid="CA1"))
