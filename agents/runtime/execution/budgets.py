"""Budgets: what an agent says it has spent, and the words for a budget that is used up.

A budget is a quota with `at_limit`. A step takes an estimate from it: what its agent declares, or the 90th
percentile of the item's forecast if that is less. What was really spent replaces the estimate with the outcome.
"""

from collections.abc import Sequence
from contextvars import ContextVar

import orjson

from agents.runtime.alerts import alert
from agents.runtime.model.forecast import Expected
from agents.runtime.model.item import StepExecution
from agents.runtime.scheduling.reservations import Decision, checked

HOUR = 3_600.0

of_execution: ContextVar[StepExecution | None] = ContextVar("spending_execution", default=None)
"""The execution in work whose agent takes something."""


def spent(**amounts: float) -> None:
    """Say what the agent in work has really spent of the budgets that it takes from: `spent(tokens=412)`.

    Amounts add up over the attempts on an item, except for an effect, which happens once: the last attempt
    counts. The look-up of an effect may say them too. They are kept with the step, and forecasts learn from
    them. Of a budget that is not named, the whole estimate counts; so it does if the process dies, until
    another has settled the effect. Outside of a step it does nothing, nor in an agent for whole batches or in
    a process of its own. Raises BadAmount.
    """
    execution = of_execution.get()
    if execution is None:
        return
    checked(amounts)
    known = execution.used or {}
    execution.used = known | {name: known.get(name, 0.0) + amounts[name] for name in amounts}


def estimate(execution: StepExecution) -> dict[str, float]:
    """What the execution takes: what its agent declares, or what is forecast for 9 of 10 if that is less."""
    needs, item = dict(execution.needs or {}), execution.item
    costs = orjson.loads(item.costs) if item.costs else {}
    for name in needs.keys() & costs.keys():
        if forecast := costs[name]["agents"].get(execution.agent):
            needs[name] = min(needs[name], Expected(*forecast).p90)
    return needs


def used_up(decision: Decision) -> str:
    """What is used up, as text: "the budget of tenant a for model_tokens is used: 960 of 1,000 in 24 hours"."""
    capacity = decision.beyond or decision.blocked_by
    assert capacity is not None
    whose = f"of tenant {capacity.scope} " if capacity.scope else ""
    hours = (capacity.window_seconds or 0.0) / HOUR
    return (
        f"the budget {whose}for {capacity.resource} is used: {capacity.used:,g} of "
        f"{capacity.amount:,g} in {hours:,g} hours, and this item may need "
        f"{decision.request.amounts[capacity.resource]:,g}"
    )


def question(decision: Decision) -> str:
    """What a person is asked."""
    return f"{used_up(decision)}: approve to spend it nevertheless, or reject"


def tell(used: Sequence[Decision], executions: Sequence[StepExecution]) -> None:
    """Alert people that budgets are used up, once in their window."""
    items = {execution.id: execution.item for execution in executions}
    for decision in used:
        if (item := items.get(decision.request.item)) is not None:
            alert("budget", item.scenario, item.key, used_up(decision), item.trace)
