"""`voicebot explain`: what a caller would get, and why."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from voicebot.dialplan.calls import CallFacts
    from voicebot.dialplan.hours import HoursDecision
    from voicebot.dialplan.model import Dialplan
    from voicebot.dialplan.routing import Decision, Step

TOKEN = "…"  # a token admits a call, so there is none here


def run(
    to: Annotated[str, typer.Option(help="The number called: its label, or E.164.")],
    from_: Annotated[
        str, typer.Option("--from", help="The caller: E.164, or anonymous.")
    ],
    at: Annotated[
        str, typer.Option(help="When, such as 2027-12-24T10:00, there; default: now.")
    ] = "",
    header: Annotated[
        list[str] | None, typer.Option(help="A SIP header: X-Name=value.")
    ] = None,
    country: Annotated[str, typer.Option(help="The caller's, such as GB.")] = "",
    load: Annotated[float, typer.Option(min=0, max=1, help="How full we are.")] = 0.0,
    json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
    dialplans: Annotated[
        Path, typer.Option(envvar="VOICEBOT_DIALPLANS", help="The folder.")
    ] = Path("dialplans"),
    url: Annotated[
        str, typer.Option(envvar="VOICEBOT_PUBLIC_URL", help="Our public address.")
    ] = "https://bot.example",
) -> None:
    """Show what a caller would get at a moment, and why: rule by rule.

    Exits with 1 if the dialplans have mistakes.
    """
    from voicebot.cli.problems import print_problems
    from voicebot.dialplan.calls import CallFacts
    from voicebot.dialplan.load import load as load_plan
    from voicebot.dialplan.routing import explain
    from voicebot.errors import DialplanError
    from voicebot.runtime.live import Full
    from voicebot.runtime.reception import received

    try:
        plan = load_plan(dialplans)
    except DialplanError as exc:
        if not json:
            raise
        print_problems(exc)
        raise typer.Exit(1) from None
    facts = CallFacts(
        to=_called(plan, to),
        from_=_caller(from_),
        at=_moment(plan, at),
        country=_country(country),
        headers=dict(_header(text) for text in header or ()),
        load=load,
        call_sid="CA" + "0" * 32,
    )
    told = explain(plan, facts)
    # Who is full has no room for a persona, wherever the routes lead.
    full: Full | None = "full" if load == 1 else None
    decision, _ = received(
        plan, facts, told.decision, lambda menu: None if menu else full
    )
    twiml = _twiml(plan, facts, decision, url.rstrip("/"))
    if json:
        from json import dumps

        print(
            dumps(
                _report(plan, facts, told.steps, decision, twiml),
                ensure_ascii=False,
                indent=2,
            )
        )
        return
    print(f"at {facts.at:%a %Y-%m-%d %H:%M %Z}, from {facts.caller} to {facts.to}\n")
    for step in told.steps:
        _show(step)
    for hours in _hours(plan, facts, decision):
        print(_said(hours))
    print(f"\n{_outcome(plan, facts, decision)}\n\n{twiml}")


def _called(plan: "Dialplan", text: str) -> str:
    """Return the number called: what has no label may be a number of nobody's."""
    from voicebot.dialplan.validate import nearest
    from voicebot.dialplan.values import LABEL

    if text in plan.numbers:
        return plan.numbers[text].e164
    if LABEL.fullmatch(text):
        message = f"no number is labelled {text!r}{nearest(text, plan.numbers)}"
        raise typer.BadParameter(message, param_hint="--to")
    return text


def _caller(text: str) -> str:
    from voicebot.dialplan.values import ANONYMOUS, E164

    if text == ANONYMOUS or E164.fullmatch(text):
        return text
    message = f"expected a number such as +12025550123, or {ANONYMOUS}; got {text!r}"
    raise typer.BadParameter(message, param_hint="--from")


def _country(text: str) -> str:
    import re

    from voicebot.dialplan.model import COUNTRY

    if text and not re.fullmatch(COUNTRY, text.upper()):
        message = f"expected a country's two letters, such as GB; got {text!r}"
        raise typer.BadParameter(message, param_hint="--country")
    return text.upper()


def _moment(plan: "Dialplan", text: str) -> datetime:
    from voicebot.dialplan.times import YEARS, local

    if not text:
        return datetime.now(plan.zone)
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        message = f"expected a date and time such as 2027-12-24T10:00, got {text!r}"
        raise typer.BadParameter(message, param_hint="--at") from None
    if given.year not in YEARS:
        message = f"expected a year of {YEARS[0]} to {YEARS[-1]}, got {given.year}"
        raise typer.BadParameter(message, param_hint="--at")
    return given if given.tzinfo else local(given, plan.zone)


def _header(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter("expected X-Name=value", param_hint="--header")
    return name.lower(), value


def _show(step: "Step") -> None:
    place = f"  {step.place}" if step.place else ""
    print(f"{'✓' if step.matched else '✗'} {step.route}{place}")
    if not step.checks:
        print("    takes every call")
    for check in step.checks:
        sign = "✓" if check.ok else "✗"
        print(f"    {sign} {check.key}: wanted {check.wanted}; got {check.got}")


def _hours(
    plan: "Dialplan", facts: "CallFacts", decision: "Decision"
) -> list["HoursDecision"]:
    """What the calendars said that were asked, and until when they say so."""
    from voicebot.dialplan.hours import decide

    return [decide(plan.calendars[x.calendar], facts.at) for x in decision.hours]


def _said(hours: "HoursDecision") -> str:
    state = "open" if hours.is_open else "closed"
    until = f", until {hours.until:%a %Y-%m-%d %H:%M %Z}" if hours.until else ""
    return f"\n{hours.calendar} is {state}{until}\n    {hours.why}  {hours.place}"


def _outcome(plan: "Dialplan", facts: "CallFacts", decision: "Decision") -> str:
    from voicebot.dialplan.routing import spoken_in

    via = f", sent on by {decision.via}" if decision.via else ""
    said = f"route: {decision.route}{via}"
    if decision.persona is None:
        return said
    if decision.menu:
        said += f"\nmenu: {decision.persona}/{decision.menu}"
    else:
        persona = plan.personas[decision.persona].said_in(spoken_in(plan, facts))
        said += f"\npersona: {persona.id}: {persona.title} ({persona.language})"
    if decision.rollout is not None:
        said += f"\nrollout: {'in' if decision.rollout else 'not in'} it"
    return "\n".join([said, *(f"var {k}: {v}" for k, v in decision.vars.items())])


def _twiml(plan: "Dialplan", facts: "CallFacts", decision: "Decision", url: str) -> str:
    """What Twilio would get, by the way that a real call goes."""
    from voicebot.dialplan.model import Queued
    from voicebot.runtime.answers import Connect, Hold
    from voicebot.runtime.forward import Answer
    from voicebot.runtime.forwarding import dial_to, message_to
    from voicebot.runtime.next_step import (
        ComeBack,
        HangUp,
        Record,
        Ring,
        first_step,
        twiml_for,
    )
    from voicebot.runtime.reception import origin_of, refusal, wanted
    from voicebot.runtime.waiting import ASK_S

    answer: Answer | None = refusal(decision.action)
    if isinstance(decision.action, Queued):
        queue = decision.action.queue
        answer = Hold(TOKEN, queue.text, queue.language, ASK_S)
    elif decision.persona:
        answer = Connect(TOKEN)
    elif answer is None:
        origin = origin_of(
            plan,
            decision.action,
            call_id="",
            call_sid=facts.call_sid,
            account_sid="",
            caller=facts.from_,
            called=facts.to,
            persona=None,
            now=lambda: facts.at,
        )
        step = first_step(origin, wanted(decision.action), room=False)
        match step:
            case Ring(target):
                answer = dial_to(target, origin, TOKEN)
            case Record(box):
                answer = message_to(box, TOKEN)
            case HangUp() | ComeBack():
                answer = None
    return twiml_for(answer, url)


def _report(
    plan: "Dialplan",
    facts: "CallFacts",
    steps: tuple["Step", ...],
    decision: "Decision",
    twiml: str,
) -> dict[str, Any]:
    return {
        "at": facts.at.isoformat(),
        "steps": [
            {
                "route": step.route,
                "place": step.place,
                "matched": step.matched,
                "checks": [
                    {"key": x.key, "wanted": x.wanted, "got": x.got, "ok": x.ok}
                    for x in step.checks
                ],
            }
            for step in steps
        ],
        "hours": [
            {
                "calendar": x.calendar,
                "open": x.is_open,
                "why": x.why,
                "until": x.until.isoformat() if x.until else None,
                "place": x.place,
            }
            for x in _hours(plan, facts, decision)
        ],
        "route": decision.route,
        "via": decision.via or None,
        "persona": decision.persona,
        "rollout": decision.rollout,
        "vars": dict(decision.vars),
        "twiml": twiml,
    }
