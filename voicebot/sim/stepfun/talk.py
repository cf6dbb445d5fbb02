"""Turns and responses of a realtime session, and when their frames leave."""

from random import Random

from voicebot.sim.stepfun.conversation import Conversation, Item, spoken_item
from voicebot.sim.stepfun.delivery import Due, Lost, Response, Stopped, deliver
from voicebot.sim.stepfun.ear import BYTES_PER_MS
from voicebot.sim.stepfun.mind import (
    Answer,
    Answered,
    Hear,
    Heard,
    Question,
    Thought,
    Utterance,
)
from voicebot.sim.stepfun.mood import Mood
from voicebot.sim.stepfun.outbox import Outbox
from voicebot.sim.stepfun.profile import Profile
from voicebot.sim.stepfun.wire import JsonObject, Refused, frame, usage, uuid4


class Talk:
    """
    The conversation of one session: one response at a time.

    Attributes:
        said_ms: how much audio was sent.
        is_lost: the connection broke; nothing leaves any more.
        questions: for the mind; whoever takes them empties the list.
        ready: frames that are due; whoever takes them empties the list.
    """

    def __init__(self, mood: Mood, profile: Profile, random: Random) -> None:
        self.conversation = Conversation()
        self.said_ms = 0.0
        self.is_lost = False
        self.questions: list[Question] = []
        self.ready: list[str] = []
        self._mood = mood
        self._profile = profile
        self._random = random
        self._outbox = Outbox()
        self._response: Response | None = None
        self._responses = 0
        self._wants_response = False

    @property
    def is_busy(self) -> bool:
        """Whether a response has begun and not ended."""
        return self._response is not None

    def next_at(self) -> float | None:
        """The next moment at which a frame leaves."""
        return self._outbox.next_at()

    def thought(self, thought: Thought, now: float) -> None:
        """Take the answer to a question. It may come too late to matter."""
        match thought:
            case Heard(item_id, text):
                self._heard(item_id, text, now)
            case Answered(response_id):
                response = self._response
                if response and response.id == response_id and not response.stopping:
                    self._deliver(response, thought, now)

    def cancel(self, now: float) -> None:
        """
        Stop the response at the client's wish, after a little while.

        Raises:
            Refused: there is none, or it is being stopped.
        """
        response = self._response
        if not response or response.stopping:
            raise Refused("no ongoing response to cancel")
        stops_at = now + self._random.uniform(*self._mood.cancel_lag_s)
        if self._random.random() < self._mood.says_cancelled:
            cancelled = {"type": "response.cancelled", "response_id": response.id}
            self.send(stops_at, cancelled)
        status = self._random.choice(self._mood.cancel_statuses)
        self._stop(response, stops_at, Due(stops_at, Stopped(status)))

    def interrupt(self, now: float) -> None:
        """The caller speaks: the audio stops at once, the end comes later."""
        response = self._response
        if response and not response.stopping:
            done_s = self._random.uniform(*self._mood.interrupted_done_s)
            self._stop(response, now, Due(now + done_s, Stopped("incomplete")))

    def hear(self, item_id: str, pcm16: bytes, now: float) -> None:
        """Add a turn of the caller, cut out of the input audio."""
        item = Item(item_id, "user", None, pcm16, now)
        before = self.conversation.add(item)
        for event in spoken_item(item, before):
            self.send(now, event)
        self.wonder(item)

    def delete(self, item_id: object, now: float) -> None:
        """
        Delete an item.

        Raises:
            Refused: there is no such item.
        """
        self.conversation.delete(item_id)
        self.send(now, {"type": "conversation.item.deleted", "item_id": item_id})
        self._ask()  # it may be the one that wasn't understood yet

    def wonder(self, item: Item) -> None:
        """Ask what was said in a spoken item."""
        history = tuple(self.conversation.history(until=item))
        self.questions.append(Hear(item.id, item.pcm16, history))

    def begin(self, now: float, extra: str = "") -> None:
        """Start a response, or note that one is due when the last one has ended."""
        self._wants_response = self._response is not None
        if self._response:
            return
        self._responses += 1
        response = Response(self.uuid(), self.uuid(), self._responses, now, extra)
        self._response = response
        self.send(now, response.created(), response.id)
        self._ask()

    def advance(self, now: float) -> None:
        """Let everything happen that was due by now."""
        if self.is_lost:
            return
        for due, response_id in self._outbox.until(now):
            response = self._response
            mine = response if response and response.id == response_id else None
            match due.event:
                case Lost():
                    self.is_lost = True
                    return
                case Stopped(status):
                    for event in self._last_words(mine, status):
                        self._leave(event, mine, due.at)
                case str(text):
                    self.ready.append(text)
                case event:
                    self._leave(event, mine, due.at)

    def send(
        self, at: float, event: JsonObject, response_id: str | None = None
    ) -> None:
        """Let an event leave at a moment, maybe as part of a response."""
        self._outbox.add(Due(at, event), response_id)

    def uuid(self) -> str:
        return uuid4(self._random)

    def _heard(self, item_id: str, text: str, now: float) -> None:
        item = self.conversation.find(item_id)
        if item is None:
            return  # deleted meanwhile
        item.text = text
        if self._random.random() >= self._mood.lost_transcripts:
            after_s = self._random.uniform(*self._mood.transcript_after_s)
            completed = {
                "type": "conversation.item.input_audio_transcription.completed",
                "item_id": item_id,
                "content_index": 0,
                "transcript": text,
            }
            self.send(max(now, item.at + after_s), completed)
        self._ask()

    def _ask(self) -> None:
        """Ask the mind for an answer, once all that was said is understood."""
        response = self._response
        if not response or response.asked or response.stopping:
            return
        if not self.conversation.is_understood:
            return
        response.asked = True
        history = self.conversation.history()
        if response.extra:
            history.append(Utterance("system", response.extra))
        instructions, voice = self._profile.instructions, self._profile.voice
        self.questions.append(Answer(response.id, instructions, tuple(history), voice))

    def _deliver(self, response: Response, answered: Answered, now: float) -> None:
        response.reply = answered.reply
        think_s = self._random.uniform(*self._mood.think_s)
        said_ms = len(answered.pcm16) // BYTES_PER_MS
        for due in deliver(
            response,
            answered.pcm16,
            self._usage(said_ms, len(answered.reply.text)),
            mood=self._mood,
            random=self._random,
            at=max(now, response.created_at + think_s) + answered.reply.after_ms / 1000,
        ):
            self._outbox.add(due, response.id)

    def _stop(self, response: Response, stops_at: float, end: Due) -> None:
        response.stopping = True
        self._outbox.drop(response.id, after=stops_at)
        self._outbox.add(end, response.id)

    def _leave(self, event: JsonObject, mine: Response | None, at: float) -> None:
        """Send an event; `mine` is the response that it belongs to, if that lasts."""
        if mine and _is_message(event):
            # All of its words, heard or not: StepFun doesn't know better.
            item = Item(mine.item_id, "assistant", mine.reply.text, at=at)
            # The place that it has now: others may have come while it was thought out.
            event = {**event, "previous_item_id": self.conversation.add(item)}
        self.ready.append(frame(event, self.uuid()))
        if mine is None:
            return
        match event["type"]:
            case "response.output_item.added":
                mine.added = True
            case "response.audio.delta":
                said_bytes = len(event["delta"]) // 4 * 3
                mine.said_bytes += said_bytes
                self.said_ms += said_bytes / BYTES_PER_MS
                self._profile.voice_is_frozen = True
            case "response.done":
                self._over(at)
            case _:
                pass

    def _over(self, at: float) -> None:
        self._response = None
        if self._mood.rate_limits:
            self.send(at, {"type": "rate_limits.updated", "rate_limits": []})
        if self._wants_response:
            self.begin(at)

    def _last_words(self, response: Response | None, status: str) -> list[JsonObject]:
        """End a response that was stopped, unless it ended by itself before."""
        if response is None:
            return []
        said_ms = response.said_bytes // BYTES_PER_MS
        return response.stopped(status, self._usage(said_ms, len(response.reply.text)))

    def _usage(self, said_ms: int, written: int) -> JsonObject:
        items = self.conversation.items
        texts = sum(len(item.text or "") for item in items if not item.pcm16)
        return usage(
            heard_ms=sum(len(item.pcm16) for item in items) // BYTES_PER_MS,
            read=len(self._profile.instructions) + texts,
            said_ms=said_ms,
            written=written,
        )


def _is_message(event: JsonObject) -> bool:
    """Whether the model's message joins the conversation."""
    if event["type"] != "conversation.item.created":
        return False
    return bool(event["item"]["type"] == "message")
