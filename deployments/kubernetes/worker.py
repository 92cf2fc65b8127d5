"""Prefect's command line with our worker of the Kubernetes pool: `python -m deployments.kubernetes.worker`.

`worker start --pool kubernetes --type agent-flows-kubernetes` starts it; each flow run becomes a Job.
"""

import sys
from importlib import import_module

from prefect_kubernetes.worker import KubernetesWorker

from deployments.kubernetes.job_template import FlowRunJob, FlowRunVariables
from deployments.kubernetes.workloads import WORKER_TYPE


class FlowRunWorker(KubernetesWorker):  # type: ignore[misc]  # ships no types
    """Starts each flow run as a Job that a strict API server accepts."""

    type = WORKER_TYPE
    job_configuration = FlowRunJob
    job_configuration_variables = FlowRunVariables
    _display_name = "Kubernetes (agent-flows)"


if __name__ == "__main__":
    # By its name, so that the class is registered once.
    import_module("deployments.kubernetes.worker")
    sys.exit(import_module("prefect.cli").app())
