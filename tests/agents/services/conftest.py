"""One sandbox process for all tests of the services, and connections to it."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agents.runtime.settings import Settings
from agents.services import Services, connect_services
from agents.services.connections import SANDBOX_DEADLINES
from agents.services.http import HttpApi
from agents.services.sandbox.address import SandboxAddress
from agents.services.sandbox.process import ensure_sandbox, stop_sandbox

AskRecord = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def sandbox_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    data = tmp_path_factory.mktemp("sandbox")
    ensure_sandbox(data)
    yield data
    stop_sandbox(data)


@pytest.fixture
def sandbox(sandbox_data: Path) -> SandboxAddress:
    return ensure_sandbox(sandbox_data)


@pytest.fixture
def record(sandbox_data: Path) -> AskRecord:
    """Ask the sandbox's record behind its back."""

    def ask(sql: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{sandbox_data}/sandbox.db?mode=ro", uri=True)) as db:
            return db.execute(sql, values).fetchall()

    return ask


@pytest.fixture
def name() -> str:
    """A name that no other test uses: part of keys, references and SKUs."""
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
def sandbox_settings(sandbox_data: Path) -> Settings:
    return Settings(data=sandbox_data)


@pytest.fixture
async def services(sandbox_settings: Settings) -> AsyncIterator[Services]:
    async with connect_services(sandbox_settings) as connected:
        yield connected


@pytest.fixture
async def api(sandbox: SandboxAddress) -> AsyncIterator[HttpApi]:
    """The sandbox as bare HTTP."""
    headers = {"Authorization": f"Bearer {sandbox.token}"}
    async with HttpApi("sandbox", sandbox.url, headers, SANDBOX_DEADLINES) as opened:
        yield opened
