"""Has a chat model review calls that are over, and writes down what it found."""

from collections import Counter
from dataclasses import asdict, replace
from typing import Final

import structlog

from voicebot.dialplan.after_call import AfterCall
from voicebot.dialplan.persona import Persona
from voicebot.errors import UpstreamError
from voicebot.flow.review import (
    AGAIN,
    NotTaken,
    Review,
    instructions,
    read_review,
    said,
)
from voicebot.net.chat import Chat
from voicebot.runtime.scribe import Scribe
from voicebot.stepfun.chat import ChatAnswer, ChatRequest, Message
from voicebot.store.calls import CallStore
from voicebot.store.records import Call

log = structlog.get_logger()

MODEL: Final = "stepaudio-2.5-chat"
MAX_TOKENS: Final = 1500
TIMEOUT_S: Final = 20.0  # both tries are over before another process may take it
TRIES: Final = 2


class Reviewer:
    """Asks about each call, at most twice."""

    def __init__(self, store: CallStore, chat: Chat, scribe: Scribe) -> None:
        self._store, self._chat, self._scribe = store, chat, scribe
        self._json = True

    async def review(self, call: Call, persona: Persona) -> str:
        """
        Review a call; on return what was found can be read.

        Returns:
            What came of it, in a word or two.

        Raises:
            UpstreamError: StepFun wouldn't, or couldn't be asked.
            StoreError: the call log can't be read.
        """
        turns = await self._store.turns(call.call_id)
        lines = [(turn.who, turn.heard_text) for turn in turns if turn.heard_text]
        if not any(who == "caller" for who, _ in lines):
            return "nothing was said"
        usage = Counter[str]()
        review = await self._asked(persona.after_call, said(lines), usage)
        found = review or Review(None, None, {})  # that was billed, too
        self._scribe.reviewed(call.call_id, found, usage)
        await self._scribe.stored()  # others are told of it next
        return "reviewed" if review else "no answer of that form"

    async def _answer(self, messages: tuple[Message, ...]) -> ChatAnswer:
        """Ask for JSON; if the model can't be held to that, ask all the same."""
        request = ChatRequest(MODEL, messages, MAX_TOKENS, json=self._json)
        try:
            return await self._chat.complete(request, TIMEOUT_S)
        except UpstreamError as exc:
            if not self._json or exc.status != 400:
                raise
        # Its page says that it can; nobody has tried.
        self._json = False
        log.warning("the chat model refuses response_format; done without it")
        return await self._chat.complete(replace(request, json=False), TIMEOUT_S)

    async def _asked(
        self, wants: AfterCall, talk: str, usage: Counter[str]
    ) -> Review | None:
        messages = [Message("system", instructions(wants)), Message("user", talk)]
        for _ in range(TRIES):
            answer = await self._answer(tuple(messages))
            usage.update(asdict(answer.usage))
            try:
                return read_review(wants, answer.text)
            except NotTaken as exc:
                if answer.text:  # it takes no empty message
                    messages.append(Message("assistant", answer.text))
                again = AGAIN.format(mistake=exc)
                messages.append(Message("user", again))
        return None
