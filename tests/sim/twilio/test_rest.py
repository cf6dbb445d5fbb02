"""Requests as a bot makes them, against the server alone."""

import aiohttp
import pytest

from voicebot.sim.twilio.rest import TwilioRest
from voicebot.sim.twilio.socket import Complete, Order, Update
from voicebot.sim.twilio.twiml import Callback

ACCOUNT = "AC1"
PATH = "/2010-04-01/Accounts/{}/Calls/{}.json"
COMPLETED = {"Status": "completed"}


class Call:
    """A live call that remembers its orders."""

    def __init__(self) -> None:
        self.in_progress = True
        self.orders: list[Order] = []

    async def obey(self, order: Order) -> None:
        self.orders.append(order)


async def post(
    rest: TwilioRest,
    form: dict[str, str],
    call: str = "CA1",
    account: str = ACCOUNT,
    login: tuple[str, str] | None = (ACCOUNT, "token"),
) -> tuple[int, int | None]:
    """Make a request; return the status and Twilio's error code."""
    headers = {"Authorization": aiohttp.encode_basic_auth(*login)} if login else {}
    url = rest.api_url + PATH.format(account, call)
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(url, data=form) as answer,
    ):
        return answer.status, (await answer.json()).get("code")


async def test_orders_reach_the_call() -> None:
    call = Call()
    rest = TwilioRest(ACCOUNT, "token", api_keys=[("SK1", "secret")])
    async with rest.running():
        with rest.registered("CA1", call):
            assert await post(rest, COMPLETED) == (200, None)
            assert await post(rest, {"Url": "http://h/"}) == (200, None)
            login = ("SK1", "secret")
            assert await post(rest, {"Twiml": "<x/>"}, login=login) == (200, None)
            assert await post(rest, {"Foo": "1"}) == (400, 20001)
    assert call.orders == [Complete(), Update(Callback("http://h/")), Update("<x/>")]
    assert rest.requests[0] == ("CA1", COMPLETED, 200)


async def test_a_call_that_is_over_or_never_was() -> None:
    rest = TwilioRest(ACCOUNT, "token")
    async with rest.running():
        assert await post(rest, COMPLETED) == (404, 20404)
        with rest.registered("CA1", Call()):
            assert await post(rest, COMPLETED, account="AC2") == (404, 20404)
        assert await post(rest, COMPLETED) == (400, 21220)


@pytest.mark.parametrize("login", [None, (ACCOUNT, "wrong"), ("AC2", "token")])
async def test_a_wrong_login(login: tuple[str, str] | None) -> None:
    async with TwilioRest(ACCOUNT, "token").running() as rest:
        assert await post(rest, COMPLETED, login=login) == (401, 20003)


async def test_the_first_answers_can_be_failures() -> None:
    rest = TwilioRest(ACCOUNT, "token", failures=[500, 429])
    async with rest.running():
        with rest.registered("CA1", Call()):
            answers = [await post(rest, COMPLETED) for _ in range(3)]
    assert answers == [(500, 20500), (429, 20429), (200, None)]


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ({}, (400, 20001)),
        ({"Status": "canceled"}, (400, 20001)),
        ({"Status": "in-progress"}, (400, 20001)),
        ({"Status": "completed", "Twiml": "<Response/>"}, (400, 20001)),
        ({"Twiml": "<Response/>", "Url": "https://h/"}, (400, 20001)),
        ({"Twiml": ""}, (400, 20001)),
        ({"Twiml": "x" * 4000}, (200, None)),
        ({"Twiml": "x" * 4001}, (400, 20001)),
        ({"Url": "/next"}, (400, 21205)),
        ({"Url": "https://h/", "Method": "PUT"}, (400, 20001)),
        ({"Url": "https://h/", "Method": "GET", "TimeLimit": "9"}, (200, None)),
        ({"Status": "completed", "Reason": "x"}, (400, 20001)),
    ],
)
async def test_an_update_is_read_as_strictly_as_it_is_documented(
    form: dict[str, str], answer: tuple[int, int | None]
) -> None:
    call = Call()
    rest = TwilioRest(ACCOUNT, "token")
    async with rest.running():
        with rest.registered("CA1", call):
            assert await post(rest, form) == answer
    assert len(call.orders) == (answer[0] == 200)


TEXT = {"From": "+12025550100", "To": "+12025550199", "Body": "Hello."}


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({}, (201, None)),
        ({"From": "", "MessagingServiceSid": "MG1"}, (201, None)),
        ({"To": "anonymous"}, (400, 21211)),
        ({"From": "front desk"}, (400, 21212)),
        ({"From": ""}, (400, 21603)),
        ({"Body": ""}, (400, 21602)),
        ({"Body": "x" * 1601}, (400, 21617)),
        ({"Text": "Hello."}, (400, 20001)),
        ({"To": "+12025550161"}, (400, 21610)),
        ({"To": "+12025550129"}, (429, 20429)),
    ],
)
async def test_a_text_message_is_taken_or_refused(
    change: dict[str, str], answer: tuple[int, int | None]
) -> None:
    rest = TwilioRest(ACCOUNT, "token")
    rest.unreachable = {"+12025550161": 21610, "+12025550129": 20429}
    form = {name: value for name, value in (TEXT | change).items() if value}
    login = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, "token")}
    async with rest.running(), aiohttp.ClientSession() as http:
        url = f"{rest.api_url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        async with http.post(url, data=form, headers=login) as got:
            assert (got.status, (await got.json()).get("code")) == answer
        async with http.post(url, data=form) as got:
            assert got.status == 401
    assert rest.messages == ([form] if answer[0] == 201 else [])


async def test_a_recording_is_there_or_not() -> None:
    rest = TwilioRest(ACCOUNT, "token")
    rest.recordings["RE1"] = b"RIFF"
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, "token")}
    async with rest.running(), aiohttp.ClientSession() as http:
        url = f"{rest.api_url}/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE"
        async with http.get(f"{url}1.wav", headers=headers) as answer:
            assert (answer.status, await answer.read()) == (200, b"RIFF")
        async with http.get(f"{url}2.wav", headers=headers) as answer:
            assert answer.status == 404
        async with http.get(f"{url}1.wav") as answer:
            assert answer.status == 401
