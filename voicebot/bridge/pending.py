"""What is to be said and hasn't begun: words of ours, and answers of the model."""

from collections import deque

from voicebot.bridge.model import AskToSay, NoteHeard, Speak
from voicebot.bridge.replies import Replies
from voicebot.bridge.settings import Prompt
from voicebot.bridge.speech import PROMPT


class Pending:
    """
    Keeps words until it is their time, and tells of all that never began.

    What began is an utterance: what becomes of it, whoever speaks it knows.
    """

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        self._waiting: deque[Speak] = deque()
        self._asked: tuple[AskToSay, str] | None = None
        """Words of ours that the model is to say, and their name."""
        self._started: tuple[str, str] | None = None
        """The response that is to be heard and has brought nothing, and its name."""

    def __bool__(self) -> bool:
        """Whether words of ours wait."""
        return bool(self._waiting)

    def add(self, speak: Speak) -> None:
        self._waiting.append(speak)

    def take(self, *, free: bool, silent: bool) -> Speak | None:
        """
        Take the next of our words that wait, if it is their time.

        Args:
            free: whether they may follow what is being said.
            silent: whether nothing is being said, or due; then the model may say them.
        """
        rendered = self._waiting[0].prompt.ulaw is not None
        return self._waiting.popleft() if (free if rendered else silent) else None

    def can_say(self, prompt: Prompt) -> bool:
        """Whether there is somebody to say it, and something to say."""
        return prompt.ulaw is not None or bool(prompt.text and not self._replies.gone)

    def ask(self, name: str, text: str) -> None:
        """Let the model say words of ours."""
        request = AskToSay(text)
        self._asked = (request, name)
        self._replies.ask(request)

    def started(self, response_id: str) -> list[NoteHeard]:
        """A response that is to be heard has started: tell what is given up for it."""
        name = response_id
        if self._asked and self._asked[0] is self._replies.request:
            name, self._asked = self._asked[1], None
        gone = self.given_up()
        self._started = (response_id, name)
        return gone

    def begun(self, response_id: str) -> str:
        """There is something of that response to be heard: its name."""
        _, name = self._started or (response_id, response_id)
        self._started = None
        return name

    def done(self, response_id: str) -> list[NoteHeard]:
        """A response that was to be heard is over: tell if there was nothing of it."""
        if not self._started:
            return []
        _, name = self._started
        self._started = None
        return [NoteHeard(name, 0, whole=name == response_id)]

    def asked_anew(self, request: object) -> None:
        """The session is lost, and the next is asked for this, if for anything."""
        if self._started and isinstance(request, AskToSay):
            self._asked, self._started = (request, self._started[1]), None

    def drop(self) -> list[NoteHeard]:
        """What waits is not to be said."""
        dropped = [unsaid(speak) for speak in self._waiting]
        self._waiting.clear()
        return dropped

    def given_up(self, *, over: bool = False) -> list[NoteHeard]:
        """
        What the model isn't to say any more, since this was last asked.

        Args:
            over: the call is, so this is all.
        """
        gone = []
        if self._asked and (over or not self._replies.awaits(self._asked[0])):
            gone.append(NoteHeard(self._asked[1], 0, whole=False))
            self._asked = None
        if self._started and (over or not self._replies.is_alive(self._started[0])):
            gone.append(NoteHeard(self._started[1], 0, whole=False))
            self._started = None
        return gone


def unsaid(speak: Speak) -> NoteHeard:
    """Nothing of these words was heard, or will be."""
    return NoteHeard(PROMPT + speak.id, 0, whole=False)
