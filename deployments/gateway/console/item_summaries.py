"""What lists show of an item beside its state: amount, customer and money held, as its scenario says."""

from collections.abc import Iterable

from agents.runtime.errors import MissingExtra
from agents.runtime.journal import Journal
from agents.runtime.model.scenario import Summary
from flows.operations.items import summaries


async def summaries_of(journal: Journal, workflow: str, ids: Iterable[int]) -> dict[int, Summary]:
    """Summaries by the items' ids, without items that this process cannot read."""
    try:
        return await summaries(journal, workflow, ids)
    except MissingExtra:  # the gateway need not have what only the workflow's consumers need
        return {}
