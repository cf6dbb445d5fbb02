"""What a worker is made of: it starts in the middle of calls, beside them."""

import subprocess
import sys

NOT_NEEDED = frozenset(
    {
        "alembic",  # the main process keeps the call log
        "anyio",
        "faster_whisper",
        "sqlalchemy.ext.asyncio",
        "sqlalchemy.orm",
        "watchfiles",  # and follows the dialplan's files
    }
)


def test_a_worker_loads_no_library_that_it_has_no_use_for() -> None:
    code = "import sys, voicebot.web.worker; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "voicebot.runtime.worker" in loaded
    assert not loaded & NOT_NEEDED
