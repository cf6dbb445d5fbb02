"""`voicebot chat`: talk with a persona in writing."""

import sys
from collections import Counter
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Literal,
    Protocol,
    TypeVar,
)

import typer

from voicebot.cli.account import Offline
from voicebot.cli.show import FOLDER, Folder, Name, pairs_of, plan_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from voicebot.errors import UpstreamError
    from voicebot.net.asr import Asr
    from voicebot.net.chat import Chat as ChatModel
    from voicebot.rehearse.written import Asked, WrittenCall
    from voicebot.runtime.listening import Listening

T = TypeVar("T")


class Wait(Protocol):
    """Runs something asynchronous to its end."""

    def __call__(self, what: "Coroutine[Any, Any, T]", /) -> T: ...


TIMEOUT_S: Final = 20.0  # without a word
QUIT: Final = "/quit"
PROMPT: Final = "/prompt"
SAY: Final = "/say"
HELP: Final = f"{SAY} FILE.wav: the model listens; {PROMPT}: what it is told; {QUIT}"
# What the chat model listens to, and StepFun's ASR as well.
SOUNDS: "Final[dict[str, Literal['wav', 'mp3']]]" = {".wav": "wav", ".mp3": "mp3"}
ASR_S: Final = 30.0


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
    Ctrl-C interrupts an answer; the model then knows as much of it as was shown.
    """
    from voicebot.cli.account import stepfun_account
    from voicebot.cli.loop import runner
    from voicebot.config import load_settings
    from voicebot.net.asr import Asr
    from voicebot.net.chat import Chat
    from voicebot.rehearse.written import WrittenCall
    from voicebot.runtime.listening import listening_to
    from voicebot.runtime.till import load_prices
    from voicebot.stepfun.advice import advice
    from voicebot.stepfun.prices import told
    from voicebot.store.usage import chat_cost_of

    plan = plan_of(dialplans, persona)
    call = WrittenCall(plan.personas[persona], pairs_of(var), plan.targets.keys())
    settings = load_settings()
    prices = load_prices(settings.prices)
    stack = AsyncExitStack()
    with runner() as loop:
        opening = stack.enter_async_context(stepfun_account(settings, offline=offline))
        try:
            account = loop.run(opening)
            chat = Chat(account.http, account.base_url, account.api_key)
            asr = Asr(account.http, account.base_url, account.api_key)
            listening = listening_to(plan.personas[persona])

            def advised(error: "UpstreamError") -> str:
                return advice(error, account.base_url)

            talk = _Talk(call, chat, asr, listening, loop.run, advised)
            talk.run()
        finally:
            loop.run(stack.aclose())
    if call.over:
        print(f"({call.over})")
    read, written = talk.usage["prompt_tokens"], talk.usage["completion_tokens"]
    cost = told(chat_cost_of(prices, talk.usage))
    print(f"({read} tokens read, {written} written: {cost})")


class _Talk:
    """The two sides of a rehearsal, in turn."""

    def __init__(
        self,
        call: "WrittenCall",
        chat: "ChatModel",
        asr: "Asr",
        listening: "Listening",
        wait: Wait,
        advised: "Callable[[UpstreamError], str]",
    ) -> None:
        self.usage = Counter[str]()
        self._call, self._chat, self._asr, self._wait = call, chat, asr, wait
        self._listening, self._advised = listening, advised
        self._shown = ""  # of the answer that is given

    def run(self) -> None:
        """Let both sides speak in turn until one ends it."""
        call = self._call
        print(f"({HELP})")
        if greeting := call.greeting():
            _show(f"bot: {greeting}\n")
        else:
            self._let_speak()
        while not call.over and (said := _ask("you")) not in (None, QUIT):
            if said == PROMPT:
                print(call.request().messages[0].text)
            elif said.partition(" ")[0] == SAY:
                self._say(Path(said.removeprefix(SAY).strip()))
            elif said:
                call.said(said)
                self._let_speak()

    def _say(self, file: Path) -> None:
        """Let the model listen to a file; what is judged rests on its words."""
        from voicebot.errors import LocalProtocolError, UpstreamError
        from voicebot.stepfun.chat import Audio

        if file.suffix not in SOUNDS:
            print(f"(expected a file called {', '.join(SOUNDS)})")
            return
        try:
            data, form = file.read_bytes(), SOUNDS[file.suffix]
            request = self._listening.request(data, form)
            heard = self._wait(self._asr.transcribe(request, ASR_S))
        except OSError as exc:
            print(f"({file}: {exc.strerror})")
        except LocalProtocolError as exc:
            print(f"({file}: {exc})")
        except UpstreamError as exc:
            print(f"(that failed: {self._advised(exc)})")
        else:
            _show(f"  [heard: {heard.text}]\n")
            self._call.said(heard.text, Audio(data, form))
            self._let_speak()

    def _let_speak(self) -> None:
        """Let the model speak, and do what it asks for, until the caller is to."""
        from voicebot.errors import UpstreamError

        while True:
            self._shown = ""
            try:
                asked = self._wait(self._answer())
            except UpstreamError as exc:
                self._call.unanswered()
                print(f"\n(that failed: {self._advised(exc)})\n(say it again)")
                return
            except KeyboardInterrupt:
                self._call.interrupted(self._shown)
                print("\n(interrupted: the model knows as much as was shown)")
                return
            for each in asked:
                _show(f"  [{each.call.name}: {each.done}]\n")
                if each.question:
                    self._call.settled(each, _ask(f"  {each.question}") or "")
            if not self._call.wants_more:
                return

    async def _answer(self) -> "list[Asked]":
        """Show an answer as it comes; return what it asks for."""
        request, whole = self._call.request(), None
        async with aclosing(self._chat.stream(request, TIMEOUT_S)) as pieces:
            async for piece in pieces:
                if piece.text:
                    _show(piece.text if self._shown else f"bot: {piece.text}")
                    self._shown += piece.text
                whole = piece.answer
        assert whole  # a stream ends with its answer, or raises
        if self._shown:
            print()
        self.usage.update(asdict(whole.usage))
        return self._call.answered(whole)


def _ask(whom: str) -> str | None:
    """Read a line; None at the end of the input, or for Ctrl-C."""
    print(f"{whom}: ", end="", flush=True)
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        line = ""
    if not line:
        print()
        return None
    return line.strip()


def _show(text: str) -> None:
    """Print a model's words: nothing in them is for the terminal to obey."""
    from voicebot.observe.logs import printable

    lines = text.split("\n")
    print("\n".join(map(printable, lines)), end="", flush=True)
