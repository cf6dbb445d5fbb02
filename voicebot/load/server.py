"""The server that is measured: our own, with both vendors offline, or somebody's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from voicebot.load.children import Child, running
from voicebot.load.cores import Cores
from voicebot.sim.ports import free_port

ACCOUNT: Final = "AC" + "1" * 32
TOKEN: Final = "load-token"
KEY: Final = "load-key"
NUMBER: Final = "+15550100777"

DIALPLAN: Final = f"""\
version: 2
numbers:
  main: {{e164: "{NUMBER}", display_name: Load}}
routes:
  - name: default
    do: {{persona: clerk}}
specials:
  overload: {{message: {{text: All lines are busy., language: en}}}}
"""
# All default features on, and a recording.
PERSONA: Final = """\
title: A clerk
language: en
instructions: You are a clerk.
greeting: {text: "Hello, this is the office. What can I do for you?"}
goodbye: {text: Goodbye., when_caller_says: [goodbye]}
apology: {text: "I am sorry, something went wrong."}
recording: {mode: always}
limits: {duration: 600s, idle: 60s}
"""


@dataclass(frozen=True, slots=True)
class Target:
    """Where calls are made to."""

    voice_url: str
    account_sid: str
    auth_token: str
    to_number: str = NUMBER
    public_url: str | None = None
    yours: bool = False
    server: Child | None = None
    """The server's process, if we started it."""
    upstream: Child | None = None
    """The offline StepFun's, likewise."""
    cores: Cores | None = None
    """Who runs where, if they are kept apart."""


@asynccontextmanager
async def our_server(
    folder: Path,
    *,
    max_calls: int,
    workers: int = 0,
    cores: Cores | None = None,
    source: Path | None = None,
    module: str | None = None,
) -> AsyncIterator[Target]:
    """
    Start the offline StepFun and a server that rests on it, each a process.

    Args:
        folder: for the call log, the recordings and what the processes say.
        workers: of `voicebot serve`; 0: the server conducts the calls itself.
        cores: who runs where; see `kept_apart`.
        source: a folder with another revision of the server.
        module: another server, which reads the same settings, and says so, too.

    Raises:
        ChildError: one of them doesn't start.
    """
    _write_plans(folder / "dialplans")
    async with running(
        "offline StepFun", "-m", "voicebot.load.upstream", folder=folder
    ) as upstream:
        await upstream.tell({"key": KEY, "account_sid": ACCOUNT, "auth_token": TOKEN})
        where = orjson.loads(await upstream.first(lambda line: line.startswith(b"{")))
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        settings = {
            "stepfun_api_key": KEY,
            "stepfun_base_url": where["stepfun"],
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": TOKEN,
            "twilio_api_url": where["rest"],
            "public_url": url,
            "port": str(port),
            "dialplans": str(folder / "dialplans"),
            "data": str(folder / "data"),
            "max_calls": str(max_calls),
            "drain_s": "0",
        }
        many = ["--workers", str(workers)] if workers else []
        words = [module] if module else ["voicebot", "serve", *many]
        async with running(
            "server",
            "-m",
            *words,
            folder=folder,
            settings=settings,
            source=source,
            cores=cores.server if cores else None,
        ) as server:
            await server.first(lambda line: b"voice webhook" in line)
            yield Target(
                f"{url}/twilio/voice",
                ACCOUNT,
                TOKEN,
                server=server,
                upstream=upstream,
                cores=cores,
            )


def _write_plans(folder: Path) -> None:
    (folder / "personas").mkdir(parents=True)
    (folder / "dialplan.yaml").write_text(DIALPLAN, encoding="utf-8")
    (folder / "personas" / "clerk.yaml").write_text(PERSONA, encoding="utf-8")
