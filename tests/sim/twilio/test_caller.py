"""Whole calls to a small bot over loopback, each a fraction of a second long."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.sim.twilio.bot import BEEP, TOKEN, Bot
from voicebot.errors import ConfigError
from voicebot.sim.twilio.agents import FarEnd
from voicebot.sim.twilio.caller import place_call
from voicebot.sim.twilio.misbehaviour import (
    BINARY,
    GARBAGE,
    OVERSIZED,
    Misbehaviour,
    Signing,
)
from voicebot.sim.twilio.report import CallReport, Outcome
from voicebot.sim.twilio.rest import TwilioRest
from voicebot.sim.twilio.script import HangUp, Keys, Say, Script, Step, Wait

ACCOUNT = "ACc9e4d7bf209deee415fd458af404eeb9"
SHORTLY = (Wait(100), HangUp())
PATIENT = Wait(9000)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with Bot().running() as running:
        running.documents["/voice"] = running.connect()
        yield running


async def call(
    bot: Bot, *steps: Step, wrong: dict[str, Any] | None = None, **options: Any
) -> CallReport:
    return await place_call(
        voice_url=f"{bot.url}/voice",
        auth_token=TOKEN,
        account_sid=ACCOUNT,
        from_number="+15550100123",
        to_number="+15550100777",
        script=Script(steps or SHORTLY),
        misbehave=Misbehaviour(**wrong) if wrong else None,
        **options,
    )


async def test_a_call_from_the_greeting_to_the_hang_up(bot: Bot) -> None:
    events = []
    report = await call(
        bot,
        Say(BEEP, "hello", wait_quiet_ms=100),
        Keys("5"),
        HangUp(),
        on_event=lambda kind, at_s, detail: events.append((kind, detail)),
        status_url=f"{bot.url}/status",
    )
    assert (report.outcome, report.ended_by) == (Outcome.COMPLETED, "caller")
    assert bot.unsigned == []
    assert report.warnings == []
    assert [event for event in bot.events() if event != "media"] == [
        "connected",
        "start",
        "mark",
        "dtmf",
        "stop",
    ]
    assert report.greeting_delay_s is not None
    assert [turn.label for turn in report.turns] == ["hello"]
    assert BEEP in bytes(report.tape.bot)
    assert BEEP in bytes(report.tape.caller)
    tally = report.tally
    assert (tally.marks_sent, tally.marks_played, tally.marks_cleared) == (1, 1, 0)
    assert {kind for kind, _ in events} == {
        "dialled",
        "answered",
        "stream_started",
        "bot_audible",
        "caller_speaks",
        "caller_stops",
        "dtmf",
        "ended",
    }
    assert ("caller_speaks", "hello") in events
    paths = [path for path, _ in bot.forms]
    assert paths == ["/voice", "/stream", "/stream", "/status"]
    stream = [form["StreamEvent"] for path, form in bot.forms if path == "/stream"]
    assert stream == ["stream-started", "stream-stopped"]
    last = bot.forms[-1][1]
    assert last["CallStatus"] == "completed"
    assert last["CallDuration"].isdecimal()
    assert report.summary()["marks"] == {"sent": 1, "played": 1, "cleared": 0}


async def test_the_requests_look_like_twilios(bot: Bot) -> None:
    report = await call(bot)
    voice, *_ = (headers for path, headers in bot.headers if path == "/voice")
    assert voice["User-Agent"] == "TwilioProxy/1.1"
    assert voice["I-Twilio-Idempotency-Token"]
    _, form = bot.forms[0]
    assert form["CallStatus"] == "ringing"
    assert form["CallSid"] == report.call_sid
    assert form["FromCity"] == ""
    assert "UnannouncedParameter" in form
    (media,) = (headers for path, headers in bot.headers if path == "/media")
    assert media["User-Agent"] == "Twilio.TmeWs/1.0"
    assert "x-twilio-signature" in media
    for absent in ("Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"):
        assert absent not in media
    start: Any = bot.heard[1]
    assert start["start"]["customParameters"] == {"a": "b"}
    assert start["start"]["callSid"] == report.call_sid


async def test_a_public_name_is_signed_while_loopback_is_dialled(bot: Bot) -> None:
    bot.public = "https://voice.example.com"
    bot.documents["/voice"] = bot.connect(attributes="action='/after'")
    bot.closes_after = 3
    report = await call(bot, PATIENT, public_url="https://voice.example.com")
    assert bot.unsigned == []
    assert report.http_status("upgrade") == 101
    assert report.http_status("action") == 200
    assert report.tally.stream_urls == ["wss://voice.example.com/media"]
    hosts = {headers["Host"] for _, headers in bot.headers}
    assert hosts == {"voice.example.com"}


async def test_what_the_action_says_is_run_when_the_bot_closes(bot: Bot) -> None:
    bot.documents["/voice"] = bot.connect(attributes="action='/after'")
    bot.documents["/after"] = "<Response><Say>Bye.</Say><Hangup/></Response>"
    bot.closes_after = 3
    report = await call(bot, PATIENT)
    assert (report.ended_by, report.ending) == ("bot", "<Hangup>")
    assert report.tally.said == ["Bye."]
    after = next(form for path, form in bot.forms if path == "/after")
    assert after["CallStatus"] == "in-progress"


async def test_without_an_action_the_next_verb_runs_and_then_the_call_ends(
    bot: Bot,
) -> None:
    tail = "<Say>Sorry.</Say></Response>"
    bot.documents["/voice"] = bot.connect().replace("</Response>", tail)
    bot.closes_after, bot.close_code = 3, 1011
    report = await call(bot, PATIENT)
    assert report.tally.said == ["Sorry."]
    assert report.ended_by == "twilio"
    assert [warning.code for warning in report.warnings] == [31921]
    errors = [form.get("StreamError") for path, form in bot.forms if path == "/stream"]
    assert errors == [None, "31921 - Stream - WebSocket - Close, code 1011"]


async def test_the_script_goes_on_in_a_second_stream(bot: Bot) -> None:
    bot.documents["/voice"] = bot.connect(attributes="action='/after'")
    bot.documents["/after"] = bot.connect()
    bot.closes_after = 5
    report = await call(bot, Wait(40), Keys("1"), Wait(80), Keys("2"), PATIENT)
    assert len(report.tally.stream_sids) == 2
    assert report.ended_by == "twilio"
    keys = [said["dtmf"] for said in bot.heard if said["event"] == "dtmf"]
    assert keys == [{"track": "inbound_track", "digit": key} for key in "12"]


@pytest.mark.parametrize(
    ("twiml", "outcome", "ending"),
    [
        ("<Response><Reject reason='busy'/></Response>", "rejected", "<Reject busy>"),
        ("<Response><Reject/></Response>", "rejected", "<Reject rejected>"),
        ("Hello", "refused", "voice: TwiML error 12100"),
        ("<Response/>", "completed", "no TwiML was left to run"),
        ("<Response><Redirect>voice</Redirect></Response>", "broken", "50 documents"),
    ],
)
async def test_documents_that_end_a_call(
    bot: Bot, twiml: str, outcome: str, ending: str
) -> None:
    bot.documents["/voice"] = twiml
    report = await call(bot)
    assert report.outcome == outcome
    assert ending in report.ending


async def test_a_failing_webhook_refuses_and_a_later_one_breaks_the_call(
    bot: Bot,
) -> None:
    bot.statuses["/voice"] = 503
    report = await call(bot)
    assert report.outcome is Outcome.REFUSED
    assert report.ending == "11200: voice webhook: HTTP 503"
    bot.statuses = {"/after": 500}
    bot.documents["/voice"] = bot.connect(attributes="action='/after'")
    bot.closes_after = 1
    assert (await call(bot, PATIENT)).outcome is Outcome.BROKEN


async def test_nobody_listens() -> None:
    report = await call(_nowhere())
    assert report.outcome is Outcome.REFUSED
    assert report.http_status("voice") == 0
    assert "11205" in report.ending


async def test_a_stream_nobody_serves_goes_on_to_the_action(bot: Bot) -> None:
    text = bot.connect(attributes="action='/after'")
    bot.documents["/voice"] = text.replace(bot.url[7:], "127.0.0.1:9")
    report = await call(bot)
    assert report.http_status("upgrade") == 0
    assert [warning.code for warning in report.warnings] == [31902]
    assert report.http_status("action") == 200


async def test_a_stream_url_that_twilio_refuses_is_reported_to_the_bot(
    bot: Bot,
) -> None:
    bot.documents["/voice"] = bot.connect("/media?token=1")
    await call(bot)
    (form,) = (form for path, form in bot.forms if path == "/stream")
    assert form["StreamError"].startswith("31920")


async def test_redirects_and_dials_ask_for_more(bot: Bot) -> None:
    bot.documents["/voice"] = (
        "<Response><Redirect method='GET'>next?x=1</Redirect></Response>"
    )
    bot.documents["/next"] = (
        "<Response><Dial action='/dialled'>+15550100999</Dial></Response>"
    )
    bot.documents["/dialled"] = "<Response><Dial>+15550100998</Dial></Response>"
    report = await call(bot, far_ends={"+15550100999": FarEnd("no-answer")})
    assert report.tally.dialled == ["+15550100999", "+15550100998"]
    assert bot.unsigned == []
    form = next(form for path, form in bot.forms if path == "/dialled")
    assert form["DialCallStatus"] == "no-answer"


@pytest.mark.parametrize("signing", [Signing.WRONG, Signing.MISSING, Signing.SLASH])
async def test_an_upgrade_signed_otherwise_is_the_bots_to_refuse(
    bot: Bot, signing: Signing
) -> None:
    report = await call(bot, wrong={"upgrade": signing})
    assert report.http_status("upgrade") == 403
    assert [warning.code for warning in report.warnings] == [31920]


async def test_a_webhook_signed_wrongly_or_not_at_all(bot: Bot) -> None:
    await call(bot, wrong={"webhook": Signing.WRONG})
    await call(bot, wrong={"webhook": Signing.MISSING})
    assert bot.unsigned.count("/voice") == 2


async def test_a_peer_that_is_not_what_it_says(bot: Bot) -> None:
    wrong = {
        "start_call_sid": "CA0",
        "duplicate_start": True,
        "inject": (BINARY, GARBAGE),
        "at_ms": 20,
        "closes_without_stop": True,
    }
    await call(bot, wrong=wrong)
    start: Any = bot.heard[1]
    assert start["start"]["callSid"] == "CA0"
    assert bot.events().count("start") == 2
    assert {"binary", "garbage"} <= {*bot.events()}
    assert "stop" not in bot.events()


async def test_a_peer_that_leaves_the_closing_to_the_bot(bot: Bot) -> None:
    bot.closes_on_stop = True
    report = await call(bot, wrong={"stops_without_close": True})
    assert report.ended_by == "caller"
    assert bot.events()[-1] == "stop"
    assert report.duration_s < 5


async def test_a_bot_that_resets_the_connection(bot: Bot) -> None:
    bot.resets_after = 3
    report = await call(bot, PATIENT)
    assert [warning.code for warning in report.warnings] == [31921]
    assert report.ended_by == "twilio"


async def test_an_oversized_frame_makes_the_bot_close(bot: Bot) -> None:
    report = await call(bot, PATIENT, wrong={"inject": (OVERSIZED,), "at_ms": 20})
    assert [warning.code for warning in report.warnings] == [31921]


async def test_a_stream_url_of_another_call_can_be_dialled(bot: Bot) -> None:
    report = await call(bot, wrong={"stream_url": f"ws{bot.url[4:]}/used"})
    assert report.http_status("upgrade") == 200  # its answer, and no switch to 101


async def test_a_call_without_end_is_ended(bot: Bot) -> None:
    report = await call(bot, Wait(60_000), max_call_s=0.2)
    assert (report.outcome, report.ended_by) == (Outcome.TOO_LONG, "twilio")
    assert report.tally.stream_sids
    assert report.tape.frames


async def test_a_caller_without_an_answer_gives_up(bot: Bot) -> None:
    bot.greeting = []
    report = await call(bot, Say(BEEP, "hello", timeout_ms=100))
    assert (report.outcome, report.ended_by) == (Outcome.GAVE_UP, "caller")
    assert report.ending == "step 1: waited 100 ms for the bot to speak"
    assert report.greeting_delay_s is None


async def test_only_this_machine_is_called(bot: Bot) -> None:
    with pytest.raises(ConfigError, match="calls only this machine"):
        await place_call(
            voice_url="https://voice.example.com/voice",
            auth_token=TOKEN,
            account_sid=ACCOUNT,
            from_number="",
            to_number="",
            script=Script([]),
        )
    bot.documents["/voice"] = (
        "<Response><Redirect>https://example.com/</Redirect></Response>"
    )
    with pytest.raises(ConfigError, match="calls only this machine"):
        await call(bot)
    bot.documents["/voice"] = bot.connect().replace("/stream", "https://example.com/")
    with pytest.raises(ConfigError, match="calls only this machine"):
        await call(bot)


class Updater:
    """Sends a REST request as soon as the stream has started."""

    def __init__(self, rest: TwilioRest, bot: Bot, **form: str) -> None:
        self.rest, self.bot, self.form = rest, bot, form
        self.task: asyncio.Task[int] | None = None

    def __call__(self, kind: str, at_s: float, detail: str) -> None:
        if kind == "bot_audible":
            self.task = asyncio.create_task(self.update())

    async def update(self) -> int:
        call_sid = self.bot.forms[0][1]["CallSid"]
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{call_sid}.json"
        auth = aiohttp.encode_basic_auth(ACCOUNT, TOKEN)
        async with (
            aiohttp.ClientSession(headers={"Authorization": auth}) as http,
            http.post(self.rest.api_url + path, data=self.form) as answer,
        ):
            return answer.status


async def test_a_hang_up_by_rest_ends_the_call(bot: Bot) -> None:
    async with TwilioRest(ACCOUNT, TOKEN).running() as rest:
        updater = Updater(rest, bot, Status="completed")
        report = await call(bot, PATIENT, rest=rest, on_event=updater)
        assert updater.task is not None
        assert await updater.task == 200
        assert await updater.update() == 400  # it isn't in progress any more
    assert (report.outcome, report.ended_by) == (Outcome.COMPLETED, "rest")
    assert bot.events()[-1] == "stop"
    assert bot.closed_with == 1000


async def test_an_update_by_rest_leaves_the_stream_and_runs_the_new_twiml(
    bot: Bot,
) -> None:
    bot.documents["/voice"] = bot.connect(attributes="action='/after'")
    async with TwilioRest(ACCOUNT, TOKEN).running() as rest:
        twiml = "<Response><Dial>+15550100999</Dial></Response>"
        updater = Updater(rest, bot, Twiml=twiml)
        report = await call(bot, PATIENT, rest=rest, on_event=updater)
        assert report.tally.dialled == ["+15550100999"]
        assert report.http_status("action") is None
        updater = Updater(rest, bot, Url=f"{bot.url}/next")
        bot.forms.clear()
        report = await call(bot, PATIENT, rest=rest, on_event=updater)
        assert report.http_status("update") == 200


async def test_an_update_cuts_a_pause_short(bot: Bot) -> None:
    bot.documents["/voice"] = (
        "<Response><Pause length='0'/><Pause length='30'/></Response>"
    )
    async with TwilioRest(ACCOUNT, TOKEN).running() as rest:
        updater = Updater(rest, bot, Status="completed")

        def answered(kind: str, at_s: float, detail: str) -> None:
            updater("bot_audible" if kind == "answered" else "", at_s, detail)

        report = await call(bot, rest=rest, on_event=answered)
    assert report.ended_by == "rest"


async def test_what_fails_while_the_stream_runs_is_raised_to_who_called(
    bot: Bot,
) -> None:
    def look(kind: str, at_s: float, detail: str) -> None:
        if kind == "bot_audible":
            raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await call(bot, PATIENT, on_event=look)


def _nowhere() -> Bot:
    bot = Bot()
    bot.url = "http://127.0.0.1:9"
    return bot
