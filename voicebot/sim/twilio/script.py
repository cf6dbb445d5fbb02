"""What the simulated caller does, and when: it listens before it speaks."""

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME, ULAW_SILENCE, Framer
from voicebot.errors import ConfigError
from voicebot.sim.twilio.ear import SILENT_FRAME, Ear

KEYS: Final = re.compile("[0-9*#A-D]+")
KEY_MS: Final = 200
"""From one key to the next."""

AS_PLANNED: Final = "the script said so"
"""Why a caller hangs up that didn't lose its patience."""

TIMEOUT_MS: Final = 20_000
"""How long a caller waits for the bot to begin, or to finish."""


@dataclass(frozen=True, slots=True)
class Say:
    """Speak once the bot has spoken and then been quiet for `wait_quiet_ms`."""

    ulaw: bytes
    label: str
    wait_quiet_ms: int = 700
    timeout_ms: int = TIMEOUT_MS


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Speak into the bot's words once `after_ms` of them were audible."""

    ulaw: bytes
    label: str
    after_ms: int = 1500
    timeout_ms: int = TIMEOUT_MS


@dataclass(frozen=True, slots=True)
class Keys:
    """
    Press these keys: one or more of 0-9 * # A-D.

    Whoever speaks; or, with `wait_quiet_ms`, as one who hears the bot out.
    """

    digits: str
    wait_quiet_ms: int | None = None
    timeout_ms: int = TIMEOUT_MS


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so long."""

    ms: int


@dataclass(frozen=True, slots=True)
class Until:
    """Do nothing until something has happened; what was heard before counts no more."""

    happened: Callable[[], bool]
    """Asked with each frame."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """Hang up: at once, or when the bot has spoken and been quiet for so long."""

    wait_quiet_ms: int | None = None
    timeout_ms: int = TIMEOUT_MS


Step = Say | Interrupt | Keys | Wait | Until | HangUp


class Doing(NamedTuple):
    """What the caller does in one frame of 20 ms."""

    ulaw: bytes = SILENT_FRAME
    """160 bytes of its voice, or of the silent line."""

    begins: str | None = None
    """The label of the utterance of which this is the first frame."""

    ends: bool = False
    """Whether this is the last frame of an utterance."""

    key: str | None = None
    hangs_up: str | None = None
    """Why it hangs up now."""


SILENT: Final = Doing()


class Script:
    """
    Plays the steps, one after the other; after the last it listens on.

    Its clock is the line: `next` is to be called once for every frame of 20 ms.
    """

    def __init__(self, steps: Sequence[Step], *, repeats: bool = False) -> None:
        """
        Args:
            repeats: it begins anew after the last step, until it is to `leave`.

        Raises:
            ConfigError: a step says nothing, or presses what isn't a key.
        """
        for number, step in enumerate(steps, 1):
            if isinstance(step, Say | Interrupt) and not step.ulaw:
                raise ConfigError(f"step {number}: nothing to say")
            if isinstance(step, Keys) and not KEYS.fullmatch(step.digits):
                raise ConfigError(f"step {number}: expected keys 0-9 * # A-D")
        self._steps = tuple(steps)
        self._repeats = repeats and bool(steps)
        self._leaves = False
        self._index = 0  # of the step; in later rounds it counts on
        self._waited_ms = 0  # in this step
        self._voice: deque[bytes] = deque()  # the frames that are still to be said
        self._pressed = 0  # keys of this step

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do but to listen."""
        return self._index == len(self._steps) and not self._repeats

    def leave(self) -> None:
        """Hang up with the next frame, whatever else was to be done."""
        self._leaves = True

    def next(self, ear: Ear) -> Doing:
        """
        Decide what to do in the next frame.

        Args:
            ear: what was heard until now; told when a turn of the caller ends.
        """
        if self._leaves:
            return Doing(hangs_up=AS_PLANNED)
        if self.done:
            return SILENT
        if self._voice:
            return self._speak(ear)
        index = self._index
        doing = self._decide(self._steps[index % len(self._steps)], ear)
        if self._index == index:
            self._waited_ms += FRAME_MS
        return doing

    def _decide(self, step: Step, ear: Ear) -> Doing:
        match step:
            case Say(ulaw, label, wait_quiet_ms):
                if _heard_out(ear, wait_quiet_ms):
                    return self._begin(ulaw, label, ear)
            case Interrupt(ulaw, label, after_ms):
                if ear.audible_ms >= after_ms and not ear.quiet_ms:
                    return self._begin(ulaw, label, ear)
            case Keys(digits, wait_quiet_ms):
                if self._pressed:
                    return self._press(digits, ear)
                if _heard_out(ear, wait_quiet_ms):
                    self._waited_ms = 0
                    return self._press(digits, ear)
            case HangUp(wait_quiet_ms):
                if _heard_out(ear, wait_quiet_ms):
                    self._advance()
                    return Doing(hangs_up=AS_PLANNED)
            case Wait(ms):
                if self._waited_ms >= ms:
                    self._advance()
                    return self.next(ear)
                return SILENT
            case _:
                if step.happened():
                    self._end_turn(ear)
                return SILENT
        if self._waited_ms < step.timeout_ms:
            return SILENT
        what = "fall silent" if ear.spoke else "speak"
        number = self._index % len(self._steps) + 1
        return Doing(
            hangs_up=f"step {number}: waited {step.timeout_ms} ms for the bot to {what}"
        )

    def _begin(self, ulaw: bytes, label: str, ear: Ear) -> Doing:
        whole = ulaw + ULAW_SILENCE * (-len(ulaw) % ULAW_FRAME)
        self._voice.extend(Framer().push(whole))
        doing = self._speak(ear)
        return Doing(doing.ulaw, begins=label, ends=doing.ends)

    def _speak(self, ear: Ear) -> Doing:
        frame = self._voice.popleft()
        if self._voice:
            return Doing(frame)
        self._end_turn(ear)
        return Doing(frame, ends=True)

    def _press(self, digits: str, ear: Ear) -> Doing:
        if self._waited_ms % KEY_MS:
            return SILENT
        key = digits[self._pressed]
        self._pressed += 1
        if self._pressed == len(digits):
            self._end_turn(ear)
        return Doing(key=key)

    def _end_turn(self, ear: Ear) -> None:
        ear.end_turn()
        self._advance()

    def _advance(self) -> None:
        self._index += 1
        self._waited_ms = 0
        self._pressed = 0


def _heard_out(ear: Ear, quiet_ms: int | None) -> bool:
    """Whether the bot has spoken, and been quiet for so long; None: no matter."""
    return quiet_ms is None or (ear.spoke and ear.quiet_ms >= quiet_ms)
