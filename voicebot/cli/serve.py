"""`voicebot serve`: take real calls, or rehearse."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from voicebot.config import Settings


def run(
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Rehearse: with the offline StepFun, for `voicebot call`.",
        ),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(
            min=0,
            max=64,
            help="Processes that conduct the calls, one for each core; 0: this one.",
        ),
    ] = 0,
) -> None:
    """Take real calls until SIGTERM; then let the live ones finish."""
    from voicebot.cli.loop import run as run_loop
    from voicebot.config import load_settings, require_serving
    from voicebot.observe.logs import configure
    from voicebot.web.server import serve

    settings = load_settings()
    if offline:
        run_loop(_rehearse(settings, workers))
        return
    require_serving(settings)
    allow_files(settings.max_calls)
    configure(json=settings.json_logs)

    def ready() -> None:
        where = f"http://{settings.host}:{settings.port}"
        print(f"voicebot listens at {where}, known as {settings.public_url}")
        print(f"Twilio's voice webhook: {settings.public_url}/twilio/voice", flush=True)

    run_loop(serve(settings, ready, workers))


async def _rehearse(settings: "Settings", workers: int) -> None:
    """Serve this dialplan without any account; calls are kept apart from real ones."""
    from rich.console import Console

    from voicebot.cli.offline import ACCOUNT, TOKEN, offline_vendors
    from voicebot.observe.logs import configure
    from voicebot.web.server import serve

    configure(json=settings.json_logs)
    async with offline_vendors(Console()) as vendors:
        offline = vendors.settings(
            dialplans=settings.dialplans,
            data=settings.data / "offline",
            port=settings.port,
        )

        def ready() -> None:
            print(f"voicebot rehearses {settings.dialplans}. Call it:\n")
            print(f"export VOICEBOT_TWILIO_ACCOUNT_SID={ACCOUNT}")
            print(f"export VOICEBOT_TWILIO_AUTH_TOKEN={TOKEN}")
            url = f"{offline.public_url}/twilio/voice"
            print(f'voicebot call {url} --say "When are you open?"', flush=True)

        await serve(offline, ready, workers)


def allow_files(max_calls: int) -> None:
    """See that no call fails for want of a file descriptor: each has three or four."""
    import resource

    from voicebot.errors import ConfigError

    wanted = 4 * max_calls + 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise ConfigError(
            f"{max_calls} calls need {wanted} open files, and this process may open "
            f"{hard}: raise its limit (ulimit -n), or lower VOICEBOT_MAX_CALLS"
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
