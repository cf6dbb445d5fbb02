"""Which item of the conversation is which turn of the caller."""

from voicebot.bridge.notes import Notes
from voicebot.bridge.transcript import MAX_TURNS, Transcript


def transcript(*turns: tuple[float, float]) -> Transcript:
    """One in which these turns have ended, unnamed yet."""
    script = Transcript(Notes(began_at=100.0))
    for started_at, ended_at in turns:
        script.begin(started_at)
        script.end(ended_at)
    return script


def test_items_are_the_turns_in_their_order() -> None:
    script = transcript((101.0, 102.0), (103.0, 104.0))
    first, second = script.named("i1", 105.0), script.named("i2", 105.0)
    assert (first.item_id, first.started_ms, first.ended_ms) == ("i1", 1000, 2000)
    assert (second.item_id, second.started_ms, second.ended_ms) == ("i2", 3000, 4000)
    assert first.seq < second.seq


def test_an_item_that_no_turn_of_ours_became_is_a_turn_of_its_own() -> None:
    note = transcript().named("i1", 105.0)
    assert (note.item_id, note.started_ms, note.ended_ms) == ("i1", 5000, 5000)


def test_a_refused_turn_is_noted_and_gets_nobody_elses_name() -> None:
    script = transcript((101.0, 102.0), (103.0, 104.0))
    assert [note.started_ms for note in script.refused()] == [1000]
    assert script.named("i1", 105.0).started_ms == 3000
    assert script.refused() == []


def test_a_dropped_turn_is_noted_and_waits_for_no_name() -> None:
    script = transcript()
    script.begin(101.0)
    assert [note.ended_ms for note in script.drop(102.0)] == [2000]
    assert not script.unnamed
    assert script.drop(103.0) == []


def test_there_is_no_end_without_a_beginning() -> None:
    script = transcript()
    script.end(101.0)
    assert not script.unnamed


def test_words_find_their_turn_however_late_they_come() -> None:
    script = transcript((101.0, 102.0), (103.0, 104.0))
    script.named("i1", 105.0)
    script.named("i2", 105.0)
    (note,) = script.understood("i1", "Good morning")
    assert (note.started_ms, note.heard_text) == (1000, "Good morning")
    assert script.understood("i9", "Good morning") == []


def test_only_the_last_words_of_the_caller_are_the_last() -> None:
    script = transcript()
    assert not script.is_last("i1")
    script.begin(101.0)
    script.end(102.0)
    script.named("i1", 102.0)
    assert script.is_last("i1")
    script.begin(103.0)
    assert not script.is_last("i1")  # the caller goes on
    script.end(104.0)
    assert not script.is_last("i1")  # and has gone on
    script.named("i2", 104.0)
    assert not script.is_last("i1")
    assert script.is_last("i2")


def test_at_the_end_of_a_call_no_turn_is_lost() -> None:
    script = transcript((101.0, 102.0), (103.0, 104.0))
    assert [note.started_ms for note in script.flush()] == [1000, 3000]
    assert script.flush() == []


def test_a_call_of_any_length_keeps_only_the_last_turns() -> None:
    script = transcript()
    for turn in range(1000):
        script.begin(turn)
        script.end(turn)
        script.named(f"i{turn}", turn)
    assert script.understood("i999", "hello")
    assert script.understood(f"i{1000 - MAX_TURNS}", "hello")
    assert not script.understood(f"i{999 - MAX_TURNS}", "hello")
