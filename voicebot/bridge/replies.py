"""What we asked the model for, and what is to become of it."""

from collections.abc import Callable

from voicebot.audio.framing import pcm_bytes
from voicebot.bridge.model import (
    Action,
    AppendAudio,
    AskForReply,
    AskToSay,
    CancelReply,
    CommitAudio,
    FindTurns,
    GoOn,
)
from voicebot.bridge.recovery import Tape, joined

# Caller audio kept while the model's session opens; the oldest is dropped beyond it.
HELD_BYTES = pcm_bytes(20_000)

# Late pieces of an answer come within seconds, not this many answers later.
MAX_DEAD = 64

Request = AskForReply | AskToSay


class Replies:
    """
    The model gives one answer at a time, and late: between our cancel and its last
    word there is a round trip. So a request waits until the answer before it is over,
    and every piece of an answer that was given up is dropped by its response's id.

    Args:
        emit: takes the orders to the model, in order.
    """

    def __init__(self, emit: Callable[[Action], None]) -> None:
        self._emit = emit
        self._held: list[Action] = []
        self.ready = False
        self.gone = False
        """The session is lost; what is asked for is not, silently."""
        self.active: str | None = None
        """The response that the model is giving, dead or not."""
        self.request: Request | None = None
        """What the last response was asked for with, if it was."""
        self._asked: Request | None = None
        """Asked for; no response has started on it yet."""
        self._unwanted = False
        """... and none is wanted any more."""
        self._next: Request | None = None
        """To be asked for as soon as the active response is over."""
        self._dead: dict[str, None] = {}
        """Nothing more is to be heard of these. Kept in order, to forget the oldest."""
        self.unanswered = False
        """An item of the caller's stands in the conversation without an answer."""
        self._hushed = False
        self.tape = Tape()
        self.broke_off = False
        """An answer is being heard that broke off with its session: the rest is due."""

    @property
    def answers(self) -> bool:
        """Whether the model is there to answer the caller, and may."""
        return not self.gone and not self._hushed

    @property
    def expected(self) -> bool:
        """Whether audio of an answer may still come."""
        return self._wish is not None or self._alive

    @property
    def _wish(self) -> Request | None:
        """What we want and no response has started on."""
        return self._next or (None if self._unwanted else self._asked)

    @property
    def _alive(self) -> bool:
        return self.active is not None and self.active not in self._dead

    def is_alive(self, response_id: str) -> bool:
        """Whether the model is giving this answer, and it is to be heard."""
        return self._alive and self.active == response_id

    def is_dead(self, response_id: str) -> bool:
        return response_id in self._dead

    def send(self, action: Action) -> None:
        """Give the model an order; before its session is open, keep it."""
        if isinstance(action, AppendAudio):
            self.tape.appended(action)
        elif isinstance(action, CommitAudio):
            self.tape.committed()
        elif isinstance(action, FindTurns):
            self.tape.forget()
        if self.ready:
            self._emit(action)
        elif not self.gone:
            self._held.append(action)
            self._trim()

    def open(self) -> None:
        """The session is open: give it all that was kept."""
        if not self.gone:
            self.ready = True
            for action in joined(self._held):
                self._emit(action)
            self._held.clear()

    def lose(self) -> None:
        """The session is lost: nothing is expected of it any more."""
        self.ready, self.gone, self.broke_off = False, True, False
        self.active = self._asked = self._next = None
        self._held.clear()

    def lapse(self, heard: list[Action], *, begun: bool) -> None:
        """
        The session is lost and another will come: keep for it what was asked of this.

        Args:
            heard: what makes it hear what this session heard and hasn't answered.
            begun: whether there is something to be heard of the answer that was given.
        """
        owed = self._wish
        if self._alive and not begun:
            owed = owed or self.request or AskForReply()
        self.broke_off = self._alive and begun and owed is None and self.answers
        if self.active:
            self._kill(self.active)
        self.ready, self._unwanted = False, False
        self.active = self._asked = self._next = None
        self._held = heard
        if owed:
            self.ask(owed)

    def go_on(self) -> None:
        """Ask for the rest of the answer that broke off."""
        self.send(GoOn())
        self.ask(AskForReply())

    def hush(self, on: bool) -> None:
        """From now on the caller isn't answered; what the model has begun, it ends."""
        self._hushed = on
        if on:
            self.unanswered = self.broke_off = False
            if isinstance(self._next, AskForReply):
                self._next = None
            if isinstance(self._asked, AskForReply):
                self._recall()

    def ask(self, request: Request) -> None:
        """Ask for an answer, now or when the one before it is over."""
        if self.gone or (self._hushed and isinstance(request, AskForReply)):
            return
        self.broke_off = False
        if self._asked or self.active:
            self._next = request
        else:
            self._asked, self._unwanted = request, False
            self.send(request)

    def withdraw(self) -> None:
        """Give up whatever was asked for or is being said."""
        self._next, self.broke_off = None, False
        self._recall()
        self._give_up()

    def awaits(self, request: Request) -> bool:
        """Whether this was asked for, is still wanted, and nothing has come of it."""
        return request is self._wish

    def started(self, response_id: str, *, welcome: bool) -> bool:
        """
        A response has started, and so the one before it is over.

        Args:
            welcome: whether a response is that we hadn't asked for.

        Returns:
            Whether it is to be heard.
        """
        if self.active:
            self._kill(self.active)
        obsolete = self._unwanted or self._next is not None
        wanted = not obsolete if self._asked else welcome
        self.request = self._asked
        self.active, self._asked, self._unwanted = response_id, None, False
        if wanted:
            self._next = None  # this is the answer
        else:
            self._give_up()
        return wanted

    def done(self, response_id: str) -> bool:
        """
        A response is over: ask for what has waited for that.

        Returns:
            Whether it was to be heard, until now.
        """
        awaited = self.is_alive(response_id)
        self._kill(response_id)
        if self.active == response_id:
            self.active = None
        self._ask_next()
        return awaited

    def collided(self) -> None:
        """Refused: another response was running. Ask again when that one is over."""
        self._next, self._asked = self._wish, None

    def no_speech(self) -> None:
        """The turn was refused, and so no answer comes to what we asked for."""
        if isinstance(self._asked, AskForReply):
            self._asked = None
        self._ask_next()

    def retry(self) -> None:
        """Nothing came: ask once more, whatever became of the last request."""
        request = self._wish or AskForReply()
        self.withdraw()
        self.active = self._asked = None
        self.ask(request)

    def _recall(self) -> None:
        """What was asked for isn't wanted any more."""
        if self._asked and self._asked in self._held:
            self._held.remove(self._asked)  # the model never hears of it
            self._held = [held for held in self._held if held != GoOn()]
            self._asked = None
        self._unwanted = self._asked is not None

    def _give_up(self) -> None:
        """Cancel what the model is saying, and drop what still comes of it."""
        if self.active and self._alive:
            self._kill(self.active)
            self.send(CancelReply())

    def _kill(self, response_id: str) -> None:
        self._dead[response_id] = None
        if len(self._dead) > MAX_DEAD:
            del self._dead[next(iter(self._dead))]

    def _ask_next(self) -> None:
        if self._next and not self.active and not self._asked:
            request, self._next = self._next, None
            self.ask(request)

    def _trim(self) -> None:
        """Drop the oldest audio beyond what we keep; orders stay."""
        audio = [held for held in self._held if isinstance(held, AppendAudio)]
        excess = sum(len(held.pcm16) for held in audio) - HELD_BYTES
        for held in audio:
            if excess <= 0:
                break
            excess -= len(held.pcm16)
            self._held.remove(held)
