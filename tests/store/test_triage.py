"""Where what was noted goes, second by second."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voicebot.store.triage import Patience, Step, Triage

PATIENCE = Patience(slow_s=1.0, again_s=(0.5, 2.0), gather_s=0)


def test_what_is_held_goes_to_the_database_one_batch_at_a_time() -> None:
    triage = Triage(PATIENCE)
    assert triage.next_deadline(held=False, spilled=False) is None
    assert triage.step(0.0, held=False, spilled=False) is Step.WAIT
    assert triage.step(0.0, held=True, spilled=False) is Step.COMMIT
    assert triage.step(0.1, held=True, spilled=False) is Step.WAIT
    triage.committed()
    assert triage.step(0.2, held=True, spilled=False) is Step.COMMIT


def test_a_database_that_fails_is_tried_again_ever_later_and_all_is_spilled() -> None:
    triage = Triage(PATIENCE)
    assert triage.step(0.0, held=True, spilled=False) is Step.COMMIT
    triage.failed(0.1)
    assert triage.is_away
    assert triage.step(0.1, held=True, spilled=False) is Step.SPILL
    triage.spilled()
    assert triage.step(0.2, held=False, spilled=True) is Step.WAIT
    assert triage.next_deadline(held=False, spilled=True) == 0.6
    assert triage.step(0.6, held=False, spilled=True) is Step.REPLAY
    triage.failed(0.7)
    assert triage.next_deadline(held=False, spilled=True) == 2.7
    assert triage.step(2.6, held=True, spilled=True) is Step.SPILL
    assert triage.step(2.7, held=True, spilled=True) is Step.REPLAY
    triage.failed(2.8)
    assert triage.next_deadline(held=False, spilled=True) == 4.8  # no later than that
    assert triage.step(4.8, held=False, spilled=True) is Step.REPLAY
    triage.committed()
    assert triage.step(4.9, held=True, spilled=False) is Step.COMMIT


def test_a_database_that_does_not_answer_keeps_nobody_waiting() -> None:
    triage = Triage(PATIENCE)
    assert triage.step(5.0, held=True, spilled=False) is Step.COMMIT
    assert triage.next_deadline(held=True, spilled=False) == 6.0
    assert triage.step(5.9, held=True, spilled=False) is Step.WAIT
    assert triage.step(6.0, held=True, spilled=False) is Step.SPILL
    triage.spilled()
    # It still works on that: nothing else is given to it, and more is spilled.
    assert triage.step(6.1, held=False, spilled=True) is Step.WAIT
    assert triage.next_deadline(held=False, spilled=True) is None
    assert triage.step(6.2, held=True, spilled=True) is Step.SPILL
    triage.spilled()
    triage.committed()
    assert triage.step(9.0, held=False, spilled=True) is Step.REPLAY


def test_what_nobody_waits_for_is_gathered() -> None:
    triage = Triage(Patience(gather_s=0.5))
    assert triage.step(5.0, held=True, spilled=False) is Step.COMMIT  # after a rest
    triage.committed()
    assert triage.step(5.01, held=True, spilled=False) is Step.WAIT
    assert triage.next_deadline(held=True, spilled=False) == 5.5
    assert triage.next_deadline(held=False, spilled=False) is None
    assert triage.step(5.5, held=True, spilled=False) is Step.COMMIT
    triage.committed()
    assert triage.step(5.75, held=True, spilled=False, awaited=True) is Step.COMMIT
    triage.committed()
    assert triage.next_deadline(held=True, spilled=False) == 6.25
    assert triage.step(6.0, held=False, spilled=True) is Step.REPLAY
    triage.committed()
    assert triage.step(6.25, held=True, spilled=False) is Step.WAIT


def test_what_is_gathered_goes_to_the_spill_once_the_database_is_away() -> None:
    triage = Triage(replace(PATIENCE, gather_s=0.2))
    assert triage.step(5.0, held=True, spilled=False) is Step.COMMIT
    triage.failed(5.01)
    assert triage.step(5.02, held=True, spilled=False) is Step.SPILL


def test_what_is_spilled_comes_before_what_is_held() -> None:
    triage = Triage(PATIENCE)
    assert triage.step(0.0, held=True, spilled=True) is Step.REPLAY
    triage.committed()
    assert triage.step(0.1, held=True, spilled=False) is Step.COMMIT


def test_a_spill_that_fails_is_tried_again_later() -> None:
    triage = Triage(PATIENCE)
    assert triage.step(0.0, held=True, spilled=False) is Step.COMMIT
    triage.failed(0.0)
    assert triage.step(0.0, held=True, spilled=False) is Step.SPILL
    triage.spill_failed(0.1)
    assert triage.step(0.2, held=True, spilled=False) is Step.WAIT
    assert triage.next_deadline(held=True, spilled=False) == 0.5
    assert triage.step(0.5, held=True, spilled=False) is Step.COMMIT
    triage.failed(0.5)
    assert triage.next_deadline(held=True, spilled=False) == 0.6
    assert triage.step(0.6, held=True, spilled=False) is Step.SPILL
    triage.spill_failed(0.6)
    assert triage.next_deadline(held=True, spilled=False) == 2.5


# + both work, d only the database, s only the spill: each fails just when it is asked.
IN_TURNS = [(x in "+d", x in "+s") for x in "s+sd+d++++s"]


@settings(max_examples=100)
@example(works=IN_TURNS, gather_s=0.5)
@given(
    works=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60),
    gather_s=st.sampled_from([0.0, 0.2, 0.5]),
)
def test_nothing_is_held_for_long_while_one_of_them_goes_on_working(
    works: list[tuple[bool, bool]], gather_s: float
) -> None:
    """
    Each 0.25 s something is noted; database and spill work, or don't.

    What failed is asked again within `again_s`. So nothing is held for longer than that
    once one of them works without a break; but each may fail just when it is asked,
    and work in between.
    """
    triage = Triage(replace(PATIENCE, gather_s=gather_s))
    held_since: float | None = None
    spilled = False
    now = database_since = spill_since = 0.0  # without a break
    for tick, (database, spill) in enumerate([*works, *[(True, True)] * 20]):
        now = tick * 0.25
        database_since = database_since if database else now + 0.25
        spill_since = spill_since if spill else now + 0.25
        held_since = now if held_since is None else held_since
        while True:
            step = triage.step(now, held=held_since is not None, spilled=spilled)
            match step:
                case Step.WAIT:
                    break
                case Step.SPILL if spill:
                    triage.spilled()
                    spilled, held_since = True, None
                case Step.SPILL:
                    triage.spill_failed(now)
                case Step.REPLAY if database:
                    triage.committed()
                    spilled = False
                case Step.COMMIT if database:
                    triage.committed()
                    held_since = None
                case Step.COMMIT | Step.REPLAY:
                    triage.failed(now)
        if held_since is not None:
            deadline = triage.next_deadline(held=True, spilled=spilled)
            assert deadline is not None
            assert deadline > now
            since = max(held_since, min(database_since, spill_since))
            assert now - since <= PATIENCE.again_s[-1]
    assert not spilled
    assert held_since is None or now - held_since < gather_s


@pytest.mark.parametrize(("failures", "wait_s"), [(1, 0.5), (2, 2.0), (9, 2.0)])
def test_patience_has_an_end(failures: int, wait_s: float) -> None:
    assert PATIENCE.after(failures) == wait_s
