"""Where a call goes next, as a table; and that it always goes somewhere."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialplan.plans import persona
from voicebot.runtime.answers import Connect, Dial, Refuse, TakeMessage, Tell
from voicebot.runtime.forward import Answer, Mailbox, Origin, Target
from voicebot.runtime.next_step import (
    GREETINGS,
    ComeBack,
    HangUp,
    Record,
    Ring,
    Step,
    after_dial,
    first_step,
    is_served,
    twiml_for,
)
from voicebot.store.records import EndReason
from voicebot.twilio.webhooks import Dialed

BOX = Mailbox("Leave a message.", "en")
TRANSFERRED = HangUp(EndReason.TRANSFERRED)
FAILED = HangUp(EndReason.TRANSFER_FAILED)
LEFT = HangUp(EndReason.CALLER_HANGUP)


def origin(*targets: Target) -> Origin:
    return Origin(
        "c1",
        "CA1",
        "AC1",
        "+15550100199",
        "+15550100001",
        persona(),
        {target.name: target for target in targets},
        BOX,
    )


def desk(fallback: str = "persona") -> Target:
    return Target("desk", "+15550100777", fallback=fallback)


def mobile(fallback: str = "persona") -> Target:
    return Target("mobile", "+15550100778", fallback=fallback)


def dialed(status: str, *, bridged: bool = False, caller_left: bool = False) -> Dialed:
    return Dialed("CA1", status, "", None, bridged, caller_left)


FALLBACKS: dict[str, Step] = {
    "persona": ComeBack(),
    "voicemail": Record(BOX),
    "hangup": FAILED,
    "mobile": Ring(mobile()),
}


@pytest.mark.parametrize("fallback", FALLBACKS)
@pytest.mark.parametrize(
    ("status", "bridged", "reached"),
    [
        ("completed", True, True),
        ("answered", True, True),
        ("completed", False, False),  # hung up before the two were connected
        ("answered", False, False),
        ("busy", False, False),
        ("no-answer", False, False),
        ("failed", False, False),
        ("canceled", False, False),
        ("busy", True, False),
        ("something new", True, False),
        ("", False, False),
    ],
)
def test_a_transfer_took_place_or_its_fallback_is_next(
    fallback: str, status: str, bridged: bool, reached: bool
) -> None:
    call = origin(desk(fallback), mobile())
    step = after_dial(dialed(status, bridged=bridged), call, ("desk",), room=True)
    assert step == (TRANSFERRED if reached else FALLBACKS[fallback])


@pytest.mark.parametrize("fallback", FALLBACKS)
@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_a_caller_who_has_left_is_taken_nowhere(fallback: str, status: str) -> None:
    news = dialed(status, caller_left=True)
    call = origin(desk(fallback), mobile())
    assert after_dial(news, call, ("desk",), room=True) == LEFT


def test_a_caller_who_hangs_up_after_a_conversation_was_transferred() -> None:
    news = dialed("completed", bridged=True, caller_left=True)
    assert after_dial(news, origin(desk()), ("desk",), room=True) == TRANSFERRED


def test_a_chain_that_comes_round_ends_with_the_persona() -> None:
    call = origin(desk("mobile"), mobile("desk"))
    assert first_step(call, "desk", room=True) == Ring(desk("mobile"))
    busy = dialed("busy")
    assert after_dial(busy, call, ("desk",), room=True) == Ring(mobile("desk"))
    assert after_dial(busy, call, ("desk", "mobile"), room=True) == ComeBack()


def test_a_target_that_is_closed_is_passed_over() -> None:
    call = origin(desk("mobile"), mobile("hangup"))
    at_night = replace(call, is_open=lambda name: False)
    assert first_step(at_night, "desk", room=True) == FAILED
    mobile_only = replace(call, is_open=lambda name: name == "mobile")
    assert first_step(mobile_only, "desk", room=True) == Ring(mobile("hangup"))
    circle = replace(origin(desk("mobile"), mobile("desk")), is_open=lambda name: False)
    assert first_step(circle, "desk", room=True) == ComeBack()


@pytest.mark.parametrize(
    ("fallback", "served"),
    [("mobile", True), ("voicemail", True), ("persona", False), ("hangup", False)],
)
def test_a_closed_target_serves_whom_its_fallback_does(
    fallback: str, *, served: bool
) -> None:
    call = replace(
        origin(desk(fallback), mobile()), is_open=lambda name: name != "desk"
    )
    assert is_served(call, "mobile")
    assert is_served(call, "desk") is served


@pytest.mark.parametrize("wanted", ["persona", "nobody we know"])
def test_who_cannot_come_back_leaves_a_message(wanted: str) -> None:
    call = origin()
    assert first_step(call, wanted, room=True) == ComeBack()
    assert first_step(call, wanted, room=False) == Record(BOX)
    alone = replace(call, persona=None)
    assert first_step(alone, wanted, room=True) == Record(BOX)


def test_news_of_a_call_that_rang_nobody_brings_it_back() -> None:
    assert after_dial(dialed("busy"), origin(), (), room=True) == ComeBack()
    # Of a target that there isn't any more, too.
    assert after_dial(dialed("busy"), origin(), ("gone",), room=True) == ComeBack()


@pytest.mark.parametrize(
    ("language", "asked_in"),
    [("zh", "zh"), ("zh-TW", "zh"), ("en-GB", "en"), ("ko", "en"), (None, "en")],
)
def test_a_message_is_asked_for_in_the_personas_language(
    language: str | None, asked_in: str
) -> None:
    who = persona(language=language) if language else None
    call = replace(origin(), mailbox=None, persona=who)
    step = first_step(call, "voicemail", room=True)
    assert isinstance(step, Record)
    assert step.mailbox.greeting == GREETINGS[asked_in]
    assert step.mailbox.language.startswith(asked_in)


@pytest.mark.parametrize(
    ("store", "is_transcribed"), [("all", True), ("no_pii", True), ("metadata", False)]
)
def test_a_message_is_transcribed_if_words_are_kept(
    store: str, is_transcribed: bool
) -> None:
    who = persona(privacy={"store": store})
    step = first_step(
        replace(origin(), mailbox=None, persona=who), "voicemail", room=True
    )
    assert isinstance(step, Record)
    assert step.mailbox.transcribe is is_transcribed


@pytest.mark.parametrize("ours", [False, True])
def test_a_message_is_transcribed_once(ours: bool) -> None:
    who = persona(after_call={"transcribe": ours})
    step = first_step(
        replace(origin(), mailbox=None, persona=who), "voicemail", room=True
    )
    assert isinstance(step, Record)
    assert step.mailbox.transcribe is not ours


@settings(max_examples=200)
@given(st.data())
def test_nobody_is_rung_twice_and_every_chain_ends(data: st.DataObject) -> None:
    names = ["a", "b", "c", "d"]
    ends = [*names, "persona", "voicemail", "hangup"]
    fallbacks = {name: data.draw(st.sampled_from(ends)) for name in names}
    shut = data.draw(st.sets(st.sampled_from(names)))
    call = replace(
        origin(
            *(
                Target(name, f"+1555010000{i}", fallback=fallbacks[name])
                for i, name in enumerate(names)
            )
        ),
        is_open=lambda name: name not in shut,
    )
    room = data.draw(st.booleans())
    tried: tuple[str, ...] = ()
    step = first_step(call, data.draw(st.sampled_from(ends)), room=room)
    while isinstance(step, Ring):
        name = step.target.name
        assert name not in tried
        assert name not in shut
        tried = (*tried, name)
        step = after_dial(dialed("busy"), call, tried, room=room)
    assert room or not isinstance(step, ComeBack)


# ---- as TwiML -------------------------------------------------------------------

DIAL = Dial("t", "+15550100777", None, 25, "+15550100001", "", "en")
MESSAGE = TakeMessage("t", "Speak.", "en-GB", 120, True)
BASE = "https://voice.example.com"


def document(answer: Answer | None) -> ET.Element:
    return ET.fromstring(twiml_for(answer, BASE).encode())


def test_each_answer_is_a_document() -> None:
    assert [verb.tag for verb in document(None)] == ["Hangup"]
    assert [verb.tag for verb in document(Refuse("busy"))] == ["Reject"]
    assert [verb.tag for verb in document(Tell("Bye", "en"))] == ["Say", "Hangup"]
    (connect,) = document(Connect("t"))
    assert connect.attrib["action"] == f"{BASE}/twilio/after"
    stream = connect[0].attrib
    assert stream["url"] == "wss://voice.example.com/twilio/media/t"
    assert stream["statusCallback"] == f"{BASE}/twilio/status"


def test_a_transfer_comes_back_to_its_token() -> None:
    (dial,) = document(DIAL)
    assert dial.attrib["action"] == f"{BASE}/twilio/dialed/t"
    assert "url" not in dial[0].attrib
    (dial,) = document(replace(DIAL, whisper="Hi"))
    assert dial[0].attrib["url"] == f"{BASE}/twilio/whisper/t"


@pytest.mark.parametrize(
    ("message", "transcribed"),
    [
        (MESSAGE, True),
        (replace(MESSAGE, transcribe=False), False),
        (replace(MESSAGE, language="zh"), False),
        (replace(MESSAGE, max_s=121), False),
    ],
)
def test_a_message_is_transcribed_if_twilio_can(
    message: TakeMessage, transcribed: bool
) -> None:
    _, record, redirect = document(message)
    assert record.attrib["action"] == redirect.text == f"{BASE}/twilio/recorded/t"
    assert record.attrib["recordingStatusCallback"] == f"{BASE}/twilio/recorded/t"
    words = f"{BASE}/twilio/transcribed/t" if transcribed else None
    assert record.attrib.get("transcribeCallback") == words
