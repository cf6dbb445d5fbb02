"""Documents of bots, good and bad."""

import pytest

from voicebot.errors import ConfigError
from voicebot.sim.twilio.twiml import (
    Callback,
    Connect,
    Dial,
    Hangup,
    Pause,
    Record,
    Redirect,
    Reject,
    Say,
    Stream,
    TwimlError,
    is_loopback,
    parse,
    stream_problem,
)

BASE = "https://voice.example.com/twilio/voice"


def response(inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'


def test_the_answer_of_a_bot() -> None:
    text = response(
        '<Connect action="https://voice.example.com/twilio/after" method="POST">'
        '<Stream url="wss://voice.example.com/twilio/media" name="bot"'
        ' statusCallback="/twilio/stream" statusCallbackMethod="GET">'
        '<Parameter name="token" value="a&amp;b"/></Stream></Connect>'
    )
    assert parse(text, BASE) == [
        Connect(
            Stream(
                "wss://voice.example.com/twilio/media",
                "bot",
                "inbound_track",
                Callback("https://voice.example.com/twilio/stream", "GET"),
                {"token": "a&b"},
            ),
            Callback("https://voice.example.com/twilio/after", "POST"),
        )
    ]


def test_the_other_verbs() -> None:
    text = response(
        '<Say voice="alice"> Hi </Say><Pause/><Pause length="3"/>'
        '<Redirect method="GET">next</Redirect>'
        '<Dial timeout="20" action="/dialled"><Number>+15550100999</Number></Dial>'
        "<Dial>+15550100999</Dial><Hangup/>"
    )
    dialled = Callback("https://voice.example.com/dialled")
    assert parse(text, BASE) == [
        Say("Hi"),
        Pause(1.0),
        Pause(3.0),
        Redirect(Callback("https://voice.example.com/twilio/next", "GET")),
        Dial("+15550100999", dialled, 20),
        Dial("+15550100999"),
        Hangup(),
    ]
    assert parse(response("<Reject/>"), BASE) == [Reject("rejected")]
    assert parse(response('<Reject reason="busy"/>'), BASE) == [Reject("busy")]
    assert parse("<Response/>", BASE) == []


def test_a_transfer_with_all_that_we_give_it() -> None:
    inner = (
        '<Dial action="/dialed" timeout="25" callerId="+15550100001"'
        ' answerOnBridge="true">{}</Dial>'
    )
    number = '<Number url="/whisper" method="GET">+15550100999</Number>'
    sip = "<Sip>sip:desk@example.com;transport=tls?X-Ref=1</Sip>"
    host = "https://voice.example.com"
    action = Callback(f"{host}/dialed")
    assert parse(response(inner.format(number)), BASE) == [
        Dial(
            "+15550100999",
            action,
            25,
            "+15550100001",
            Callback(f"{host}/whisper", "GET"),
        )
    ]
    address = "sip:desk@example.com;transport=tls?X-Ref=1"
    assert parse(response(inner.format(sip)), BASE) == [
        Dial(address, action, 25, "+15550100001")
    ]


def test_a_message_with_all_that_we_give_it() -> None:
    text = response(
        '<Record action="/a" method="GET" timeout="4" finishOnKey="#" maxLength="90"'
        ' playBeep="true" transcribe="true" transcribeCallback="/t"'
        ' recordingStatusCallback="/s" recordingStatusCallbackMethod="GET"'
        ' recordingStatusCallbackEvent="completed absent"/><Record action="/a"/>'
    )
    host = "https://voice.example.com"
    assert parse(text, BASE) == [
        Record(
            Callback(f"{host}/a", "GET"),
            90,
            4,
            "#",
            Callback(f"{host}/s", "GET"),
            ("completed", "absent"),
            Callback(f"{host}/t"),
        ),
        Record(Callback(f"{host}/a")),
    ]


@pytest.mark.parametrize(
    "inner",
    [
        "<Record/>",
        "<Dial><Number>+15550100999</Number><Number>+15550100998</Number></Dial>",
    ],
)
def test_what_twilio_does_and_the_simulated_one_does_not_is_said_to_be_so(
    inner: str,
) -> None:
    with pytest.raises(ConfigError):
        parse(response(inner), BASE)


def test_a_relative_stream_becomes_a_websocket_of_the_same_host() -> None:
    text = response('<Connect><Stream url="/media/1"/></Connect>')
    (verb,) = parse(text, BASE)
    assert isinstance(verb, Connect)
    assert verb.stream.url == "wss://voice.example.com/media/1"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 12100),
        ("<Response>", 12100),
        ("<response/>", 12100),
        ("\n<?xml version='1.0'?><Response/>", 12100),
        (response("<say>Hi</say>"), 12200),
        (response("<Connect/>"), 12200),
        (response("<Connect><Room/></Connect>"), 12200),
        (response('<Connect to="x"><Stream url="wss://h/"/></Connect>'), 12200),
        (response('<Connect><Stream url="wss://h/" x="1"/></Connect>'), 12200),
        (response("<Connect><Stream><Parameter/></Stream></Connect>"), 12200),
        (
            response(
                '<Connect><Stream url="wss://h/">'
                f'<Parameter name="n" value="{"v" * 499}"/></Stream></Connect>'
            ),
            12200,
        ),
        (response('<Connect method="PUT"><Stream url="wss://h/"/></Connect>'), 12200),
        (response("<Hangup><Say>no</Say></Hangup>"), 12200),
        (response("<Say/>"), 12200),
        (response('<Pause length="-1"/>'), 12200),
        (response("<Dial/>"), 13223),
        (response("<Dial>5550100999</Dial>"), 13223),
        (response("<Dial><Number>sip:a@b</Number></Dial>"), 13223),
        (response("<Dial><Sip>+15550100999</Sip></Dial>"), 12200),
        (response('<Dial timeout="0">+15550100999</Dial>'), 12200),
        (response('<Dial timeout="601">+15550100999</Dial>'), 12200),
        (response('<Dial answerOnBridge="yes">+15550100999</Dial>'), 12200),
        (response('<Dial ring="20">+15550100999</Dial>'), 12200),
        (response('<Record action="/a" maxLength="1"/>'), 12200),
        (response('<Record action="/a" maxLength="1.5"/>'), 12200),
        (response('<Record action="/a" timeout="0"/>'), 12200),
        (response('<Record action="/a" playBeep="yes"/>'), 12200),
        (response('<Record action="/a" finishOnKey="#x"/>'), 12200),
        (response('<Record action="/a" recordingStatusCallbackEvent="x"/>'), 12200),
        (response('<Record action="/a" transcribeCallback="/t"/>'), 12200),
        (response('<Record action="/a"><Say>no</Say></Record>'), 12200),
        (response("<Redirect> </Redirect>"), 12200),
        (response('<Reject reason="tired"/>'), 12200),
        (response("<Say>Hi</Say><Reject/>"), 12200),
    ],
)
def test_a_wrong_document_is_refused_with_its_code(text: str, code: int) -> None:
    with pytest.raises(TwimlError, match=f"TwiML error {code}") as caught:
        parse(text, BASE)
    assert caught.value.code == code


def test_inline_twiml_needs_absolute_urls() -> None:
    with pytest.raises(TwimlError, match="15004"):
        parse(response("<Redirect>/next</Redirect>"), None)
    text = response("<Redirect>https://h/next</Redirect>")
    assert parse(text, None) == [Redirect(Callback("https://h/next"))]


def test_a_verb_that_only_the_real_one_knows_is_said_to_be_so() -> None:
    with pytest.raises(ConfigError, match="<Gather>: Twilio knows this verb"):
        parse(response("<Gather/>"), BASE)


@pytest.mark.parametrize(
    ("url", "track", "code"),
    [
        ("wss://voice.example.com/media", "inbound_track", None),
        ("ws://127.0.0.1:8080/media", "inbound_track", None),
        ("ws://localhost/media", "inbound_track", None),
        ("ws://voice.example.com/media", "inbound_track", 31922),
        ("https://voice.example.com/media", "inbound_track", 31922),
        ("wss:///media", "inbound_track", 31923),
        ("wss://host:port/media", "inbound_track", 31923),
        ("", "inbound_track", 31923),
        ("wss://voice.example.com/media?token=1", "inbound_track", 31920),
        ("wss://voice.example.com/media?", "inbound_track", 31920),
        ("wss://voice.example.com/media", "both_tracks", 31941),
    ],
)
def test_what_twilio_would_not_connect_to(
    url: str, track: str, code: int | None
) -> None:
    problem = stream_problem(Stream(url, track=track))
    assert (problem and problem[0]) == code


def test_loopback_is_decided_without_a_name_server() -> None:
    assert is_loopback("127.0.0.2")
    assert is_loopback("::1")
    assert is_loopback("localhost")
    assert not is_loopback("localhost.example.com")
    assert not is_loopback("10.0.0.1")
