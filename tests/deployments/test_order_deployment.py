"""The deployment as users see it: deployed to a server, run by a process worker, shown in the UI."""

import asyncio
import gzip
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from agents.orders import sample
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.settings import settings
from agents.services.sandbox.process import stop_sandbox
from flows.fulfilment import FULFIL
from flows.order_processing import enqueue_orders
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.slow

ORDERS = 30
RUN_SECONDS = 600


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    return some_orders(tmp_path, 0)


def some_orders(folder: Path, first: int) -> Path:
    """A file of sample orders, from this one on."""
    path = folder / "orders.jsonl"
    lines = gzip.decompress(sample.ORDERS.read_bytes()).splitlines(keepends=True)
    path.write_bytes(b"".join(lines[first : first + ORDERS]))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of the runs of this module."""
    data = tmp_path_factory.mktemp("deployed") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENT_FLOWS_DATA", str(data))
        settings.cache_clear()
        yield data
    settings.cache_clear()
    stop_sandbox(data)


@pytest.fixture(scope="module")
def deployed(prefect_server: PrefectServer, data: Path) -> Iterator[PrefectServer]:
    """The server with our deployments and a worker."""
    assert not data.exists()
    applied = prefect_server.run(sys.executable, "-m", "deployments.apply")
    assert applied.returncode == 0, applied.stderr
    made = prefect_server.prefect("--no-prompt", "deploy", "--all")
    assert made.returncode == 0, made.stdout + made.stderr
    with temporary_settings({PREFECT_API_URL: prefect_server.url}), prefect_server.worker():
        yield prefect_server


async def test_a_worker_runs_the_deployment_and_the_ui_shows_what_happened(
    deployed: PrefectServer, orders: Path
) -> None:
    async with get_client() as client:
        deployment = await client.read_deployment_by_name("order-processing/order-processing")
        created = await client.create_flow_run_from_deployment(
            deployment.id, parameters={"orders": str(orders), "batch_size": 16}
        )
        run = await completed(client, created.id, deployed)
        assert run.name == f"order-processing: {ORDERS} orders"
        assert "orders" in run.tags
        await _check_arrows(client, run)
        await _check_artifacts(client, run.id)


async def completed(client: PrefectClient, run_id: UUID, server: PrefectServer) -> FlowRun:
    """The run when it has ended; fails with the worker's log if it did not complete.

    It asks for the state: Prefect's own wait_for_flow_run waits for an event, which can get lost, for ever.
    """
    until = time.monotonic() + RUN_SECONDS
    while True:
        run = await client.read_flow_run(run_id)
        state = run.state
        if state is not None and state.is_completed():
            return run
        if (state is not None and state.is_final()) or time.monotonic() > until:
            log = (server.home / "worker.log").read_text(errors="replace")[-8000:]
            pytest.fail(f"{run.name} is {state}\n{log}")
        await asyncio.sleep(0.5)


async def _check_arrows(client: PrefectClient, run: FlowRun) -> None:
    """Within each batch every agent runs once, after the task runs that the graph names."""
    runs = await _task_runs(client, run.id)
    agents = {task_run.id: task_run.name.partition(":")[0] for task_run in runs}
    for agent, firsts in FULFIL.before.items():
        followers = [r for r in runs if agents[r.id] == agent.name.replace("_", "-")]
        assert len(followers) == 2, sorted(agents.values())
        for follower in followers:
            sources = [source.id for some in follower.task_inputs.values() for source in some]  # type: ignore[union-attr]  # task runs
            found = sorted(agents[source] for source in sources)
            assert found == sorted(first.name.replace("_", "-") for first in firsts)


async def _task_runs(client: PrefectClient, run: UUID) -> list[TaskRun]:
    """The server records task runs a little later than they happen."""
    deadline = time.monotonic() + 60
    found: list[TaskRun] = []
    while time.monotonic() < deadline:
        found = await client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run]))
        )
        recorded = all(r.state is not None and r.state.is_final() for r in found)
        if recorded and sum(r.name.startswith("notify-customer") for r in found) == 2:
            return found
        await asyncio.sleep(0.5)
    pytest.fail(f"only these task runs were recorded: {[r.name for r in found]}")


async def _check_artifacts(client: PrefectClient, run: UUID) -> None:
    artifacts = await client.read_artifacts(
        artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
    )
    kinds = {artifact.type: artifact for artifact in artifacts}
    assert kinds.keys() == {"progress", "table", "markdown"}
    assert kinds["progress"].data == 100
    assert f"# {ORDERS} orders in" in str(kinds["markdown"].data)
    assert "█" in str(kinds["markdown"].data)
    assert '"outcome": "shipped"' in str(kinds["table"].data)


@pytest.mark.campaign
async def test_a_deployed_consumer_hands_over_to_a_fresh_run(
    deployed: PrefectServer, tmp_path: Path
) -> None:
    orders = some_orders(tmp_path, ORDERS)
    await enqueue_orders.fn(str(orders), Priority.NORMAL, report=str(tmp_path / "report.md"))
    async with get_client() as client:
        deployment = await client.read_deployment_by_name("consumer/consumer")
        first = await client.create_flow_run_from_deployment(
            deployment.id, parameters={"batches": 1, "batch_size": 8, "at_once": 1}
        )
        await completed(client, first.id, deployed)
        of_consumer = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]))
        others = [
            run
            for run in await client.read_flow_runs(flow_run_filter=of_consumer)
            if run.id != first.id
        ]
        assert others, "the next run was working when the first one ended"
        assert {run.state is not None and run.state.is_running() for run in others} >= {True}
