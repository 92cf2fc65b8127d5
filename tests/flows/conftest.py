"""The sandbox that tests of flows share, and a shop for each test, checked when the test ends."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from agents.runtime.settings import PREFIX, settings
from agents.services.sandbox.process import ensure_sandbox, stop_sandbox
from tests.databases import stop_telemetry
from tests.flows.shop import Shop

LEASE = 3


@pytest.fixture(scope="session")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a running sandbox."""
    data = tmp_path_factory.mktemp("providers")
    ensure_sandbox(data)
    yield data
    stop_sandbox(data)


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, providers: Path, journal_url: str
) -> Iterator[None]:
    """Settings of this process, from its environment."""
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(providers))
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", journal_url)
    settings.cache_clear()
    yield
    settings.cache_clear()
    stop_telemetry()


@pytest.fixture
async def shop(
    environment: None, providers: Path, journal_url: str, tmp_path: Path
) -> AsyncIterator[Shop]:
    """A shop on each database in turn; after the test the invariants must hold."""
    shop = Shop(f"s{uuid4().hex[:8]}", tmp_path, providers, journal_url)
    yield shop
    await shop.check()


@pytest.fixture
def short_lease(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Items of a killed process are free after LEASE seconds."""
    monkeypatch.setenv(f"{PREFIX}LEASE_SECONDS", str(LEASE))
    settings.cache_clear()
    yield
    settings.cache_clear()
