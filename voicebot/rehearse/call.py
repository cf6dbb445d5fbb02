"""One rehearsed call: its streams, and what becomes of it between them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from types import MappingProxyType
from typing import Final

import structlog
from structlog.testing import capture_logs

from voicebot.dialplan.persona import Persona
from voicebot.dialplan.testing import CallTest
from voicebot.dialplan.variables import values_of
from voicebot.flow.model import Leave
from voicebot.flow.survey import named_targets
from voicebot.rehearse.answers import Answers
from voicebot.rehearse.caller import Caller
from voicebot.rehearse.mind import Lines
from voicebot.rehearse.record import Record
from voicebot.rehearse.stream import OwnWords, RehearsedStream, Scene
from voicebot.runtime.forward import Origin, Target
from voicebot.runtime.next_step import (
    VOICEMAIL,
    ComeBack,
    HangUp,
    Ring,
    after_dial,
    first_step,
)
from voicebot.runtime.reception import returning
from voicebot.twilio.webhooks import Dialed

log = structlog.get_logger()

# No call is longer: its limit, and time for the last words.
LONGEST_S: Final = 29 * 60.0

# What a target does -> what Twilio calls it.
STATUSES: Final = {"answers": "completed", "busy": "busy", "no_answer": "no-answer"}
PICKS_UP_S: Final = 4.0
BUSY_S: Final = 2.0
RINGS_ON_S: Final = 5.0  # Twilio adds so much


class RehearsedCall:
    """
    Makes one call of a test.

    Args:
        targets: of the dialplan; without them, the persona's, each with no fallback.
        revision: of the dialplan that the persona is of, for the record.
    """

    def __init__(
        self,
        persona: Persona,
        test: CallTest,
        targets: Mapping[str, Target] = MappingProxyType({}),
        revision: str = "",
    ) -> None:
        self.record = Record(test.caller, revision, start_stage=persona.start_stage)
        self._test = test
        self._now = 0.0
        caller = Caller(test.caller)
        self.record.deeds = caller.deeds
        answers = Answers(test.answers)
        named = {name: Target(name) for name in named_targets(persona)}
        origin = Origin(
            call_id="rehearsed",
            call_sid="",
            account_sid="",
            caller="",
            called="",
            persona=persona,
            targets={**named, **targets},
            is_open=lambda name: test.targets.get(name) != "closed",
            values=values_of(persona, test.vars),
            situation=frozenset(test.situation),
            family=persona.family,
        )
        found = answers.to_lookup(persona)
        if found and persona.greeting.when.returning_caller:
            origin = returning(origin, found[1].values)
        self._origin = origin
        self._scene = Scene(
            test,
            persona,
            self._origin,
            OwnWords(self.record.said),
            Lines(test.model, persona.language),
            answers,
            caller,
            Random(f"{persona.id} {test.name}"),
            self.record,
        )
        self._stream = RehearsedStream(self._scene, 0.0)
        self._is_over = False

    def run(self) -> Record:
        """Make the call."""
        self.advance(LONGEST_S)
        return self.record

    def advance(self, until: float) -> bool:
        """
        Let happen what happens up to a moment; whether the call is over.

        Args:
            until: seconds since it began.
        """
        with _logged(self.record.lines):
            if not self._now:
                log.info("call started", persona=self._scene.persona.id)
            while not self._is_over and self._now < min(until, LONGEST_S):
                self._now = self._stream.advance(min(until, LONGEST_S))
                if self._stream.ending or self._now >= LONGEST_S:
                    self._stream_over()
        return self._is_over

    def _stream_over(self) -> None:
        stream, record = self._stream, self.record
        stream.close()
        record.stream_ends.append(self._now)
        record.ending = stream.ending
        if stream.leave and self._comes_back(stream.leave):
            came_back = replace(
                self._origin, came_back=True, consented=stream.consented
            )
            self._scene = replace(self._scene, origin=came_back)
            self._stream = RehearsedStream(self._scene, self._now)
            return
        self._is_over = True
        record.ended_at = self._now
        log.info("call ended", ending=record.ending)

    def _comes_back(self, leave: Leave) -> bool:
        """Go where the call goes; whether a new stream takes it from there."""
        step = first_step(self._origin, leave.target or VOICEMAIL, room=True)
        tried: tuple[str, ...] = ()
        while isinstance(step, Ring):
            target = step.target
            tried = (*tried, target.name)
            does = self._test.targets.get(target.name, "answers")
            self.record.rang.append((self._now, target.name, does))
            log.info("target rung", target=target.name, status=STATUSES[does])
            self._now += {
                "answers": PICKS_UP_S,
                "busy": BUSY_S,
                "no_answer": target.ring_s + RINGS_ON_S,
            }[does]
            step = after_dial(_news(does), self._origin, tried, room=True)
        if isinstance(step, HangUp):
            self.record.ending = step.reason
        elif not isinstance(step, ComeBack):
            self.record.ending = VOICEMAIL
        return isinstance(step, ComeBack)


def _news(does: str) -> Dialed:
    """What Twilio tells of a target that was rung."""
    return Dialed(
        call_sid="",
        status=STATUSES[does],
        dial_sid="",
        duration_s=60 if does == "answers" else None,
        bridged=does == "answers",
        caller_left=False,
    )


@contextmanager
def _logged(lines: list[str]) -> Iterator[None]:
    """Collect what is logged meanwhile, a text for each line."""
    with capture_logs() as captured:
        try:
            yield
        finally:
            lines += [
                " ".join(f"{k}={v}" for k, v in each.items()) for each in captured
            ]
