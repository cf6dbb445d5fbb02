"""What the model is told."""

import pytest

from tests.dialplan.plans import persona
from voicebot.dialplan.prompt import as_spoken, compile_instructions


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


def test_single_braces_mean_nothing() -> None:
    text = "{language} {0.__class__}"
    told = compile_instructions(persona(instructions=text, facts=[text]))
    assert told.startswith(f"{text}\n")
    assert f"- {text}\n" in told


EVERYTHING = persona(
    instructions="Be kind to {{name|them}}.",
    style={
        "sentence_max_words": 20,
        "numbers": "digit by digit",
        "dates": "weekday first",
        "never_say": ["cheap", "soon"],
    },
    faqs=[{"q": "How\n much?", "a": "Ten,\n {{name}}."}],
    facts=["Open"],
    pronounce={"OPT": "O P T", "定西路": "dìng xī lù"},
    keyterms=["implant"],
    also_speaks=["zh", "nl"],
    vars={"name": {"default": "friend"}},
)


def test_the_order_of_the_parts_never_changes() -> None:
    text = compile_instructions(EVERYTHING, {"name": "Ada"})
    parts = text.split("\n\n# ")
    assert [part.partition("\n")[0] for part in parts] == [
        "Be kind to Ada.",
        "Style",
        "Frequent questions",
        "Facts",
        "Pronunciation",
        "Terms",
        "Languages",
        "This is a phone call",
    ]
    assert parts[1].endswith(
        "- No sentence is longer than 20 words.\n- Numbers: digit by digit\n"
        "- Dates: weekday first\n- Never say: cheap; soon"
    )
    assert parts[2].endswith("- How much? Ten, Ada.")
    assert parts[4].endswith("- OPT: O P T\n- 定西路: dìng xī lù")
    assert parts[5].endswith("- implant")
    assert compile_instructions(EVERYTHING, {"name": "Ada"}) == text


def test_without_values_there_are_defaults_and_no_braces() -> None:
    text = compile_instructions(EVERYTHING)
    assert text.startswith("Be kind to friend.")
    assert "{" not in text


@pytest.mark.parametrize(
    ("switch", "told"),
    [
        ("auto", "When the caller speaks Mandarin Chinese (zh) or nl, go on in that"),
        ("ask", "ask once whether to go on"),
        (
            "never",
            "You understand Mandarin Chinese (zh) or nl; still answer in English",
        ),
    ],
)
def test_how_the_language_may_change_is_told(switch: str, told: str) -> None:
    bot = persona(also_speaks=["zh", "nl"], language_switch=switch)
    assert told in compile_instructions(bot)
    assert "# Languages" not in compile_instructions(persona(language_switch=switch))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("An OPT, please.", "An O P T, please."),
        ("OPTION", "OPTION"),
        ("到定西路的", "到dìng xī lù的"),
        ("OPT OPT2", "O P T OPT2"),
    ],
)
def test_terms_are_read_as_they_are_pronounced(text: str, read: str) -> None:
    assert as_spoken(EVERYTHING, text) == read
    assert as_spoken(persona(), text) == text


def test_the_longest_term_counts() -> None:
    bot = persona(pronounce={"A": "ay", "A B": "ay bee"})
    assert as_spoken(bot, "A B A") == "ay bee ay"
