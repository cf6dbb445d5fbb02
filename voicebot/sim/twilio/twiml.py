"""
Reads the TwiML of a bot, as strictly as Twilio's debugger would complain.

Twilio only warns of a misspelt attribute (12200) and goes on without it. Here it is
an error: a bot that relies on what Twilio ignores is broken.

Source: Twilio: TwiML for Programmable Voice, <Stream>, <Connect>, <Dial>, <Record>;
errors 12100, 12200, 13223, 15004, 31920, 31922, 31923, 31941.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from voicebot.errors import ConfigError, RemoteProtocolError

UNPARSABLE: Final = 12100
SCHEMA: Final = 12200
RELATIVE_URL: Final = 15004
NO_NUMBER: Final = 13223
PARAMETER_CHARACTERS: Final = 500

E164: Final = re.compile(r"\+[1-9][0-9]{1,14}")
ANY_KEY: Final = "1234567890*#"


class TwimlError(RemoteProtocolError):
    """The bot's TwiML is wrong.

    Attributes:
        code: the number of Twilio's error.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"TwiML error {code}: {text}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Callback:
    """Where to ask for more, and how."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Stream:
    """What <Connect> connects to."""

    url: str
    name: str = ""
    track: str = "inbound_track"
    status: Callback | None = None
    parameters: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Connect:
    stream: Stream
    action: Callback | None = None


@dataclass(frozen=True, slots=True)
class Dial:
    """A transfer."""

    number: str
    """E.164, or a SIP address, which begins with `sip:`."""

    action: Callback | None = None
    timeout_s: int = 30
    caller_id: str = ""
    """Empty: the caller's own."""

    whisper: Callback | None = None
    """Asked for what the callee hears first."""


@dataclass(frozen=True, slots=True)
class Record:
    """A message is taken."""

    action: Callback
    max_s: int = 3600
    timeout_s: int = 5
    """So much silence ends it."""

    finish_on_key: str = ANY_KEY
    status: Callback | None = None
    events: tuple[str, ...] = ("completed",)
    """Of which `status` is told."""

    transcribe: Callback | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    to: Callback


@dataclass(frozen=True, slots=True)
class Say:
    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    length_s: float


@dataclass(frozen=True, slots=True)
class Reject:
    reason: str


@dataclass(frozen=True, slots=True)
class Hangup:
    pass


Verb = Connect | Dial | Record | Redirect | Say | Pause | Reject | Hangup

CALLBACK: Final = frozenset({"action", "method"})
ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    "Connect": CALLBACK,
    "Stream": frozenset(
        {"url", "name", "track", "statusCallback", "statusCallbackMethod"}
    ),
    "Parameter": frozenset({"name", "value"}),
    "Reject": frozenset({"reason"}),
    "Hangup": frozenset(),
    "Say": frozenset({"voice", "language", "loop"}),
    "Pause": frozenset({"length"}),
    "Redirect": frozenset({"method"}),
    "Dial": CALLBACK
    | {"timeout", "hangupOnStar", "timeLimit", "callerId", "answerOnBridge"}
    | {"record", "recordingStatusCallback", "ringTone", "sequential", "trim"},
    "Number": frozenset({"url", "method", "sendDigits"})
    | {"statusCallback", "statusCallbackEvent", "statusCallbackMethod"},
    "Sip": frozenset({"url", "method", "username", "password"})
    | {"statusCallback", "statusCallbackEvent", "statusCallbackMethod"},
    "Record": CALLBACK
    | {"timeout", "finishOnKey", "maxLength", "playBeep", "trim"}
    | {"transcribe", "transcribeCallback", "recordingStatusCallback"}
    | {"recordingStatusCallbackEvent", "recordingStatusCallbackMethod"},
}
NOT_SIMULATED: Final = frozenset(
    {"Play", "Gather", "Enqueue", "Leave", "Start", "Stop", "Refer", "Pay"}
)


def parse(text: str, base_url: str | None) -> list[Verb]:
    """
    Read a document.

    Args:
        base_url: where it came from, for its relative URLs; None for one that came
            by REST, in which URLs must be absolute.

    Raises:
        TwimlError: Twilio would refuse it, or warn of it.
        ConfigError: a verb that Twilio has and this simulator hasn't.
    """
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as exc:
        raise TwimlError(UNPARSABLE, f"expected XML: {exc}") from None
    if root.tag != "Response":
        raise TwimlError(UNPARSABLE, f"expected <Response>, got <{root.tag}>")
    reader = _Reader(base_url)
    verbs = [reader.verb(element) for element in root]
    for verb in verbs[1:]:
        if isinstance(verb, Reject):
            raise TwimlError(SCHEMA, "<Reject> must be the first verb")
    return verbs


def stream_problem(stream: Stream) -> tuple[int, str] | None:
    """Say why Twilio would not even connect: (error code, text), or None."""
    parts = urlsplit(stream.url)
    try:
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host = None
    if not host:
        return 31923, "Stream - Malformed URL"
    if parts.scheme != "wss" and not (parts.scheme == "ws" and is_loopback(host)):
        return 31922, "Stream - Schema unsupported: expected wss"
    if parts.query or "?" in stream.url:
        return 31920, "Stream - Handshake error: the URL has a query string"
    if stream.track != "inbound_track":
        return 31941, "Stream - Invalid track for <Connect>"
    return None


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine, without asking a server."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Reader:
    def __init__(self, base_url: str | None) -> None:
        self._base_url = base_url

    def verb(self, element: Element) -> Verb:
        if element.tag in NOT_SIMULATED:
            raise ConfigError(
                f"<{element.tag}>: Twilio knows this verb, the simulated one doesn't"
            )
        match element.tag:
            case "Connect":
                return self._connect(element)
            case "Dial":
                return self._dial(element)
            case "Record":
                return self._record(element)
            case "Say":
                _check(element)
                return Say(_text(element))
            case "Pause":
                _check(element)
                return Pause(_seconds(element))
            case "Reject":
                _check(element)
                reason = element.get("reason", "rejected")
                if reason not in ("rejected", "busy"):
                    raise TwimlError(SCHEMA, "<Reject reason>: expected rejected, busy")
                return Reject(reason)
            case "Redirect":
                _check(element)
                url = self._absolute(_text(element), "<Redirect>")
                return Redirect(Callback(url, _method(element, "method")))
            case "Hangup":
                _check(element)
                return Hangup()
            case _:
                raise TwimlError(SCHEMA, f"<{element.tag}>: not a verb")

    def _connect(self, element: Element) -> Connect:
        _check(element, "Stream")
        if len(element) != 1:
            raise TwimlError(SCHEMA, f"<Connect>: expected 1 noun, got {len(element)}")
        return Connect(self._stream(element[0]), self._callback(element, "action"))

    def _stream(self, element: Element) -> Stream:
        _check(element, "Parameter")
        url = element.get("url", "")
        if url and not urlsplit(url).scheme:  # relative: http becomes ws
            url = self._absolute(url, "<Stream url>").replace("http", "ws", 1)
        parameters = {}
        for child in element:
            _check(child)
            name, value = child.get("name", ""), child.get("value", "")
            if not name or len(name) + len(value) >= PARAMETER_CHARACTERS:
                raise TwimlError(SCHEMA, "<Parameter>: no name, or 500 characters")
            parameters[name] = value
        return Stream(
            url,
            element.get("name", ""),
            element.get("track", "inbound_track"),
            self._callback(element, "statusCallback"),
            parameters,
        )

    def _dial(self, element: Element) -> Dial:
        _check(element, "Number", "Sip")
        if len(element) > 1:
            raise ConfigError("<Dial>: Twilio rings several, the simulated one doesn't")
        whisper = None
        for child in element:
            _check(child)
            whisper = self._callback(child, "url")
        number = "".join(element.itertext()).strip()
        is_sip = len(element) == 1 and element[0].tag == "Sip"
        if is_sip and not number.startswith("sip:"):
            raise TwimlError(SCHEMA, "<Sip>: expected an address that begins with sip:")
        if not is_sip and not E164.fullmatch(number):
            raise TwimlError(NO_NUMBER, "<Dial>: expected a number in E.164")
        _one_of(element, "answerOnBridge", "true", "false")
        return Dial(
            number,
            self._callback(element, "action"),
            _whole(element, "timeout", 30, 1, 600),
            element.get("callerId", ""),
            whisper,
        )

    def _record(self, element: Element) -> Record:
        _check(element)
        action = self._callback(element, "action")
        if action is None:
            raise ConfigError("<Record>: expected an action: else it goes in circles")
        for name in ("playBeep", "transcribe"):
            _one_of(element, name, "true", "false")
        keys = element.get("finishOnKey", ANY_KEY)
        if not set(ANY_KEY).issuperset(keys):
            raise TwimlError(SCHEMA, "<Record finishOnKey>: expected 0-9, * and #")
        events = tuple(element.get("recordingStatusCallbackEvent", "completed").split())
        if not {"in-progress", "completed", "absent"}.issuperset(events):
            raise TwimlError(SCHEMA, "<Record recordingStatusCallbackEvent>: unknown")
        words = self._callback(element, "transcribeCallback")
        if words and element.get("transcribe") != "true":
            raise TwimlError(SCHEMA, "<Record transcribeCallback>: without transcribe")
        return Record(
            action,
            _whole(element, "maxLength", 3600, 2, 14_400),
            _whole(element, "timeout", 5, 1, 14_400),
            keys,
            self._callback(element, "recordingStatusCallback"),
            events,
            words,
        )

    def _callback(self, element: Element, name: str) -> Callback | None:
        plain = name in ("action", "url")
        method = _method(element, "method" if plain else f"{name}Method")
        url = element.get(name)
        if url is None:
            return None
        return Callback(self._absolute(url, f"<{element.tag} {name}>"), method)

    def _absolute(self, url: str, where: str) -> str:
        if self._base_url is not None:
            url = urljoin(self._base_url, url)
        if urlsplit(url).scheme not in ("http", "https"):
            raise TwimlError(RELATIVE_URL, f"{where}: expected an absolute URL")
        return url


def _check(element: Element, *children: str) -> None:
    """Refuse attributes, children and text that Twilio doesn't know here."""
    known = ATTRIBUTES[element.tag]
    for name in element.attrib:
        if name not in known:
            raise TwimlError(SCHEMA, f"<{element.tag} {name}>: not an attribute")
    for child in element:
        if child.tag not in children:
            raise TwimlError(SCHEMA, f"<{child.tag}> inside <{element.tag}>")


def _text(element: Element) -> str:
    text = (element.text or "").strip()
    if not text:
        raise TwimlError(SCHEMA, f"<{element.tag}>: empty")
    return text


def _method(element: Element, name: str) -> str:
    method = element.get(name, "POST")
    if method not in ("GET", "POST"):
        raise TwimlError(SCHEMA, f"<{element.tag} {name}>: expected GET or POST")
    return method


def _one_of(element: Element, name: str, *values: str) -> None:
    if element.get(name, values[0]) not in values:
        raise TwimlError(SCHEMA, f"<{element.tag} {name}>: expected {values}")


def _whole(element: Element, name: str, default: int, low: int, high: int) -> int:
    text = element.get(name, str(default))
    if not (text.isdecimal() and len(text) < 9 and low <= int(text) <= high):
        raise TwimlError(SCHEMA, f"<{element.tag} {name}>: expected {low} to {high}")
    return int(text)


def _seconds(element: Element) -> float:
    length = element.get("length", "1")
    if not length.isdecimal() or len(length) > 4:
        raise TwimlError(SCHEMA, "<Pause length>: expected whole seconds")
    return float(length)
