"""
What calls cost: tokens and minutes, times a price list. Pure.

Prices are decimals, and what comes of them is counted in millionths of a yuan (`ucny`):
a token at 10 yuan a million costs ten of them. So sums are whole numbers, in every
database too, and no yuan is lost to rounding.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

UCNY: Final = 1_000_000
"""So many make a yuan."""

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
HALVES: Final = 20_000
"""Half characters in the ten thousand that are priced."""

CHATS: Final = {"chat": "cascade_chat_", "director": "director_"}
"""What tokens of a chat model are called before their kind, by their purpose."""

TOKENS: Final = (
    "input_tokens",
    "output_tokens",
    *(f"{chat}prompt_tokens" for chat in CHATS.values()),
    *(f"{chat}completion_tokens" for chat in CHATS.values()),
)
"""What a budget of tokens counts."""

NO_BUDGETS: Final = ("twilio", "review", "transcription")
"""What a call costs that goes on no budget."""


@dataclass(frozen=True, slots=True)
class Prices:
    """
    What is paid, in yuan.

    The defaults are those of `stepaudio-2.5-realtime`, which has one price for text
    and audio.

    Source: StepFun, Pricing details (guides/pricing/details), read in November 2026.
    """

    input: Decimal = Decimal(10)
    """For a million tokens that the model read."""

    cached: Decimal = Decimal(2)
    """For a million that it had read before."""

    output: Decimal = Decimal(70)
    """For a million that it wrote or spoke."""

    chat_input: Decimal = Decimal(10)
    """For a million that `stepaudio-2.5-chat` read: it reviews calls, and answers in
    cascades."""

    chat_cached: Decimal = Decimal(2)
    """For a million that it had read before."""

    chat_output: Decimal = Decimal(25)
    """For a million that it wrote."""

    asr_hour: Decimal = Decimal("0.15")
    """For an hour that `stepaudio-2.5-asr` listened to."""

    speech_10k: Decimal = Decimal("5.8")
    """For ten thousand characters that `stepaudio-2.5-tts` spoke in a cascade."""

    twilio_minute: Decimal = Decimal(0)
    """For each minute of a call, begun ones in full, as Twilio counts them."""


def cost_of(
    prices: Prices, usage: Mapping[str, int], duration_ms: int = 0
) -> dict[str, int]:
    """
    Return what a call, or an answer of it, costs: millionths of a yuan by purpose.

    What costs nothing is left out. Parts of a millionth count as a whole one.

    Args:
        usage: tokens by kind, as the call log has them; kinds that aren't billed by
            themselves, such as `total_tokens`, are of no consequence.
        duration_ms: of the whole call; 0: Twilio's part isn't asked for.
    """
    cached = usage.get("input_cached_tokens", 0)
    fresh = max(0, usage.get("input_tokens", 0) - cached)
    minutes = -(-duration_ms // MINUTE_MS)
    amounts = {
        "input": prices.input * fresh,
        "cached": prices.cached * cached,
        "output": prices.output * usage.get("output_tokens", 0),
        **_cascade(prices, usage),
        "twilio": prices.twilio_minute * UCNY * minutes,
    }
    return {
        purpose: int(amount.to_integral_value(ROUND_CEILING))
        for purpose, amount in amounts.items()
        if amount > 0
    }


def tokens_of(usage: Mapping[str, int]) -> int:
    """Return how many tokens were read and spoken, or written, by whichever model."""
    return sum(usage.get(kind, 0) for kind in TOKENS)


def _cascade(prices: Prices, usage: Mapping[str, int]) -> dict[str, Decimal]:
    """What a director, and the stages of a cascade, cost."""
    halves = usage.get("cascade_speech_halves", 0)
    return {
        "asr": _asr(prices, usage.get("cascade_asr_ms", 0)),
        **{name: _chat(prices, _of(chat, usage)) for name, chat in CHATS.items()},
        "speech": prices.speech_10k * UCNY * halves / HALVES,
    }


def _of(chat: str, usage: Mapping[str, int]) -> dict[str, int]:
    """A chat model's tokens, as `chat_cost_of` takes them."""
    return {x.removeprefix(chat): n for x, n in usage.items() if x.startswith(chat)}


def chat_cost_of(prices: Prices, usage: Mapping[str, int]) -> int:
    """Return what the chat model's answers cost, in millionths of a yuan."""
    return int(_chat(prices, usage).to_integral_value(ROUND_CEILING))


def _chat(prices: Prices, usage: Mapping[str, int]) -> Decimal:
    cached = usage.get("cached_tokens", 0)
    fresh = max(0, usage.get("prompt_tokens", 0) - cached)
    written = prices.chat_output * usage.get("completion_tokens", 0)
    return prices.chat_input * fresh + prices.chat_cached * cached + written


def asr_cost_of(prices: Prices, audio_ms: int) -> int:
    """Return what it costs to transcribe so much, in millionths of a yuan."""
    return int(_asr(prices, audio_ms).to_integral_value(ROUND_CEILING))


def _asr(prices: Prices, audio_ms: int) -> Decimal:
    return prices.asr_hour * UCNY * audio_ms / HOUR_MS


def yuan(ucny: int) -> Decimal:
    """Return an amount in yuan, exactly."""
    return Decimal(ucny).scaleb(-6)


def shown(ucny: int) -> str:
    """Write an amount for people: `¥0.0421`, to the hundredth of a fen."""
    return f"¥{yuan(ucny):.4f}"
