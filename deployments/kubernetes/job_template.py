"""The Job of a flow run: closed like every other pod, and one that a strict API server accepts.

The template of prefect-kubernetes 0.8.0 has `completions` and `parallelism` in the pod, where Kubernetes
does not know them: a server with strict validation refuses it. Here they are in the Job.
"""

from typing import Any

from prefect_kubernetes.worker import KubernetesWorker

from deployments.kubernetes.access import RUN
from deployments.kubernetes.pods import (
    PLATFORM_SECRETS,
    SETTINGS,
    PodOptions,
    closed,
    metrics_ports,
    mounts,
    template,
)
from deployments.kubernetes.workloads import WORK

Json = dict[str, Any]
COUNTS = {"parallelism": 1, "completions": 1}
# Nothing is left without a limit; a deployment may set other values.
DEFAULTS = {
    "service_account_name": RUN,
    "finished_job_ttl": 3_600,
    "cpu_request": "250m",
    "cpu_limit": "2",
    "memory_request": "512Mi",
    "memory_limit": "2Gi",
}


def job_manifest() -> Json:
    """The Job, with the variables of a work pool in it."""
    options = PodOptions(RUN, "agent-flows-working", shares=True)
    pod = template("flow-run", WORK, [], None, options).to_dict()
    del pod["spec"]["topologySpreadConstraints"]
    pod["spec"] |= {"restartPolicy": "Never", "serviceAccountName": "{{ service_account_name }}"}
    pod["spec"]["containers"] = [_container()]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "annotations": "{{ annotations }}",
            "labels": "{{ labels }}",
            "namespace": "{{ namespace }}",
            "generateName": "{{ name }}-",
        },
        "spec": {
            **COUNTS,
            "backoffLimit": "{{ backoff_limit }}",
            "ttlSecondsAfterFinished": "{{ finished_job_ttl }}",
            "template": pod,
        },
    }


def _container() -> Json:
    return {
        "name": "prefect-job",  # prefect-kubernetes looks for logs under this name
        "env": "{{ env }}",
        "ports": [one.to_dict() for one in metrics_ports()],
        "envFrom": [
            {"configMapRef": {"name": SETTINGS}},
            {"secretRef": {"name": "journal"}},
            {"secretRef": {"name": PLATFORM_SECRETS, "optional": True}},
        ],
        "image": "{{ image }}",
        "imagePullPolicy": "{{ image_pull_policy }}",
        "args": "{{ command }}",
        "resources": {
            "limits": {"cpu": "{{ cpu_limit }}", "memory": "{{ memory_limit }}"},
            "requests": {"cpu": "{{ cpu_request }}", "memory": "{{ memory_request }}"},
        },
        "securityContext": closed().to_dict(),
        "volumeMounts": [one.to_dict() for one in mounts(PodOptions(RUN, "", shares=True))],
    }


def base_job_template(image: str, namespace: str) -> Json:
    """The template of the pool for a release's image: the variables of the package, and our Job."""
    found: Json = KubernetesWorker.get_default_base_job_template()
    found["job_configuration"]["job_manifest"] = job_manifest()
    properties = found["variables"]["properties"]
    for name, default in (DEFAULTS | {"image": image, "namespace": namespace}).items():
        properties[name] |= {"default": default}
    return found
