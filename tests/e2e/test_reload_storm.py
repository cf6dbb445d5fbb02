"""Calls over real sockets while their dialplan is edited all the time."""

import asyncio
import random
from pathlib import Path

from tests.e2e.house import PERSONA, House, house, says
from tests.runtime.test_plans import Storm
from voicebot.sim.stepfun.script import Line
from voicebot.sim.twilio.report import Outcome
from voicebot.sim.twilio.script import Say

CALLS = 4
LONG = "It is a quarter past ten, and it will be a nice and rather warm day."
LINES = (Line("What time is it?", LONG), Line("Thank you, goodbye!", "Bye."))


def desk(nth: int) -> str:
    return PERSONA.replace("Hello there.", f"Hello from edit {nth}.")


async def edit(home: House) -> None:
    """Until it is cancelled: an operator in a hurry."""
    storm = Storm(home.settings.dialplans, random.Random(3), text=desk)
    while True:
        is_good = storm.edit()
        await home.board.plans.reload()
        assert bool(home.board.plans.rejected) is not is_good
        await asyncio.sleep(0.05)


async def test_calls_go_on_without_a_hole_while_plans_are_saved(tmp_path: Path) -> None:
    async with house(tmp_path, *LINES, persona=desk(0)) as home:
        personas = home.settings.dialplans / "personas"
        (personas / "tester.yaml").rename(personas / "desk.yaml")
        main = home.settings.dialplans / "dialplan.yaml"
        main.write_text(main.read_text().replace("tester", "desk"))
        await home.board.plans.reload()
        storm = asyncio.create_task(edit(home))
        reports = await asyncio.gather(
            *(
                home.call(
                    Say(says("What time is it?"), "time"),
                    Say(says("Thank you, goodbye!"), "goodbye"),
                    from_number=f"+1555010010{nth}",
                )
                for nth in range(CALLS)
            )
        )
        edited = not storm.done()
        storm.cancel()
        records = [await home.record(report) for report in reports]
        last = home.board.plans.current.revision

    assert edited
    for report, (call, turns) in zip(reports, records, strict=True):
        assert (report.outcome, report.warnings) == (Outcome.COMPLETED, [])
        assert report.underruns == []
        assert call.faults == ()
        assert call.dialplan_revision != last
        heard = [
            turn.heard_text for turn in turns if turn.who == "bot" and turn.heard_text
        ]
        assert heard[0].startswith("Hello from edit ")
        assert heard[1:] == [LONG, "Good bye."]
