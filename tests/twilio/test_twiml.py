"""What Twilio reads in our TwiML, whoever wrote the text in it."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.twilio.examples import EXAMPLES
from voicebot.errors import LocalProtocolError
from voicebot.twilio import twiml

HOSTILE = '"/></Stream></Connect><Dial>+1900</Dial>]]><!--&amp;\x00\ud800\uffff'

texts = st.text(max_size=60)


def verbs(document: str) -> list[str]:
    return [element.tag for element in ET.fromstring(document.encode()).iter()]


def connect(parameters: Mapping[str, str]) -> str:
    return twiml.connect_stream(
        stream_url="wss://voice.example.com/twilio/media",
        action_url="https://voice.example.com/twilio/after-stream",
        status_url="https://voice.example.com/twilio/stream-status",
        parameters=parameters,
    )


def test_connect_is_the_documented_answer() -> None:
    def elements(document: str) -> Iterator[tuple[str, dict[str, str]]]:
        for element in ET.fromstring(document.encode()).iter():
            attributes = dict(element.attrib)
            if element.tag == "Stream":
                attributes.pop("name", None)  # a friendly one, which we don't need
            yield element.tag, attributes

    parameters = {
        "token": "q7Zb0mW4xK1vN8sT2yR5uE",
        "bot": "front-desk",
        "caller": "+15550100123",
    }
    assert [*elements(connect(parameters))] == [*elements(EXAMPLES["twiml.connect"])]


def test_nothing_follows_connect() -> None:
    document = ET.fromstring(connect({}).encode())
    assert [child.tag for child in document] == ["Connect"]


@pytest.mark.parametrize("reason", ["busy", "rejected"])
def test_reject_comes_first_and_alone(reason: Literal["busy", "rejected"]) -> None:
    document = ET.fromstring(twiml.reject(reason).encode())
    assert [(child.tag, child.attrib) for child in document] == [
        ("Reject", {"reason": reason})
    ]


def test_hangup_is_one_verb() -> None:
    assert verbs(twiml.hangup()) == ["Response", "Hangup"]


def test_say_and_hangup_speaks_then_ends() -> None:
    document = ET.fromstring(twiml.say_and_hangup("Adiós & bye", "es-MX").encode())
    say, hangup = document
    assert (say.tag, say.text, say.attrib) == (
        "Say",
        "Adiós & bye",
        {"language": "es-MX"},
    )
    assert hangup.tag == "Hangup"


def test_a_language_without_a_region_gets_one() -> None:
    say = ET.fromstring(twiml.say_and_hangup("再见", "zh").encode()).find("Say")
    assert say is not None
    assert say.attrib == {"language": "zh-CN"}


@pytest.mark.parametrize(("name_length", "value_length"), [(3, 496), (498, 1), (1, 0)])
def test_parameters_may_be_as_long_as_twilio_takes_them(
    name_length: int, value_length: int
) -> None:
    name, value = "n" * name_length, "v" * value_length
    element = ET.fromstring(connect({name: value}).encode()).find(".//Parameter")
    assert element is not None
    assert element.attrib == {"name": name, "value": value}


@pytest.mark.parametrize(
    ("name_length", "value_length"), [(3, 498), (501, 0), (1, 499)]
)
def test_a_longer_parameter_is_a_bug_of_ours(
    name_length: int, value_length: int
) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        connect({"token": "t", "n" * name_length: "v" * value_length})
    assert str(caught.value) == (
        "parameter 2: expected at most 499 characters of name and value,"
        f" got {name_length + value_length}"
    )


@settings(max_examples=150)
@given(
    stream_url=texts,
    action_url=texts,
    status_url=texts,
    parameters=st.dictionaries(texts, texts, max_size=3),
)
@example(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE})
def test_no_text_adds_or_removes_a_verb_of_connect(
    stream_url: str, action_url: str, status_url: str, parameters: dict[str, str]
) -> None:
    document = twiml.connect_stream(
        stream_url=stream_url,
        action_url=action_url,
        status_url=status_url,
        parameters=parameters,
    )
    assert verbs(document) == [
        "Response",
        "Connect",
        "Stream",
        *["Parameter"] * len(parameters),
    ]


@settings(max_examples=150)
@given(text=texts, language=texts)
@example(HOSTILE, HOSTILE)
def test_no_text_adds_or_removes_a_verb_of_say(text: str, language: str) -> None:
    document = twiml.say_and_hangup(text, language)
    assert verbs(document) == ["Response", "Say", "Hangup"]


@settings(max_examples=150)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=60))
def test_printable_text_arrives_as_it_was(text: str) -> None:
    stream = ET.fromstring(connect({"text": text}).encode()).find(".//Parameter")
    say = ET.fromstring(twiml.say_and_hangup(text, "en-US").encode()).find("Say")
    assert stream is not None
    assert say is not None
    assert stream.attrib["value"] == text
    assert (say.text or "") == text


def dialled(**given: object) -> ET.Element:
    options: dict[str, object] = {
        "number": "+15550100777",
        "sip": None,
        "action_url": "https://h/dialed/t",
        "ring_s": 24.6,
        "caller_id": "+15550100001",
    }
    document = twiml.dial(**(options | given))  # type: ignore[arg-type]
    (verb,) = ET.fromstring(document.encode())
    return verb


def test_a_number_is_rung_and_nothing_follows() -> None:
    dial = dialled()
    assert dial.attrib == {
        "action": "https://h/dialed/t",
        "method": "POST",
        "timeout": "25",
        "callerId": "+15550100001",
        "answerOnBridge": "true",
    }
    (number,) = dial
    assert (number.tag, number.text, number.attrib) == ("Number", "+15550100777", {})


def test_a_sip_address_is_rung_and_who_answers_hears_something_first() -> None:
    address = "sip:desk@example.com;transport=tls?X-Ref=a&X-Of=b"
    (sip,) = dialled(number=None, sip=address, whisper_url="https://h/whisper/t")
    assert (sip.tag, sip.text) == ("Sip", address)
    assert sip.attrib == {"url": "https://h/whisper/t", "method": "POST"}


def test_it_rings_for_a_second_at_least() -> None:
    assert dialled(ring_s=0.1).attrib["timeout"] == "1"


def message(**given: object) -> list[ET.Element]:
    options: dict[str, object] = {
        "greeting": "Leave a message.",
        "language": "en",
        "action_url": "https://h/recorded/t",
        "status_url": "https://h/status/t",
        "max_s": 90.4,
    }
    document = twiml.record(**(options | given))  # type: ignore[arg-type]
    return list(ET.fromstring(document.encode()))


def test_a_message_is_asked_for_and_recorded() -> None:
    say, record, redirect = message(transcribe_url="https://h/transcribed/t")
    assert (say.text, say.attrib) == ("Leave a message.", {"language": "en-US"})
    assert record.attrib == {
        "action": "https://h/recorded/t",
        "method": "POST",
        "timeout": "5",
        "finishOnKey": "1234567890*#",
        "maxLength": "90",
        "playBeep": "true",
        "recordingStatusCallback": "https://h/status/t",
        "recordingStatusCallbackMethod": "POST",
        "recordingStatusCallbackEvent": "completed absent",
        "transcribe": "true",
        "transcribeCallback": "https://h/transcribed/t",
    }
    # Twilio doesn't ask the action about a message without a sound.
    assert (redirect.tag, redirect.text) == ("Redirect", "https://h/recorded/t")


def test_a_message_is_only_transcribed_if_asked_and_has_two_seconds() -> None:
    _, record, _ = message(max_s=0.5)
    assert "transcribe" not in record.attrib
    assert record.attrib["maxLength"] == "2"


def test_who_answers_hears_a_text_or_nothing() -> None:
    assert verbs(twiml.whisper("A call for you.", "en")) == ["Response", "Say"]
    assert verbs(twiml.whisper("", "")) == ["Response"]


@settings(max_examples=150)
@given(texts, texts, texts)
@example(HOSTILE, HOSTILE, HOSTILE)
def test_no_text_adds_or_removes_a_verb_of_transfers_and_messages(
    one: str, two: str, three: str
) -> None:
    dial = twiml.dial(
        number=one,
        sip=None,
        action_url=two,
        ring_s=5,
        caller_id=three,
        whisper_url=one or None,
    )
    assert verbs(dial) == ["Response", "Dial", "Number"]
    sip = twiml.dial(number=None, sip=one, action_url=two, ring_s=5, caller_id=three)
    assert verbs(sip) == ["Response", "Dial", "Sip"]
    record = twiml.record(
        greeting=one,
        language=two,
        action_url=three,
        status_url=two,
        max_s=5,
        transcribe_url=one or None,
    )
    assert verbs(record) == ["Response", "Say", "Record", "Redirect"]


def test_a_caller_on_hold_hears_something_and_is_asked_about_again() -> None:
    url = "https://h/queue/t"
    end = f'<Redirect method="POST">{url}</Redirect></Response>'
    said = twiml.hold("Please wait.", "en", 2, url)
    assert '<Say language="en-US">Please wait.</Say><Pause length="2" />' in said
    assert said.endswith(end)
    assert "<Say" not in twiml.hold("", "en", 2, url)
