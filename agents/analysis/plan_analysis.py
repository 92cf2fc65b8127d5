"""Plan: which partitions an analysis has."""

from dataclasses import replace

from agents.analysis.asked import Asked, Planned, UnusableStudy, study_name, study_of
from agents.analysis.discovery import NothingThere, discover_partitions
from agents.runtime import READ, PermanentError, Reference, agent
from agents.runtime.model.policies import DAY
from agents.services.fetching.fetcher import Fetcher

# A host without ETags is asked for the whole documents.
LOOK = replace(READ, name="look", timeout=DAY, concurrency=4, second_attempt=False)


class NoPartitions(PermanentError):
    """An analysis without a source that is there."""


@agent(LOOK, version="1.5")
async def plan_analysis(asked: Asked, reference: Reference, fetcher: Fetcher) -> Planned:
    """Find the partitions; from now on they stay the same. Raises what `Gathering.validator` raises."""
    tenant, _, analysis = reference.partition(":")[2].rpartition(":")
    name = study_name(tenant, analysis)
    if name is None:
        raise UnusableStudy((f"the tenant {tenant!r} cannot have analyses: its name is unusual",))
    try:
        found = await discover_partitions(study_of(asked, name), fetcher)
    except NothingThere as error:
        raise NoPartitions(str(error)) from None
    return Planned(partitions=tuple(found.partitions), unreached=found.unreached)
