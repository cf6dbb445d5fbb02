"""The StepFun account of a command: the operator's, or one that costs nothing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voicebot.errors import ConfigError

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from voicebot.config import Settings

Offline = Annotated[
    bool,
    typer.Option(
        "--offline", help="Ask the offline StepFun instead: no key, no costs."
    ),
]


@dataclass(frozen=True, slots=True)
class Account:
    """
    Attributes:
        data: where what it makes is kept: a rehearsal's apart from what is real.
    """

    base_url: str
    api_key: str = field(repr=False)
    data: Path
    http: "ClientSession"


def data_of(settings: "Settings", *, offline: bool) -> Path:
    """Return where what a command makes is kept: a rehearsal's, or what is real."""
    return settings.data / "offline" if offline else settings.data


@asynccontextmanager
async def stepfun_account(
    settings: "Settings", *, offline: bool = False
) -> AsyncIterator[Account]:
    """
    Open what a command needs to ask StepFun.

    Raises:
        ConfigError: there is no key; or offline, the `demo` extra isn't installed.
    """
    from aiohttp import ClientSession
    from rich.console import Console

    from voicebot.cli.offline import KEY, offline_stepfun

    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(ClientSession())
        if offline:
            console = Console(stderr=True)
            server = await stack.enter_async_context(offline_stepfun(console))
            data = data_of(settings, offline=True)
            yield Account(server.base_url, KEY, data, http)
        elif settings.stepfun_api_key is None:
            raise ConfigError(
                "VOICEBOT_STEPFUN_API_KEY: expected the API key of your StepFun "
                "account, got none; without it there is --offline"
            )
        else:
            key = settings.stepfun_api_key.get_secret_value()
            yield Account(settings.stepfun_base_url, key, settings.data, http)
