"""What the model is told."""

from tests.dialplan.plans import persona
from voicebot.dialplan.prompt import compile_instructions


def test_instructions_come_first_then_facts_then_the_phone() -> None:
    text = compile_instructions(
        persona(instructions="Be kind.", facts=["Open\n  all day", "Free"])
    )
    start, facts, phone = text.split("\n\n# ")
    assert start == "Be kind."
    assert facts.endswith("\n\n- Open all day\n- Free")
    assert phone.startswith("This is a phone call\n\n- Speak English (en), unless")
    assert "no markdown" in phone


def test_without_facts_there_is_no_list_of_them() -> None:
    assert "# Facts" not in compile_instructions(persona())


def test_a_language_without_phrases_of_ours_is_still_asked_for() -> None:
    assert "- Speak nl-BE, unless" in compile_instructions(persona(language="nl-BE"))


def test_braces_mean_nothing() -> None:
    text = "{language} {{x}} {0.__class__}"
    told = compile_instructions(persona(instructions=text, facts=[text]))
    assert told.startswith(f"{text}\n")
    assert f"- {text}\n" in told
