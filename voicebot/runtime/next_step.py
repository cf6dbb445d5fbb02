"""
What becomes of a call outside its stream: whom it rings next, and in which TwiML.

A caller is never left in a circle, nor with nobody while somebody could still take
the call: what can't be done falls through to the next best. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from voicebot.runtime.answers import Connect, Dial, Hold, Refuse, TakeMessage, Tell
from voicebot.runtime.forward import Answer, Mailbox, Origin, Target
from voicebot.store.records import EndReason
from voicebot.twilio import twiml
from voicebot.twilio.webhooks import Dialed

PERSONA: Final = "persona"
VOICEMAIL: Final = "voicemail"
HANG_UP: Final = "hangup"

# Twilio: what <Dial> calls a conversation that took place.
ANSWERED: Final = frozenset({"completed", "answered"})

TRANSCRIBED_S: Final = 120
"""Twilio transcribes no longer message."""

TRANSCRIBED_LANGUAGE: Final = "en"

# Who set nothing up for messages still gets them.
GREETINGS: Final = {
    "de": "Bitte hinterlassen Sie nach dem Signalton eine Nachricht.",
    "en": "Please leave a message after the tone.",
    "es": "Por favor, deje un mensaje después de la señal.",
    "fr": "Veuillez laisser un message après le signal sonore.",
    "ja": "発信音のあとにメッセージをお話しください。",
    "zh": "请在提示音后留言。",
}


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring this target."""

    target: Target


@dataclass(frozen=True, slots=True)
class ComeBack:
    """The persona takes the call, in a new stream."""


@dataclass(frozen=True, slots=True)
class Record:
    """Take a message."""

    mailbox: Mailbox


@dataclass(frozen=True, slots=True)
class HangUp:
    """The call is over, or is to be."""

    reason: EndReason


Step = Ring | ComeBack | Record | HangUp


def first_step(origin: Origin, wanted: str, *, room: bool) -> Step:
    """
    Say what becomes of a call that is to go somewhere.

    Args:
        wanted: a target's name, `persona`, `voicemail` or `hangup`.
        room: whether a new stream would be let in.
    """
    return _towards(origin, wanted, (), room)


def is_served(origin: Origin, target: str) -> bool:
    """Whether who is put through there gets to somebody or a mailbox, not back here."""
    return isinstance(first_step(origin, target, room=True), Ring | Record)


def after_dial(
    news: Dialed, origin: Origin, tried: Sequence[str], *, room: bool
) -> Step:
    """
    Say what becomes of a call when a transfer is over, or came to nothing.

    A status that nobody knows is one of a transfer that came to nothing, and so is a
    callee who hung up before the two could hear each other.

    Args:
        tried: the names of the targets that were rung; the last one just now.
        room: whether a new stream would be let in.
    """
    if news.status in ANSWERED and news.bridged:
        return HangUp(EndReason.TRANSFERRED)
    if news.caller_left:
        return HangUp(EndReason.CALLER_HANGUP)
    last = origin.targets.get(tried[-1]) if tried else None
    return _towards(origin, last.fallback if last else PERSONA, tried, room)


def _towards(origin: Origin, wanted: str, tried: Sequence[str], room: bool) -> Step:
    seen = set(tried)
    while wanted in origin.targets and wanted not in seen:
        target = origin.targets[wanted]
        if origin.is_open(wanted):
            return Ring(target)
        seen.add(wanted)
        wanted = target.fallback
    if wanted == HANG_UP:
        return HangUp(EndReason.TRANSFER_FAILED)
    # A target that was tried, or that isn't there, leads to the persona too.
    if wanted != VOICEMAIL and origin.persona and room:
        return ComeBack()
    return Record(_mailbox(origin))


def _mailbox(origin: Origin) -> Mailbox:
    if origin.mailbox:
        return origin.mailbox
    persona = origin.persona
    language = persona.language if persona else "en"
    known = language.partition("-")[0]
    return Mailbox(
        GREETINGS.get(known, GREETINGS["en"]),
        language if known in GREETINGS else "en",
        # Once is enough. And where no words of calls are kept, not those of a message.
        transcribe=not persona
        or not (persona.after_call.transcribe or persona.privacy.store == "metadata"),
    )


def twiml_for(answer: Answer | None, base_url: str) -> str:
    """
    Write an answer as TwiML, with absolute URLs.

    Args:
        answer: None hangs up.
        base_url: the address at which Twilio reaches us, without a slash at its end.
    """
    base = f"{base_url}/twilio"
    match answer:
        case Connect(token):
            return twiml.connect_stream(
                stream_url=f"ws{base.removeprefix('http')}/media/{token}",
                action_url=f"{base}/after",
                status_url=f"{base}/status",
                parameters={},
            )
        case Refuse(reason):
            return twiml.reject(reason)
        case Tell(text, language):
            return twiml.say_and_hangup(text, language)
        case Hold(token, text, language, pause_s):
            return twiml.hold(text, language, pause_s, f"{base}/queue/{token}")
        case Dial():
            return twiml.dial(
                number=answer.number,
                sip=answer.sip,
                action_url=f"{base}/dialed/{answer.token}",
                ring_s=answer.ring_s,
                caller_id=answer.caller_id,
                whisper_url=f"{base}/whisper/{answer.token}"
                if answer.whisper
                else None,
            )
        case TakeMessage():
            return twiml.record(
                greeting=answer.greeting,
                language=answer.language,
                action_url=f"{base}/recorded/{answer.token}",
                status_url=f"{base}/recorded/{answer.token}",
                max_s=answer.max_s,
                transcribe_url=f"{base}/transcribed/{answer.token}"
                if _transcribable(answer)
                else None,
            )
        case None:
            return twiml.hangup()
        case _:
            assert_never(answer)


def _transcribable(message: TakeMessage) -> bool:
    spoken = message.language.partition("-")[0]
    return (
        message.transcribe
        and message.max_s <= TRANSCRIBED_S
        and spoken == TRANSCRIBED_LANGUAGE
    )
