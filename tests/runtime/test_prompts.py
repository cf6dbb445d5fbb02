"""Prompts are rendered once, kept on disk, and never half."""

from dataclasses import replace
from pathlib import Path

from tests.dialplan.plans import persona
from voicebot.dialplan.actions import Action
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.recordings import Clip
from voicebot.errors import UpstreamError
from voicebot.runtime.conduct import can_be_said, flow_of
from voicebot.runtime.forward import Origin
from voicebot.runtime.prompts import Prompts
from voicebot.stepfun.tts import SpeechRequest

PCM16 = b"\x00\x10" * 800
ULAW_BYTES = 800


class Studio:
    """Speaks as StepFun's TTS would, and counts."""

    def __init__(self, *, broken: bool = False) -> None:
        self.spoken: list[str] = []
        self._broken = broken

    async def speak(self, request: SpeechRequest) -> bytes:
        assert request.rate_hz == 8000
        self.spoken.append(request.text)
        if self._broken:
            raise UpstreamError("stepfun", "quota_exceeded", 402)
        return PCM16


async def test_what_a_persona_says_without_the_model_is_rendered(
    tmp_path: Path,
) -> None:
    studio, bot = Studio(), persona(filler={"say": ["Moment.", "One second."]})
    prompts = Prompts(tmp_path, studio)
    assert prompts.get(bot.model.voice, bot.greeting.text) is None
    await prompts.prepare([bot])
    texts = [bot.greeting.text, bot.goodbye.text, bot.apology.text]
    texts += ["Moment.", "One second."]
    assert studio.spoken == texts
    for text in texts:
        spoken = prompts.get(bot.model.voice, text)
        assert spoken
        assert len(spoken) == ULAW_BYTES
    assert prompts.get("another voice", bot.greeting.text) is None


async def test_what_was_rendered_is_read_from_disk(tmp_path: Path) -> None:
    await Prompts(tmp_path, Studio()).prepare([persona()])
    again = Studio()
    prompts = Prompts(tmp_path, again)
    await prompts.prepare([persona()])
    assert again.spoken == []
    assert prompts.get(persona().model.voice, persona().greeting.text)


async def test_what_cannot_be_rendered_is_left_to_the_model(tmp_path: Path) -> None:
    prompts = Prompts(tmp_path, Studio(broken=True))
    await prompts.prepare([persona()])
    assert prompts.get(persona().model.voice, persona().greeting.text) is None
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - a test may block


async def test_a_menu_without_a_model_is_rendered_as_its_route_fills_it(
    tmp_path: Path,
) -> None:
    bot = persona(
        vars={"day": {"from": "route", "default": "today"}},
        menus={"keys": {"prompt": "Open {{day}}.", "keys": {"1": "hangup"}}},
    )
    prompts = Prompts(tmp_path, Studio())
    origin = Origin("1", "CA1", "AC1", "+44", "+44", bot, values={"day": "on Monday"})
    await prompts.prepare([bot])
    assert prompts.get(bot.model.voice, "Open today.")
    assert not can_be_said(origin, prompts)
    await prompts.prepare([bot], keypads=[(bot, origin.values)])
    assert can_be_said(origin, prompts)
    # What nobody could say otherwise is said as it was rendered.
    opening = Action(menu="keys")
    flow = flow_of(replace(origin, opening=opening), prompts, 0.0)
    assert flow._words("Open {{day}}.", {"day": "on Friday"}).text == "Open on Monday."
    assert flow._words("Open {{day}}.", {"day": "on Monday"}).ulaw


async def test_a_menu_without_a_model_is_rendered_in_all_its_languages(
    tmp_path: Path,
) -> None:
    def bot(prompt: str) -> Persona:
        menus = {"keys": {"prompt": prompt, "keys": {"1": "hangup"}}}
        return persona(vars={"day": {"from": "route", "default": "x"}}, menus=menus)

    french = bot("Ouvert {{day}}.")
    desk = bot("Open {{day}}.").speaking({"fr": french})
    prompts = Prompts(tmp_path, Studio())
    await prompts.prepare([desk], keypads=[(desk, {"day": "4"})])
    origin = Origin("1", "CA1", "AC1", "+44", "+44", french, values={"day": "4"})
    assert can_be_said(origin, prompts)


async def test_what_is_said_in_other_languages_is_rendered_too(tmp_path: Path) -> None:
    studio = Studio()
    french = persona(greeting={"text": "Bonjour."}, goodbye={"text": "Adieu."})
    await Prompts(tmp_path, studio).prepare([persona().speaking({"fr": french})])
    assert {"Hello.", "Bonjour.", "Adieu."} <= set(studio.spoken)


async def test_a_recording_is_played_in_the_place_of_its_text(tmp_path: Path) -> None:
    studio, bot = Studio(), persona(pronounce={"Hello": "Hallo"})
    french = persona(language="fr", greeting={"text": "Bonjour."})
    desk = bot.speaking({"fr": french})
    prompts = Prompts(tmp_path, studio)
    clips = {
        ("desk", "en"): Clip("ulaw", 8000, b"recorded"),
        ("desk", "fr"): Clip("pcm16", 16_000, PCM16 * 2),
    }
    assert await prompts.prepare([desk], clips)
    voice = bot.model.voice
    assert prompts.get(voice, "Hallo.") == b"recorded"
    assert len(prompts.get(voice, "Bonjour.") or b"") == ULAW_BYTES
    assert studio.spoken[0] == "Bye."
    assert not {"Hallo.", "Bonjour."} & set(studio.spoken)
    # The operator wants it spoken again.
    await prompts.prepare([desk])
    assert len(prompts.get(voice, "Hallo.") or b"") == ULAW_BYTES


async def test_a_model_that_greets_has_nothing_to_be_rendered(tmp_path: Path) -> None:
    studio = Studio()
    await Prompts(tmp_path, studio).prepare([persona(greeting={"model": True})])
    assert "" not in studio.spoken
