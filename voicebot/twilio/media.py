"""
Messages of audio, read and written at known places: nearly all messages are these.

Source: Twilio: Media Streams, WebSocket messages.
"""

import re
from typing import Final

import pybase64

# A media message up to its payload, as Twilio writes every one of them.
HEAD: Final = re.compile(
    rb'\{"event":"media","sequenceNumber":"[0-9]+",'
    rb'"media":\{"track":"inbound","chunk":"[0-9]+",'
    rb'"timestamp":"([0-9]{1,10})","payload":"'
)


def media_tail(sid: bytes) -> bytes:
    """
    What a media message ends with, from its payload's last quote on.

    Args:
        sid: of the stream, as it stands in JSON, with its quotes.
    """
    return b'"},"streamSid":%b}' % sid


def read_media(text: bytes, tail: bytes) -> tuple[int, bytes] | None:
    """
    Read a media message without a JSON tree.

    Args:
        tail: what it has to end with.

    Returns:
        Its timestamp in milliseconds and its audio; None means look closer.
    """
    head = HEAD.match(text)
    if head is None:
        return None
    begin = head.end()
    end = text.find(b'"', begin)
    if end < 0 or text[end:] != tail:
        return None
    try:
        ulaw = pybase64.b64decode(text[begin:end], validate=True)
    except ValueError:  # or JSON's escapes in it
        return None
    return int(head[1]), ulaw


def media_text(sid: bytes, ulaw: bytes) -> bytes:
    """
    Write a media message.

    Args:
        sid: of the stream, as it stands in JSON, with its quotes.
        ulaw: G.711 μ-law, of any length.
    """
    payload = pybase64.b64encode(ulaw)
    return b'{"event":"media","streamSid":%b,"media":{"payload":"%b"}}' % (sid, payload)
