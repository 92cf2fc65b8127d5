"""The pool whose flow runs are Jobs, on a real Prefect server."""

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.apply import apply
from deployments.kubernetes.pool import declare, main
from deployments.resources import Pool
from deployments.server_changes import Declared
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.slow


async def template_of(name: str) -> dict[str, object]:
    async with get_client() as client:
        pool = await client.read_work_pool(name)
        await client.delete_work_pool(name)
    assert pool.type == "kubernetes"
    found: dict[str, object] = pool.base_job_template["job_configuration"]["job_manifest"]["spec"]
    return found


def test_it_is_created_once_and_updated_for_another_release(
    prefect_server: PrefectServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        for image in ("shop:1", "shop:1", "shop:2"):
            assert main(["--image", image, "--namespace", "shop", "--name", "jobs"]) == 0
    said = ["created work pool jobs", "nothing to change", "updated work pool jobs"]
    assert capsys.readouterr().out.splitlines() == said


async def test_the_pool_of_a_cloud_gets_the_template_that_a_strict_server_takes(
    prefect_server: PrefectServer,
) -> None:
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        await apply(Declared((Pool("cloud", "kubernetes", 1, "", queues=()),)))
        assert await declare("shop:1", "shop", "cloud") == "updated work pool cloud"
        spec = await template_of("cloud")
    assert spec["completions"] == 1  # of the Job, where prefect-kubernetes has it in the pod
