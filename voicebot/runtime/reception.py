"""What a call gets that comes in: the plan's word, and whether there is room. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from voicebot.dialplan.actions import Action as Opening
from voicebot.dialplan.calls import CallFacts
from voicebot.dialplan.hours import standing
from voicebot.dialplan.model import (
    Action,
    Answer,
    Dialplan,
    Keypad,
    Queued,
    Reject,
    Say,
    Transfer,
    Voicemail,
)
from voicebot.dialplan.model import Mailbox as Box
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.routing import Decision, settled
from voicebot.runtime.answers import Refuse, Tell
from voicebot.runtime.conduct import call_values, situation_of
from voicebot.runtime.forward import Mailbox, Origin, Target
from voicebot.runtime.live import Full
from voicebot.runtime.next_step import VOICEMAIL
from voicebot.twilio.webhooks import IncomingCall


def facts_of(call: IncomingCall, at: datetime, load: float) -> CallFacts:
    """Say what routes may ask about a call."""
    return CallFacts(
        to=call.our_number,
        from_=call.customer_number,
        at=at,
        country=call.customer_country or "",
        headers=call.headers,
        load=load,
        call_sid=call.call_sid,
    )


def received(
    plan: Dialplan,
    facts: CallFacts,
    decision: Decision,
    full: Callable[[bool], Full | None],
) -> tuple[Decision, Full | None]:
    """
    Decide what becomes of a call after its route, by the room there is.

    Args:
        full: why there is no room for a persona to answer it, or, with True, for a
            menu without a model; None if there is.

    Returns:
        The decision, which names a persona only if there is room; and why not.
    """
    why = full(decision.menu is not None) if decision.persona else None
    if why is None:
        return decision, None
    if overload := plan.specials.overload:
        instead = settled(plan, facts, "specials.overload", overload, decision.hours)
        if instead.menu is None or full(True) is None:
            return replace(instead, via=decision.route), why
    busy = Reject(reject="busy")
    return replace(decision, action=busy, persona=None, rollout=None), why


def refusal(do: Action) -> Refuse | Tell | None:
    """What Twilio is told if all is over with it; None if the call goes on."""
    match do:
        case Say(message=message):
            return Tell(message.text, message.language)
        case Reject(reject=reason):
            return Refuse(reason)
        case Transfer() | Voicemail() | Answer() | Keypad() | Queued():
            return None


def wanted(do: Action) -> str:
    """Where a call goes without a stream: a target, or voicemail."""
    return do.transfer if isinstance(do, Transfer) else VOICEMAIL


def origin_of(
    plan: Dialplan,
    do: Action,
    *,
    call_id: str,
    call_sid: str,
    account_sid: str,
    caller: str,
    called: str,
    persona: str | None,
    now: Callable[[], datetime],
    language: str | None = None,
) -> Origin:
    """
    Pin all that can become of a call outside its stream to this plan.

    Args:
        language: of the caller, as far as it is known.
    """
    whose = plan.personas[persona] if persona else None
    box = do.voicemail if isinstance(do, Voicemail) else None
    return Origin(
        call_id=call_id,
        call_sid=call_sid,
        account_sid=account_sid,
        caller=caller,
        called=called,
        persona=whose.said_in(language) if whose else None,
        family=whose.family if whose else {},
        targets=targets_of(plan),
        mailbox=_mailbox(box) if box else None,
        is_open=lambda name: is_open(plan, name, now()),
        opening=Opening(menu=do.name) if isinstance(do, Keypad) else None,
    )


def known(
    origin: Origin, persona: Persona, facts: CallFacts, decision: Decision
) -> Origin:
    """Add what is known of the caller to a call that a persona takes."""
    is_open = decision.hours[-1].is_open if decision.hours else True
    values = call_values(persona, decision.vars, facts.caller, facts.headers)
    if origin.opening:  # nobody could say what wasn't rendered in advance
        values = dict(decision.vars)
    return replace(
        origin,
        values=values,
        situation=situation_of(facts.caller, is_open=is_open),
    )


def returning(origin: Origin, found: Mapping[str, str]) -> Origin:
    """Add what a lookup found, if anything: this caller is known."""
    if not found:
        return origin
    assert origin.persona
    shown = {
        name: value
        for name, value in found.items()
        if not origin.persona.vars[name].sensitive
    }
    return replace(
        origin,
        values={**origin.values, **shown},
        situation=origin.situation | {"returning_caller"},
    )


def _mailbox(box: Box) -> Mailbox:
    by_twilio = box.transcribe is True
    return Mailbox(box.greeting, box.language, box.max_s, by_twilio)


def targets_of(plan: Dialplan) -> MappingProxyType[str, Target]:
    """All places to which a call may go, as they are rung."""
    return MappingProxyType(
        {
            name: Target(
                name=name,
                number=target.number,
                sip=target.sip,
                ring_s=target.ring_s,
                caller_id=target.caller_id,
                whisper=target.whisper or "",
                whisper_language=target.whisper_language or "en",
                fallback=target.fallback,
            )
            for name, target in plan.targets.items()
        }
    )


def is_open(plan: Dialplan, target: str, at: datetime) -> bool:
    """Whether somebody is at a target."""
    hours = plan.targets[target].hours
    if hours is None:
        return True
    calendar = plan.calendars[hours.removeprefix("!")]
    return standing(calendar, at).is_open is not hours.startswith("!")
