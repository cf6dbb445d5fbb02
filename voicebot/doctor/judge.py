"""What was seen of a realtime server, compared with what calls count on."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from voicebot.doctor.finding import Finding, Part, Verdict
from voicebot.doctor.hearing import RATE_HZ, HearingSeen
from voicebot.doctor.session import NO_VOICE, THRESHOLD, SessionSeen
from voicebot.doctor.speaking import SpeakingSeen
from voicebot.stepfun.realtime.history import Means

HOLDS, TOLD, DIFFERS, FAILS, UNKNOWN = Verdict

NO_ANSWER: Final = "the server gave no answer that tells"
ENOUGH_WORDS: Final = 0.5
"""Share of the words by which a transcript is one of what was said."""

PACE: Final = 0.98
"""Seconds of audio in a second, below which an answer falls behind as it goes."""

DRY_S: Final = 0.5
"""What a call's own reserve of audio covers now and then."""

LATE_S: Final = 3.0
"""Silence after which a caller asks whether anybody is there."""

REPAIRS: Final[Mapping[Means, tuple[str, str]]] = {
    Means.DELETE: ("delete an item", "answers that were cut are told in words"),
    Means.APPEND: ("say anew, at the end", "what was heard is told in words"),
    Means.INSERT: ("say anew, in its place", "what was heard is told in words"),
    Means.NOTE: ("tell in words", "the model isn't told what the caller heard"),
}


def judge_session(seen: SessionSeen, needed: Collection[str]) -> Iterator[Finding]:
    """
    Args:
        needed: the voices that personas speak in.
    """
    if not seen.created:
        says = "no session.created came in time"
        yield _finding("session", FAILS, says, "try again; ask StepFun's support")
        return
    yield _finding("session", HOLDS, f"opens; its id was {seen.session_id}")
    yield _default(seen)
    yield from _switch(seen)
    yield _threshold(seen)
    yield from _tools(seen)
    yield from _voices(seen, needed)
    if seen.bad_frames:
        says = f"{seen.bad_frames} frames weren't what StepFun documents"
        yield _finding("frames", DIFFERS, says)


def _default(seen: SessionSeen) -> Finding:
    told = {True: "on", False: "off", None: "unknown"}
    default, left_out = told[seen.vad_by_default], told[seen.vad_if_left_out]
    says = f"{default} in a new session, {left_out} if an update leaves it out"
    if "unknown" in (default, left_out):
        return _finding("VAD by default", UNKNOWN, says)
    # Nothing depends on it: it is always told.
    return _finding("VAD by default", HOLDS, f"{says}; calls always tell")


def _switch(seen: SessionSeen) -> Iterator[Finding]:
    switched = {"off": seen.vad_if_null, "on": seen.vad_if_asked}
    for how, is_on in switched.items():
        what = f"VAD switched {how}"
        if is_on is None:
            yield _finding(what, UNKNOWN, NO_ANSWER)
        elif is_on is (how == "on"):
            yield _finding(what, HOLDS, "the server obeys")
        else:
            other = "server" if how == "off" else "local"
            todo = f"set `model.vad: {other}` in every persona"
            yield _finding(what, FAILS, "the server doesn't obey", todo)


def _threshold(seen: SessionSeen) -> Finding:
    what, got = "energy threshold", seen.energy_threshold
    if got is None:
        return _finding(what, UNKNOWN, "it isn't echoed")
    if got != THRESHOLD:
        says = f"{THRESHOLD} was asked for, and {got} echoed"
        todo = "mind it when you tune `server_vad.threshold`"
        return _finding(what, DIFFERS, says, todo)
    return _finding(what, HOLDS, "is echoed as it was asked for")


def _tools(seen: SessionSeen) -> Iterator[Finding]:
    for name, taken in seen.tools.items():
        what = f"tool {name}"
        if taken is None:
            yield _finding(what, UNKNOWN, NO_ANSWER)
        elif taken:
            yield _finding(what, HOLDS, "is taken")
        else:
            todo = "personas whose `tools:` need it lose their sessions' set-up"
            yield _finding(what, FAILS, "is refused", todo)


def _voices(seen: SessionSeen, needed: Collection[str]) -> Iterator[Finding]:
    voices = {name: taken for name, taken in seen.voices.items() if name != NO_VOICE}
    if not voices:
        return
    if seen.voices.get(NO_VOICE):
        says = "one that can't exist is taken, so nothing is known of the others"
        yield _finding("voices", UNKNOWN, says)
        return
    taken = [name for name, taken in voices.items() if taken]
    yield _finding("voices", HOLDS, f"{len(taken)} of {len(voices)} are taken")
    for name, was_taken in voices.items():
        if was_taken is None:
            yield _finding(f"voice {name}", UNKNOWN, NO_ANSWER)
        elif not was_taken and name in needed:
            todo = "personas that name it speak in another: choose one that is taken"
            yield _finding(f"voice {name}", FAILS, "is refused", todo)
        elif not was_taken:
            yield _finding(f"voice {name}", DIFFERS, "is refused; no persona has it")


def lost(what: str) -> Finding:
    """The server closed the socket while it was looked at."""
    says = "the server closed the connection; what it hadn't told is unknown"
    return _finding(f"connection ({what})", DIFFERS, says, "try again")


def judge_speaking(seen: SpeakingSeen) -> Iterator[Finding]:
    yield _answer(seen)
    if seen.audio_s:
        yield _pace(seen)
    yield from _cancelled(seen)
    for means, (what, instead) in REPAIRS.items():
        yield _repair(f"history, {what}", seen.repairs.get(means), instead)
    yield _truncate(seen)
    yield _instructions(seen)


def _answer(seen: SpeakingSeen) -> Finding:
    what = "first audio"
    if seen.first_audio_s is None:
        says = f"no answer was spoken: {seen.refused or 'no error tells why'}"
        todo = "look at the account's limits; ask StepFun's support"
        return _finding(what, FAILS, says, todo)
    says = f"{seen.first_audio_s:.2f} s after the wish"
    if seen.first_audio_s > LATE_S:
        todo = "let personas say a `filler:` meanwhile"
        return _finding(what, DIFFERS, says, todo)
    return _finding(what, HOLDS, says)


def _pace(seen: SpeakingSeen) -> Finding:
    what = "pace of the audio"
    pace = seen.audio_s / seen.sent_in_s if seen.sent_in_s else None
    says = (
        f"{seen.audio_s:.1f} s came "
        + (f"at {pace:.3g} times real time" if pace else "at once")
        + f", in pieces of up to {seen.largest_delta_s:.2f} s"
    )
    if seen.dry_s > DRY_S or (pace is not None and pace < PACE):
        says += f"; played at once it breaks off for {seen.dry_s:.2f} s"
        todo = "callers hear gaps: look at the network, then ask StepFun's support"
        return _finding(what, FAILS, says, todo)
    return _finding(what, HOLDS, says)


def _cancelled(seen: SpeakingSeen) -> Iterator[Finding]:
    what = "cancel"
    if not seen.cancelled:
        says = "an answer was over, or refused, before it could be cancelled"
        yield _finding(what, UNKNOWN, says)
        return
    if seen.end_after_cancel_s is None:
        says = "the answer didn't end"
        todo = "what comes of it is dropped, but the next answer may be refused"
        yield _finding(what, FAILS, says, todo)
    else:
        says = (
            f"the answer ended after {seen.end_after_cancel_s:.2f} s"
            f" as {seen.cancelled_status}, its audio after"
            f" {seen.audio_after_cancel_s:.2f} s"
            f"{', with response.cancelled' if seen.says_cancelled else ''}"
        )
        yield _finding(what, HOLDS, says)
    says = f"cancelling nothing brings: {seen.second_cancel}"
    expected = seen.second_cancel == "error"
    yield _finding("cancel too late", HOLDS if expected else DIFFERS, says)


def _repair(what: str, works: bool | None, instead: str) -> Finding:
    if works is None:
        return _finding(what, UNKNOWN, NO_ANSWER)
    if works:
        return _finding(what, HOLDS, "works")
    return _finding(what, DIFFERS, f"is refused: {instead}")


def _truncate(seen: SpeakingSeen) -> Finding:
    what = "truncate"
    if seen.truncate is None:
        return _finding(what, UNKNOWN, "there was nothing to truncate")
    says = f"undocumented, and never sent by calls; it brings: {seen.truncate}"
    return _finding(what, HOLDS, says)


def _instructions(seen: SpeakingSeen) -> Finding:
    what = "instructions of one answer"
    obeyed = seen.obeys_response_instructions
    if obeyed is None:
        return _finding(what, UNKNOWN, NO_ANSWER)
    says = f"{'obeyed' if obeyed else 'not obeyed'}; calls don't use them"
    return _finding(what, HOLDS, says)


def judge_hearing(seen: HearingSeen) -> Iterator[Finding]:
    if not seen.turns:
        says = "the server's VAD heard no speech"
        todo = "use `model.vad: local`, or lower `server_vad.threshold`"
        yield _finding("hearing", FAILS, says, todo)
        return
    yield _rate(seen)
    yield _understood(seen)
    if seen.onset_s is not None:
        says = f"{seen.onset_s:.2f} s after it began"
        yield _finding("start of speech is told", HOLDS, says)
    if seen.stopped_after_s is None:
        says = "it heard speech begin, and not end"
        todo = "use `model.vad: local`"
        yield _finding("end of speech is told", FAILS, says, todo)
    else:
        says = f"{seen.stopped_after_s:.2f} s after its recording ended"
        yield _finding("end of speech is told", HOLDS, says)
    if not seen.answers:
        says = "the server didn't answer a turn that it found"
        yield _finding("answers by itself", DIFFERS, says, "use `model.vad: local`")
    yield _interrupted(seen)


def _rate(seen: HearingSeen) -> Finding:
    what = "sample rate"
    match seen.rate_hz():
        case None:
            says = f"{seen.end_ms} ms fits no rate" if seen.end_ms else NO_ANSWER
            return _finding(what, UNKNOWN, says)
        case 24_000:
            return _finding(what, HOLDS, f"the server hears at {RATE_HZ} Hz")
        case rate_hz:
            says = f"the server hears at {rate_hz} Hz, and is sent {RATE_HZ}"
            todo = "it understands little: tell voicebot's authors before you go on"
            return _finding(what, FAILS, says, todo)


def _interrupted(seen: HearingSeen) -> Finding:
    what = "stops when it is interrupted"
    if seen.stops is None:
        return _finding(what, UNKNOWN, "there was no answer to interrupt")
    if seen.stops:
        says = f"{seen.stopped_s:.2f} s after it told that somebody speaks"
        return _finding(what, HOLDS, says)
    return _finding(what, DIFFERS, "it goes on; calls cancel their answers themselves")


def _understood(seen: HearingSeen) -> Finding:
    what, share = "understands speech", seen.understood()
    if share is None:
        return _finding(what, UNKNOWN, "no transcript came")
    says = f"{share:.0%} of the words are in its transcript"
    if share < ENOUGH_WORDS:
        return _finding(what, FAILS, says, "see the sample rate")
    return _finding(what, HOLDS, says)


def session_limit() -> Finding:
    """Nobody waits for it."""
    says = "30 minutes, as StepFun documents it; calls that lose their session redial"
    return _finding("session limit", TOLD, says)


def _finding(what: str, verdict: Verdict, says: str, todo: str = "") -> Finding:
    return Finding(Part.REALTIME, what, verdict, says, todo)
