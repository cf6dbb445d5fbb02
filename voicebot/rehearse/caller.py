"""The caller of a rehearsal: does what the test's steps say, 20 ms at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from voicebot.audio.framing import FRAME_MS, ULAW_FRAME, ULAW_HZ, ULAW_SILENCE
from voicebot.dialplan.testing import Step, seconds
from voicebot.rehearse.voice import Spoken, spoken

SILENT: Final = ULAW_SILENCE * ULAW_FRAME
QUIET_S: Final = 0.3  # a pause between two words of the bot's is shorter
KEY_S: Final = 0.2  # from one key to the next
GOODBYE_S: Final = 2.0  # the last step is done, nobody speaks: the caller hangs up


@dataclass(slots=True)
class Line:
    """What the caller knows of the bot."""

    quiet_s: float = 0.0
    """For how long the bot has had nothing to say, and the caller the floor."""
    speaks_since: float | None = None
    """When it began what it is saying; None while it says nothing."""
    has_greeted: bool = False
    """Whether its first words are over."""


@dataclass(slots=True)
class Deed:
    """A step that was begun. Times are seconds since the call began."""

    number: int
    step: Step
    begun_at: float
    words: Spoken | None = None
    into_speech: bool = False
    """Whether the bot was speaking when it began."""

    @property
    def ended_at(self) -> float:
        return self.begun_at + self.length_s

    @property
    def length_s(self) -> float:
        if self.words is not None:
            return self.words.length_s
        if self.step.dtmf is not None:
            return KEY_S * len(self.step.dtmf)
        return self.step.silence_s or 0.0

    @property
    def wants_answer(self) -> bool:
        """Whether the caller waits for what the bot will say to it."""
        return self.step.say is not None or self.step.barge_in is not None


class Caller:
    """
    Takes one step after the other.

    Attributes:
        deeds: the steps that were begun.
        keys: what was pressed in the last frame.
        has_hung_up: by the last step, or as there was nothing left to do.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.deeds: list[Deed] = []
        self.keys = ""
        self.has_hung_up = False
        self._steps = steps
        self._understood = 0  # words of all deeds

    def frame(self, now: float, line: Line) -> bytes:
        """Do what is due in the 20 ms that begin now: return their μ-law."""
        self.keys = ""
        last = self.deeds[-1] if self.deeds else None
        if not last or now >= last.ended_at - 1e-6:
            last = self._begin(now, line) or last
        if last is None:
            return SILENT
        at = round((now - last.begun_at) * ULAW_HZ)
        if last.step.dtmf is not None:
            number, rest = divmod(round(at * 1000 / ULAW_HZ), round(KEY_S * 1000))
            if rest < FRAME_MS:
                self.keys = last.step.dtmf[number : number + 1]
        if last.words is None:
            return SILENT
        return last.words.ulaw[at : at + ULAW_FRAME].ljust(ULAW_FRAME, ULAW_SILENCE)

    def understood(self, until: float) -> str:
        """What was said by then, and not given before: what a transcript has."""
        words = [
            (deed.begun_at + (each.start + each.end) / 2 / ULAW_HZ, each.text)
            for deed in self.deeds
            if deed.words
            for each in deed.words.syllables
        ]
        said = [text for at, text in words[self._understood :] if at <= until]
        self._understood += len(said)
        return "".join(said).strip()

    def _begin(self, now: float, line: Line) -> Deed | None:
        number = len(self.deeds)
        if number == len(self._steps):
            self.has_hung_up = line.quiet_s >= GOODBYE_S
            return None
        step = self._steps[number]
        if not _is_due(step, now, line):
            return None
        text = step.say or step.backchannel or (step.barge_in and step.barge_in.say)
        words = spoken(text) if text else None
        deed = Deed(number, step, now, words, line.speaks_since is not None)
        self.deeds.append(deed)
        self.has_hung_up = step.hangup is True
        return deed


def _is_due(step: Step, now: float, line: Line) -> bool:
    at = step.barge_in.at if step.barge_in else step.at
    if at is not None:
        after_s, is_relative = seconds(at)
        if not is_relative:
            return now >= after_s - 1e-6
        since = line.speaks_since
        return since is not None and now >= since + after_s - 1e-6
    if step.say is None or step.wait == "none":
        return True
    return line.quiet_s >= QUIET_S or (step.wait == "greeting" and line.has_greeted)
