"""Personas that extend others and take in mixins."""

from pathlib import Path

import pytest

from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, mistakes, written
from voicebot.dialplan.effective import BUILT_IN, Value, effective
from voicebot.dialplan.load import load
from voicebot.dialplan.persona import Persona

LEAF = "extends: base\n"


def family(
    folder: Path, mixins: dict[str, str] | None = None, /, **personas: str
) -> Path:
    """Files of personas, `desk` among them, and of mixins."""
    written(folder, **personas)
    (folder / "mixins").mkdir(exist_ok=True)
    for name, text in (mixins or {}).items():
        (folder / "mixins" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def desk_of(folder: Path) -> Persona:
    return load(folder).personas["desk"]


def test_the_own_file_counts_most_then_later_mixins_then_what_is_extended(
    tmp_path: Path,
) -> None:
    base = (
        PERSONA + "owner: base\nlimits: {idle: 5s, duration: 1m}\nfiller: {after: 1s}\n"
    )
    mixins = {
        "calm": "owner: calm\nlimits: {idle: 6s}\nbarge_in: {min_ms: 50}\n",
        "slow": "owner: slow\nlimits: {idle: 7s}\n",
    }
    own = "extends: base\nmixins: [calm, slow]\nowner: own\n"
    desk = desk_of(family(tmp_path, mixins, base=base, desk=own))
    assert desk.owner == "own"
    assert desk.limits.idle_s == 7
    assert desk.limits.duration_s == 60
    assert desk.barge_in.min_ms == 50
    assert desk.filler.after_s == 1
    assert (desk.extends, desk.mixins) == ("base", ("calm", "slow"))


def test_mixins_of_what_is_extended_count_too(tmp_path: Path) -> None:
    base = PERSONA + "mixins: [calm]\n"
    folder = family(tmp_path, {"calm": "owner: calm\n"}, base=base, desk=LEAF)
    assert desk_of(folder).owner == "calm"
    assert desk_of(folder).mixins == ()


def test_a_list_replaces_and_a_plus_appends(tmp_path: Path) -> None:
    base = PERSONA + "facts: [a, Price: 1]\nkeyterms: [x]\n"
    own = LEAF + "facts+: [b, Rate: 2]\nkeyterms: [y]\n"
    desk = desk_of(family(tmp_path, base=base, desk=own))
    assert desk.facts == ("a", "Price: 1", "b", "Rate: 2")
    assert desk.keyterms == ("y",)


def test_what_is_appended_to_nothing_is_the_list(tmp_path: Path) -> None:
    mixins = {"m": "facts+: [a]\n", "n": "facts+: [b]\n"}
    own = PERSONA + "mixins: [m, n]\nfacts+: [c]\n"
    assert desk_of(family(tmp_path, mixins, desk=own)).facts == ("a", "b", "c")


def test_a_list_replaces_what_was_to_be_appended_below_it(tmp_path: Path) -> None:
    own = PERSONA + "mixins: [m]\nfacts: [c]\n"
    assert desk_of(family(tmp_path, {"m": "facts+: [a]\n"}, desk=own)).facts == ("c",)


def test_a_plus_appends_to_the_phrases_of_the_language(tmp_path: Path) -> None:
    own = PERSONA + "barge_in: {backchannel+: [aye], stop_words+: [ok]}\n"
    plain = desk_of(family(tmp_path / "a")).barge_in
    more = desk_of(family(tmp_path / "b", desk=own)).barge_in
    assert more.stop_words == (*plain.stop_words, "ok")
    assert more.backchannel[-1] == "aye"
    assert "ok" not in more.backchannel  # what the persona says of a phrase counts


def test_a_plus_appends_to_questions_too(tmp_path: Path) -> None:
    own = PERSONA + "listening: {questions+: [{says: code, profile: digits}]}\n"
    questions = desk_of(family(tmp_path, desk=own)).listening.questions
    assert len(questions) > 10
    assert questions[-1].says == "code"


def test_maps_below_maps_are_merged(tmp_path: Path) -> None:
    base = PERSONA + "vars: {a: {default: x}, b: {default: y}}\n"
    own = LEAF + "vars: {b: {type: number, default: 3}}\n"
    variables = desk_of(family(tmp_path, base=base, desk=own)).vars
    assert [(v.type, v.default) for v in variables.values()] == [
        ("text", "x"),
        ("number", "3"),
    ]


def test_an_abstract_persona_may_lack_things_and_answers_no_calls(
    tmp_path: Path,
) -> None:
    base = "abstract: true\nlanguage: en\ninstructions: Be kind.\n"
    own = LEAF + "title: Desk\ngreeting: {text: Hello.}\n"
    folder = family(tmp_path, base=base, desk=own)
    plan = load(folder)
    assert list(plan.personas) == ["desk"]
    assert plan.personas["desk"].abstract is False
    routes = ROUTES.replace("desk", "base")
    (tmp_path / "dialplan.yaml").write_text(NUMBERS + routes)
    (problem,) = mistakes(folder)
    assert "routes[0].do.persona: there is no persona 'base'" in problem


@pytest.mark.parametrize(
    ("mixins", "personas", "problem"),
    [
        (
            {},
            {"desk": "extends: bse\n" + PERSONA, "base": PERSONA},
            "personas/desk.yaml:1:10: extends: there is no persona 'bse'; "
            "did you mean 'base'?",
        ),
        (
            {},
            {"desk": "extends: desk\n" + PERSONA},
            "personas/desk.yaml:1:10: extends: "
            "expected a chain that ends, got desk -> desk",
        ),
        (
            {"calm": "owner: x\n"},
            {"desk": PERSONA + "mixins: [clam]\n"},
            "personas/desk.yaml:5:10: mixins[0]: there is no file mixins/clam.yaml; "
            "did you mean 'calm'?",
        ),
        (
            {"calm": "extends: desk\n"},
            {},
            "mixins/calm.yaml:1:1: extends: unknown key; "
            "only a persona has it, and a mixin stands alone",
        ),
        (
            {"calm": "limits: {idle: 5}\n"},
            {
                "desk": PERSONA + "mixins: [calm]\n",
                "night": PERSONA + "mixins: [calm]\n",
            },
            "mixins/calm.yaml:1:16: limits.idle: expected a duration of 5s to 5m, "
            "with its unit (ms, s or m), got 5",
        ),
        (
            {"calm": "titel: x\n"},
            {},
            "mixins/calm.yaml:1:1: titel: unknown key; did you mean 'title'?",
        ),
        ({"calm": ""}, {}, "mixins/calm.yaml:1:1: the file is empty"),
        (
            {"calm": "[x]"},
            {},
            "mixins/calm.yaml:1:1: expected keys and values, got a list",
        ),
        (
            {"calm": "[x]"},
            {"desk": PERSONA + "mixins: [calm]\n"},
            "mixins/calm.yaml:1:1: expected keys and values, got a list",
        ),
        (
            {"calm": "a: ["},
            {"desk": PERSONA + "mixins: [calm]\n"},
            "mixins/calm.yaml:2:1: expected a value; is a bracket or brace not closed?",
        ),
        (
            {},
            {"desk": LEAF, "base": "a: ["},
            "personas/base.yaml:2:1: expected a value; "
            "is a bracket or brace not closed?",
        ),
        (
            {},
            {"desk": PERSONA + "facts: [a]\nfacts+: [b]\n"},
            "personas/desk.yaml:6:1: facts+: expected facts or facts+, got both",
        ),
        (
            {},
            {"desk": PERSONA + "listening: {questions+: a}\n"},
            "personas/desk.yaml:5:25: listening.questions+: "
            "expected a list to append to questions, got 'a'",
        ),
    ],
)
def test_a_mistake_is_named_once_in_the_file_that_has_it(
    tmp_path: Path, mixins: dict[str, str], personas: dict[str, str], problem: str
) -> None:
    assert problem in mistakes(family(tmp_path, mixins, **personas))
    lines = mistakes(tmp_path)
    assert len(set(lines)) == len(lines)


def test_what_is_missing_is_missing_in_the_file_that_should_have_it(
    tmp_path: Path,
) -> None:
    base = "abstract: true\nlanguage: en\ninstructions: Be kind.\ntitle: x\n"
    assert mistakes(family(tmp_path, base=base, desk=LEAF)) == [
        "personas/desk.yaml:1:1: greeting: missing"
    ]


def test_a_loop_of_two_is_named_at_both_ends(tmp_path: Path) -> None:
    night = "extends: desk\n" + PERSONA
    folder = family(tmp_path, desk="extends: night\n" + PERSONA, night=night)
    assert mistakes(folder) == [
        "personas/desk.yaml:1:10: extends: "
        "expected a chain that ends, got night -> desk -> night",
        "personas/night.yaml:1:10: extends: "
        "expected a chain that ends, got desk -> night -> desk",
    ]


def test_a_chain_has_an_end(tmp_path: Path) -> None:
    chain = {f"p{n}": f"extends: p{n - 1}\n" for n in range(1, 8)}
    folder = family(tmp_path, {}, desk=PERSONA, p0=PERSONA, **chain)
    assert mistakes(folder) == []
    (tmp_path / "personas" / "p8.yaml").write_text("extends: p7\n")
    (problem,) = mistakes(folder)
    assert "expected a chain of at most 8 personas, got p1 -> p2" in problem


def test_lists_of_things_with_a_name_are_merged_by_it(tmp_path: Path) -> None:
    # No key of today's is such a list, so this one is unknown; its places tell.
    base = "abstract: true\nlist:\n  - {name: a, says: x}\n  - {name: b, says: y}\n"
    own = LEAF + PERSONA + "list:\n  - {name: b, says: z}\n  - {name: c, says+: q}\n"
    lines = mistakes(family(tmp_path, base=base, desk=own))
    assert "personas/desk.yaml:8:22: list[1].says+: " in lines[-1]


def test_a_map_replaces_what_is_none(tmp_path: Path) -> None:
    base = "abstract: true\nlimits: 5\n" + PERSONA
    own = LEAF + "limits: {idle: 9s}\n"
    (problem,) = mistakes(family(tmp_path, base=base, desk=own))
    assert problem.startswith("personas/base.yaml:2:9: limits: expected keys")


def test_every_value_knows_its_file_and_line(tmp_path: Path) -> None:
    base = "abstract: true\nlimits: {idle: 5s}\nfacts: [a]\nlanguage: en\n"
    own = LEAF + PERSONA.replace("language: en\n", "") + "facts+: [b]\nmixins: [calm]\n"
    own += "barge_in: {backchannel+: [aye]}\npronounce: {OPT: O P T}\n"
    calm = "listening:\n  max_turn: 20s\nkeyterms: []\nowner: 'no'\nvars: {x: {}}\n"
    plan = load(family(tmp_path, {"calm": calm}, base=base, desk=own))
    values = {v.key: (v.value, v.place) for v in effective(plan, "desk")}

    def told(key: str) -> tuple[str, str]:
        value, place = values[key]
        return value, place.removeprefix(f"{tmp_path}/")

    assert told("title") == ("Front desk", "personas/desk.yaml:2")
    assert told("greeting.text") == ("Hello.", "personas/desk.yaml:4")
    assert told("language") == ("en", "personas/base.yaml:4")
    assert told("limits.idle") == ("5s", "personas/base.yaml:2")
    assert told("limits.duration") == ("10m", BUILT_IN)
    assert told("facts[0]") == ("a", "personas/base.yaml:3")
    assert told("facts[1]") == ("b", "personas/desk.yaml:5")
    assert told("listening.max_turn") == ("20s", "mixins/calm.yaml:2")
    assert told("listening.end_silence") == ("not set", BUILT_IN)
    assert told("keyterms") == ("[]", "mixins/calm.yaml:3")
    assert told("owner") == ("no", "mixins/calm.yaml:4")
    assert told("vars.x.required") == ("false", BUILT_IN)
    assert told("pronounce.OPT") == ("O P T", "personas/desk.yaml:8")
    assert told("barge_in.min_ms") == ("100ms", BUILT_IN)
    assert told("barge_in.min_words") == ("1", BUILT_IN)
    assert told("filler.after") == ("2.5s", BUILT_IN)
    assert told("greeting.protect") == ("0ms", BUILT_IN)
    assert told("barge_in.backchannel[0]")[1] == BUILT_IN
    aye = [key for key in values if values[key][0] == "aye"]
    assert [told(key)[1] for key in aye] == ["personas/desk.yaml:7"]
    assert "id" not in values
    assert effective(plan, "desk")[0] == Value(
        "title", "Front desk", f"{tmp_path}/personas/desk.yaml:2"
    )


def test_a_plan_without_files_has_only_built_in_values(tmp_path: Path) -> None:
    from tests.dialplan.plans import dialplan

    assert {v.place for v in effective(dialplan(), "desk")} == {BUILT_IN}
    assert Value("vars", "{}", BUILT_IN) in effective(dialplan(), "desk")
