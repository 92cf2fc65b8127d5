"""apply.py makes a real server agree with the declarations, and then leaves it alone."""

import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.apply import WrongPoolType, apply
from deployments.resources import LIMITS, POOLS, Limit, Pool, Queue
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.slow


@pytest.fixture
def client_settings(prefect_server: PrefectServer) -> Iterator[None]:
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        yield


def test_the_command_creates_all_and_a_second_time_changes_nothing(
    prefect_server: PrefectServer,
) -> None:
    first = prefect_server.run(sys.executable, "-m", "deployments.apply")
    assert first.returncode == 0, first.stderr
    assert set(first.stdout.split("\n")) >= {
        "created work pool default",
        "created work queue default/urgent",
        "created concurrency limit payments",
    }
    second = prefect_server.run(sys.executable, "-m", "deployments.apply")
    assert (second.returncode, second.stdout) == (0, "nothing to change\n")


@pytest.mark.usefixtures("client_settings")
async def test_the_server_holds_what_is_declared() -> None:
    await apply()
    async with get_client() as client:
        for pool in POOLS:
            found = await client.read_work_pool(pool.name)
            assert (found.type, found.concurrency_limit) == (pool.type, pool.limit)
            assert "variables" in found.base_job_template
            for queue in pool.queues:
                held = await client.read_work_queue_by_name(queue.name, pool.name)
                assert (held.priority, held.concurrency_limit) == (queue.priority, queue.limit)
        for limit in LIMITS:
            known = await client.read_global_concurrency_limit_by_name(limit.name)
            assert (known.limit, known.active) == (limit.slots, True)


@pytest.mark.usefixtures("client_settings")
async def test_a_changed_declaration_changes_only_what_it_names() -> None:
    before = Pool("trial", "process", 4, "before", queues=(Queue("slow", 5, 1), Queue("x", 6, 1)))
    after = replace(before, limit=5, queues=(Queue("slow", 5, 2), Queue("x", 6, 1)))
    await apply((before,), (Limit("trial", 1), Limit("other", 1)))
    limits = (Limit("trial", 2), Limit("other", 1))
    assert await apply((after,), limits) == [
        "updated work pool trial",
        "updated work queue trial/slow",
        "updated concurrency limit trial",
    ]
    assert await apply((after,), limits) == []


@pytest.mark.usefixtures("client_settings")
async def test_a_pool_of_another_type_is_refused() -> None:
    await apply((Pool("kind", "process", 1, "", queues=()),), ())
    with pytest.raises(WrongPoolType, match="is of type 'process', not 'docker'"):
        await apply((Pool("kind", "docker", 1, "", queues=()),), ())


def test_all_deployments_can_be_made_after_it(prefect_server: PrefectServer) -> None:
    prefect_server.run(sys.executable, "-m", "deployments.apply")
    deployed = prefect_server.prefect("--no-prompt", "deploy", "--all")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    shown = prefect_server.prefect("deployment", "inspect", "order-processing/order-processing")
    assert "'work_queue_name': 'orders'" in shown.stdout
    assert f"'directory': '{prefect_server.root}'" in shown.stdout
