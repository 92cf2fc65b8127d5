"""Training on a Dask cluster, by Prefect's task runner for Dask, before the journal's own step.

The cluster only prepares: the step finds a model that the cluster has trained among the models of the
study, and trains one that is missing. The cluster must see the same data folder.
"""

from collections.abc import Sequence
from typing import Any

from prefect import flow, task
from prefect.futures import PrefectFuture

from agents.analysis.modelling.models import Trained, Training
from agents.analysis.train_candidate import train_candidate
from agents.runtime.model.policies import CORES
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

LOCAL = "local"


@task(name="fit-candidate", persist_result=False, retries=1)
def fit_candidate(training: dict[str, Any]) -> str:
    """Train one candidate on a worker of the cluster; returns its version."""
    trained: Trained = train_candidate.function(Training.model_validate(training))
    return trained.version


def fit_on_dask(trainings: Sequence[Training], cluster: str) -> list[str]:
    """Train the candidates in parallel on the Dask cluster at this address; returns their versions.

    The address "local" starts a cluster on this machine. A candidate that fails there is left to its
    step, which records the reason.
    """
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415 - takes seconds to load

    local = {"n_workers": CORES, "threads_per_worker": 1, "dashboard_address": None}
    runner: Any = (
        DaskTaskRunner(cluster_kwargs=local)
        if cluster == LOCAL
        else DaskTaskRunner(address=cluster)
    )

    @flow(name="fit-on-dask", flow_run_name="fit on dask", task_runner=runner, persist_result=False)
    def fit_all(wanted: list[dict[str, Any]]) -> list[str]:
        futures = [fit_candidate.submit(one) for one in wanted]
        return [version for future in futures if (version := _result(future)) is not None]

    found: list[str] = fit_all([one.model_dump(mode="json") for one in trainings])
    return found


def _result(future: PrefectFuture[Any]) -> str | None:
    version = future.result(raise_on_failure=False)
    if not isinstance(version, str):
        log.warning("a candidate was not trained on the cluster", reason=repr(version))
        return None
    return version
