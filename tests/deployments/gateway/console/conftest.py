"""Fixtures of the console's tests: a browser without a screen, on a journal with orders in every state."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agents.runtime.context import runtime
from agents.runtime.settings import Settings
from tests.databases import stop_telemetry
from tests.deployments.gateway.conftest import ADMIN, Connect
from tests.deployments.gateway.console.orders_in_journal import fill

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.fixture
def journal_settings(sqlite_url: str, tmp_path: Path) -> Iterator[Settings]:
    """A journal on SQLite: what pages read is tested on both databases where its SQL is."""
    yield Settings(data=tmp_path, journal_url=sqlite_url)  # type: ignore[arg-type]  # pydantic wraps it
    stop_telemetry()


@pytest.fixture
async def console(connect: Connect) -> httpx.AsyncClient:
    """A client that asks for pages as a principal with all scopes."""
    await fill(runtime().journal.database)
    made = connect(ADMIN)
    made.headers["accept"] = HTML
    return made
