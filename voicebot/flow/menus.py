"""One menu as it runs: keys and the clock in, what to say and what was chosen out."""

from dataclasses import dataclass
from typing import Final

from voicebot.dialplan.actions import Action
from voicebot.dialplan.menus import Gather, Menu, NoMatch
from voicebot.dialplan.patterns import compiled

# A prompt of which nobody tells that it was heard: no prompt takes longer.
UNHEARD_S = 60.0

# A prompt isn't said more often, whatever is pressed: nobody listens there.
MAX_PROMPTS = 12

DIGITS: Final = frozenset("0123456789")

# How often a menu without ladders repeats itself.
AGAIN = 1


@dataclass(frozen=True, slots=True)
class Say:
    """Words for the caller, after what is being said."""

    text: str
    is_prompt: bool = False
    """Whether the menu waits until they were heard."""


@dataclass(frozen=True, slots=True)
class StopSaying:
    """Drop what the caller hasn't heard yet: a key was pressed."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The menu is over: this is what the caller, or its ladder, chose."""

    action: Action


@dataclass(frozen=True, slots=True)
class Collected:
    """The menu is over: these are the digits. They stand nowhere else."""

    variable: str
    digits: str
    sensitive: bool


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The menu is over, and nothing came of it."""


MenuOut = Say | StopSaying | Chosen | Collected | GaveUp


class MenuRun:
    """
    One menu from its prompt to its end. It always ends.

    Every method returns what is to be done, in order. `start` comes first; time never
    goes back.

    Attributes:
        over: whether it has ended: nothing more comes of it.
    """

    def __init__(self, menu: Menu) -> None:
        self.over = False
        self._menu = menu
        self._digits = ""
        self._prompts = self._silences = self._mistakes = 0
        self._deadline: float | None = None
        self._prompting = False

    def start(self, now: float) -> list[MenuOut]:
        """Say the prompt."""
        return self._prompt(now)

    def next_deadline(self) -> float | None:
        """When to call `tick`, unless something happens before."""
        return self._deadline

    def offers(self, digit: str) -> bool:
        """Whether a key is one of its choices; digits that are typed are none."""
        return not self.over and not self._menu.gather and digit in self._menu.keys

    def heard(self, now: float) -> list[MenuOut]:
        """The prompt was heard to its end, or was cut: the caller's time begins."""
        if self._prompting and not self.over:
            self._prompting = False
            if not self._digits:
                self._deadline = now + self._patience_s()
        return []

    def tick(self, now: float) -> list[MenuOut]:
        """Time has passed."""
        if self.over or self._deadline is None or now < self._deadline:
            return []
        if self._digits:
            return self._complete(now)
        self._silences += 1
        step = self._step(self._menu.noinput, self._silences)
        return self._take(step, now)

    def key(self, digit: str, now: float) -> list[MenuOut]:
        """The caller pressed a key."""
        if self.over:
            return []
        out: list[MenuOut] = []
        if self._prompting and self._menu.barge:
            self._prompting = False
            out.append(StopSaying())
        gather = self._menu.gather
        if gather:
            return out + self._digit(gather, digit, now)
        for name, action in self._menu.keys.items():
            if name == digit:
                return out + self._do(action, now)
        return out + self._mistake(now)

    # ---- digits --------------------------------------------------------------

    def _digit(self, gather: Gather, digit: str, now: float) -> list[MenuOut]:
        if digit == gather.terminator:
            return self._complete(now)
        if digit not in DIGITS:
            if not self._digits:
                self._deadline = now + self._patience_s()
            return []
        self._digits += digit
        if len(self._digits) >= gather.max:
            return self._complete(now)
        self._deadline = now + gather.inter_digit_s
        return []

    def _complete(self, now: float) -> list[MenuOut]:
        gather = self._menu.gather
        assert gather  # digits are taken for one only
        digits, self._digits = self._digits, ""
        valid = compiled(gather.validate_) if gather.validate_ else None
        if len(digits) < gather.min or (valid and not valid.fullmatch(digits)):
            return self._mistake(now)
        out: list[MenuOut] = []
        if gather.readback != "none":
            shown = digits[-2:] if gather.readback == "last2" else digits
            out.append(Say(" ".join(shown)))
        out.append(Collected(gather.into, digits, gather.sensitive))
        return self._end(out)

    # ---- ladders -------------------------------------------------------------

    def _patience_s(self) -> float:
        """How long the caller may be silent now."""
        ladder = self._menu.noinput
        if self._silences < len(ladder):
            return ladder[self._silences].after_s
        return self._menu.gather.timeout_s if self._menu.gather else 8.0

    def _mistake(self, now: float) -> list[MenuOut]:
        self._mistakes += 1
        return self._take(self._step(self._menu.nomatch, self._mistakes), now)

    def _step(self, ladder: tuple[NoMatch, ...], times: int) -> NoMatch | None:
        if ladder:
            return ladder[times - 1] if times <= len(ladder) else None
        retries = self._menu.gather.retries if self._menu.gather else AGAIN
        return NoMatch(replay=True) if times <= retries else None

    def _take(self, step: NoMatch | None, now: float) -> list[MenuOut]:
        if step is None:
            return self._end([GaveUp()])
        out: list[MenuOut] = [Say(step.say)] if step.say else []
        if step.do:
            return out + self._do(step.do, now)
        if step.replay:
            return out + self._prompt(now)
        self._deadline = now + self._patience_s()
        return out

    def _do(self, action: Action, now: float) -> list[MenuOut]:
        if action.replay:
            return self._prompt(now)
        return self._end([Chosen(action)])

    def _prompt(self, now: float) -> list[MenuOut]:
        if self._prompts >= MAX_PROMPTS:
            return self._end([GaveUp()])
        self._prompts += 1
        self._prompting = True
        self._deadline = now + UNHEARD_S
        return [Say(self._menu.prompt, is_prompt=True)]

    def _end(self, out: list[MenuOut]) -> list[MenuOut]:
        self.over, self._deadline, self._digits = True, None, ""
        return out
