"""Text messages of calls, to a simulated Twilio over a real socket."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import ClientSession

from tests.canary import CALLER
from voicebot.flow.model import Input, SendSms, SmsOver
from voicebot.net import twilio
from voicebot.runtime.forward import Origin, Target
from voicebot.runtime.texting import Texting, has_number, number_of
from voicebot.sim.twilio.rest import TwilioRest

ACCOUNT = "AC" + "a" * 32
DESK = "+12025550130"

ORIGIN = Origin(
    "c1",
    "CA1",
    ACCOUNT,
    CALLER,
    "+12025550100",
    None,
    {"desk": Target("desk", DESK), "sip": Target("sip", None, "sip:a@example.com")},
)
HIDDEN = replace(ORIGIN, caller="anonymous")
TEXT = SendSms(7, "way", "The way.", "caller")


@pytest.fixture
async def twilio_rest() -> AsyncIterator[TwilioRest]:
    async with TwilioRest(ACCOUNT, "token").running() as rest:
        yield rest


async def outcome(
    rest: TwilioRest,
    order: SendSms = TEXT,
    origin: Origin = ORIGIN,
    service: str | None = None,
) -> Input:
    told: list[Input] = []
    async with ClientSession() as http:
        client = twilio.TwilioRest(http, rest.api_url, ACCOUNT, "token")
        texting = Texting(client, service)
        texting.send(origin, order, told.append)
        await texting.close()
        await texting.close()  # there is nothing left to wait for
    (over,) = told
    return over


async def test_a_caller_gets_it_from_the_number_that_they_called(
    twilio_rest: TwilioRest,
) -> None:
    assert await outcome(twilio_rest) == SmsOver(7, "way", "sent")
    assert twilio_rest.messages == [
        {"From": "+12025550100", "To": CALLER, "Body": "The way."}
    ]


async def test_a_target_gets_it_from_a_messaging_service(
    twilio_rest: TwilioRest,
) -> None:
    service = "MG" + "1" * 32
    order = replace(TEXT, to="desk")
    assert await outcome(twilio_rest, order, HIDDEN, service) == SmsOver(
        7, "way", "sent"
    )
    assert twilio_rest.messages == [
        {"MessagingServiceSid": service, "To": DESK, "Body": "The way."}
    ]


async def test_who_has_no_number_gets_none(twilio_rest: TwilioRest) -> None:
    hidden = SmsOver(7, "way", "hidden")
    assert await outcome(twilio_rest, origin=HIDDEN) == hidden
    assert await outcome(twilio_rest, replace(TEXT, to="sip")) == hidden
    assert twilio_rest.messages == []


async def test_what_is_refused_is_told_and_not_tried_again(
    twilio_rest: TwilioRest,
) -> None:
    twilio_rest.unreachable = {CALLER: 21610}
    assert await outcome(twilio_rest) == SmsOver(7, "way", "unsubscribed")
    twilio_rest._failures.append(500)
    assert await outcome(twilio_rest) == SmsOver(7, "way", "failed")
    assert twilio_rest.messages == []


async def test_without_an_account_none_is_sent() -> None:
    told: list[Input] = []
    texting = Texting(None, None)
    texting.send(ORIGIN, TEXT, told.append)
    await texting.close()
    assert told == [SmsOver(7, "way", "failed")]


@pytest.mark.parametrize("caller", ["", "anonymous", "+", "sip:a@example.com", "123"])
def test_only_a_number_is_a_number(caller: str) -> None:
    origin = replace(ORIGIN, caller=caller)
    assert not has_number(origin)
    assert number_of(origin, "caller") is None
