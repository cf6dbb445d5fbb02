"""Our own words, spoken once by StepFun's TTS and kept: greetings start at once."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeAlias

import structlog

from voicebot.audio.framing import ULAW_HZ, ulaw_ms
from voicebot.audio.g711 import pcm16_to_ulaw
from voicebot.audio.rate import to_ulaw
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.prompt import as_spoken
from voicebot.dialplan.recordings import Clip
from voicebot.dialplan.variables import NOTHING, fill, shown_of
from voicebot.errors import UpstreamError
from voicebot.flow.survey import own_words
from voicebot.stepfun.pieces import pieces_of
from voicebot.stepfun.tts import SpeechRequest

log = structlog.get_logger()

Keypad: TypeAlias = tuple[Persona, Mapping[str, str]]

# The voice of the realtime model is the TTS model's of the same name (stepfun
# reference, 3.3).
TTS_MODEL = "stepaudio-2.5-tts"

SUFFIX = ".ulaw"

NO_CLIPS: Mapping[tuple[str, str], Clip] = MappingProxyType({})


class Speaker(Protocol):
    """Speaks a text, as StepFun's TTS does."""

    async def speak(self, request: SpeechRequest) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Words:
    """What a persona says by itself, in one of its languages."""

    persona: str
    language: str
    voice: str
    text: str = field(repr=False)

    @property
    def name(self) -> str:
        """Whoever says the same in the same voice: it is the same sound."""
        return _name(self.voice, self.text)


class Prompts:
    """
    A folder of μ-law files, each named after what it says and in which voice.

    Args:
        tts: renders what isn't there.
    """

    def __init__(self, folder: Path, tts: Speaker) -> None:
        self._folder = folder
        self._tts = tts
        self._spoken: dict[str, bytes] = {}
        self._recorded: dict[str, bytes] = {}
        self._preparing = asyncio.Lock()
        self._failures: Counter[str] = Counter()

    def get(self, voice: str, text: str) -> bytes | None:
        """Return the text spoken, μ-law at 8000 Hz; None if it wasn't rendered yet."""
        name = _name(voice, text)
        return self._recorded.get(name) or self._spoken.get(name)

    def all(self) -> dict[str, bytes]:
        """Return all that can be said, by what `adopt` calls it."""
        return self._spoken | self._recorded

    def adopt(self, name: str, ulaw: bytes | None) -> None:
        """Take what another process of this server has rendered; None: drop it."""
        if ulaw is None:
            self._spoken.pop(name, None)
        else:
            self._spoken[name] = ulaw

    async def prepare(
        self,
        personas: list[Persona],
        clips: Mapping[tuple[str, str], Clip] = NO_CLIPS,
        keypads: Iterable[Keypad] = (),
    ) -> bool:
        """
        Load or render all that these personas say without the model.

        Args:
            clips: recorded greetings, by persona and language. One takes the place
                of its text wherever that is said in the persona's voice.
            keypads: menus that have no model, and what their words are filled with.

        Returns:
            Whether nothing is missing any more.
        """
        complete = True
        async with self._preparing:
            self._recorded = await asyncio.to_thread(_recorded, personas, clips)
            for words in own_prompts(personas, keypads):
                complete = await self._prepare(words) and complete
        for detail, count in self._failures.items():
            log.warning("prompts not rendered", detail=detail, prompts=count)
        self._failures.clear()
        return complete

    async def _prepare(self, words: Words) -> bool:
        name = words.name
        if name in self._recorded or name in self._spoken:
            return True
        ulaw = await asyncio.to_thread(read_prompt, self._folder, words)
        if ulaw is None:
            try:
                ulaw = await render(self._tts, words)
            except UpstreamError as exc:
                # The model will say it itself, a second later; a filler stays unsaid.
                self._failures[exc.detail] += 1
                return False
            ms = round(ulaw_ms(len(ulaw)))
            log.info("prompt rendered", voice=words.voice, ms=ms)
            try:
                await asyncio.to_thread(keep_prompt, self._folder, words, ulaw)
            except OSError as exc:  # it is lost with this process, no sooner
                log.error("prompt not kept", error=exc.strerror)
        self._spoken[name] = ulaw
        return True


def own_prompts(
    personas: Iterable[Persona], keypads: Iterable[Keypad] = ()
) -> Iterator[Words]:
    """
    List all that these personas say without the model, in all their languages.

    Some of it several times, if several say it.

    Args:
        keypads: as for `Prompts.prepare`.
    """
    for persona in _all_of(personas):
        for text in _said_by_itself(persona):
            yield Words(persona.id, persona.language, persona.model.voice, text)
    for persona, values in keypads:
        for each in _all_of([persona]):
            for text in said_alone(each, values):
                yield Words(each.id, each.language, each.model.voice, text)


async def render(tts: Speaker, words: Words) -> bytes:
    """
    Have words spoken, as μ-law at 8000 Hz; long ones piece by piece.

    Raises:
        UpstreamError: StepFun refused, failed or can't be reached.
    """
    ulaw = b""
    for piece in filter(str.strip, pieces_of(words.text)):
        pcm16 = await tts.speak(SpeechRequest(TTS_MODEL, piece, words.voice, ULAW_HZ))
        ulaw += pcm16_to_ulaw(pcm16[: len(pcm16) & ~1])
    return ulaw


def prompt_path(folder: Path, words: Words) -> Path:
    """Where words are kept once they are rendered."""
    return folder / f"{words.name}{SUFFIX}"


def read_prompt(folder: Path, words: Words) -> bytes | None:
    """Read words that were rendered; None if they weren't."""
    try:
        return prompt_path(folder, words).read_bytes() or None
    except OSError:
        return None


def keep_prompt(folder: Path, words: Words, ulaw: bytes) -> None:
    """
    Write whole or not at all: a half-written prompt would be used for ever.

    Raises:
        OSError: it can't be written.
    """
    path = prompt_path(folder, words)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_bytes(ulaw)
    draft.replace(path)


def recorded_prompts(
    personas: Iterable[Persona], clips: Mapping[tuple[str, str], Clip]
) -> frozenset[str]:
    """Name the words in whose place a recording is played."""
    return frozenset(_clips_of(personas, clips))


def said_alone(persona: Persona, values: Mapping[str, str]) -> list[str]:
    """
    List what is said in a call without a model, as read aloud.

    Args:
        values: of the persona's variables, as the route gives them.
    """
    texts = [persona.goodbye.text, persona.apology.text, *own_words(persona)]
    known = shown_of(persona, values)
    return [as_spoken(persona, fill(text, known)) for text in texts]


def _all_of(personas: Iterable[Persona]) -> Iterator[Persona]:
    """Each persona, and what it is in its other languages."""
    for persona in personas:
        yield persona
        yield from persona.variants.values()


def _recorded(
    personas: Iterable[Persona], clips: Mapping[tuple[str, str], Clip]
) -> dict[str, bytes]:
    """Decode recordings; by what is said in them, and in whose place."""
    return {name: _decoded(clip) for name, clip in _clips_of(personas, clips).items()}


def _clips_of(
    personas: Iterable[Persona], clips: Mapping[tuple[str, str], Clip]
) -> dict[str, Clip]:
    found = {}
    for persona in personas:
        for language, each in persona.family.items():
            if clip := clips.get((persona.id, language)):
                text = as_spoken(each, each.greeting.text)
                found[_name(each.model.voice, text)] = clip
    return found


@lru_cache(64)  # it takes a second, and prompts are prepared again and again
def _decoded(clip: Clip) -> bytes:
    is_ulaw = clip.encoding == "ulaw"
    return clip.data if is_ulaw else to_ulaw(clip.data, clip.rate_hz)


def _said_by_itself(persona: Persona) -> list[str]:
    """List all texts, as read aloud in a call of which nothing is known.

    What has a caller's name in it is left to the model: it belongs on no disk.
    """
    greeting = persona.greeting
    when = (
        greeting.when.closed,
        greeting.when.anonymous,
        greeting.when.returning_caller,
    )
    texts = [greeting.text] if greeting.text else []
    texts += [
        persona.goodbye.text,
        persona.apology.text,
        *persona.filler.say,
        *filter(None, when),
        *own_words(persona),
    ]
    known = shown_of(persona, NOTHING)
    return [as_spoken(persona, fill(text, known)) for text in texts]


def _name(voice: str, text: str) -> str:
    return sha256(f"{TTS_MODEL}\n{voice}\n{text}".encode()).hexdigest()[:32]
