"""What came from the caller's side while its frames waited for each other."""

from collections.abc import Sequence
from typing import Final

from voicebot.audio.framing import FRAME_MS, ULAW_BYTES_PER_SECOND
from voicebot.bridge.model import CallerAudio, Event, MarkReturned

# A mark came between two frames: nobody knows better when.
BETWEEN_S: Final = FRAME_MS / 2000


def arrivals(events: Sequence[Event]) -> Sequence[Event]:
    """
    Say what to handle of events that were read at once.

    Audio becomes one event, up to what isn't a mark. A mark goes ahead of the audio
    that it came with, and knows from what is behind it how long it has waited.
    """
    if len(events) == 1:
        return events
    came: list[Event] = []
    behind = sum(len(each.ulaw) for each in events if isinstance(each, CallerAudio))
    heard = b""
    for event in events:
        if isinstance(event, CallerAudio):
            behind -= len(event.ulaw)
            heard += event.ulaw
        elif isinstance(event, MarkReturned):
            waited_s = max(0.0, behind / ULAW_BYTES_PER_SECOND - BETWEEN_S)
            came.append(MarkReturned(event.name, waited_s))
        else:
            if heard:
                came.append(CallerAudio(heard))
            came.append(event)
            heard = b""
    if heard:
        came.append(CallerAudio(heard))
    return came
