"""Admission and tokens, with time as a number."""

from tests.dialplan.plans import dialplan, persona
from voicebot.dialplan.actions import Action
from voicebot.runtime.forward import Origin
from voicebot.runtime.live import TOKEN_S, LiveCalls, Ticket


def ticket(
    sid: str = "CA1",
    *,
    now: float = 0.0,
    caller: str = "+44",
    called: str = "",
    menu: bool = False,
) -> Ticket:
    opening = Action(menu="keypad") if menu else None
    origin = Origin("id", sid, "AC1", caller, called, persona(), opening=opening)
    until = now + TOKEN_S
    return Ticket(f"id of {sid}", sid, "AC1", persona(), until, origin=origin)


def test_a_token_admits_once() -> None:
    live = LiveCalls(2)
    live.admit(ticket(), "token")
    assert live.redeem("token", 1.0) == ticket()
    assert live.redeem("token", 1.0) is None


def test_another_token_admits_nobody() -> None:
    live = LiveCalls(2)
    live.admit(ticket(), "token")
    assert live.redeem("tokem", 1.0) is None


def test_a_token_is_void_after_thirty_seconds() -> None:
    live = LiveCalls(2)
    live.admit(ticket(), "token")
    assert live.redeem("token", TOKEN_S + 0.1) is None
    assert live.expired(TOKEN_S + 0.1) == [ticket()]
    assert len(live) == 0


def test_of_two_tokens_of_a_call_either_admits_it_once() -> None:
    live = LiveCalls(2)
    live.admit(ticket(), "first")
    live.admit(ticket(), "second")
    assert len(live) == 1
    assert live.redeem("first", 1.0)
    assert live.redeem("second", 1.0) is None
    assert len(live) == 1


def test_a_call_counts_from_its_admission_to_its_end() -> None:
    live = LiveCalls(1)
    live.admit(ticket(), "token")
    assert len(live) == 1
    assert live.waiting("CA1")
    running = live.redeem("token", 1.0)
    assert running
    assert len(live) == 1
    assert live.waiting("CA1") is None
    live.over(running)
    assert len(live) == 0


def test_no_token_is_kept_in_the_clear() -> None:
    live = LiveCalls(1)
    live.admit(ticket(), "a secret token")
    assert "a secret token" not in repr(vars(live))


def test_menus_take_no_room_of_calls_with_a_model_and_have_as_much_besides() -> None:
    plan = dialplan()
    live = LiveCalls(1)
    live.admit(ticket("CA1", menu=True), "a")
    assert live.load(plan) == 0
    assert live.refusal(plan, caller="+44", number="") is None
    assert live.refusal(plan, caller="+44", number="", menu=True) == "full"
    live.admit(ticket("CA2"), "b")
    assert live.load(plan) == 1
    assert live.refusal(plan, caller="+44", number="") == "full"
    assert len(live) == 2
    live.draining = True
    assert live.refusal(plan, caller="+44", number="", menu=True) == "draining"
