"""
A real PostgreSQL on loopback, for the tests of this process.

Its programs are looked for in the folder that VOICEBOT_TEST_POSTGRES names, where
Debian puts them, and in the PATH. Without them tests are skipped, but not in CI.
"""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from voicebot.sim.ports import free_port

USER = "voicebot"
PASSWORD = "canary-of-the-password"
UP_S = 20.0


class Postgres:
    """A server that can be killed, and started again."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        # PostgreSQL refuses to run as root.
        self._user = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None
        if self._user is not None:
            os.chown(folder, self._user, -1)
        password = folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run(
            "initdb",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
            "--auth=scram-sha-256",
            f"--username={USER}",
            f"--pwfile={password}",
            f"--pgdata={folder / 'data'}",
        )

    def url(self, password: str = PASSWORD) -> str:
        return f"postgresql://{USER}:{password}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                self._programs / "postgres",
                *("-D", self._folder / "data", "-p", str(self._port)),
                *("-c", "listen_addresses=127.0.0.1"),
                *("-c", f"unix_socket_directories={self._folder}"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            cwd=self._folder,
            start_new_session=True,
        )
        _apart(self._until_up())

    def kill(self) -> None:
        """Without a goodbye, as a power cut does."""
        assert self._process
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def freeze(self) -> None:
        """Let it answer nothing any more, though it is there."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._process
        postmaster = self._process.pid
        os.kill(postmaster, number)
        # Who serves a connection is in a group of its own.
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text()
        for child in map(int, children.split()):
            os.kill(child, number)

    def emptied(self) -> str:
        """Return the address of the database, with nothing in it."""
        self.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return self.url()

    def execute(self, statement: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self.url())
            await connection.execute(statement)
            await connection.close()

        _apart(run())

    async def _until_up(self) -> None:
        async with asyncio.timeout(UP_S):
            while True:
                with suppress(OSError, asyncpg.PostgresError):
                    connection = await asyncpg.connect(self.url())
                    await connection.close()
                    return
                await asyncio.sleep(0.05)

    def _run(self, program: str, *args: str) -> None:
        subprocess.run(
            [self._programs / program, *args],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self._user,
            cwd=self._folder,
        )


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server; skip the test if there is none to start."""
    programs = _programs()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs PostgreSQL: initdb and postgres", pytrace=False)
        pytest.skip("no PostgreSQL here: install it, or set VOICEBOT_TEST_POSTGRES")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        server = Postgres(programs, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.kill()


def _apart(work: Coroutine[Any, Any, None]) -> None:
    """Run it in a thread: a loop may be running in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


def _programs() -> Path | None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    told = os.environ.get("VOICEBOT_TEST_POSTGRES")
    on_path = shutil.which("initdb")
    found = [
        *([Path(told)] if told else []),
        *debian,
        *([Path(on_path).parent] if on_path else []),
    ]
    return next((x for x in found if (x / "initdb").exists()), None)
