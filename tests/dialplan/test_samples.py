"""The dialplans that come with voicebot really work."""

import re
from pathlib import Path

import pytest

from tests.dialplan.plans import mistakes, written
from voicebot.dialplan.load import load
from voicebot.dialplan.model import Answer, Dialplan, DialplanFile, Reject, Say
from voicebot.dialplan.persona import Persona
from voicebot.dialplan.prompt import compile_instructions
from voicebot.dialplan.routing import choose
from voicebot.dialplan.section import Section

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "dialplans"
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
    assert choose(plan, to=to, from_=CALLER).action == Answer(persona=persona)


def test_nuisance_callers_are_rejected_on_every_number(plan: Dialplan) -> None:
    for number in plan.numbers.values():
        decision = choose(plan, to=number.e164, from_="+19005550123")
        assert decision.action == Reject(reject="busy")


def test_the_hotel_does_not_talk_to_anonymous_callers(plan: Dialplan) -> None:
    hotel = plan.numbers["hotel"].e164
    assert isinstance(choose(plan, to=hotel, from_="anonymous").action, Say)


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
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            found |= keys(field.annotation)
    return found


@pytest.mark.parametrize("model", [DialplanFile, Persona])
def test_the_reference_names_every_key(model: type[Section]) -> None:
    text = (ROOT / "docs" / "dialplans.md").read_text(encoding="utf-8")
    written_down = {
        key.partition("[")[0]
        for cell in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
        for path in re.findall("`([^`]*)`", cell)
        for key in path.split(".")
    }
    assert keys(model) - {"id"} <= written_down


def test_the_examples_of_the_reference_are_good(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "dialplans.md").read_text(encoding="utf-8")
    listening, smallest = re.findall("```yaml\n(.*?)```", text, re.DOTALL)
    assert mistakes(written(tmp_path, desk=smallest)) == []
    assert mistakes(written(tmp_path, desk=smallest + listening)) == []
