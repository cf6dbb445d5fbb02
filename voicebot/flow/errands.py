"""What other servers are asked for: the wait, and the order in which it is told."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from math import inf
from typing import Final

from voicebot.bridge.model import Phase
from voicebot.dialplan.address import Errand
from voicebot.dialplan.tools import Tool
from voicebot.flow.asks import TALKING
from voicebot.flow.model import Abandon, Fetch, Fetched, NoteEvent, Order, Trouble
from voicebot.flow.requests import told

# Whoever makes a request ends it in time; if not, it is over for us.
GRACE_S: Final = 1.0

GIVEN_UP: Final = "The caller spoke before there was an answer, and it was given up."


@dataclass(slots=True)
class _Waiting:
    """Something that the model is to be told, and maybe waits for."""

    call_id: str | None
    text: str | None
    """None: there is no answer yet."""
    id: int = 0
    tool: str = ""
    began_at: float = 0.0
    timeout_at: float = inf
    can_cancel: bool = False
    unsure: bool = False
    """It does something, maybe also if no answer comes."""
    fillers: tuple[str, ...] = ()


class Errands:
    """
    Requests that are on their way, and all that the model is told behind them.

    Answers are told in the order of the asks, when all of them are there.

    Args:
        fillers: what is said while a tool without fillers of its own is waited for.
        after_s: so much silence comes before each.
    """

    def __init__(self, fillers: tuple[str, ...], after_s: float) -> None:
        self._fillers, self._after_s = fillers, after_s
        self._waiting: list[_Waiting] = []
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def speak(self, fillers: tuple[str, ...], after_s: float) -> None:
        """Say these from the next request on: the caller speaks another language."""
        self._fillers, self._after_s = fillers, after_s

    def send(
        self, name: str, tool: Tool, made: Errand, call_id: str | None, now: float
    ) -> Fetch:
        """Make a request."""
        self._count += 1
        fillers = self._fillers if tool.filler is None else tool.filler
        self._waiting.append(
            _Waiting(
                call_id,
                None,
                self._count,
                name,
                now,
                now + made.timeout_s + GRACE_S,
                tool.on_barge_in == "cancel",
                made.method == "POST",
                fillers,
            )
        )
        # The model's own word for its call goes into a header: not as it is.
        key = sha256((call_id or "").encode()).hexdigest()[:16]
        return Fetch(self._count, name, f"{self._count}-{key}", made)

    def tell(self, call_id: str | None, text: str) -> None:
        """Tell the model something, behind what it waits for."""
        self._waiting.append(_Waiting(call_id, text))

    def fetched(self, answer: Fetched, now: float) -> tuple[str | None, list[Order]]:
        """
        An answer is there, or won't come.

        Returns:
            The tool of which something came, if so; and what is to be noted.
        """
        for each in self._waiting:
            if each.id == answer.id and each.text is None:
                return self._answered(each, answer, now)
        return None, []  # it was given up

    def caller_spoke(self, now: float) -> list[Order]:
        """The caller has said something: give up what isn't to be waited for."""
        return self._give_up(lambda each: each.can_cancel, GIVEN_UP, now)

    def close(self, now: float) -> list[Order]:
        """Nobody waits any more."""
        orders = self._give_up(lambda _: True, "", now)
        self._waiting.clear()
        return orders

    def overdue(self, now: float) -> list[Order]:
        """Give up what should have ended by itself."""
        return self._give_up(lambda each: now >= each.timeout_at, None, now)

    def take(self) -> list[tuple[str | None, str]]:
        """Take all that the model is to be told, in order."""
        taken = [(each.call_id, each.text or "") for each in self._waiting]
        self._waiting.clear()
        return taken

    def filler(self, quiet_since: float | None, now: float) -> str | None:
        """Return what is to be said now, once."""
        each = self._oldest()
        if each is None or now < self._filler_at(quiet_since):
            return None
        first, *rest = each.fillers
        each.fillers = tuple(rest)
        return first

    def told_at(self, phase: Phase, text_by: float) -> float:
        """
        When the model can be told, if nothing happens before.

        Args:
            text_by: when the words of the caller's last turn are known.
        """
        if not self._waiting or self._oldest() or phase in TALKING:
            return inf
        return text_by

    def next_at(self, phase: Phase, text_by: float, quiet_since: float | None) -> float:
        """When something is due, if nothing happens before; infinity: nothing is."""
        filler_at = self._filler_at(quiet_since)
        return min(self.told_at(phase, text_by), self.overdue_at(), filler_at)

    def overdue_at(self) -> float:
        """When the first request should have ended by itself."""
        return min((each.timeout_at for each in self._open()), default=inf)

    def _filler_at(self, quiet_since: float | None) -> float:
        each = self._oldest()
        if each is None or quiet_since is None or not each.fillers:
            return inf
        return max(quiet_since, each.began_at) + self._after_s

    def _oldest(self) -> _Waiting | None:
        return next(self._open(), None)

    def _open(self) -> Iterator[_Waiting]:
        return (each for each in self._waiting if each.text is None)

    def _answered(
        self, each: _Waiting, answer: Fetched, now: float
    ) -> tuple[str | None, list[Order]]:
        each.text = told(answer, unsure=each.unsure)
        how = answer.trouble or "ok"
        status = f" {answer.status // 100}xx" if answer.status else ""
        detail = f"{how}{status} {_ms(now - each.began_at)} ms"
        done = each.tool if answer.trouble is None else None
        return done, [NoteEvent("fetched", each.tool, detail)]

    def _give_up(
        self, which: Callable[[_Waiting], bool], text: str | None, now: float
    ) -> list[Order]:
        """Abandon some, and tell the model so; None: that they took too long."""
        orders: list[Order] = []
        late = Fetched(0, trouble=Trouble.TIMEOUT)
        for each in filter(which, list(self._open())):
            each.text = told(late, unsure=each.unsure) if text is None else text
            detail = f"given_up {_ms(now - each.began_at)} ms"
            orders += [Abandon(each.id), NoteEvent("fetched", each.tool, detail)]
        return orders


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
