"""Calls that are put through, and messages that are left, each in a fraction of one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sim.twilio.bot import TOKEN, Bot
from tests.sim.twilio.test_caller import ACCOUNT, Updater, call
from voicebot.sim.twilio.agents import FarEnd
from voicebot.sim.twilio.mailbox import Message
from voicebot.sim.twilio.report import CallReport, Outcome
from voicebot.sim.twilio.rest import TwilioRest

NUMBER = "+15550100999"
DIAL = (
    "<Response><Dial action='/dialed' timeout='1' {}>"
    f"<Number url='/whisper'>{NUMBER}</Number></Dial></Response>"
)
RECORD = (
    "<Response><Record action='/recorded' timeout='1' maxLength='2' finishOnKey='#'"
    " recordingStatusCallback='/recording' transcribe='true'"
    " recordingStatusCallbackEvent='completed absent' {}/>"
    "<Say>Nothing was said.</Say></Response>"
)


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with Bot().running() as running:
        running.documents["/voice"] = DIAL.format("")
        running.documents["/whisper"] = "<Response><Say>A call.</Say></Response>"
        yield running


def posted(bot: Bot, path: str) -> list[dict[str, str]]:
    return [form for at, form in bot.forms if at == path]


@pytest.mark.parametrize(
    ("far", "status", "bridged", "whispered"),
    [
        (FarEnd(talks_s=0.6), "completed", "true", ["A call."]),
        (FarEnd("busy"), "busy", "false", []),
        (FarEnd("no-answer"), "no-answer", "false", []),
        (FarEnd("failed"), "failed", "false", []),
        (FarEnd(rings_s=9.0), "no-answer", "false", []),  # longer than we wait
    ],
)
async def test_the_action_is_told_what_came_of_it(
    bot: Bot, far: FarEnd, status: str, bridged: str, whispered: list[str]
) -> None:
    bot.documents["/dialed"] = "<Response><Say>And now?</Say></Response>"
    report = await call(bot, far_ends={NUMBER: far})
    (form,) = posted(bot, "/dialed")
    assert (form["DialCallStatus"], form["DialBridged"]) == (status, bridged)
    assert form.get("DialCallDuration") == ("1" if bridged == "true" else None)
    assert form["CallStatus"] == "in-progress"
    assert report.tally.whispered == whispered
    assert report.tally.said == ["And now?"]
    assert bot.unsigned == []


async def test_the_whisper_is_asked_for_by_the_other_leg(bot: Bot) -> None:
    bot.documents["/whisper"] = (
        "<Response><Pause/><Say>One.</Say><Say>Two.</Say></Response>"
    )
    report = await call(bot)
    (form,) = posted(bot, "/whisper")
    assert form["ParentCallSid"] == report.call_sid != form["CallSid"]
    assert form["CallSid"] == posted(bot, "/dialed")[0]["DialCallSid"]
    assert report.tally.whispered == ["One.", "Two."]


@pytest.mark.parametrize("whisper", ["<Response><Hangup/></Response>", "404"])
async def test_a_callee_can_be_gone_before_the_two_are_connected(
    bot: Bot, whisper: str
) -> None:
    bot.documents["/whisper"] = whisper
    if whisper == "404":
        bot.statuses["/whisper"] = 404
    await call(bot)
    (form,) = posted(bot, "/dialed")
    assert (form["DialCallStatus"], form["DialBridged"]) == ("completed", "false")


async def test_a_whisper_can_do_no_more_than_speak(bot: Bot) -> None:
    bot.documents["/whisper"] = DIAL.format("")
    report = await call(bot)
    assert report.outcome is Outcome.BROKEN
    assert "expected only <Say>" in report.ending


async def test_only_the_numbers_of_the_call_may_be_shown(bot: Bot) -> None:
    bot.documents["/voice"] = DIAL.format("callerId='+15550100555'")
    report = await call(bot)
    assert [warning.code for warning in report.warnings] == [13214]
    assert posted(bot, "/dialed")[0]["DialCallStatus"] == "failed"
    bot.documents["/voice"] = DIAL.format("callerId='+15550100777'")
    assert (await call(bot)).warnings == []


async def test_a_caller_can_leave_while_it_rings(bot: Bot) -> None:
    bot.documents["/dialed"] = "<Response><Say>Too late.</Say></Response>"
    report = await call(bot, far_ends={NUMBER: FarEnd("caller leaves")})
    (form,) = posted(bot, "/dialed")
    assert (form["DialCallStatus"], form["CallStatus"]) == ("canceled", "completed")
    assert report.tally.said == []
    assert report.ended_by == "caller"


@pytest.mark.parametrize("far", [FarEnd(rings_s=9.0), FarEnd(talks_s=9.0)])
async def test_an_update_ends_a_transfer(bot: Bot, far: FarEnd) -> None:
    async with TwilioRest(ACCOUNT, TOKEN).running() as rest:
        updater = Updater(rest, bot, Status="completed")

        def dialling(kind: str, at_s: float, detail: str) -> None:
            updater("bot_audible" if kind == "dialling" else "", at_s, detail)

        bot.documents["/voice"] = DIAL.replace("'1'", "'20'").format("")
        report = await call(bot, rest=rest, on_event=dialling, far_ends={NUMBER: far})
    assert report.ended_by == "rest"
    assert posted(bot, "/dialed") == []


async def leaves(bot: Bot, message: Message | None, **options: Any) -> CallReport:
    bot.documents["/voice"] = RECORD.format("transcribeCallback='/words'")
    bot.documents["/recorded"] = "<Response><Say>Thank you.</Say></Response>"
    return await call(bot, message=message, **options)


@pytest.mark.parametrize(
    ("message", "digits", "said"),
    [
        (Message(0.1, ends="#"), "#", ["Thank you."]),
        (Message(0.1, ends="5"), "", ["Thank you."]),  # a key that ends nothing
        (Message(0.1), "hangup", []),
        (Message(9.0), "", ["Thank you."]),  # longer than we take
    ],
)
async def test_a_message_is_recorded(
    bot: Bot, message: Message, digits: str, said: list[str]
) -> None:
    report = await leaves(bot, message)
    (form,) = posted(bot, "/recorded")
    assert form["Digits"] == digits
    assert "RecordingSid" not in form
    assert report.tally.said == said
    assert report.tally.messages == 1
    (news,) = posted(bot, "/recording")
    assert news["RecordingStatus"] == "completed"
    assert form["RecordingUrl"] == news["RecordingUrl"]
    assert form["RecordingUrl"].endswith(news["RecordingSid"])
    assert bot.unsigned == []


@pytest.mark.parametrize(
    ("long_s", "text", "status"),
    [
        (2, "Call me.", "completed"),
        (120, "Call me.", "completed"),
        (1, "Call me.", "failed"),
        (121, "Call me.", "failed"),
        (60, None, "failed"),
    ],
)
async def test_its_words_are_told_if_it_is_neither_short_nor_long(
    bot: Bot, long_s: int, text: str | None, status: str
) -> None:
    await leaves(bot, Message(0.05, text, long_s=long_s))
    (form,) = posted(bot, "/words")
    assert form["TranscriptionStatus"] == status
    assert form["TranscriptionText"] == ("Call me." if status == "completed" else "")


async def test_a_message_without_a_sound_goes_on_with_the_next_verb(bot: Bot) -> None:
    report = await leaves(bot, None)
    assert report.tally.said == ["Nothing was said."]
    assert posted(bot, "/recorded") == posted(bot, "/words") == []
    (news,) = posted(bot, "/recording")
    assert news["RecordingStatus"] == "absent"


async def test_nobody_is_told_who_did_not_ask(bot: Bot) -> None:
    bot.documents["/voice"] = "<Response><Record action='/recorded'/></Response>"
    await call(bot, message=Message(0.05))
    assert [path for path, _ in bot.forms] == ["/voice", "/recorded"]


async def test_an_update_ends_a_message(bot: Bot) -> None:
    async with TwilioRest(ACCOUNT, TOKEN).running() as rest:
        updater = Updater(rest, bot, Twiml="<Response><Hangup/></Response>")

        def beep(kind: str, at_s: float, detail: str) -> None:
            updater("bot_audible" if kind == "beep" else "", at_s, detail)

        report = await leaves(bot, Message(1.9), rest=rest, on_event=beep)
    assert report.ended_by == "bot"
    assert report.tally.messages == 0


async def test_callbacks_may_be_late_doubled_and_in_the_wrong_order(bot: Bot) -> None:
    wrong = {
        "callbacks_reversed": True,
        "callbacks_twice": True,
        "callbacks_late_s": 0.1,
    }
    async with asyncio.timeout(5):
        await leaves(
            bot,
            Message(0.05, long_s=9),
            wrong=wrong,
            status_url=f"{bot.url}/status",
        )
    news = [path for path, _ in bot.forms if path in ("/recording", "/words")]
    assert news == ["/words", "/words", "/recording", "/recording"]
    told = posted(bot, "/status")
    assert [(form["CallStatus"], form["SequenceNumber"]) for form in told] == [
        ("completed", "2"),
        ("completed", "2"),
        ("ringing", "0"),
        ("in-progress", "1"),
    ]
    assert ["CallDuration" in form for form in told] == [True, True, False, False]
