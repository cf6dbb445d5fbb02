"""
The quick way through an audio delta.

Audio deltas are most of what StepFun sends, and all deltas of one item are alike
but for their event id and their audio. What lies around these two is learnt from
a frame that was parsed in full; a frame with the same surroundings needs no
parser. Whatever looks different in the least is parsed in full again, so both
ways always agree: tests/stepfun/realtime/test_delta.py.
"""

from dataclasses import dataclass
from typing import Final

import pybase64

_HEADS: Final = (b'{"event_id":"', b'{"event_id": "')
_KEYS: Final = (b'"delta":"', b'"delta": "')
_TAIL: Final = b'"}'


@dataclass(frozen=True, slots=True)
class DeltaShape:
    """
    Where the audio stands in the deltas of one item.

    Attributes:
        head: the bytes before the event id.
        middle: the bytes between the event id and the audio, all ids among them.
        id_end: where the event id ends and the middle begins.
        audio_at: where the audio begins; it ends with the frame's last two bytes.
    """

    head: bytes
    middle: bytes
    id_end: int
    audio_at: int

    @classmethod
    def learn(cls, frame: bytes) -> "DeltaShape | None":
        """
        Return the shape of a delta, or None if it has another than the usual one.

        The usual one: event_id comes first, delta comes last, nothing is escaped.

        Args:
            frame: JSON whose `delta` is base64.
        """
        audio_at = frame.rfind(b'"', 0, -len(_TAIL)) + 1
        before = frame[:audio_at]
        if not frame.endswith(_TAIL) or not before.endswith(_KEYS) or b"\\" in before:
            return None
        for head in _HEADS:
            if before.startswith(head):
                id_end = before.index(b'"', len(head))
                return cls(head, before[id_end:], id_end, audio_at)
        return None

    def read(self, frame: bytes) -> bytes | None:
        """Return the audio of a frame of this shape, or None if it has another."""
        event_id = frame[len(self.head) : self.id_end]
        if (
            frame[self.id_end : self.audio_at] != self.middle
            or not frame.startswith(self.head)
            or not frame.endswith(_TAIL, self.audio_at)
            or not event_id.replace(b"-", b"").isalnum()
        ):
            return None
        try:
            audio: bytes = pybase64.b64decode(
                memoryview(frame)[self.audio_at : -len(_TAIL)], validate=True
            )
        except ValueError:
            return None  # the full parser finds the words for it
        return audio
