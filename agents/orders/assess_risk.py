"""Risk: an order that looks like fraud waits for a person before anything is held or charged."""

from agents.orders.models import Assessed, Order
from agents.orders.rules import assess, needs_approval
from agents.runtime.errors import Parked
from agents.runtime.execution.decorator import agent
from agents.runtime.model.item import Decision
from agents.runtime.model.policies import PURE


@agent(PURE)
def assess_risk(order: Order, decision: Decision | None) -> Assessed:
    """Weigh the order by the declared rules. Parks it above the threshold until it is approved."""
    assessed = assess(order)
    if decision is None and needs_approval(assessed):
        reasons = ", ".join(assessed.reasons)
        raise Parked(f"risk {assessed.risk}: {reasons}")
    return assessed
