"""`voicebot chat`: talk with a persona in writing."""

import sys
from collections import Counter
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from voicebot.cli.account import Offline
from voicebot.cli.show import FOLDER, Folder, Name, pairs_of, plan_of

if TYPE_CHECKING:
    from voicebot.net.chat import Chat
    from voicebot.rehearse.written import Asked, WrittenCall

TIMEOUT_S: Final = 20.0  # without a word
QUIT: Final = "/quit"
PROMPT: Final = "/prompt"
HELP: Final = f"{PROMPT} prints what the model is told, {QUIT} ends it"


def run(
    persona: Name,
    dialplans: Folder = FOLDER,
    var: Annotated[
        list[str] | None,
        typer.Option("--var", help="name=value; what a call would know."),
    ] = None,
    offline: Offline = False,
) -> None:
    """
    Rehearse a persona in writing: you are the caller.

    The model is told what it would be told in a call, and has its tools. Nothing is
    done outside: you are asked what a server would answer, or the caller would type.
    """
    from voicebot.cli.loop import run as run_loop
    from voicebot.rehearse.written import WrittenCall

    plan = plan_of(dialplans, persona)
    call = WrittenCall(plan.personas[persona], pairs_of(var), plan.targets.keys())
    run_loop(_talk(call, offline=offline))


async def _talk(call: "WrittenCall", *, offline: bool) -> None:
    from voicebot.cli.account import stepfun_account
    from voicebot.config import load_settings
    from voicebot.net.chat import Chat
    from voicebot.runtime.till import load_prices
    from voicebot.stepfun.prices import told
    from voicebot.store.usage import chat_cost_of

    settings = load_settings()
    prices = load_prices(settings.prices)
    usage = Counter[str]()
    async with stepfun_account(settings, offline=offline) as account:
        chat = Chat(account.http, account.base_url, account.api_key)
        print(f"({HELP})")
        if greeting := call.greeting():
            _show(f"bot: {greeting}\n")
        else:
            await _let_speak(call, chat, usage)
        while not call.over and (said := await _ask("you")) not in (None, QUIT):
            if said == PROMPT:
                print(call.request().messages[0].text)
            elif said:
                call.said(said)
                await _let_speak(call, chat, usage)
    if call.over:
        print(f"({call.over})")
    tokens = (
        f"{usage['prompt_tokens']} tokens read, {usage['completion_tokens']} written"
    )
    print(f"({tokens}: {told(chat_cost_of(prices, usage))})")


async def _let_speak(call: "WrittenCall", chat: "Chat", usage: Counter[str]) -> None:
    """Let the model speak, and do what it asks for, until it is the caller's turn."""
    from voicebot.errors import UpstreamError

    while True:
        try:
            asked = await _answer(call, chat, usage)
        except UpstreamError as exc:
            call.unanswered()
            print(f"\n(that failed: {exc}; say it again)")
            return
        for each in asked:
            _show(f"  [{each.call.name}: {each.done}]\n")
            if each.question:
                call.settled(each, await _ask(f"  {each.question}") or "")
        if not call.wants_more:
            return


async def _answer(
    call: "WrittenCall", chat: "Chat", usage: Counter[str]
) -> "list[Asked]":
    """Show an answer as it comes; return what it asks for."""
    begun = False
    async with aclosing(chat.stream(call.request(), TIMEOUT_S)) as pieces:
        async for piece in pieces:
            if piece.text:
                _show(piece.text if begun else f"bot: {piece.text}")
                begun = True
            if piece.answer:
                if begun:
                    print()
                usage.update(asdict(piece.answer.usage))
                return call.answered(piece.answer)
    raise AssertionError("a stream ends with its answer, or an error")


async def _ask(whom: str) -> str | None:
    """Read a line; None at the end of the input."""
    import asyncio

    print(f"{whom}: ", end="", flush=True)
    line: str = await asyncio.to_thread(sys.stdin.readline)
    if not line:
        print()
        return None
    return line.strip()


def _show(text: str) -> None:
    """Print a model's words: nothing in them is for the terminal to obey."""
    from voicebot.observe.logs import printable

    lines = text.split("\n")
    print("\n".join(map(printable, lines)), end="", flush=True)
