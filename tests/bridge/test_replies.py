"""One answer at a time, and late: what is asked, withdrawn, cancelled and dropped."""

from voicebot.bridge.model import (
    Action,
    AppendAudio,
    AskForReply,
    AskToSay,
    CancelReply,
    CommitAudio,
)
from voicebot.bridge.replies import HELD_BYTES, MAX_DEAD, Replies

ASK, CANCEL = AskForReply(), CancelReply()


def replies(*, ready: bool = True) -> tuple[Replies, list[Action]]:
    """A new one, and the orders to the model as they come."""
    orders: list[Action] = []
    asked = Replies(orders.append)
    if ready:
        asked.open()
    return asked, orders


def speaking(*, welcome: bool = False) -> tuple[Replies, list[Action]]:
    """The model is giving answer r1, asked for unless it was welcome."""
    asked, orders = replies()
    if not welcome:
        asked.ask(ASK)
    assert asked.started("r1", welcome=welcome)
    orders.clear()
    return asked, orders


def test_an_answer_is_asked_for_begins_and_ends() -> None:
    asked, orders = replies()
    expected = [asked.expected]
    asked.ask(ASK)
    assert orders == [ASK]
    expected.append(asked.expected)
    assert asked.started("r1", welcome=False)
    expected.append(asked.expected)
    assert asked.done("r1")
    expected.append(asked.expected)
    assert expected == [False, True, True, False]
    assert orders == [ASK]


def test_what_still_comes_of_an_answer_after_its_end_is_dropped() -> None:
    asked, _ = speaking()
    assert not asked.is_dead("r1")
    asked.done("r1")
    assert asked.is_dead("r1")
    assert not asked.done("r1")


def test_an_answer_that_is_given_up_is_cancelled_once() -> None:
    """Bug 5: late audio after the cancel is dropped by the response's id."""
    asked, orders = speaking()
    asked.withdraw()
    asked.withdraw()
    assert orders == [CANCEL]
    assert asked.is_dead("r1")
    assert not asked.expected
    assert not asked.done("r1")


def test_nothing_is_cancelled_when_nothing_is_being_said() -> None:
    asked, orders = replies()
    asked.withdraw()
    assert orders == []


def test_the_next_request_waits_until_the_answer_before_it_is_over() -> None:
    asked, orders = speaking()
    asked.withdraw()
    asked.ask(ASK)
    assert orders == [CANCEL]
    assert asked.expected
    asked.done("r1")
    assert orders == [CANCEL, ASK]
    assert asked.started("r2", welcome=False)


def test_an_answer_that_begins_after_it_was_withdrawn_is_cancelled() -> None:
    asked, orders = replies()
    asked.ask(ASK)
    asked.withdraw()
    assert not asked.expected
    assert not asked.started("r1", welcome=False)
    assert asked.is_dead("r1")
    assert orders == [ASK, CANCEL]


def test_an_answer_to_an_older_request_makes_room_for_the_newer() -> None:
    asked, orders = replies()
    asked.ask(ASK)
    asked.withdraw()
    asked.ask(AskToSay("bye"))
    assert orders == [ASK]
    assert not asked.started("r1", welcome=True)
    asked.done("r1")
    assert orders == [ASK, CANCEL, AskToSay("bye")]
    assert asked.started("r2", welcome=False)


def test_an_answer_that_nobody_asked_for_is_heard_only_if_it_is_welcome() -> None:
    asked, orders = replies()
    assert asked.started("r1", welcome=True)
    assert orders == []
    assert not asked.started("r2", welcome=False)
    assert orders == [CANCEL]
    assert asked.is_dead("r1")  # a new one begins where the old one ends


def test_a_welcome_answer_needs_not_be_asked_for_again() -> None:
    asked, orders = speaking(welcome=True)
    asked.withdraw()
    asked.ask(ASK)
    assert asked.started("r2", welcome=True)
    asked.done("r1")
    asked.done("r2")
    assert orders == [CANCEL]
    assert not asked.expected


def test_a_collision_is_made_good_when_the_other_answer_is_over() -> None:
    asked, orders = replies()
    asked.ask(ASK)
    asked.collided()
    assert asked.expected
    assert orders == [ASK]
    asked.done("r0")  # one that we had lost sight of
    assert orders == [ASK, ASK]


def test_a_collision_of_what_was_withdrawn_changes_nothing() -> None:
    asked, orders = replies()
    asked.ask(ASK)
    asked.withdraw()
    asked.collided()
    asked.done("r0")
    assert orders == [ASK]
    assert not asked.expected


def test_a_collision_after_the_answer_began_changes_nothing() -> None:
    asked, orders = speaking()
    asked.collided()
    assert asked.done("r1")
    assert orders == []


def test_a_refused_turn_gets_no_answer() -> None:
    asked, orders = replies()
    asked.ask(ASK)
    asked.no_speech()
    assert not asked.expected
    assert orders == [ASK]


def test_a_refused_turn_lets_the_next_one_be_asked_for() -> None:
    asked, orders = replies()
    asked.ask(ASK)
    asked.withdraw()
    asked.ask(ASK)
    asked.no_speech()
    assert orders == [ASK, ASK]
    assert asked.expected


def test_a_retry_repeats_what_was_asked() -> None:
    asked, orders = replies()
    asked.ask(AskToSay("Good morning"))
    asked.retry()
    assert orders == [AskToSay("Good morning"), AskToSay("Good morning")]
    assert asked.started("r1", welcome=False)  # the first one, late
    asked.collided()  # the second one
    assert asked.done("r1")
    assert len(orders) == 2


def test_a_retry_repeats_the_newest_request() -> None:
    asked, orders = replies()
    asked.ask(AskToSay("Good morning"))
    asked.withdraw()
    asked.ask(ASK)
    asked.retry()
    assert orders == [AskToSay("Good morning"), ASK]


def test_a_retry_does_not_wait_for_an_answer_that_hangs() -> None:
    asked, orders = speaking()
    asked.retry()
    assert orders == [CANCEL, ASK]
    asked.collided()  # it still hangs
    asked.done("r1")
    assert orders == [CANCEL, ASK, ASK]


def test_before_the_session_is_open_orders_are_kept_in_order() -> None:
    asked, orders = replies(ready=False)
    asked.ask(AskToSay("Good morning"))
    asked.send(AppendAudio(b"12"))
    asked.send(CommitAudio())
    asked.ask(ASK)
    assert orders == []
    asked.open()
    assert orders == [AskToSay("Good morning"), AppendAudio(b"12"), CommitAudio()]
    asked.open()
    assert len(orders) == 3


def test_what_is_withdrawn_before_the_session_is_open_is_never_asked() -> None:
    asked, orders = replies(ready=False)
    asked.ask(AskToSay("Good morning"))
    asked.withdraw()
    assert not asked.expected
    asked.send(CommitAudio())
    asked.ask(ASK)
    asked.open()
    assert orders == [CommitAudio(), ASK]
    assert asked.started("r1", welcome=False)


def test_the_oldest_audio_is_dropped_while_the_session_does_not_open() -> None:
    asked, orders = replies(ready=False)
    asked.send(CommitAudio())
    for second in range(30):
        asked.send(AppendAudio(bytes([second]) * 48_000))
    asked.send(AppendAudio(bytes([30]) * 96_000))
    asked.open()
    audio = [order.pcm16 for order in orders if isinstance(order, AppendAudio)]
    assert sum(map(len, audio)) == HELD_BYTES == 20 * 48_000
    assert [pcm16[0] for pcm16 in audio] == list(range(12, 31))
    assert orders[0] == CommitAudio()


def test_of_a_lost_session_nothing_is_expected_and_nothing_asked() -> None:
    asked, orders = speaking()
    asked.withdraw()
    asked.ask(ASK)
    asked.lose()
    assert not asked.expected
    asked.ask(ASK)
    asked.send(CommitAudio())
    asked.open()
    asked.done("r1")
    assert orders == [CANCEL]
    assert not asked.expected
    assert not asked.ready


def test_a_long_call_does_not_fill_the_memory_with_dead_answers() -> None:
    asked, _ = replies()
    for number in range(1000):
        asked.started(f"r{number}", welcome=True)
        asked.done(f"r{number}")
    assert asked.is_dead("r999")
    assert asked.is_dead(f"r{1000 - MAX_DEAD}")
    assert not asked.is_dead(f"r{999 - MAX_DEAD}")


def test_while_nobody_is_to_be_answered_nothing_is_asked_for() -> None:
    asked, orders = replies()
    asked.hush(on=True)
    asked.ask(ASK)
    assert not asked.expected
    assert not asked.answers
    asked.ask(AskToSay("Press one."))
    assert orders == [AskToSay("Press one.")]
    asked.hush(on=False)
    assert asked.answers


def test_an_answer_that_was_asked_for_is_given_up_when_nobody_is_to_be_answered() -> (
    None
):
    asked, orders = replies()
    asked.ask(ASK)
    asked.hush(on=True)
    assert not asked.expected
    assert not asked.started("r1", welcome=True)
    assert orders == [ASK, CANCEL]


def test_what_the_model_is_to_say_is_not() -> None:
    asked, orders = speaking()
    words = AskToSay("Press one.")
    asked.ask(words)
    asked.hush(on=True)
    assert asked.awaits(words)
    assert asked.is_alive("r1")
    asked.done("r1")
    assert orders == [words]
    asked.no_speech()
    assert asked.awaits(words)
    asked.started("r2", welcome=False)
    assert asked.request is words
    assert not asked.awaits(words)


def test_what_was_to_be_asked_for_behind_another_answer_is_forgotten() -> None:
    asked, orders = speaking()
    asked.ask(ASK)
    asked.hush(on=True)
    asked.done("r1")
    assert orders == []
