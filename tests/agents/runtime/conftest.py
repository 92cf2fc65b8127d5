"""Fixtures for tests of the runtime: an open runtime, a Prefect server, invariants after each test."""

import gc
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
from prefect.settings import (
    PREFECT_API_SSL_CERT_FILE,
    PREFECT_LOCAL_STORAGE_PATH,
    temporary_settings,
)

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.execution.agent import AGENTS
from agents.runtime.journal import installation
from agents.runtime.settings import Settings
from agents.runtime.testing import instant_retries
from tests.agents.runtime.invariants import problems
from tests.agents.runtime.jobs import HERE, Provider
from tests.memory import memory
from tests.prefect_server import one_certificate


@pytest.fixture(autouse=True)
def _check_invariants(request: pytest.FixtureRequest) -> Iterator[None]:
    url = request.getfixturevalue("journal_url") if "journal_url" in request.fixturenames else None
    yield
    if url is not None:
        assert problems(url) == []


@pytest.fixture(autouse=True)
def _agents_for_one_test() -> Iterator[None]:
    """Remove the agents of a test after it."""
    before = dict(AGENTS)
    yield
    AGENTS.clear()
    AGENTS.update(before)


@pytest.fixture(autouse=True)
def _known_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give new journals an installation that tests know."""
    monkeypatch.setattr(installation, "new_id", lambda: HERE)


@pytest.fixture
async def opened(journal_settings: Settings) -> AsyncIterator[Runtime]:
    """An open runtime."""
    async with open_runtime(journal_settings) as opened:
        yield opened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignore warnings about sockets that Prefect's client leaves to the garbage collector."""
    for item in items:
        if "harness" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"))
            unraisable = "ignore::pytest.PytestUnraisableExceptionWarning"
            item.add_marker(pytest.mark.filterwarnings(unraisable))


@pytest.fixture(autouse=True)
def _collect_what_prefect_leaves(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect those sockets while their warnings are ignored, and end what sends events.

    It would stay connected to the server or proxy of this test, and lose what a later one sends.
    """
    yield
    if "harness" in request.fixturenames:
        from prefect.events.worker import EventsWorker  # noqa: PLC0415 - loads all of Prefect

        EventsWorker.drain_all(timeout=10)
        gc.collect()


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A temporary Prefect server for the session, with a folder for cached results."""
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415 - the whole server

    folder = tmp_path_factory.mktemp("results")
    own = {
        PREFECT_LOCAL_STORAGE_PATH: folder,
        PREFECT_API_SSL_CERT_FILE: str(one_certificate(folder)),
    }
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tempfile, "tempdir", memory() and str(memory()))  # for its database
            stack.enter_context(prefect_test_harness(server_startup_timeout=250))
        stack.enter_context(temporary_settings(own))
        yield


@pytest.fixture
def no_waits() -> Iterator[None]:
    """Retries do not wait."""
    with instant_retries():
        yield


@pytest.fixture
def provider() -> Provider:
    return Provider()
