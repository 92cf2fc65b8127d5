"""Concurrency limits of the Prefect server, and what happens without a server."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.settings import PREFECT_API_URL, temporary_settings

from agents.runtime.context import open_runtime
from agents.runtime.execution import slots
from agents.runtime.execution.slots import LimitTooSmall, NoLimit
from agents.runtime.execution.step import concurrency_limit
from agents.runtime.model.policies import READ
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import until
from tests.faults.prefect_proxy import FaultMode, FaultyProxy, faulty_proxy

RENEWALS = 3  # after so many Prefect gives up; it starts with one at once


@pytest.mark.usefixtures("opened")
async def test_outside_of_a_flow_no_server_is_asked() -> None:
    entered = 0
    for policy in (READ, READ.limited_by("not-there")):
        async with concurrency_limit(policy, 5):
            entered += 1
    assert entered == 2


@pytest.mark.slow
@pytest.mark.usefixtures("harness")
async def test_a_limit_that_the_server_does_not_have_is_an_error(
    journal_settings: Settings,
) -> None:
    limited = journal_settings.model_copy(update={"concurrency": "prefect"})

    async def occupy() -> None:
        async with open_runtime(limited), concurrency_limit(READ.limited_by("not-there"), 5):
            pytest.fail("there is no such limit")

    with pytest.raises(NoLimit, match=r"'not-there': create it with .*deployments\.apply"):
        await occupy()


@pytest.fixture
async def proxy(harness: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FaultyProxy]:
    """A proxy before the server that lets requests for slots fail; little patience with it."""
    del harness
    monkeypatch.setattr(slots, "_SERVER", slots._Server())
    monkeypatch.setattr(slots, "ASK_SECONDS", 2.5)
    monkeypatch.setattr(slots, "RELEASE_SECONDS", 0.5)
    async with faulty_proxy(str(PREFECT_API_URL.value()).removesuffix("/api"), seed=1) as proxy:
        proxy.path, proxy.fault_rate = "lease", 1.0
        with temporary_settings({PREFECT_API_URL: proxy.url}):
            yield proxy


@pytest.fixture
async def limit(harness: None) -> str:
    """A limit of five slots, of this test alone."""
    del harness
    name = f"limit-{uuid4().hex}"
    async with get_client() as client:
        await client.create_global_concurrency_limit(
            GlobalConcurrencyLimitCreate(name=name, limit=5)
        )
    return name


@pytest.fixture
async def opened_with_server(journal_settings: Settings) -> AsyncIterator[Settings]:
    """An open runtime whose limits are those of the server; yields its settings."""
    limited = journal_settings.model_copy(update={"concurrency": "prefect"})
    async with open_runtime(limited):
        yield limited


async def occupied(limit: str) -> int:
    async with get_client() as client:
        found = await client.read_global_concurrency_limit_by_name(limit)
    return found.active_slots


def logged(settings: Settings, event: str) -> int:
    """How often the log of the data folder has this event."""
    return (settings.data / "agent-flows.log").read_text("utf-8").count(f'"event": "{event}')


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["failing", "unavailable", "denying"])
async def test_the_local_limit_holds_while_the_server_gives_no_slots(
    opened_with_server: Settings, limit: str, proxy: FaultyProxy, mode: FaultMode
) -> None:
    """It is logged once, and the server's limit holds again when it answers."""
    policy = READ.limited_by(limit)
    found = []
    for state in ("healthy", mode, mode, mode, "healthy"):
        proxy.mode = state
        if state == "healthy":
            slots._SERVER._asked_again_at = slots._SERVER._asked_again_at and 0.0
        async with concurrency_limit(policy, 5):
            found.append(await occupied(limit))
    assert found == [5, 0, 0, 0, 5]
    assert proxy.fault_count
    assert logged(opened_with_server, "the Prefect server gives no slots") == 1
    assert logged(opened_with_server, "the Prefect server gives slots again") == 1


@pytest.mark.slow
async def test_slots_that_cannot_be_given_back_end_nothing(
    opened_with_server: Settings, limit: str, proxy: FaultyProxy
) -> None:
    async with concurrency_limit(READ.limited_by(limit), 5):
        proxy.mode = "unavailable"
    with pytest.raises(ZeroDivisionError):  # and no other error takes the place of this one
        async with concurrency_limit(READ.limited_by(limit), 5):
            raise ZeroDivisionError
    assert logged(opened_with_server, "slots were not given back") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("opened_with_server")
async def test_slots_whose_lease_cannot_be_renewed_cut_no_call(
    limit: str, proxy: FaultyProxy
) -> None:
    proxy.path, proxy.mode = "renew", "denying"
    async with concurrency_limit(READ.limited_by(limit), 5):
        await until(lambda: proxy.fault_count >= RENEWALS, 60)
        await asyncio.sleep(0.5)  # for Prefect to end the block, as it would do by default
    assert proxy.fault_count == RENEWALS


@pytest.mark.slow
async def test_slots_that_another_process_holds_are_waited_for(
    opened_with_server: Settings, limit: str, proxy: FaultyProxy
) -> None:
    """Longer than for an answer of the server, as the holder works."""
    entered = asyncio.Event()

    async def wait() -> None:
        async with concurrency_limit(READ.limited_by(limit), 5):
            entered.set()

    async with concurrency_limit(READ.limited_by(limit), 5):
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(slots.ASK_SECONDS + 1)
        assert not entered.is_set()
    await waiting
    assert proxy.fault_count == 0
    assert logged(opened_with_server, "the Prefect server gives no slots") == 0


@pytest.mark.slow
@pytest.mark.usefixtures("opened_with_server")
async def test_an_agent_that_takes_more_slots_than_there_are_says_so(
    limit: str, proxy: FaultyProxy
) -> None:
    with pytest.raises(LimitTooSmall, match="has fewer than the 6 slots"):
        async with concurrency_limit(READ.limited_by(limit), 6):
            pytest.fail("there are five")
    assert proxy.fault_count == 0
