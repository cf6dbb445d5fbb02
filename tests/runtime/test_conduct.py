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
from voicebot.dialplan.turns import BargeIn, Listening
from voicebot.runtime.conduct import (
    bridge_settings,
    call_values,
    flow_of,
    greeting_text,
    session_config,
    situation_of,
    words_of,
)
from voicebot.runtime.forward import Origin
from voicebot.runtime.prompts import Prompts
from voicebot.stepfun.realtime.commands import Retrieval, ServerVad, Tool, WebSearch


def nothing_rendered(folder: Path) -> Prompts:
    return Prompts(folder, Studio())


def test_the_defaults_of_personas_are_those_of_the_bridge(tmp_path: Path) -> None:
    bot = persona(barge_in=BargeIn(), listening=Listening(), filler=model.Filler())
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


VISITED = persona(
    greeting={
        "text": "Hello {{name|there}}.",
        "when": {
            "closed": "We are closed.",
            "returning_caller": "Welcome back, {{name}}.",
        },
    },
    goodbye={"text": "Bye {{name|you}}."},
    instructions="Be kind to {{name|them}}.",
    vars={"name": {"from": "lookup", "required": True}},
)


@pytest.mark.parametrize(
    ("situation", "values", "said"),
    [
        ((), {}, "Hello there."),
        ((), {"name": "Ada"}, "Hello Ada."),
        (("anonymous",), {}, "Hello there."),
        (("returning_caller",), {"name": "Ada"}, "Welcome back, Ada."),
        (("returning_caller",), {}, "Hello there."),
        (("returning_caller", "closed"), {"name": "Ada"}, "We are closed."),
    ],
)
def test_the_greeting_is_for_the_situation_and_needs_its_values(
    situation: tuple[str, ...], values: dict[str, str], said: str
) -> None:
    assert greeting_text(VISITED, frozenset(situation), values) == said


def test_what_a_call_knows_is_in_the_words_and_in_the_prompt(tmp_path: Path) -> None:
    known = {"name": "Ada"}
    situation = frozenset({"returning_caller"})
    told = bridge_settings(VISITED, nothing_rendered(tmp_path), situation, known)
    assert told.greeting.text == "Welcome back, Ada."
    assert told.goodbye.text == "Bye Ada."
    assert session_config(VISITED, known).instructions.startswith("Be kind to Ada.")


async def test_words_are_rendered_as_they_are_pronounced(tmp_path: Path) -> None:
    bot = persona(
        greeting={"text": "OPT {{name|here}}.", "when": {"closed": "No OPT."}},
        pronounce={"OPT": "O P T"},
        vars={"name": {}},
    )
    studio = Studio()
    prompts = Prompts(tmp_path, studio)
    await prompts.prepare([bot])
    assert "O P T here." in studio.spoken
    assert "No O P T." in studio.spoken
    told = bridge_settings(bot, prompts)
    assert told.greeting.text == "OPT here."
    assert told.greeting.ulaw
    closed = bridge_settings(bot, prompts, frozenset({"closed"}))
    assert closed.greeting.ulaw


# ---- what is known, and what may be done -----------------------------------------


def test_values_come_from_whom_the_persona_names() -> None:
    bot = persona(
        vars={
            "number": {"type": "phone", "from": "caller"},
            "account": {"from": "header", "header": "X-Account"},
            "name": {"from": "route"},
            "shop": {"default": "ours"},
        }
    )
    route = {"name": "Ada", "unasked": "for"}
    headers = {"x-account": "A 1"}
    assert call_values(bot, route, "+12025550199", headers) == {
        "number": "+12025550199",
        "account": "A 1",
        "name": "Ada",
        "shop": "ours",
    }
    assert call_values(bot, {}, "anonymous", {}) == {"shop": "ours"}


def test_a_situation_is_what_the_hours_and_the_caller_make_it() -> None:
    assert situation_of("+12025550199", is_open=True) == frozenset()
    assert situation_of("anonymous", is_open=False) == {"closed", "anonymous"}


def test_words_are_filled_in_with_what_is_known_when_they_are_said(
    tmp_path: Path,
) -> None:
    bot = persona(vars={"day": {"from": "model"}})
    words = words_of(bot, nothing_rendered(tmp_path))
    said = words("See you on {{day|another day}}.", {"day": "Monday", "else": "x"})
    assert said == bridge.Prompt("See you on Monday.")


STAGED = {
    "tools": {
        "on": {"use": "goto_stage", "stages": ["last"]},
        "desk": {"use": "transfer", "targets": ["desk"]},
    },
    "stages": {
        "first": {"instructions": "Ask {{name|them}}.", "tools": ["on"]},
        "last": {"instructions": "Say goodbye."},
    },
    "start_stage": "first",
    "vars": {"name": {}},
}


def test_a_stage_adds_its_instructions_and_has_its_own_tools() -> None:
    bot = persona(**STAGED)
    first = session_config(bot, {"name": "Ada"})
    assert first.instructions.endswith("Ask Ada.")
    assert [getattr(tool, "name", "") for tool in first.tools] == ["on"]
    last = session_config(bot, stage="last")
    assert last.instructions.endswith("Say goodbye.")
    assert last.tools == ()
    assert last.instructions.partition("Say goodbye.")[0] in first.instructions


def test_without_stages_all_tools_may_be_used_and_without_tools_none() -> None:
    tools = session_config(persona(tools=STAGED["tools"] | {})).tools  # type: ignore[operator]
    assert [getattr(tool, "name", "") for tool in tools] == ["on", "desk"]
    assert session_config(persona()).tools == ()


async def test_all_that_a_flow_may_say_is_rendered(tmp_path: Path) -> None:
    bot = persona(
        menus={
            "keypad": {
                "prompt": "Press.",
                "keys": {"1": {"say": "Open."}, "0": {"transfer": "desk"}},
                "noinput": [{"say": "Nothing?"}, {"do": {"say": "Well."}}],
                "nomatch": [{"say": "Wrong."}, {"replay": True}],
            }
        },
        silence=[{"after": "5s", "say": "There?"}, {"after": "5s", "do": "goodbye"}],
        triggers=[{"name": "a", "says": ["b"], "do": {"say": "Heard."}}],
        filler={"say": []},
    )
    studio = Studio()
    await Prompts(tmp_path, studio).prepare([bot])
    assert studio.spoken[3:] == [
        *("Press.", "Nothing?", "Wrong.", "There?", "Heard.", "Open.", "Well."),
        "One moment please, I'm putting you through.",
    ]


def test_a_flow_knows_its_caller(tmp_path: Path) -> None:
    origin = Origin(
        *("c1", "CA1", "AC1", "+12025550199", "+12025550100"),
        persona(),
        values={"name": "Ada"},
    )
    flow = flow_of(origin, nothing_rendered(tmp_path), 0.0)
    assert flow.values.shown() == {"name": "Ada"}


async def test_digits_are_said_back_without_a_model(tmp_path: Path) -> None:
    gather = {"max": 4, "into": "room", "readback": "all"}
    bot = persona(menus={"room": {"prompt": "Room?", "gather": gather}})
    prompts = nothing_rendered(tmp_path)
    assert words_of(bot, prompts)("4 7", {}) == bridge.Prompt("4 7")
    await prompts.prepare([bot])
    said = words_of(bot, prompts)("4 7", {})
    assert said.text == "4 7"
    assert said.ulaw
    digit = prompts.get(bot.model.voice, "4")
    assert digit
    assert len(said.ulaw) == 2 * len(digit) + 640


def test_a_model_that_greets_is_only_kept_from_it_by_a_situation(
    tmp_path: Path,
) -> None:
    bot = persona(greeting={"model": True, "when": {"closed": "We are closed."}})
    prompts = nothing_rendered(tmp_path)
    assert bridge_settings(bot, prompts).greeting == bridge.Prompt("")
    closed = bridge_settings(bot, prompts, frozenset({"closed"}))
    assert closed.greeting.text == "We are closed."


def test_tools_of_stepfuns_own_are_told_as_such_in_their_stage() -> None:
    tools = {
        "web": {"kind": "web_search", "top_k": 3, "timeout": "5s"},
        "facts": {"kind": "retrieval", "vector_store_id": "17"},
        "plain": {"kind": "web_search", "description": "Look it up."},
        "bye": {"use": "hangup"},
    }
    stages = {"a": {"instructions": "x", "tools": ["facts", "bye"]}}
    bot = persona(tools=tools)
    bye, *theirs = session_config(bot).tools
    assert isinstance(bye, Tool)
    assert theirs == [
        WebSearch(None, 3, 5),
        Retrieval("17"),
        WebSearch("Look it up."),
    ]
    staged = persona(tools=tools, stages=stages, start_stage="a")
    assert session_config(staged).tools == (bye, Retrieval("17"))


def test_what_is_sensitive_is_in_no_words_and_in_no_prompt(tmp_path: Path) -> None:
    bot = persona(
        vars={
            "pin": {"from": "header", "header": "X-Pin", "sensitive": True},
            "name": {"from": "route"},
        },
        instructions="Talk to {{name}}{{pin|.}}",
        greeting={
            "text": "Hello {{name}}.",
            "when": {"anonymous": "Hello {{pin}}."},
        },
        stages={"a": {"instructions": "Ask {{pin|for it}}."}},
        start_stage="a",
    )
    known = call_values(bot, {"name": "Ann"}, "anonymous", {"x-pin": "1234"})
    assert known == {"name": "Ann", "pin": "1234"}  # for other servers
    prompts = nothing_rendered(tmp_path)
    assert greeting_text(bot, frozenset({"anonymous"}), known) == "Hello Ann."
    assert words_of(bot, prompts)("{{pin|secret}}", known).text == "secret"
    told = session_config(bot, known).instructions
    assert "Talk to Ann." in told
    assert "Ask for it." in told
    origin = Origin(*("1", "CA1", "AC1", "anonymous", "+1", bot), values=known)
    values = flow_of(origin, prompts, 0.0).values
    assert values.shown() == {"name": "Ann"}
    assert values.secret("pin") == "1234"
