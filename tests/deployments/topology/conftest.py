"""One installation in production form for all drills, since its start takes minutes."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agents.runtime.journal.database import Database
from agents.runtime.settings import settings
from agents.services.sandbox.process import ensure_sandbox, stop_sandbox
from deployments.client import Gateway, Retries
from tests.databases import stop_telemetry
from tests.deployments.topology.installation import Installation, running_installation


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("drill")
    data = folder / "data"
    data.mkdir()
    ensure_sandbox(data)
    with running_installation(folder) as running:
        yield running
    stop_sandbox(data)


@pytest.fixture
async def gateway(installation: Installation) -> AsyncIterator[Gateway]:
    """A client that does not give up."""
    patient = Retries(60, longest_pause=5.0)
    async with Gateway(installation.gateway, installation.key, retries=patient) as client:
        yield client


@pytest.fixture
async def database(installation: Installation) -> AsyncIterator[Database]:
    """The journal, read beside the installation."""
    database = Database(installation.journal_url)
    yield database
    await database.close()


@pytest.fixture
def here(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The settings of the installation in this process; its data folder."""
    data = installation.folder / "data"
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(data))
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", installation.journal_url)
    settings.cache_clear()
    yield data
    settings.cache_clear()
    stop_telemetry()
