"""A process that `voicebot serve --workers` starts; nothing for people."""


def run(end: int, number: int) -> None:
    """Conduct calls for the process that has the other end of a socket pair."""
    from voicebot.cli.loop import run as run_loop
    from voicebot.cli.serve import allow_files
    from voicebot.config import Settings
    from voicebot.observe.logs import configure
    from voicebot.web.worker import work

    def begin(settings: Settings) -> None:
        allow_files(settings.max_calls)
        configure(json=settings.json_logs)

    run_loop(work(end, number, begin))
