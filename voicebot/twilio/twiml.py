"""
Our answers to voice webhooks.

`<Connect>` is never followed by another verb: Twilio would run it after every
normal end, and a `<Pause>` there is dead air. What comes next is asked of
`action_url`.

Source: Twilio: TwiML for Programmable Voice, Connect, Stream, Reject, Say, Hangup.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from twilio.twiml.voice_response import VoiceResponse

from voicebot.errors import LocalProtocolError

MAX_PARAMETER_LENGTH: Final = 499
"""Twilio: name and value together stay below 500 characters."""

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
    response.say(_clean(text), language=_clean(REGIONS.get(language, language)))
    response.hangup()
    return str(response)


def _clean(text: str) -> str:
    return UNWRITABLE.sub("", text)
