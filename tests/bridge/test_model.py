"""The table of phases."""

from voicebot.bridge.model import LIVE, OPEN, TRANSITIONS, Moment, Phase


def test_every_call_can_end_from_every_phase_but_the_end() -> None:
    for phase in LIVE:
        assert TRANSITIONS[phase, Moment.END] is Phase.ENDED
    for phase in OPEN:
        assert TRANSITIONS[phase, Moment.CLOSE] is Phase.CLOSING


def test_nothing_leads_out_of_the_end_and_only_the_end_out_of_closing() -> None:
    assert not [moment for phase, moment in TRANSITIONS if phase is Phase.ENDED]
    assert [moment for phase, moment in TRANSITIONS if phase is Phase.CLOSING] == [
        Moment.END
    ]


def test_every_phase_can_be_reached() -> None:
    reached, new = {Phase.LISTENING}, {Phase.LISTENING}
    while new:
        steps = {after for (before, _), after in TRANSITIONS.items() if before in new}
        new = steps - reached
        reached |= new
    assert reached == set(Phase)
