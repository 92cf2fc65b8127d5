"""Risk: an order that looks like fraud waits for a person before anything is held or charged."""

from agents.orders.models import Assessed, Order
from agents.orders.rules import assess, needs_approval
from agents.runtime import PURE, Decision, Parked, agent


@agent(PURE)
def assess_risk(order: Order, decision: Decision | None) -> Assessed:
    """Add up the risk rules that apply. Raises Parked above the threshold, until a person approves."""
    assessed = assess(order)
    if decision is None and needs_approval(assessed):
        reasons = ", ".join(assessed.reasons)
        raise Parked(f"risk {assessed.risk}: {reasons}")
    return assessed
