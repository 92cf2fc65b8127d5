"""The health of the clouds' pools: what Prefect says of pool and workers, and what our own journal says."""

from collections.abc import Mapping, Sequence

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import WorkPool, WorkPoolStatus
from prefect.exceptions import ObjectNotFound

from deployments.placement.plan import Run, Stage
from deployments.placement.policy import Cloud, Health

READY = Health(is_ready=True)


async def health_of(
    client: PrefectClient, clouds: Sequence[Cloud], runs: Sequence[Run]
) -> Mapping[str, Health]:
    """The health of each cloud that has a pool; `runs` are the consumers that Prefect has not ended."""
    found = {}
    for cloud in clouds:
        try:
            pool = await client.read_work_pool(cloud.name)
        except ObjectNotFound:
            continue
        found[cloud.name] = judge(pool, [run for run in runs if run.cloud == cloud.name])
    return found


def judge(pool: WorkPool, runs: Sequence[Run]) -> Health:
    """Whether Prefect has a worker there, and whether the consumers there reach the journal.

    A cloud whose consumers all fell silent although Prefect shows them as running is cut off from the
    journal, whatever its worker says: it gets nothing until those runs have ended.
    """
    if pool.is_paused:
        return Health(is_ready=False, reason="its pool is paused")
    if pool.status is WorkPoolStatus.NOT_READY:
        return Health(is_ready=False, reason="no worker sends heartbeats")
    stages = {run.stage for run in runs}
    if Stage.SILENT in stages and Stage.WORKING not in stages:
        return Health(is_ready=False, reason="its consumers do not reach the journal")
    return READY
