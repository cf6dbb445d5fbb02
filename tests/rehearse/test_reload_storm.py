"""
Calls that sound while their dialplan is edited, well and badly, all the time.

Each is made twice: in the storm, a moment at a time between the edits; and by itself,
from a copy of what was in force when it began. The two must be the same in each byte.
"""

import os
import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.dialplan.plans import written
from tests.runtime.test_plans import Storm
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.persona import Persona
from voicebot.rehearse.call import RehearsedCall
from voicebot.rehearse.record import Record
from voicebot.runtime.plans import Plans
from voicebot.runtime.reception import targets_of

EDITS = int(os.environ.get("VOICEBOT_EDITS", "200"))
CALLS = 50
SOUNDING = 8  # calls that go on between two edits
MOMENT_S = 0.4


def desk(nth: int) -> str:
    """A persona all of whose words tell which edit it is of."""
    return f"""\
title: Front desk
language: en
instructions: Be kind, as in edit {nth}.
greeting: {{text: Hello. This is edit {nth}.}}
goodbye: {{text: Goodbye from edit {nth}.}}
silence:
  - {{after: 3s, say: Are you there? This is still edit {nth}.}}
  - {{after: 5s, do: goodbye}}
menus:
  keypad: {{prompt: Press one for edit {nth}., key: "9", keys: {{"1": goodbye}}}}
tests:
  - name: a caller
    model: [{{say: "It is a quarter past ten, and it will be a nice day."}}]
    caller:
      - {{say: What time is it?}}
      - {{barge_in: {{at: +1500ms, say: Hold on a moment please}}}}
      - {{dtmf: "9"}}
      - {{dtmf: "1", at: +800ms}}
      - {{silence: 9s}}
    expect: [{{heard: edit {nth}}}]
"""


@dataclass
class SoundingCall:
    """One that was begun with a plan, and a copy of what it began with."""

    revision: str
    began_as: Persona
    call: RehearsedCall
    at_s: float = 0.0
    is_over: bool = False

    @classmethod
    def begin(cls, plan: Dialplan) -> "SoundingCall":
        persona = plan.personas["desk"]
        copy = persona.model_copy(deep=True)
        return cls(plan.revision, copy, made(persona, plan))

    def go_on(self) -> None:
        self.at_s += MOMENT_S
        self.is_over = self.call.advance(self.at_s)

    def by_itself(self) -> Record:
        """The same call without a storm."""
        test = self.began_as.tests[0]
        alone = RehearsedCall(self.began_as, test, revision=self.revision)
        return alone.run()


def made(persona: Persona, plan: Dialplan) -> RehearsedCall:
    test = persona.tests[0]
    return RehearsedCall(persona, test, targets_of(plan), plan.revision)


def check(each: SoundingCall) -> None:
    record = each.call.run()
    assert record == each.by_itself()
    assert record.revision == each.revision
    edit = each.began_as.instructions.removeprefix("Be kind, as in ")
    said = [spoken.text for spoken in record.said if "edit" in spoken.text]
    assert len(said) >= 3
    assert all(edit in text for text in said)
    assert len(record.heard) > 3
    assert record.ending == "bot_goodbye"


@pytest.mark.timeout(3600)
async def test_no_storm_of_edits_changes_a_byte_of_a_call_that_sounds(
    tmp_path: Path,
) -> None:
    chance = random.Random(7)
    plans = Plans(written(tmp_path, desk=desk(0)))
    storm = Storm(tmp_path, chance, text=desk)
    calls: list[SoundingCall] = []
    good = bad = 0
    for _ in range(EDITS):
        is_good = storm.edit()
        assert await plans.reload() is is_good
        good, bad = good + is_good, bad + (not is_good)
        if len(calls) < CALLS:
            calls.append(SoundingCall.begin(plans.current))
        for which in chance.sample(range(len(calls)), min(len(calls), SOUNDING)):
            calls[which].go_on()
            if calls[which].is_over:
                check(calls[which])
                calls[which] = SoundingCall.begin(plans.current)
    for each in calls:
        check(each)
    assert bad > EDITS / 10
    assert len({each.revision for each in calls}) > CALLS / 4
