"""The bot's voice on its way to the caller's ear: paced, booked, and cut."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Literal

from voicebot.audio.alignment import spoken_word
from voicebot.audio.boundary import faded, word_end, word_start
from voicebot.audio.framing import ulaw_bytes, ulaw_ms
from voicebot.audio.quick import EchoGate, Pcm24ToUlaw
from voicebot.audio.vad import VadFrame
from voicebot.bridge.ledger import Ledger
from voicebot.bridge.model import Action, ClearCaller, MarkCaller, PlayToCaller
from voicebot.bridge.pacer import Pacer
from voicebot.bridge.words import spoken_lengths

PROMPT = "prompt:"  # how the ids of our own words begin
FILLER = "filler"  # what is said while an answer is late
MARK_BYTES = ulaw_bytes(200)  # how densely playback is proved

# What was sent lately, to be sent again after a pause: what is ahead of the ear, what
# a late line may add, and the word before. That is found in all of an answer, while
# it is no longer than this: the search takes a millisecond a second.
TAPE_BYTES = ulaw_bytes(15_000)

# A shorter pause is a gap between two words; after a longer one, the word that was
# broken off is said from its beginning.
SHORT_PAUSE_S = 0.4
WORD_REACH_MS = 500  # how far back it may begin
WORD_END_MS = 250  # how far ahead a word may end for the bot to stop there
NEARLY_MS = 60  # and how far for a bot that is to stop soon
FADE_MS = 10  # so that it doesn't click

# The bot's echo is known by then: all of those that we measured within a second.
ECHO_KNOWN_MS = 1500

# Of the level that an echo may have, so much is a margin for how it swings; and more
# where no echo was found in that time, as the level is that of other sounds.
ECHO_MARGIN_DB = 3.0
NO_ECHO_MARGIN_DB = 6.0

# Where a voice is no likelier than this, the line is silent but for its noise.
VOICELESS = 0.2


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
    broke_off: bool = False
    """... because the model fell silent: its text may go on behind its audio."""
    size: int = 0
    """Bytes of it that were made."""
    sent: int = 0
    first: int = 0
    """The ledger's position of its first byte, once something was sent."""
    reply_ms: int | None = None
    heard: int = 0
    """Bytes of it that were heard before the last pause."""
    must_hear: bool = False
    """Nothing that the caller does cuts it short."""
    other_session: bool = False
    """The model's session of now knows nothing of it."""
    name: str = ""
    """What `NoteHeard` calls it, if not by its response's id."""
    downsampler: Pcm24ToUlaw = field(default_factory=Pcm24ToUlaw)

    @property
    def is_prompt(self) -> bool:
        """Whether these are words of ours, of which the model knows nothing."""
        return self.response_id.startswith(PROMPT)

    @property
    def is_filler(self) -> bool:
        """Whether it only says that an answer will come."""
        return self.response_id == PROMPT + FILLER


class BotSpeech:
    """What the bot says, from the model's audio to what the caller heard of it."""

    def __init__(self, lead_ms: int, start_buffer_ms: int) -> None:
        self.ledger = Ledger()
        self._pacer = Pacer(lead_ms, start_buffer_ms)
        self._echo = EchoGate()
        self._unmarked = 0
        self._tape = bytearray()
        self._faded = 0  # bytes that died away when the bot paused
        self.held = False
        """Whether the bot has paused: nothing is sent until `resume`, or `cut`."""
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

    def complete(self, *, broke_off: bool = False) -> None:
        """Nothing is to be added to any of them."""
        for utterance in self.utterances:
            utterance.broke_off |= broke_off and not utterance.complete
            utterance.complete = True
        self._pacer.complete()

    def pump(self, now: float) -> Iterator[Action]:
        """Send what is due, with a mark every 200 ms and at the end."""
        if self.held:
            return
        while chunk := self._pacer.take(self.ledger.paced_until(now), now):
            yield self._send(chunk, now)
            self._unmarked += len(chunk)
            if self._unmarked >= MARK_BYTES or not self._pacer:
                self._unmarked = 0
                yield MarkCaller(self.ledger.mark())

    def due_at(self, now: float) -> float | None:
        """When `pump` has something to send."""
        if self.held:
            return None
        return self._pacer.due_at(self.ledger.paced_until(now), now)

    def pause(
        self, now: float, stop: Literal["immediate", "fade", "word"]
    ) -> list[Action]:
        """
        Fall silent, and keep all that wasn't heard.

        Args:
            stop: at once; or at once unless the word is about to end; or where the
                word ends, if that is near.
        """
        kept_from = self.ledger.position_sent - len(self._tape)
        heard = self.ledger.clear(now)
        self._echo.cut(now)
        self._unsend(max(heard, kept_from))
        self.held = True
        self._faded = 0
        actions: list[Action] = [ClearCaller(now)]
        ahead = self._pacer.peek(2 * WORD_END_MS)
        if stop == "immediate" or not ahead:
            return actions
        end = word_end(ahead, 0, WORD_END_MS if stop == "word" else NEARLY_MS)
        if end is None:
            end_of_word = faded(ahead, FADE_MS)
            at = self.ledger.send(len(end_of_word), now)
            self._echo.played(end_of_word, at)
            actions.append(PlayToCaller(end_of_word, at))
            self._credit(len(end_of_word))
            self._faded = len(end_of_word)
        elif end:
            actions.append(self._send(self._pacer.take_now(end), now))
        return actions

    def _credit(self, size: int) -> None:
        """Count so much of what comes next as heard, though it is to be sent again."""
        spoken = next(each for each in self.utterances if each.sent < each.size)
        spoken.heard = min(spoken.sent + size, spoken.size)

    def resume(self, pause_s: float) -> None:
        """Go on with the first word that wasn't heard to its end."""
        self.held = False
        unsaid = (u for u in self.utterances if u.sent < u.size or not u.complete)
        spoken = next(unsaid, None)
        if spoken is None:
            return  # all was said
        spoken.heard = max(spoken.heard, spoken.sent)
        if pause_s >= SHORT_PAUSE_S:
            end = len(self._tape)
            back = min(self._into_word(spoken), spoken.sent)
            self._pacer.put_back(bytes(self._tape[end - back :]))
            del self._tape[end - back :]
            spoken.sent -= back
        else:  # from behind what died away
            heard = self._pacer.take_now(min(self._faded, spoken.size - spoken.sent))
            self._tape += heard
            spoken.sent += len(heard)
        spoken.first = self.ledger.position_sent - spoken.sent

    def _into_word(self, spoken: Utterance) -> int:
        """How many bytes of a word were sent that isn't over."""
        ahead = self._pacer.peek(WORD_REACH_MS)
        if 0 < spoken.sent <= len(self._tape):
            whole = bytes(self._tape[-spoken.sent :]) + ahead
            began = spoken_word(whole, spoken.sent, spoken_lengths(spoken.text))
            if began is not None:
                return spoken.sent - began
        end = len(self._tape)
        return end - word_start(bytes(self._tape) + ahead, end, WORD_REACH_MS)

    def _unsend(self, heard: int) -> None:
        """Make it as if nothing had been sent from the position `heard` on."""
        unheard = 0
        for spoken in self.utterances:
            if spoken.sent:
                sent = min(max(0, heard - spoken.first), spoken.sent)
                unheard += spoken.sent - sent
                spoken.sent = sent
        at = len(self._tape) - unheard
        self._pacer.put_back(bytes(self._tape[at:]))
        del self._tape[at:]
        self._unmarked = 0

    def _send(self, chunk: bytes, now: float) -> PlayToCaller:
        first = self.ledger.position_sent
        at = self.ledger.send(len(chunk), now)
        self._attribute(first, len(chunk), at)
        self._echo.played(chunk, at)
        self._tape += chunk
        del self._tape[:-TAPE_BYTES]
        return PlayToCaller(chunk, at)

    def cut(self, now: float) -> tuple[list[tuple[Utterance, float]], ClearCaller]:
        """
        Stop at once.

        Returns:
            What was being said, with the milliseconds of it that were heard, and the
            order to the caller's side.
        """
        heard = self.ledger.clear(now)
        self._pacer.clear()
        self._tape.clear()
        self._echo.cut(now)
        self._unmarked = 0
        self.held = False
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
        if self.held or not self.utterances or self.utterances[-1].complete:
            return None
        return None if self.due_at(now) is not None else self.ledger.ends_at(-inf)

    def line_heard(self, frame: VadFrame, now: float) -> None:
        """The caller's line was so loud: the echo of the bot, if it follows it."""
        voiceless = frame.voice is not None and frame.voice < VOICELESS
        self._echo.heard(frame.dbov, now, frame.floor_dbov, voiceless=voiceless)

    def gate_dbov(self, now: float) -> float:
        """The caller's line must be louder than this not to be our own echo."""
        return self._echo.gate_dbov(now)

    @property
    def margin_db(self) -> float:
        """How much softer than the gate is enough for who is known to speak."""
        return ECHO_MARGIN_DB if self._echo.learned else NO_ECHO_MARGIN_DB

    def knows_echo(self, now: float) -> bool:
        """Whether the bot was heard for so long that its echo would be known."""
        return ulaw_ms(self.ledger.position_heard(now)) >= ECHO_KNOWN_MS

    @property
    def must_hear(self) -> bool:
        """Whether what is heard now, or next, is to be heard to its end."""
        return bool(self.utterances) and self.utterances[0].must_hear

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

    def proved_ms(self, spoken: Utterance) -> float:
        """What of it marks have proved to be heard."""
        proved = self.ledger.position_proved - spoken.first
        return ulaw_ms(min(max(0, proved), spoken.sent))

    @staticmethod
    def _heard_ms(spoken: Utterance, heard: int) -> float:
        now_heard = min(max(0, heard - spoken.first), spoken.sent)
        return ulaw_ms(max(now_heard, spoken.heard))
