"""Fixtures of the fault drill: the providers that tests of flows share, and metrics served by this process."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.metrics_server import serve_metrics
from agents.runtime.settings import Settings
from tests.agents.runtime.conftest import _agents_for_one_test, no_waits
from tests.deployments.observability.drill import FAULTS, Drill
from tests.flows.conftest import environment, providers, shop
from tests.prefect_server import free_port

__all__ = ["_agents_for_one_test", "environment", "no_waits", "providers", "shop"]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder in which Prometheus finds the metrics of this process."""
    folder = tmp_path_factory.mktemp("exported")
    assert serve_metrics(free_port(), folder)
    return folder


@pytest.fixture
async def drill(
    request: pytest.FixtureRequest, exported: Path, tmp_path: Path
) -> AsyncIterator[Drill]:
    """The drill of this test on the metrics of this process."""
    drill = Drill(FAULTS[request.node.originalname], exported, tmp_path)
    yield drill
    await drill.close()


@pytest.fixture
def own(tmp_path: Path, sqlite_url: str) -> Settings:
    """Settings with a journal of the test's own."""
    return Settings(data=tmp_path, journal_url=SecretStr(sqlite_url))


@pytest.fixture
async def opened(own: Settings) -> AsyncIterator[Runtime]:
    """An open runtime on that journal."""
    async with open_runtime(own) as opened:
        yield opened
