"""One call's side towards the director: a chat model that is asked about each turn."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict

import structlog

from voicebot.dialplan.director import Director
from voicebot.errors import UpstreamError
from voicebot.flow.model import AskDirector, DirectorAnswered, Input
from voicebot.net.chat import Chat
from voicebot.stepfun.chat import ChatRequest, Message
from voicebot.store.faults import Fault

log = structlog.get_logger()

# A name has at most 64 characters, and is most of the answer.
MAX_TOKENS = 64


class DirectorLeg:
    """
    Carries questions to the model and answers back; the newest question only.

    A question that fails is logged and counted, and not asked again: the caller's next
    turn asks anew. The call waits for none of it.

    Args:
        wants: what the persona says.
        faults: what went wrong in the call, by code.
        usage: tokens of the call, by kind.
    """

    def __init__(
        self,
        chat: Chat,
        wants: Director,
        faults: Counter[Fault],
        usage: Counter[str],
    ) -> None:
        self._chat = chat
        self._wants = wants
        self._faults = faults
        self._usage = usage
        self._question: AskDirector | None = None
        self._asked = asyncio.Event()

    def ask(self, question: AskDirector) -> None:
        """Put a question, at once, in the place of the one before."""
        self._question = question
        self._asked.set()

    async def run(self, deliver: Callable[[Input], None]) -> None:
        """
        Answer questions until cancelled.

        Args:
            deliver: takes each answer, at once.
        """
        answering: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._asked.wait()
                self._asked.clear()
                assert self._question
                if answering:
                    answering.cancel()
                answering = tasks.create_task(
                    self._answer(self._question, deliver), name="director"
                )

    async def _answer(
        self, question: AskDirector, deliver: Callable[[Input], None]
    ) -> None:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        try:
            answer = await self._chat.complete(
                request_of(self._wants.model, question), self._wants.timeout_s
            )
        except UpstreamError as exc:
            self._failed(exc)
            return
        took_ms = round((loop.time() - asked_at) * 1000)
        tokens = asdict(answer.usage)
        self._usage.update({f"director_{name}": n for name, n in tokens.items()})
        log.info("director answered", ms=took_ms, trace_id=answer.trace_id, **tokens)
        deliver(DirectorAnswered(question.seq, answer.text))

    def _failed(self, exc: UpstreamError) -> None:
        fault = Fault.DIRECTOR_UNREACHABLE
        if exc.status is not None:
            is_ours = 400 <= exc.status < 500
            fault = Fault.DIRECTOR_REFUSED if is_ours else Fault.DIRECTOR_FAILED
        self._faults[fault] += 1
        if self._faults[fault] == 1:  # the next one would say the same
            log.warning(
                "director failed",
                detail=exc.detail,
                status=exc.status,
                trace_id=exc.trace_id,
            )


def request_of(model: str, question: AskDirector) -> ChatRequest:
    """What is sent: what it is to do, and apart from that what was said."""
    messages = (
        Message("system", question.instructions),
        Message("user", question.transcript),
    )
    return ChatRequest(model, messages, MAX_TOKENS)
