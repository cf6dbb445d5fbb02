"""A call log in a file and one at a server: what holds for one, holds for the other."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.store.postgres import Postgres, running_postgres
from tests.store.s3 import S3, running_s3
from voicebot.store.calls import CallStore, open_store

Where = Path | str


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "calls.sqlite"


@pytest.fixture(params=["sqlite", "postgres"])
def where(path: Path, request: pytest.FixtureRequest) -> Where:
    if request.param == "sqlite":
        return path
    server: Postgres = request.getfixturevalue("postgres")
    return server.emptied()


@pytest.fixture
async def store(where: Where) -> AsyncIterator[CallStore]:
    async with open_store(where) as store:
        yield store


@pytest.fixture
async def file_store(path: Path) -> AsyncIterator[CallStore]:
    async with open_store(path) as store:
        yield store


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    with running_s3() as server:
        yield server
