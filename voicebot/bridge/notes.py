"""The turns of a call as the call log gets them."""

from dataclasses import dataclass

from voicebot.audio.framing import ulaw_ms
from voicebot.bridge.heard import estimate_ms, heard_text
from voicebot.bridge.model import NoteTurn
from voicebot.bridge.speech import Utterance

# No voice takes half as long as usual, or twice: then its text was another.
MIN_PACE, MAX_PACE = 0.5, 2.0


@dataclass(slots=True)
class CallerTurn:
    """What the caller said, as far as it is known."""

    seq: int
    started_at: float
    ended_at: float
    item_id: str | None = None
    text: str = ""


class Notes:
    """Numbers the turns of a call and writes them down, in ms from its start."""

    def __init__(self, began_at: float) -> None:
        self._began_at = began_at
        self._count = 0
        self._pace = 1.0  # of the bot's voice, as its last whole utterance had it

    def next_seq(self) -> int:
        self._count += 1
        return self._count

    def caller(self, turn: CallerTurn) -> NoteTurn:
        length_ms = round((turn.ended_at - turn.started_at) * 1000)
        return NoteTurn(
            seq=turn.seq,
            who="caller",
            item_id=turn.item_id,
            response_id=None,
            started_ms=self._ms(turn.started_at),
            ended_ms=self._ms(turn.ended_at),
            generated_text=turn.text,
            heard_text=turn.text,
            generated_ms=length_ms,
            heard_ms=length_ms,
            proved_ms=length_ms,
            interrupted=False,
            reply_ms=None,
        )

    def bot(self, spoken: Utterance, heard_ms: float, proved_ms: float) -> NoteTurn:
        made_ms = ulaw_ms(spoken.size)
        whole = spoken.complete and not spoken.broke_off
        if whole and (usual_ms := estimate_ms(spoken.text)):
            self._pace = min(max(made_ms / usual_ms, MIN_PACE), MAX_PACE)
        started_ms = self._ms(spoken.started_at)
        return NoteTurn(
            seq=spoken.seq,
            who="bot",
            item_id=None,
            response_id=spoken.response_id,
            started_ms=started_ms,
            ended_ms=started_ms + round(heard_ms),
            generated_text=spoken.text.strip(),
            heard_text=heard_text(spoken.text, heard_ms, made_ms, whole, self._pace),
            generated_ms=round(made_ms),
            heard_ms=round(heard_ms),
            proved_ms=round(min(proved_ms, heard_ms)),
            interrupted=not whole or heard_ms < made_ms,
            reply_ms=spoken.reply_ms,
        )

    def _ms(self, at: float) -> int:
        return max(0, round((at - self._began_at) * 1000))
