"""The dialplans that come with voicebot really work."""

import re
from pathlib import Path

import pytest

from tests.dialplan.broken import event
from tests.dialplan.calls import routed
from tests.dialplan.plans import NUMBERS, PERSONA, ROUTES, mistakes, written
from tests.dialplan.test_recordings import wav
from voicebot.dialplan.load import load
from voicebot.dialplan.model import Answer, Dialplan, DialplanFile, Reject, Say
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.prompt import compile_instructions
from voicebot.dialplan.section import Section
from voicebot.dialplan.validate import sections_in

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "dialplans"
DOCS = ROOT / "docs"
CALLER = "+442079460000"


@pytest.fixture(scope="module")
def plan() -> Dialplan:
    return load(SAMPLES)


@pytest.mark.parametrize(
    ("number", "persona"),
    [("main", "helpdesk"), ("clinic", "clinic"), ("hotel", "hotel")],
)
def test_every_number_is_answered_by_its_persona(
    plan: Dialplan, number: str, persona: str
) -> None:
    to = plan.numbers[number].e164
    assert routed(plan, to, CALLER).action == Answer(persona=persona)


def test_nuisance_callers_are_rejected_on_every_number(plan: Dialplan) -> None:
    for number in plan.numbers.values():
        decision = routed(plan, number.e164, "+19005550123")
        assert decision.action == Reject(reject="busy")


def test_the_hotel_does_not_talk_to_anonymous_callers(plan: Dialplan) -> None:
    hotel = plan.numbers["hotel"].e164
    assert isinstance(routed(plan, hotel, "anonymous").action, Say)


def test_a_fact_about_broken_phones_takes_more_than_twelve_seconds_to_say(
    plan: Dialplan,
) -> None:
    (broken,) = [
        fact
        for fact in plan.personas["helpdesk"].facts
        if fact.startswith("Broken phone system")
    ]
    words_a_second = 3  # of a fast speaker
    assert len(broken.split()) / words_a_second > 12


def test_no_sample_fills_the_prompt_of_the_model(plan: Dialplan) -> None:
    for persona in plan.personas.values():
        assert len(compile_instructions(persona)) < 8_000


def keys(model: type[Section]) -> set[str]:
    """Every key below a model, without the keys above it."""
    found = set()
    for name, field in model.model_fields.items():
        found.add(field.alias or name)
        for section in sections_in(field.annotation):
            found |= keys(section)
    return found


@pytest.mark.parametrize("model", [DialplanFile, Persona])
def test_the_reference_names_every_key(model: type[Section]) -> None:
    text = (DOCS / "dialplans.md").read_text(encoding="utf-8")
    written_down = {
        key.partition("[")[0]
        for cell in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
        for path in re.findall("`([^`]*)`", cell)
        for key in path.split(".")
    }
    assert keys(model) - {"id"} <= written_down


def examples(page: str) -> dict[str, str]:
    """The YAML of a page of the docs, each by its first line."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.findall("```yaml\n(.*?)```", text, re.DOTALL)
    by_line = {example.partition("\n")[0]: example for example in found}
    assert len(by_line) == len(found)
    return by_line


def test_the_examples_of_the_reference_are_good(tmp_path: Path) -> None:
    given = examples("dialplans.md")
    smallest = given.pop("title: Front desk")
    assert mistakes(written(tmp_path, desk=smallest)) == []
    for piece in ("listening:", "tests:"):
        assert mistakes(written(tmp_path, desk=smallest + given.pop(piece))) == []
    rest = smallest[: smallest.index("greeting:")]
    assert mistakes(written(tmp_path, desk=rest + given.pop("vars:"))) == []
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "good-morning.wav").write_bytes(wav())
    assert mistakes(written(tmp_path, desk=rest + given.pop("greeting:"))) == []
    (tmp_path / "mixins").mkdir()
    for mixin in ("calm", "recorded"):
        (tmp_path / "mixins" / f"{mixin}.yaml").write_text("owner: me\n")
    night = given.pop("# personas/night.yaml")
    folder = written(tmp_path, reception=smallest, night=night)
    assert mistakes(folder) == []
    assert mistakes(written(tmp_path, given.pop("version: 2"), desk=smallest)) == []
    (tmp_path / "routes.d").mkdir()
    for piece in ("specials:", "include: [routes.d/*.yaml]"):
        plan = NUMBERS + ROUTES + given.pop(piece)
        assert mistakes(written(tmp_path, plan, desk=smallest)) == []
    (tmp_path / "holidays").mkdir()
    for name in ("public-holidays.ics", "holidays/ours.ics"):
        (tmp_path / name).write_text(event("DTSTART:20271225"))
    plan = NUMBERS + ROUTES + "timezone: Europe/London\n" + given.pop("calendars:")
    assert mistakes(written(tmp_path, plan, desk=smallest)) == []
    assert given == {}


HOURS = "timezone: Asia/Tokyo\ncalendars: {desk: {weekly: {daily: ['08:00-20:00']}}}\n"


def test_the_examples_about_transfers_are_good(tmp_path: Path) -> None:
    targets, transfer = examples("transfers.md").values()
    plan = NUMBERS + ROUTES + HOURS + targets
    assert mistakes(written(tmp_path, plan, desk=PERSONA + transfer)) == []


def test_the_examples_about_menus_are_good_together(tmp_path: Path) -> None:
    targets, _ = examples("transfers.md").values()
    given = examples("menus.md")
    routes = given.pop("routes:")
    whole = "".join(given.values())
    # The rest of that page is one persona: tests/test_docs.py.
    tools = (DOCS / "tools.md").read_text(encoding="utf-8")
    whole += tools.partition("```yaml\n")[2].partition("```")[0]
    declared = "".join(f"  {name}: {{}}\n" for name in ("caller_name", "reason", "day"))
    desk = PERSONA + whole.replace("vars:\n", f"vars:\n{declared}", 1)
    desk += "start_stage: booking\n"
    desk += "stages: {booking: {instructions: Book., tools: [go_on]}}\n"
    plan = NUMBERS + HOURS + targets
    assert mistakes(written(tmp_path, plan + ROUTES, desk=desk)) == []
    assert mistakes(written(tmp_path, plan + routes, desk=desk)) == []


def test_the_examples_about_stages_are_good(tmp_path: Path) -> None:
    targets, _ = examples("transfers.md").values()
    given = examples("stages.md")
    plan = NUMBERS + ROUTES + HOURS + targets
    stages = PERSONA + given.pop("start_stage: triage")
    assert mistakes(written(tmp_path, plan, desk=stages)) == []
    languages = PERSONA.replace("language: en\n", "") + given.pop("language: zh")
    assert mistakes(written(tmp_path, desk=languages)) == []
    assert given == {}


def test_the_examples_about_failures_are_good(tmp_path: Path) -> None:
    fallback, tests = examples("reliability.md").values()
    menu = 'menus: {keypad: {prompt: Press 1., keys: {"1": {say: Yes.}}}}\n'
    desk = PERSONA + menu + fallback + tests
    assert mistakes(written(tmp_path, desk=desk)) == []


def test_the_example_about_privacy_is_good(tmp_path: Path) -> None:
    (desk,) = examples("privacy.md").values()
    assert mistakes(written(tmp_path, desk=desk)) == []


def test_braces_around_what_is_no_variable_are_only_braces(tmp_path: Path) -> None:
    desk = PERSONA.replace("Be kind", "Be kind to {them}") + "vars: {guest: {}}\n"
    assert mistakes(written(tmp_path, desk=desk)) == []


def test_targets_of_tests_are_not_looked_for_in_a_plan_that_cannot_be_read(
    tmp_path: Path,
) -> None:
    tests = "tests: [{name: a, targets: {x: busy}, expect: [{heard: Hello}]}]\n"
    found = mistakes(written(tmp_path, "routes: 1\n", desk=PERSONA + tests))
    assert not any("'x'" in str(problem) for problem in found)


TEMPLATES = ROOT / "voicebot" / "dialplan" / "templates"


@pytest.mark.parametrize("template", sorted(TEMPLATES.iterdir()))
def test_every_template_is_good(template: Path) -> None:
    assert mistakes(template) == []
