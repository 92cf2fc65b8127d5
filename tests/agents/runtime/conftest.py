"""An open journal for tests of the runtime, and what must hold after each of them."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from prefect.testing.utilities import prefect_test_harness

from agents.runtime.journal import Journal, open_journal
from agents.runtime.retries import instant_retries
from agents.runtime.settings import Settings
from agents.runtime.task import AGENTS
from tests.agents.runtime.invariants import problems
from tests.agents.runtime.workshop import Provider


@pytest.fixture(autouse=True)
def _sound_histories(request: pytest.FixtureRequest) -> Iterator[None]:
    url = request.getfixturevalue("journal_url") if "journal_url" in request.fixturenames else None
    yield
    if url is not None:
        assert asyncio.run(problems(url)) == []


@pytest.fixture(autouse=True)
def _agents_for_one_test() -> Iterator[None]:
    """Agents of a test are gone after it."""
    before = dict(AGENTS)
    yield
    AGENTS.clear()
    AGENTS.update(before)


@pytest.fixture
async def opened(journal_settings: Settings) -> AsyncIterator[Journal]:
    """This process with an open journal."""
    async with open_journal(journal_settings) as journal:
        yield journal


@pytest.fixture(scope="session")
def harness() -> Iterator[None]:
    """A temporary Prefect server of the session's own."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def no_waits() -> Iterator[None]:
    """Nothing waits before it is tried again."""
    with instant_retries():
        yield


@pytest.fixture
def provider() -> Provider:
    return Provider()
