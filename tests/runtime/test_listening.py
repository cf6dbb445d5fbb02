"""What ASR is told of whom it listens to."""

import pytest

from tests.flow.personas import persona
from voicebot.dialplan.persona import Persona
from voicebot.runtime.listening import Listening, listening_to
from voicebot.stepfun.asr import MODEL


@pytest.mark.parametrize(
    ("whose", "language", "told"),
    [
        (None, "en-GB", "en"),
        (persona(language="zh"), None, "zh"),
        (persona(language="en"), "zh-CN", "zh"),  # a mailbox has one of its own
        (persona(), "fr", None),  # nobody has written down that it knows French
        (persona(also_speaks=["zh"]), "en", None),
    ],
)
def test_a_language_is_told_if_it_is_one_and_known(
    whose: Persona | None, language: str | None, told: str | None
) -> None:
    assert listening_to(whose, language).language == told


def test_a_persona_has_its_model_and_its_terms() -> None:
    terms = ["Linden", "x" * 101]
    whose = persona(model={"asr": "tomorrows-asr"}, keyterms=terms)
    request = listening_to(whose).request(bytes(320), "pcm", 8000)
    assert (request.model, request.rate_hz) == ("tomorrows-asr", 8000)
    assert request.hotwords == ("Linden",)


def test_a_mailbox_has_neither() -> None:
    assert listening_to(None, "en") == Listening(MODEL, "en", ())
