"""An open journal for tests of the runtime, and what must hold after each of them."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import pytest
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.execution.agent import AGENTS
from agents.runtime.settings import Settings
from agents.runtime.testing import instant_retries
from tests.agents.runtime.invariants import problems
from tests.agents.runtime.jobs import Provider


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
async def opened(journal_settings: Settings) -> AsyncIterator[Runtime]:
    """This process with an open journal."""
    async with open_runtime(journal_settings) as opened:
        yield opened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Prefect's client leaves its sockets to the garbage collector."""
    for item in items:
        if "harness" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"))
            unraisable = "ignore::pytest.PytestUnraisableExceptionWarning"
            item.add_marker(pytest.mark.filterwarnings(unraisable))


@pytest.fixture(autouse=True)
def _sockets_of_prefect(request: pytest.FixtureRequest) -> Iterator[None]:
    """They are collected while their warnings are silenced, not in some later test."""
    yield
    if "harness" in request.fixturenames:
        gc.collect()


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A temporary Prefect server of the session's own, and a folder for its cached results."""
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415 - the whole server

    storage = {PREFECT_LOCAL_STORAGE_PATH: tmp_path_factory.mktemp("results")}
    with prefect_test_harness(server_startup_timeout=250), temporary_settings(storage):
        yield


@pytest.fixture
def no_waits() -> Iterator[None]:
    """Nothing waits before it is tried again."""
    with instant_retries():
        yield


@pytest.fixture
def provider() -> Provider:
    return Provider()
