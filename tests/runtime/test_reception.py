"""What a call gets that comes in, before anything is connected."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.dialplan.calls import CALLER, MAIN
from tests.dialplan.plans import PERSONA, persona, written
from voicebot.dialplan.calls import CallFacts
from voicebot.dialplan.load import load
from voicebot.dialplan.model import Dialplan
from voicebot.dialplan.routing import Decision, choose
from voicebot.runtime.answers import Refuse, Tell
from voicebot.runtime.forward import Origin
from voicebot.runtime.live import Full, LiveCalls, Ticket
from voicebot.runtime.next_step import HangUp, Record, Ring, first_step
from voicebot.runtime.reception import (
    facts_of,
    is_open,
    known,
    origin_of,
    received,
    refusal,
    returning,
    wanted,
)
from voicebot.twilio.webhooks import IncomingCall

NOON, NIGHT = (datetime(2027, 3, 1, hour, tzinfo=UTC) for hour in (12, 23))
PLAN = """\
version: 2
timezone: UTC
calendars: {day: {weekly: {daily: ["08:00-18:00"]}}}
numbers:
  main: {e164: "+12025550100", display_name: Main}
targets:
  desk: {number: "+12025550150", hours: day, fallback: night}
  night: {number: "+12025550151", hours: "!day", fallback: hangup}
  always: {sip: "sip:a@example.com"}
capacity: {max_calls: 3, per_caller: 1, per_number: {main: 2}}
"""
DESK = "routes: [{name: all, do: {persona: desk}}]\n"


def plan(folder: Path, text: str) -> Dialplan:
    return load(written(folder, PLAN + text, desk=PERSONA))


def facts(at: datetime = NOON) -> CallFacts:
    return CallFacts(MAIN, CALLER, at)


def ticket(given: Dialplan, sid: str, caller: str, called: str = MAIN) -> Ticket:
    origin = origin_of(
        given,
        given.routes[0].do,  # type: ignore[arg-type]
        call_id=sid,
        call_sid=sid,
        account_sid="AC",
        caller=caller,
        called=called,
        persona="desk",
        now=lambda: NOON,
    )
    persona = given.personas["desk"]
    return Ticket(sid, sid, "AC", persona, 30.0, origin=origin)


def taken(
    given: Dialplan, facts: CallFacts, full: Callable[[bool], Full | None]
) -> tuple[Decision, Full | None]:
    return received(given, facts, choose(given, facts), full)


def test_with_room_the_persona_answers(tmp_path: Path) -> None:
    decision, full = taken(plan(tmp_path, DESK), facts(), lambda _: None)
    assert (decision.persona, full) == ("desk", None)


def test_without_room_a_caller_is_busy_or_gets_what_the_plan_says(
    tmp_path: Path,
) -> None:
    decision, full = taken(plan(tmp_path, DESK), facts(), lambda _: "full")
    assert (decision.persona, full) == (None, "full")
    assert refusal(decision.action) == Refuse("busy")
    overload = "specials: {overload: {message: {text: Later., language: en}}}\n"
    decision, full = taken(plan(tmp_path, overload + DESK), facts(), lambda _: "full")
    assert (decision.route, decision.via) == ("specials.overload", "all")
    assert refusal(decision.action) == Tell("Later.", "en")


def test_who_gets_no_persona_needs_no_room(tmp_path: Path) -> None:
    def asked(_: bool) -> Full | None:
        raise AssertionError("nobody is to be asked")

    reject = "routes: [{name: all, do: {reject: rejected}}]\n"
    decision, _ = taken(plan(tmp_path, reject), facts(), asked)
    assert refusal(decision.action) == Refuse("rejected")


@pytest.mark.parametrize(
    ("do", "at", "number"),
    [
        ("transfer: desk", NOON, "+12025550150"),
        ("transfer: desk", NIGHT, "+12025550151"),
        ("transfer: night", NOON, None),
    ],
)
def test_a_transfer_rings_who_is_there(
    tmp_path: Path, do: str, at: datetime, number: str | None
) -> None:
    given = plan(tmp_path, f"routes: [{{name: all, do: {{{do}}}}}]\n")
    decision, _ = taken(given, facts(at), lambda _: None)
    assert refusal(decision.action) is None
    origin = origin_of(
        given,
        decision.action,
        call_id="1",
        call_sid="CA1",
        account_sid="AC1",
        caller=CALLER,
        called=MAIN,
        persona=None,
        now=lambda: at,
    )
    step = first_step(origin, wanted(decision.action), room=True)
    if number is None:
        assert isinstance(step, HangUp)
    else:
        assert isinstance(step, Ring)
        assert step.target.number == number
    assert is_open(given, "always", at)


def test_voicemail_asks_in_the_words_of_its_route(tmp_path: Path) -> None:
    box = "{voicemail: {greeting: Speak., language: en, max: 20s, transcribe: false}}"
    given = plan(tmp_path, f"routes: [{{name: all, do: {box}}}]\n")
    decision, _ = taken(given, facts(), lambda _: None)
    origin = origin_of(
        given,
        decision.action,
        call_id="1",
        call_sid="CA1",
        account_sid="AC1",
        caller=CALLER,
        called=MAIN,
        persona=None,
        now=lambda: NOON,
    )
    step = first_step(origin, wanted(decision.action), room=True)
    assert isinstance(step, Record)
    assert (step.mailbox.greeting, step.mailbox.max_s) == ("Speak.", 20)
    assert not step.mailbox.transcribe


def test_room_is_for_so_many_of_a_caller_of_a_number_and_in_all(tmp_path: Path) -> None:
    given = plan(tmp_path, DESK)
    live = LiveCalls(10)

    def why(caller: str, number: str = MAIN) -> Full | None:
        return live.refusal(given, caller=caller, number=number)

    assert live.load(given) == 0
    live.admit(ticket(given, "CA1", CALLER), "a")
    live.admit(ticket(given, "CA1", CALLER), "b")  # the same call once more
    assert live.load(given) == pytest.approx(1 / 3)
    assert why(CALLER) == "caller_full"
    assert why("+33123456789") is None
    live.admit(ticket(given, "CA2", "anonymous"), "c")
    assert why("anonymous") == "number_full"
    assert why("anonymous", "+12025550199") is None
    live.admit(ticket(given, "CA3", "+33", "+12025550199"), "d")
    assert why("+34", "+12025550199") == "full"
    assert live.load(given) == 1
    live.draining = True
    assert why("+34") == "draining"


def test_routes_may_ask_for_what_twilio_knows() -> None:
    sid = "CA" + "0" * 32
    form = {
        "CallSid": sid,
        "AccountSid": "AC" + "0" * 32,
        "From": CALLER,
        "To": MAIN,
        "FromCountry": "GB",
        "SipHeader_X-Tenant": "acme",
        "SipHeader_Other": "no",
    }
    call = IncomingCall.parse(form)
    got = facts_of(call, NOON, 0.5)
    assert (got.country, got.load, got.call_sid) == ("GB", 0.5, sid)
    assert got.headers == {"x-tenant": "acme"}
    for shown in (repr(call), repr(got)):
        assert CALLER not in shown
        assert "acme" not in shown


@pytest.mark.parametrize(
    ("at", "caller", "situation"),
    [
        (NOON, CALLER, set()),
        (NIGHT, CALLER, {"closed"}),
        (NIGHT, "Restricted", {"closed", "anonymous"}),
    ],
)
def test_a_persona_is_told_who_calls_and_when(
    tmp_path: Path, at: datetime, caller: str, situation: set[str]
) -> None:
    routes = (
        "routes: [{name: open, match: {hours: day}, do: {persona: desk}},"
        " {name: all, do: {persona: desk, vars: {name: Ada}}}]\n"
    )
    desk = PERSONA + "vars: {name: {from: route}}\n"
    given = load(written(tmp_path, PLAN + routes, desk=desk))
    call = CallFacts(MAIN, caller, at)
    decision = choose(given, call)
    origin = Origin("1", "CA1", "AC1", caller, MAIN, given.personas["desk"])
    told = known(origin, given.personas["desk"], call, decision)
    assert told.situation == situation
    assert told.values == ({} if at == NOON else {"name": "Ada"})


KEYS = PERSONA + "menus: {keys: {prompt: Press one., keys: {'1': hangup}}}\n"


def test_without_room_a_menu_answers_if_there_is_room_for_one(tmp_path: Path) -> None:
    text = PLAN + "specials: {overload: {menu: desk/keys}}\n" + DESK
    given = load(written(tmp_path, text, desk=KEYS))
    decision, full = taken(given, facts(), lambda menu: None if menu else "full")
    assert (decision.persona, decision.menu, full) == ("desk", "keys", "full")
    assert refusal(decision.action) is None
    decision, full = taken(given, facts(), lambda _: "full")
    assert (decision.persona, full) == (None, "full")
    assert refusal(decision.action) == Refuse("busy")


def test_a_menu_knows_what_its_route_says_and_nothing_of_the_caller(
    tmp_path: Path,
) -> None:
    desk = KEYS + "vars: {name: {from: route}, who: {from: caller}}\n"
    routes = "routes: [{name: all, do: {menu: desk/keys, vars: {name: Ada}}}]\n"
    given = load(written(tmp_path, PLAN + routes, desk=desk))
    decision, _ = taken(given, facts(), lambda _: None)
    origin = origin_of(
        given,
        decision.action,
        call_id="1",
        call_sid="CA1",
        account_sid="AC1",
        caller=CALLER,
        called=MAIN,
        persona=decision.persona,
        now=lambda: NOON,
    )
    told = known(origin, given.personas["desk"], facts(), decision)
    assert told.opening
    assert told.opening.menu == "keys"
    assert told.values == {"name": "Ada"}


def test_a_persona_answers_in_the_callers_language(tmp_path: Path) -> None:
    desk = PERSONA + "also_speaks: [fr]\nin: {fr: {greeting: {text: Bonjour.}}}\n"
    given = load(written(tmp_path, PLAN + DESK, desk=desk))

    def greeting(language: str | None) -> str | None:
        origin = origin_of(
            given,
            given.routes[0].do,  # type: ignore[arg-type]
            call_id="c",
            call_sid="s",
            account_sid="AC",
            caller=CALLER,
            called=MAIN,
            persona="desk",
            now=lambda: NOON,
            language=language,
        )
        assert origin.persona
        assert set(origin.family) == {"en", "fr"}
        return origin.persona.greeting.text

    assert greeting(None) == "Hello."
    assert greeting("fr-CA") == "Bonjour."


def test_who_is_known_returns_and_nobody_reads_what_is_sensitive() -> None:
    who = persona(
        vars={"name": {"from": "lookup"}, "pin": {"from": "lookup", "sensitive": True}}
    )
    origin = Origin(
        *("1", "CA1", "AC1", CALLER, MAIN, who),
        values={"tier": "plain"},
        situation=frozenset({"closed"}),
    )
    assert returning(origin, {}) is origin
    known = returning(origin, {"name": "Ann", "pin": "1234"})
    assert known.values == {"tier": "plain", "name": "Ann"}
    assert known.situation == {"closed", "returning_caller"}
