"""Plan: which partitions an analysis has."""

from dataclasses import replace

from agents.analysis.asked import Asked, Planned, UnusableStudy, study_name, study_of
from agents.analysis.discovery import NothingThere, SameName, discover_partitions
from agents.runtime import READ, PermanentError, Reference, agent
from agents.services.fetching.fetcher import Fetcher

# A host without ETags is asked for the whole documents.
LOOK = replace(READ, name="look", timeout=120, concurrency=4)


class NoPartitions(PermanentError):
    """Sources of an analysis have the same name, or there are none."""


@agent(LOOK, version="1.1")
async def plan_analysis(asked: Asked, reference: Reference, fetcher: Fetcher) -> Planned:
    """Find the partitions; from now on they stay the same. Raises what `Fetcher.validator` raises."""
    tenant, _, analysis = reference.partition(":")[2].rpartition(":")
    name = study_name(tenant, analysis)
    if name is None:
        raise UnusableStudy((f"the tenant {tenant!r} cannot have analyses: its name is unusual",))
    try:
        partitions = await discover_partitions(study_of(asked, name), fetcher)
    except (NothingThere, SameName) as error:
        raise NoPartitions(str(error)) from None
    return Planned(partitions=tuple(partitions))
