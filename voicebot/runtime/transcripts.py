"""Has what a caller said transcribed when the call is over, if it has no words yet."""

import asyncio
import wave
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import BytesIO
from typing import Final

import soundfile
import structlog

from voicebot.dialplan.model import Dialplan, Do, Queued, Then, Voicemail
from voicebot.dialplan.persona import Persona
from voicebot.errors import LocalProtocolError, StoreError, UpstreamError
from voicebot.net.asr import Asr
from voicebot.net.twilio import TwilioRest
from voicebot.runtime.discretion import policy_of, private_values
from voicebot.runtime.listening import Listening, listening_to
from voicebot.runtime.scribe import Scribe, now
from voicebot.store.archive import Archive
from voicebot.store.calls import CallStore
from voicebot.store.faults import Fault
from voicebot.store.private_turns import PrivateTurns
from voicebot.store.recordings import RATE_HZ
from voicebot.store.records import Call, Private, Recording, Turn

log = structlog.get_logger()

LONGEST_S: Final = 50.0
"""All of a call, before another process may take it; what is left is done later."""

CLIP_S: Final = 30.0

# What speaks is found a bit late, and ends a bit early.
BEFORE_MS: Final = 200
AFTER_MS: Final = 300
SHORTEST_MS: Final = 200  # of a turn: below it there are no words

# StepFun's answers that are about this clip, and not about us.
CLIPS_FAULT: Final = frozenset({200, 400, 413, 451})

SPECIALS: Final = "specials."
SPECIAL_NAMES: Final = ("anonymous", "overload", "failure")

BYTES_PER_MS: Final = 2 * RATE_HZ // 1000

KEPT_WITHIN: Final = timedelta(minutes=10)
"""After a call's end its recording is encoded, and maybe uploaded."""

WAITS_S = (0.2, 0.5, 1.0, 2.0, 4.0)
"""How long that is waited for at once: mostly it is done in a second."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What the caller said in one stream of a call."""

    began_ms: int
    pcm16: bytes = field(repr=False)
    """Signed 16-bit little-endian samples, 8000 a second, mono."""


class Transcriber:
    """
    Finds the words of messages that were left, and of turns that were recorded.

    Args:
        rest: fetches messages; None: there are no credentials, and they stay as they
            are.
        silence: makes silent what turned out to be private in a call's recordings.
    """

    def __init__(
        self,
        store: CallStore,
        asr: Asr,
        rest: TwilioRest | None,
        archive: Archive,
        scribe: Scribe,
        silence: Callable[[str], Awaitable[None]],
    ) -> None:
        self._store, self._asr, self._rest = store, asr, rest
        self._archive, self._scribe, self._silence = archive, scribe, silence

    async def transcribe(self, call: Call, plan: Dialplan) -> str:
        """
        Transcribe what has no words yet; on return they can be read.

        Returns:
            What came of it, in a word or two.

        Raises:
            UpstreamError: StepFun or Twilio wouldn't, or couldn't be asked; or the
                recording isn't there yet. What was found stands, and isn't asked for
                again.
            StoreError: the call log can't be read.
        """
        try:
            async with asyncio.timeout(LONGEST_S):
                return await self._transcribe(call, plan)
        except TimeoutError:
            raise UpstreamError("stepfun", "timeout") from None
        finally:
            await self._scribe.stored()  # others are told of it next

    def failed(self, call: Call) -> None:
        """Note that a call, or a part of it, stays without words."""
        at_ms = call.duration_ms or 0
        self._scribe.fault(call.call_id, Fault.TRANSCRIPTION_FAILED, at_ms)

    async def _transcribe(self, call: Call, plan: Dialplan) -> str:
        persona = plan.personas.get(call.persona)
        if persona and not policy_of(persona).words:
            return "no words are kept"
        done = 0
        if language := message_language(plan, call):
            done += await self._messages(call, listening_to(persona, language))
        if persona and persona.after_call.transcribe and not has_secrets(persona):
            done += await self._turns(call, persona)
        return "transcribed" if done else "nothing to transcribe"

    async def _messages(self, call: Call, listening: Listening) -> int:
        """Transcribe messages; how many had no words."""
        left = await self._store.messages(call.call_id)
        wordless = [each for each in left if each.transcription is None]
        if wordless and self._rest is None:
            log.warning("messages stay without words: there are no credentials")
            return 0
        for message in wordless:
            assert self._rest
            wav = await self._rest.recording(call.account_sid, message.recording_sid)
            text = await self._words(call, wav, listening)
            audio_ms = 1000 * (message.duration_s or 0)
            said = replace(message, transcription=text)
            self._scribe.transcribed(call.call_id, audio_ms, message=said)
        return len(wordless)

    async def _turns(self, call: Call, persona: Persona) -> int:
        """Transcribe turns; how many had no words, and were recorded."""
        turns = await self._store.turns(call.call_id)
        if not any(map(is_wordless, turns)):
            return 0
        sounds, listening = await self._sounds(call), listening_to(persona)
        private = PrivateTurns(policy_of(persona))
        rows: dict[int, Turn] = {}
        heard_ms: dict[int, int] = {}
        failure: UpstreamError | None = None
        try:
            for turn in turns:
                clip = clip_of(turn, sounds) if is_wordless(turn) else b""
                if clip:
                    text = await self._words(call, wav_of(clip), listening)
                    turn = replace(turn, generated_text=text, heard_text=text)
                    heard_ms[turn.seq] = len(clip) // BYTES_PER_MS
                rows |= {row.seq: row for row in private.turn(turn)}
        except UpstreamError as exc:
            failure = exc
        finally:  # what was found is worth keeping, whatever else fails
            rows |= {row.seq: row for row in private.finish()}
            known = {turn.seq: turn for turn in turns}
            news = private.news(call.call_id)
            loud = {each.seq for each in news}
            self._write(
                [x for x in rows.values() if x.seq not in loud], known, heard_ms
            )
        if news:
            await self._silenced(call.call_id, news)
            self._write([rows[seq] for seq in sorted(loud)], known, heard_ms)
        if failure:
            raise failure
        return len(heard_ms)

    def _write(
        self, rows: list[Turn], known: Mapping[int, Turn], heard_ms: Mapping[int, int]
    ) -> None:
        """Write down what was found, and what is masked now that it was."""
        for row in rows:
            if row.seq in heard_ms:
                self._scribe.transcribed(row.call_id, heard_ms[row.seq], turn=row)
            elif row != known[row.seq]:
                self._scribe.turn_again(row)

    async def _silenced(self, call_id: str, news: Iterable[Private]) -> None:
        """
        Silence what is private. Its words come after that: so it is done at last,
        whatever happens in between.

        Raises:
            UpstreamError: it can't be done now.
        """
        for each in news:
            self._scribe.to_silence(each)
        await self._scribe.stored()
        try:
            await self._silence(call_id)
        except StoreError as exc:
            log.warning("a recording can't be silenced", error=str(exc))
            raise UpstreamError("recording", "not_silenced") from None

    async def _sounds(self, call: Call) -> list[Sound]:
        """
        Read the recordings of a call, the last one first.

        Raises:
            UpstreamError: one isn't where it will be kept yet.
        """
        sounds = []
        for each in await self._kept(call):
            if each.place is None:
                continue
            try:
                file = await self._archive.read(each.place)
            except StoreError as exc:
                log.warning("a recording can't be transcribed", error=str(exc))
                continue
            pcm16 = await asyncio.to_thread(caller_of, file)
            sounds.append(Sound(each.began_ms, pcm16))
        return sounds[::-1]

    async def _kept(self, call: Call) -> list[Recording]:
        """
        Read where a call's recordings are, once they are where they will be kept.

        Raises:
            UpstreamError: one isn't there yet.
        """
        for wait_s in (*WAITS_S, None):
            found = await self._store.recordings(call.call_id)
            fresh = call.ended_at and now() - call.ended_at < KEPT_WITHIN
            made = [each for each in found if not (each.place or each.gone)]
            if not (call.recording and fresh and made):
                return found
            if wait_s is not None:
                await asyncio.sleep(wait_s)
        raise UpstreamError("recording", "not_kept_yet")

    async def _words(self, call: Call, wav: bytes, listening: Listening) -> str:
        """Transcribe a WAV file; empty if that can't be done with this one."""
        try:
            request = listening.request(wav, "wav")
            return (await self._asr.transcribe(request, CLIP_S)).text.strip()
        except LocalProtocolError as exc:
            log.warning("a clip can't be transcribed", error=str(exc))
        except UpstreamError as exc:
            if exc.status not in CLIPS_FAULT:
                raise
            log.warning("a clip isn't transcribed", error=str(exc))
        self.failed(call)
        return ""


def personas_to_transcribe(plan: Dialplan) -> list[str]:
    """Return the personas of whose calls something may be transcribed; "" is none."""
    names = [*plan.personas, ""] if _mailboxes(plan) else list(plan.personas)
    specials = any(name.startswith(SPECIALS) for name in _mailboxes(plan))
    return [
        name
        for name in names
        if not name or specials or plan.personas[name].after_call.transcribe
    ]


def message_language(plan: Dialplan, call: Call) -> str | None:
    """Return the language of a call's messages; None: they are left as they are."""
    persona = plan.personas.get(call.persona)
    if persona and persona.after_call.transcribe:
        return persona.language
    boxes = _mailboxes(plan)
    if call.route in boxes:
        return boxes[call.route]
    # Which special it took, its record doesn't say; nor could it be another.
    return next((boxes[x] for x in boxes if persona and x.startswith(SPECIALS)), None)


def has_secrets(persona: Persona) -> bool:
    """
    Whether values of variables are to be kept out of the words.

    When the call is over nobody knows them any more, so that they couldn't be.
    """
    return bool(private_values(persona, dict.fromkeys(persona.vars, "")))


def is_wordless(turn: Turn) -> bool:
    """Whether somebody spoke, and nobody knows what."""
    long = turn.ended_ms - turn.started_ms >= SHORTEST_MS
    return turn.who == "caller" and long and not turn.generated_text.strip()


def clip_of(turn: Turn, sounds: Sequence[Sound]) -> bytes:
    """
    Cut a turn out of the recordings, the last one first; empty if it isn't there.

    Returns:
        Signed 16-bit little-endian samples, 8000 a second, mono.
    """
    for sound in sounds:
        if sound.began_ms <= turn.started_ms:
            first = max(0, turn.started_ms - BEFORE_MS - sound.began_ms)
            last = turn.ended_ms + AFTER_MS - sound.began_ms
            clip = sound.pcm16[first * BYTES_PER_MS : last * BYTES_PER_MS]
            return clip if any(clip) else b""  # it was paused, or not allowed
    return b""


def caller_of(file: bytes) -> bytes:
    """Decode what the caller said in a recording. It blocks."""
    try:
        samples, _ = soundfile.read(BytesIO(file), dtype="int16", always_2d=True)
    except soundfile.LibsndfileError:
        return b""
    left: bytes = samples[:, 0].astype("<i2").tobytes()
    return left


def wav_of(pcm16: bytes) -> bytes:
    """Write samples of a telephone call as a file that tells their rate."""
    file = BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        out.writeframes(pcm16)
    return file.getvalue()


def _mailboxes(plan: Dialplan) -> dict[str, str]:
    """Return the language of each mailbox whose messages StepFun is to transcribe."""
    specials = plan.specials
    named: list[tuple[str, Do | Queued | Then | None]] = [
        *((route.name, route.do) for route in plan.routes),
        *((f"{SPECIALS}{name}", getattr(specials, name)) for name in SPECIAL_NAMES),
    ]
    found = {}
    for name, do in named:
        then = do.queue.then if isinstance(do, Queued) else do
        if isinstance(then, Voicemail) and then.voicemail.transcribe == "stepfun":
            found[name] = then.voicemail.language
    return found
