"""A flow run becomes a Job that a strict API server accepts, as the role of the launcher allows it."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import InfrastructureError
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_LOGGING_TO_API_ENABLED,
    temporary_settings,
)
from prefect_kubernetes.credentials import KubernetesClusterConfig
from prefect_kubernetes.worker import KubernetesWorker

from deployments.kubernetes.job_template import base_job_template
from tests.deployments.kubernetes.cluster import Json, of_kind
from tests.deployments.kubernetes.emulator import Cluster, emulated
from tests.deployments.kubernetes.validation import problems

IMAGE, NAMESPACE = "registry.example.com/agent-flows:0.1.0", "agent-flows"
OURS = base_job_template(IMAGE, NAMESPACE)
THEIRS = KubernetesWorker.get_default_base_job_template()
NOBODY = PrefectClient("http://127.0.0.1:9/api")  # is not asked: the templates name no block


@pytest.fixture(autouse=True)
def no_server() -> Iterator[None]:
    """No Prefect server is needed, and none is started."""
    own = {PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_LOGGING_TO_API_ENABLED: False}
    with temporary_settings(own):
        yield


def a_run() -> FlowRun:
    return FlowRun(id=uuid4(), name="brisk-otter", flow_id=uuid4())


async def configured(template: Json, **variables: Any) -> Any:
    """The configuration of a flow run, made as a worker makes it."""
    found = await KubernetesWorker.job_configuration.from_template_and_values(
        deepcopy(template), variables, client=NOBODY
    )
    found.prepare_for_flow_run(a_run())
    return found


async def test_our_job_is_valid_and_that_of_the_package_is_not() -> None:
    ours = (await configured(OURS)).job_manifest
    theirs = (await configured(THEIRS)).job_manifest
    assert problems(ours) == []
    assert "'completions', 'parallelism' were unexpected" in " ".join(problems(theirs))
    assert (ours["spec"]["completions"], ours["spec"]["parallelism"]) == (1, 1)


async def test_our_job_is_closed_as_all_pods_are_and_gets_its_secrets_by_name() -> None:
    pod = (await configured(OURS)).job_manifest["spec"]["template"]
    [container] = pod["spec"]["containers"]
    [consumer] = [
        one
        for one in of_kind("plain", "Deployment")
        if one["metadata"]["name"] == "consumer-orders-v1"
    ]
    like = consumer["spec"]["template"]
    assert container["securityContext"] == like["spec"]["containers"][0]["securityContext"]
    assert pod["spec"]["securityContext"] == like["spec"]["securityContext"]
    component = "app.kubernetes.io/component"
    assert pod["metadata"]["labels"][component] == like["metadata"]["labels"][component]
    assert container["resources"]["limits"] == {"cpu": "2", "memory": "2Gi"}
    assert {"secretRef": {"name": "journal"}} in container["envFrom"]
    assert pod["spec"]["automountServiceAccountToken"] is False


@pytest.fixture
async def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    async with emulated(tmp_path) as found:
        monkeypatch.setenv("KUBECONFIG", str(found.kubeconfig))
        monkeypatch.setenv(
            "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_CREATE_JOB_RETRY_MAX_RETRIES", "1"
        )
        yield found


async def test_the_worker_creates_the_job_at_the_api(cluster: Cluster) -> None:
    configuration = await configured(OURS, env={"A": "b"}, cpu_limit="4")
    configuration.cluster_config = KubernetesClusterConfig.from_file(cluster.kubeconfig)
    result = await KubernetesWorker(work_pool_name="kubernetes").run(a_run(), configuration)
    [job] = cluster.created("jobs")
    assert result.identifier == f"agent-flows:{job['metadata']['name']}"
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert container["image"] == IMAGE
    assert container["resources"]["limits"]["cpu"] == "4"
    assert {"name": "A", "value": "b"} in container["env"]
    assert cluster.asked() == {("batch", "jobs", "create")}


async def test_a_strict_api_refuses_the_job_of_the_package(cluster: Cluster) -> None:
    configuration = await configured(THEIRS)
    configuration.cluster_config = KubernetesClusterConfig.from_file(cluster.kubeconfig)
    with pytest.raises(InfrastructureError, match="were unexpected"):
        await KubernetesWorker(work_pool_name="kubernetes").run(a_run(), configuration)
    assert cluster.created("jobs") == []
