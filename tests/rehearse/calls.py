"""Rehearsed calls of a small persona."""

from typing import Any

from tests.dialplan.plans import persona
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.testing import CallTest, Expectation
from voicebot.rehearse.call import RehearsedCall
from voicebot.rehearse.expect import Facts, Miss, judge

GREETING = "Hello, this is the desk."
LONG = (
    "First unplug the main unit for thirty seconds, then plug it in again, and wait "
    "until the green light stops blinking."
)
ASKS: list[dict[str, Any]] = [{"say": "What can I do?"}]
INTERRUPTS = [*ASKS, {"barge_in": {"at": "+1500ms", "say": "Hold on, it is on fire"}}]
LISTENS = [*ASKS, {"backchannel": "okay", "at": "+1500ms"}]


def desk(**given: object) -> Persona:
    """Says hello, and knows English backchannel."""
    said: dict[str, object] = {
        "greeting": {"text": GREETING},
        "goodbye": {"text": "Thank you and goodbye."},
        "apology": {"text": "I am sorry, there is a fault."},
    }
    return persona(**said | given)


def scenario(
    caller: list[dict[str, Any]], expect: dict[str, Any] | None = None, **given: object
) -> CallTest:
    lines = {"model": [{"say": LONG}, {"say": "Then please leave the room."}], **given}
    wanted = [expect or {"heard": "x"}]
    return CallTest.model_validate(
        {"name": "a call", "caller": caller, "expect": wanted, **lines}
    )


def made(test: CallTest, who: Persona | None = None) -> Facts:
    return Facts(RehearsedCall(who or desk(), test).run())


def missed(test: CallTest, who: Persona | None = None) -> Miss | None:
    return judge(test.expect[0], made(test, who))


def judged(facts: Facts, wanted: dict[str, Any]) -> Miss | None:
    return judge(Expectation.model_validate(wanted), facts)
