"""What the checks cost, told before it is spent."""

from collections.abc import Iterable, Mapping
from typing import Final

from voicebot.doctor.finding import Part
from voicebot.doctor.services import SENTENCE
from voicebot.stepfun.prices import speech_ucny

# Millionths of a yuan, rounded up. Some 40 s of speech made and 10 s heard, at 25
# tokens a second (no page tells how many a second has); a few dozen words of chat;
# a sentence spoken twice; two seconds recognised.
# Source: StepFun "Pricing details" (guides/pricing/details), November 2026.
SPENDS_UCNY: Final[Mapping[Part, int]] = {
    Part.ACCOUNT: 0,
    Part.REALTIME: 150_000,
    Part.CHAT: 5_000,
    Part.SPEECH: 2 * speech_ucny(SENTENCE),
    Part.ASR: 1_000,
    Part.VOICES: 0,
    Part.TWILIO: 0,
    Part.PUBLIC: 0,
}

# Of a million tokens of the realtime model, in yuan (the same page).
INPUT_CNY: Final = 10
OUTPUT_CNY: Final = 70


def estimate_ucny(parts: Iterable[Part]) -> int:
    return sum(SPENDS_UCNY[part] for part in parts)


def tokens_ucny(input_tokens: int, output_tokens: int) -> int:
    """What tokens of the realtime model cost; none of them counted as cached."""
    return input_tokens * INPUT_CNY + output_tokens * OUTPUT_CNY
