"""
Server-sent events, as StepFun streams speech, transcripts and answers of chat models.

StepFun writes an event's type into its JSON, and `[DONE]` behind the last one. So what
is read here is the data of each event; names, ids and comments are passed over.

Source: WHATWG HTML, "Server-sent events" 9.2.6; StepFun API reference "Create audio"
(api-reference/audio/create-audio) for `[DONE]`.
"""

import re
from typing import Final

from voicebot.errors import RemoteProtocolError

# The largest event is a delta of audio: thirty times 123 KB, the longest seen.
MAX_EVENT_BYTES: Final = 4 * 2**20
DONE: Final = b"[DONE]"

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_MARK: Final = b"\xef\xbb\xbf"  # of UTF-8, which a stream may begin with


class SseReader:
    """
    Reads one stream, however it is cut into chunks.

    Attributes:
        ended: `[DONE]` was read; what comes behind it is ignored.
    """

    def __init__(self) -> None:
        self.ended = False
        self._line = b""  # begun, not ended
        self._data: list[bytes] = []  # of the event that is begun
        self._size = 0
        self._after_cr = False
        self._is_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """
        Take what came, and return the data of each event that is whole now.

        Raises:
            RemoteProtocolError: an event is larger than `MAX_EVENT_BYTES`.
        """
        if not chunk or self.ended:
            return []
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # the line's end was cut in two
        self._after_cr = chunk.endswith(b"\r")
        *lines, self._line = _LINE_END.split(self._line + chunk)
        events = [data for line in lines if (data := self._take(line)) is not None]
        self._check(len(self._line))
        return events

    def finish(self) -> list[bytes]:
        """
        Take the end of the stream, and return the data of an event that had begun.

        It may be whole, and only the empty line behind it missing; or half of one,
        which is then no JSON. Whether all has come, the API's last event tells.
        """
        last = [self._take(self._line), self._take(b"")]
        self._line = b""
        return [data for data in last if data is not None]

    def _take(self, line: bytes) -> bytes | None:
        """Take a whole line; return the data of the event that it ends."""
        if self._is_start:
            line = line.removeprefix(_MARK)
            self._is_start = False
        if line:
            self._add(line)
            return None
        data, self._data, self._size = b"\n".join(self._data), [], 0
        self.ended = self.ended or data == DONE
        return None if self.ended or not data else data

    def _add(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            value = value.removeprefix(b" ")
            self._check(len(value))
            self._size += len(value)
            self._data.append(value)

    def _check(self, more: int) -> None:
        if self._size + more > MAX_EVENT_BYTES:
            raise RemoteProtocolError(
                f"event: expected up to {MAX_EVENT_BYTES} bytes, got more"
            )
