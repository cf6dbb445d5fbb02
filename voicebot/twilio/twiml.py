"""
Our answers to voice webhooks.

`<Connect>` is never followed by another verb: Twilio would run it after every
normal end, and a `<Pause>` there is dead air. What comes next is asked of
`action_url`. The same goes for `<Dial>`.

Source: Twilio: TwiML for Programmable Voice, Connect, Stream, Reject, Say, Hangup,
Dial, Number, Sip, Record, Pause, Redirect.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from twilio.twiml.voice_response import VoiceResponse

from voicebot.errors import LocalProtocolError

MAX_PARAMETER_LENGTH: Final = 499
"""Twilio: name and value together stay below 500 characters."""

KEYS: Final = "1234567890*#"
"""Any key ends a message."""

SILENCE_S: Final = 5
"""So much silence ends a message."""

# XML 1.0 has no way to write these, escaped or not, and the helper's serializer
# lets them through: Twilio would refuse the document (12100) and drop the call.
UNWRITABLE: Final = re.compile(
    r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)

# Source: Twilio, TwiML <Say>, languages of its basic voices.
REGIONS: Final = {
    "de": "de-DE",
    "en": "en-US",
    "es": "es-ES",
    "fr": "fr-FR",
    "ja": "ja-JP",
    "zh": "zh-CN",
}


def connect_stream(
    *,
    stream_url: str,
    action_url: str,
    status_url: str,
    parameters: Mapping[str, str],
) -> str:
    """
    Connect the call to our media socket, in both directions.

    Args:
        stream_url: `wss://`, without a query string: Twilio drops it.
        action_url: asked for more TwiML when the stream has ended.
        status_url: told that the stream started, stopped or failed.
        parameters: come back in Start. Whoever sees the TwiML sees them too.

    Raises:
        LocalProtocolError: a parameter is too long for Twilio.
    """
    response = VoiceResponse()
    connect = response.connect(action=_clean(action_url), method="POST")
    stream = connect.stream(
        url=_clean(stream_url),
        status_callback=_clean(status_url),
        status_callback_method="POST",
    )
    for number, (name, value) in enumerate(parameters.items(), start=1):
        if len(name) + len(value) > MAX_PARAMETER_LENGTH:
            raise LocalProtocolError(
                f"parameter {number}: expected at most {MAX_PARAMETER_LENGTH}"
                f" characters of name and value, got {len(name) + len(value)}"
            )
        stream.parameter(name=_clean(name), value=_clean(value))
    return str(response)


def reject(reason: Literal["busy", "rejected"]) -> str:
    """Refuse a call without answering it, so that nobody pays for it."""
    response = VoiceResponse()
    response.reject(reason=reason)
    return str(response)


def hangup() -> str:
    response = VoiceResponse()
    response.hangup()
    return str(response)


def say_and_hangup(text: str, language: str) -> str:
    """
    Speak with Twilio's own voice, then end the call.

    Args:
        language: BCP 47, such as `en-US`. One without a region gets a usual one,
            since Twilio's voices have regions.
    """
    response = VoiceResponse()
    response.say(_clean(text), language=_region(language))
    response.hangup()
    return str(response)


def hold(text: str, language: str, pause_s: int, next_url: str) -> str:
    """
    Keep a caller on the line: speak, be silent for a while, and ask for more TwiML.

    Args:
        text: empty to be silent at once.
        next_url: asked when the silence is over.
    """
    response = VoiceResponse()
    if text:
        response.say(_clean(text), language=_region(language))
    response.pause(length=pause_s)
    response.redirect(_clean(next_url), method="POST")
    return str(response)


def dial(
    *,
    number: str | None,
    sip: str | None,
    action_url: str,
    ring_s: float,
    caller_id: str,
    whisper_url: str | None = None,
) -> str:
    """
    Ring a number or a SIP address, and connect the caller when somebody answers.

    Args:
        number: E.164; None if `sip` is given.
        sip: `sip:` and an address; None if `number` is given.
        action_url: told how it ended, and asked for more TwiML.
        ring_s: Twilio counts whole seconds, and adds about five of its own.
        caller_id: shown by the telephone that rings; the caller's number, ours, or
            one that Twilio has verified (else 13214).
        whisper_url: asked for what only the one who answers hears, before the two
            are connected; the caller hears it ring on.
    """
    response = VoiceResponse()
    dialling = response.dial(
        action=_clean(action_url),
        method="POST",
        timeout=max(1, round(ring_s)),
        caller_id=_clean(caller_id),
        answer_on_bridge=True,
    )
    whisper = {"url": _clean(whisper_url), "method": "POST"} if whisper_url else {}
    if number is not None:
        dialling.number(_clean(number), **whisper)
    else:
        dialling.sip(_clean(sip or ""), **whisper)
    return str(response)


def record(
    *,
    greeting: str,
    language: str,
    action_url: str,
    status_url: str,
    max_s: float,
    transcribe_url: str | None = None,
) -> str:
    """
    Ask for a message with Twilio's own voice, beep, and record it.

    Args:
        action_url: told of the recording, and asked for more TwiML. Twilio doesn't ask
            if it heard nothing, so the document goes there by itself.
        status_url: told when the recording can be fetched.
        max_s: how long it may be; Twilio counts whole seconds, from 2 on.
        transcribe_url: gets the words, minutes later. Twilio transcribes English, of
            2 to 120 seconds.
    """
    response = VoiceResponse()
    response.say(_clean(greeting), language=_region(language))
    words: dict[str, str | bool] = {}
    if transcribe_url:
        words = {"transcribe": True, "transcribe_callback": _clean(transcribe_url)}
    response.record(
        action=_clean(action_url),
        method="POST",
        timeout=SILENCE_S,
        finish_on_key=KEYS,
        max_length=max(2, round(max_s)),
        play_beep=True,
        recording_status_callback=_clean(status_url),
        recording_status_callback_method="POST",
        recording_status_callback_event="completed absent",
        **words,
    )
    response.redirect(_clean(action_url), method="POST")
    return str(response)


def whisper(text: str, language: str) -> str:
    """Speak to one side of a call; an empty text connects at once."""
    response = VoiceResponse()
    if text:
        response.say(_clean(text), language=_region(language))
    return str(response)


def _region(language: str) -> str:
    return _clean(REGIONS.get(language, language))


def _clean(text: str) -> str:
    return UNWRITABLE.sub("", text)
