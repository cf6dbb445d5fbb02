"""
What an error of StepFun's means, in a sentence for an operator. Logs have its code.

Source: StepFun "Error codes" (api-reference/error-codes), guide "Exceptions"
(guides/developer/exception), "Step Plan" (step-plan/overview).
"""

from collections.abc import Mapping
from typing import Final

from voicebot.errors import UpstreamError
from voicebot.stepfun.address import ledger, other_ledger

KEY: Final = "VOICEBOT_STEPFUN_API_KEY"
BASE: Final = "VOICEBOT_STEPFUN_BASE_URL"

# Status -> what it means, and what to do about it.
MEANINGS: Final[Mapping[int, tuple[str, str]]] = {
    400: (
        "StepFun doesn't take the request: a parameter, or a model that it doesn't "
        "know or that this key may not use",
        "look at the model and the voice of the persona; if they are right, it is a "
        "bug of voicebot's",
    ),
    401: (
        "StepFun doesn't know the API key: it is wrong, has expired, or is of the "
        "other site (keys of api.stepfun.com and of api.stepfun.ai are two kinds)",
        f"check {KEY}, and the host in {BASE}",
    ),
    402: (
        "no money is left on this ledger, or the key has none there: /v1 bills "
        "pay-as-you-go, /step_plan/v1 bills a Step Plan's credit, and neither pays "
        "for the other",
        "top up, wait for the plan's next month, or set the base that the key is for",
    ),
    403: (
        "the API key may not do this",
        f"check {KEY} and what its account is allowed",
    ),
    404: (
        "StepFun has nothing there: the path is wrong, or this model isn't on this "
        "channel",
        f"check {BASE} and the model; some models and paths exist under /v1 only",
    ),
    408: ("StepFun waited too long for the request", "try again; look at the network"),
    429: (
        "too many requests, or too many connections at a time",
        "wait; lower VOICEBOT_MAX_CALLS, or have the account's limits raised",
    ),
    451: (
        "StepFun's moderation refused what was said or asked",
        "change the words of the prompt or of the persona",
    ),
    500: ("StepFun failed", "try again; its support finds the trace id"),
    502: ("what stands before StepFun failed", "try again"),
    503: ("StepFun is overloaded", "try again in a while"),
    504: ("StepFun took too long", "try again in a while"),
}


def advice(error: UpstreamError, base_url: str) -> str:
    """
    Say what an error of StepFun's means, and what to do, for an operator to read.

    Args:
        base_url: as configured. It holds no secret.
    """
    means, todo = _meaning(error.status)
    told = "no answer" if error.status is None else f"HTTP {error.status}"
    if error.trace_id:
        told += f", trace id {error.trace_id}"
    sentence = f"{means} ({told}, {error.detail}): {todo}."
    if error.status in (401, 402, 404) or error.status is None:
        sentence += f" {BASE} is {base_url}"
        if bills := ledger(base_url):
            sentence += f", which bills {bills}"
        sentence += "."
    if error.status == 402 and (other := other_ledger(base_url)):
        sentence += f" The other is {other}."
    return sentence


def _meaning(status: int | None) -> tuple[str, str]:
    match status:
        case None:
            return "StepFun can't be reached", "check the network, and the address"
        case known if known in MEANINGS:
            return MEANINGS[known]
        case above if above >= 500:
            return MEANINGS[500]
        case _:
            return "StepFun refuses", "its error codes may say more"
