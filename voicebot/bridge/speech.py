"""The bot's voice on its way to the caller's ear: paced, booked, and cut."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

from voicebot.audio.echo import EchoGate
from voicebot.audio.framing import ulaw_bytes, ulaw_ms
from voicebot.audio.resample import Pcm24ToUlaw
from voicebot.bridge.ledger import Ledger
from voicebot.bridge.model import Action, ClearCaller, MarkCaller, PlayToCaller
from voicebot.bridge.pacer import Pacer

PROMPT = "prompt:"  # how the ids of our own words begin
MARK_BYTES = ulaw_bytes(200)  # how densely playback is proved


@dataclass(slots=True)
class Utterance:
    """One answer of the bot, or a prompt of ours."""

    response_id: str
    seq: int
    """Its number among the turns of the call."""
    started_at: float
    """When the caller began to hear it; until something is sent, when it was made."""
    text: str = ""
    complete: bool = False
    """Nothing is to be added to it."""
    size: int = 0
    """Bytes of it that were made."""
    sent: int = 0
    first: int = 0
    """The ledger's position of its first byte, once something was sent."""
    reply_ms: int | None = None
    downsampler: Pcm24ToUlaw = field(default_factory=Pcm24ToUlaw)

    @property
    def is_prompt(self) -> bool:
        """Whether these are words of ours, of which the model knows nothing."""
        return self.response_id.startswith(PROMPT)


class BotSpeech:
    """What the bot says, from the model's audio to what the caller heard of it."""

    def __init__(self, lead_ms: int, start_buffer_ms: int) -> None:
        self.ledger = Ledger()
        self._pacer = Pacer(lead_ms, start_buffer_ms)
        self._echo = EchoGate()
        self._unmarked = 0
        self.utterances: list[Utterance] = []
        """Those of which something is still to be heard, in order."""
        self.speaker: Utterance | None = None
        """The one that the last byte sent belongs to."""

    def begin(self, response_id: str, seq: int, now: float) -> Utterance:
        """Begin a new one. No audio comes any more for those before it."""
        utterance = Utterance(response_id, seq, now)
        self.utterances.append(utterance)
        return utterance

    def add(self, utterance: Utterance, ulaw: bytes) -> None:
        utterance.size += len(ulaw)
        self._pacer.push(ulaw)

    def complete(self) -> None:
        """Nothing is to be added to any of them."""
        for utterance in self.utterances:
            utterance.complete = True
        self._pacer.complete()

    def pump(self, now: float) -> Iterator[Action]:
        """Send what is due, with a mark every 200 ms and at the end."""
        while chunk := self._pacer.take(self.ledger.paced_until(now), now):
            first = self.ledger.position_sent
            at = self.ledger.send(len(chunk), now)
            self._attribute(first, len(chunk), at)
            self._echo.played(chunk, at)
            self._unmarked += len(chunk)
            yield PlayToCaller(chunk, at)
            if self._unmarked >= MARK_BYTES or not self._pacer:
                self._unmarked = 0
                yield MarkCaller(self.ledger.mark())

    def due_at(self, now: float) -> float | None:
        """When `pump` has something to send."""
        return self._pacer.due_at(self.ledger.paced_until(now), now)

    def cut(self, now: float) -> tuple[list[tuple[Utterance, float]], ClearCaller]:
        """
        Stop at once.

        Returns:
            What was being said, with the milliseconds of it that were heard, and the
            order to the caller's side.
        """
        heard = self.ledger.clear(now)
        self._pacer.clear()
        self._echo.cut(now)
        self._unmarked = 0
        cut = [(spoken, self._heard_ms(spoken, heard)) for spoken in self.utterances]
        self.utterances.clear()
        return cut, ClearCaller(now)

    def take_heard(self, now: float) -> list[tuple[Utterance, float]]:
        """Take out what was heard to its end, with the milliseconds of it."""
        heard = self.ledger.position_heard(now)
        done = []
        while self.utterances:
            spoken = self.utterances[0]
            if not spoken.complete or spoken.sent < spoken.size:
                break
            if spoken.sent and spoken.first + spoken.sent > heard:
                break
            done.append((self.utterances.pop(0), ulaw_ms(spoken.sent)))
        return done

    def heard_at(self, now: float) -> float | None:
        """
        When all of it will have been heard; `now` if it was.

        None if something is still to be sent or made, or there is nothing.
        """
        if not self.utterances or not self.utterances[-1].complete or self._pacer:
            return None
        return self.ledger.ends_at(now)

    def dry_at(self, now: float) -> float | None:
        """
        When what was sent will have been heard, or was, if more must come to go on.

        None if nothing more is to come, or enough came to go on.
        """
        if not self.utterances or self.utterances[-1].complete:
            return None
        return None if self.due_at(now) is not None else self.ledger.ends_at(-inf)

    def gate_dbov(self, now: float) -> float:
        """The caller's line must be louder than this not to be our own echo."""
        return self._echo.gate_dbov(now)

    @property
    def waiting(self) -> bool:
        """Whether there is audio that wasn't sent yet."""
        return bool(self._pacer)

    def _attribute(self, first: int, size: int, at: float) -> None:
        """Book bytes just sent to the utterances that they belong to, in order."""
        for spoken in self.utterances:
            part = min(size, spoken.size - spoken.sent)
            if not part:
                continue
            if not spoken.sent:
                spoken.first, spoken.started_at = first, at
            spoken.sent += part
            self.speaker = spoken
            first, size, at = first + part, size - part, at + ulaw_ms(part) / 1000

    @staticmethod
    def _heard_ms(spoken: Utterance, heard: int) -> float:
        return ulaw_ms(min(max(0, heard - spoken.first), spoken.sent))
