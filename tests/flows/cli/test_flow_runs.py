"""A run from a terminal can be found dead: it has the tag and the heartbeat that the automation needs."""

import asyncio
import gc
from collections.abc import Iterator

import pytest
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import TaskRun
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL, temporary_settings

from agents.runtime.prefect_ui import TAG
from flows.cli.flow_runs import run_tagged
from tests.agents.runtime.jobs import until
from tests.prefect_server import PrefectServer

pytestmark = [
    pytest.mark.slow,
    # Sockets that Prefect's client leaves to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _client_settings(prefect_server: PrefectServer) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        yield
    gc.collect()  # those sockets now, and not in the middle of another test


@task(cache_policy=NO_CACHE)
async def step() -> None:
    pass


@flow(persist_result=False)
async def workflow(count: int, word: str = "done") -> tuple[str, int, str]:
    await step()
    return str(flow_run.get_id()), count, word


async def heartbeats(client: PrefectClient, run: str) -> int:
    """The number of heartbeats of this flow run that the server has."""
    asked = EventFilter(
        event=EventNameFilter(name=["prefect.flow-run.heartbeat"]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run}"]),
    )
    answer = await client.read_events(asked, limit=50)
    return answer.total


async def recorded(client: PrefectClient, run: FlowRunFilter) -> TaskRun:
    """The run's one task run, when the server has recorded it."""
    while True:
        if found := await client.read_task_runs(flow_run_filter=run):
            return found[0]
        await asyncio.sleep(0.2)


async def test_a_run_has_the_tag_and_heartbeats_and_its_task_runs_have_no_tag() -> None:
    run, *result = await run_tagged(workflow, {"count": 3})
    assert result == [3, "done"]
    async with get_client() as client, asyncio.timeout(60):
        found = await client.read_flow_run(run)
        assert (found.tags, found.parameters) == ([TAG], {"count": 3, "word": "done"})
        assert found.state is not None
        assert found.state.is_completed()
        of_run = FlowRunFilter(id=FlowRunFilterId(any_=[found.id]))
        assert (await recorded(client, of_run)).tags == []
        await until(lambda: heartbeats(client, run), 60)


async def test_an_error_of_the_flow_is_raised() -> None:
    @flow(persist_result=False)
    async def failing() -> None:
        raise ZeroDivisionError("by a bug")

    with pytest.raises(ZeroDivisionError, match="by a bug"):
        await run_tagged(failing, {})
