"""Items that need more of a resource than there is are refused when they are submitted, with the reason.

Without this they would be accepted, and wait for something that never comes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from agents.runtime.errors import AgentError
from agents.runtime.journal.capacities import largest
from agents.runtime.journal.database import Database
from agents.runtime.model.scenario import Scenario
from agents.runtime.scheduling.reservations import AtLimit, BadAmount, Capacity, checked


class AboveCapacity(AgentError):
    """An item that can never run: it needs more than there is, or its need is no amount.

    `resource` is empty if the scenario could not say what the item needs.
    """

    rule = "above-capacity"

    def __init__(self, item: str, resource: str, reason: str) -> None:
        super().__init__(item, resource, reason)
        self.item, self.resource, self.reason = item, resource, reason

    def __str__(self) -> str:
        return f"item {self.item}: {self.reason}"


async def capacities_for(
    database: Database, scenario: Scenario, tenant: str
) -> Sequence[Capacity] | None:
    """The capacities that bound what an item of this tenant may need; None if its items need nothing."""
    return None if scenario.needs is None else await largest(database, tenant)


def require_fit(scenario: Scenario, key: str, payload: Any, capacities: Sequence[Capacity]) -> None:
    """Raise AboveCapacity if the item needs more than one of the capacities has."""
    assert scenario.needs is not None
    try:
        needs: Mapping[str, float] = checked(scenario.needs(payload))
    except BadAmount as error:
        raise AboveCapacity(key, "", str(error)) from None
    except Exception as error:  # a function of the scenario, on one item's data
        reason = f"what it needs cannot be computed: {type(error).__name__}"
        raise AboveCapacity(key, "", reason) from error
    for capacity in capacities:
        needed = needs.get(capacity.resource, 0.0)
        if not capacity.holds(needed) and capacity.at_limit in (None, AtLimit.PAUSE):
            raise AboveCapacity(key, capacity.resource, _reason(needed, capacity))


def _reason(needed: float, capacity: Capacity) -> str:
    name = capacity.resource
    scope = f" for tenant {capacity.scope}" if capacity.scope else ""
    window = f" in {capacity.window_seconds:,g} s" if capacity.window_seconds else ""
    return (
        f"needs {needed:,g} of {name} at once, and there are {capacity.amount:,g}{window}{scope}: send an "
        f"item that needs less, or raise the capacity first with "
        f"`uv run python -m flows.operations resources --set {name}=...`"
    )
