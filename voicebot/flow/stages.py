"""
Which part of the conversation a call is in, and what leads out of it.

The model may ask for another stage by a tool; all else is decided here, by what the
caller said or typed, what was done, and what is known.
"""

from collections.abc import Callable, Collection

from voicebot.bridge import settings as bridge
from voicebot.bridge.model import Retune
from voicebot.bridge.words import says
from voicebot.dialplan.actions import Action
from voicebot.dialplan.language import folded
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.section import overlaid
from voicebot.dialplan.stages import Exit, Stage


class Stages:
    """
    The stage of a call, from one to the next.

    Attributes:
        name: of the stage; None for a persona that has none.
    """

    def __init__(self, persona: Persona) -> None:
        self._persona = persona
        self.name = persona.start_stage
        self._tuned = tuned(persona, self.name)

    @property
    def stage(self) -> Stage | None:
        return self._persona.stages[self.name] if self.name else None

    @property
    def on_enter(self) -> Action | None:
        return self.stage.on_enter if self.stage else None

    def enter(self, name: str) -> Retune | None:
        """Go to a stage; how the caller is listened to there, if that is another."""
        self.name = name
        return self._retuned()

    def speak_as(self, persona: Persona) -> Retune | None:
        """The same in another language; how the caller is listened to in that."""
        self._persona = persona
        return self._retuned()

    def _retuned(self) -> Retune | None:
        before, self._tuned = self._tuned, tuned(self._persona, self.name)
        return None if self._tuned == before else self._tuned

    def way_out(
        self,
        value: Callable[[str], str],
        *,
        said: str = "",
        tool: str = "",
        typed: str = "",
    ) -> Exit | None:
        """
        Return the first way out that fits what has happened just now.

        Args:
            value: of a variable; empty if it has none.
            said: by the caller.
            tool: something came of it.
            typed: the variable that got digits.
        """

        def fits(way: Exit) -> bool:
            match way:
                case Exit(tool=str(name)):
                    return name == tool
                case Exit(digits=str(name)):
                    return name == typed
                case Exit(var=str(name)):
                    return value(name) not in ("", self._default(name))
                case _:
                    return says(said, way.when)

        return next(filter(fits, self.stage.exit), None) if self.stage else None

    def _default(self, name: str) -> str | None:
        var = self._persona.vars.get(name)
        return var.default if var else None


def tuned(persona: Persona, stage: str | None) -> Retune:
    """Say how the caller is listened to in a stage, and can interrupt."""
    return Retune(barge_in(persona, stage), listening(persona, stage))


def barge_in(persona: Persona, stage: str | None) -> bridge.BargeIn:
    """
    Say what happens when the caller speaks while the bot does.

    A phrase that a stage has in one list is taken from the persona's other one.
    """
    own = persona.stages[stage].barge_in if stage else None
    asked = overlaid(persona.barge_in, own)
    backchannel, stop_words = asked.backchannel, asked.stop_words
    given = own.model_fields_set if own else set()
    if "stop_words" in given and "backchannel" not in given:
        backchannel = _without(backchannel, stop_words)
    if "backchannel" in given and "stop_words" not in given:
        stop_words = _without(stop_words, backchannel)
    return bridge.BargeIn(
        mode=asked.mode,
        min_ms=asked.min_ms,
        confirm_ms=asked.confirm_ms,
        decide_ms=asked.decide_ms,
        min_words=asked.min_words,
        backchannel=backchannel,
        stop_words=stop_words,
        stop=asked.stop,
        keys=asked.dtmf == "always",
    )


def listening(persona: Persona, stage: str | None) -> bridge.Listening:
    """Say when the caller's turn is over."""
    own = persona.stages[stage].listening if stage else None
    asked = overlaid(persona.listening, own)
    return bridge.Listening(
        profile=asked.profile,
        end_silence_ms=asked.end_silence_ms,
        questions=tuple(
            (question.says, question.profile) for question in asked.questions
        ),
        adaptive=asked.pace == "adaptive",
        max_turn_ms=round(asked.max_turn_s * 1000),
    )


def _without(phrases: tuple[str, ...], others: Collection[str]) -> tuple[str, ...]:
    taken = {folded(phrase) for phrase in others}
    return tuple(phrase for phrase in phrases if folded(phrase) not in taken)
