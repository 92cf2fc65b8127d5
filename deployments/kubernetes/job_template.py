"""The Job of a flow run: closed like every other pod, and one that a strict API server accepts.

The template of prefect-kubernetes 0.8.0 has `completions` and `parallelism` in the pod, where Kubernetes
does not know them; a server with strict validation refuses it. Its check of templates refuses one that
has them where they belong, so the check is ours too.
"""

from copy import deepcopy
from typing import Any

from prefect_kubernetes.worker import (
    KubernetesWorkerJobConfiguration,
    KubernetesWorkerVariables,
)
from pydantic import Field, model_validator

from deployments.kubernetes.access import RUN
from deployments.kubernetes.pods import (
    PLATFORM_SECRETS,
    SETTINGS,
    PodOptions,
    closed,
    mounts,
    template,
)
from deployments.kubernetes.workloads import WORK

Json = dict[str, Any]
COUNTS = {"parallelism": 1, "completions": 1}
DAY = 86_400


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
            "activeDeadlineSeconds": "{{ deadline_seconds }}",
            "template": pod,
        },
    }


def _container() -> Json:
    return {
        "name": "prefect-job",  # prefect-kubernetes looks for logs under this name
        "env": "{{ env }}",
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


class FlowRunJob(KubernetesWorkerJobConfiguration):  # type: ignore[misc]  # ships no types
    """The settings of one flow run's Job, with our template as the default."""

    job_manifest: dict[str, Any] = Field(json_schema_extra={"template": job_manifest()})

    @model_validator(mode="after")
    def _validate_job_manifest(self) -> "FlowRunJob":
        """The package's own check of the Job with the counts where it looks for them, then without."""
        manifest = self.job_manifest
        pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
        if misplaced := COUNTS.keys() & pod.keys():
            raise ValueError(f"{', '.join(sorted(misplaced))} belong to the Job, not to its pod")
        checked = self.model_copy(update={"job_manifest": deepcopy(manifest)})
        checked.job_manifest["spec"]["template"]["spec"] |= COUNTS
        super(FlowRunJob, checked)._validate_job_manifest()
        manifest["metadata"] = checked.job_manifest["metadata"]
        return self


class FlowRunVariables(KubernetesWorkerVariables):  # type: ignore[misc]  # ships no types
    """What a deployment may set of its Job; nothing is left without a limit."""

    service_account_name: str | None = RUN
    finished_job_ttl: int | None = 3_600
    deadline_seconds: int = Field(DAY, ge=60, description="Seconds after which the Job is ended.")
    cpu_request: str | None = "250m"
    cpu_limit: str | None = "2"
    memory_request: str | None = "512Mi"
    memory_limit: str | None = "2Gi"
