"""What a persona says of turn-taking, as the bridge is told of it."""

from pathlib import Path

import pytest

from tests.dialplan.plans import persona
from tests.runtime.test_prompts import Studio
from voicebot.bridge import settings as bridge
from voicebot.bridge.endpointing import SILENCE_MS
from voicebot.bridge.words import Words, heard_in, says
from voicebot.dialplan import persona as model
from voicebot.dialplan.language import PHRASES, phrases
from voicebot.runtime.conduct import bridge_settings, session_config
from voicebot.runtime.prompts import Prompts
from voicebot.stepfun.realtime.commands import ServerVad


def nothing_rendered(folder: Path) -> Prompts:
    return Prompts(folder, Studio())


def test_the_defaults_of_personas_are_those_of_the_bridge(tmp_path: Path) -> None:
    bot = persona(
        barge_in=model.BargeIn(), listening=model.Listening(), filler=model.Filler()
    )
    told, own = bridge_settings(bot, nothing_rendered(tmp_path)), bridge.Settings()
    assert told.owner == own.owner
    assert told.protect_s == own.protect_s
    assert told.barge_in == own.barge_in
    assert told.listening == own.listening
    assert (told.fillers, told.filler_after_s) == (own.fillers, own.filler_after_s)
    assert (told.idle_s, told.duration_s) == (own.idle_s, own.duration_s)


def test_a_filler_is_late_before_an_answer_is_lost() -> None:
    longest = model.Filler.model_validate({"after": "5s"})
    assert longest.after_s < bridge.Settings().stall_s


def test_every_setting_of_turn_taking_gets_to_the_bridge(tmp_path: Path) -> None:
    bot = persona(
        barge_in={
            "mode": "stop",
            "min_ms": 350,
            "confirm_ms": "0.7s",
            "decide_ms": "400ms",
            "min_words": 2,
            "backchannel": ["aye"],
            "stop_words": ["whoa"],
            "stop": "word",
            "dtmf": "never",
        },
        listening={
            "profile": "patient",
            "end_silence": "900ms",
            "pace": "fixed",
            "max_turn": "25s",
            "questions": [{"says": "your code", "profile": "digits"}],
        },
        filler={"after": "1.5s"},
    )
    told = bridge_settings(bot, nothing_rendered(tmp_path))
    assert told.barge_in == bridge.BargeIn(
        mode="stop",
        min_ms=350,
        confirm_ms=700,
        decide_ms=400,
        min_words=2,
        backchannel=("aye",),
        stop_words=("whoa",),
        stop="word",
        keys=False,
    )
    assert told.listening == bridge.Listening(
        profile="patient",
        end_silence_ms=900,
        questions=(("your code", "digits"),),
        adaptive=False,
        max_turn_ms=25_000,
    )
    assert told.filler_after_s == 1.5


def test_the_words_of_the_language_get_to_the_bridge(tmp_path: Path) -> None:
    told = bridge_settings(persona(language="zh"), nothing_rendered(tmp_path))
    assert told.barge_in.backchannel == phrases("zh").backchannel
    assert told.barge_in.stop_words == phrases("zh").stop_words
    assert ("手机号", "digits") in told.listening.questions
    assert ("对吗", "yes_no") in told.listening.questions


@pytest.mark.parametrize("language", PHRASES)
def test_callers_are_understood_as_their_language_means_it(
    tmp_path: Path, language: str
) -> None:
    told = bridge_settings(persona(language=language), nothing_rendered(tmp_path))
    wants = told.barge_in

    def heard(text: str) -> Words:
        return heard_in(
            text,
            backchannel=wants.backchannel,
            stop_words=wants.stop_words,
            min_words=wants.min_words,
        )

    assert {heard(phrase) for phrase in wants.backchannel} == {Words.BACKCHANNEL}
    assert {heard(phrase) for phrase in wants.stop_words} == {Words.STOP}
    both = f"{wants.backchannel[-1].capitalize()}, {wants.stop_words[0]}!"
    assert heard(both) is Words.STOP
    assert all(
        says(f"Hm, {phrase}?", [phrase]) for phrase, _ in told.listening.questions
    )


@pytest.mark.parametrize(("row", "ms"), sorted(SILENCE_MS.items()))
def test_the_reference_says_how_long_a_pause_must_be(row: str, ms: int) -> None:
    text = (Path(__file__).parents[2] / "docs" / "dialplans.md").read_text("utf-8")
    pause = "1 s" if ms == 1000 else f"{ms} ms"
    assert f"| `{row}` | {pause} |" in text


def test_a_greeting_is_protected_for_a_while_or_must_be_heard(tmp_path: Path) -> None:
    def told(protect: str) -> bridge.Settings:
        bot = persona(greeting={"text": "Hello.", "protect": protect})
        return bridge_settings(bot, nothing_rendered(tmp_path))

    assert told("900ms").protect_s == 0.9
    assert told("900ms").greeting == bridge.Prompt("Hello.")
    assert told("must_hear").protect_s == 0
    assert told("must_hear").greeting == bridge.Prompt("Hello.", must_hear=True)


async def test_only_fillers_that_are_rendered_are_said(tmp_path: Path) -> None:
    prompts = nothing_rendered(tmp_path)
    await prompts.prepare([persona(filler={"say": ["Moment."]})])
    bot = persona(filler={"say": ["One second.", "Moment."]})
    (filler,) = bridge_settings(bot, prompts).fillers
    assert filler == bridge.Prompt("Moment.", prompts.get(bot.model.voice, "Moment."))
    assert filler.ulaw


def test_only_a_persona_that_leaves_turns_to_the_model_tells_it_how() -> None:
    assert session_config(persona()).turn_detection is None
    bot = persona(model={"vad": "server"}, server_vad={"silence": "700ms"})
    assert session_config(bot).turn_detection == ServerVad(
        prefix_padding_ms=300, silence_ms=700, energy_threshold=1200
    )
