"""The registry of workflows: every scenario, and what processes, notifies and reconciles its items.

The choices of `--scenario`, recovery, pruning, consumers, `deployments.check` and flows/README.md derive
from it. Parts are named as "module:name" and loaded at first use: listing orders loads no pandas.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pkgutil import resolve_name
from typing import Any

from agents.runtime.execution.agent import Agent
from agents.runtime.model.batch import Batch
from agents.runtime.model.scenario import Scenario
from agents.runtime.recovery.reconciliation import Difference, JournalView

Process = Callable[[Batch], Awaitable[Any]]
Reconcile = Callable[[JournalView], AsyncIterator[Difference]]


class Workflow:
    """One scenario with its parts, each given as "module:name".

    Args:
        scenario: The Scenario of the items.
        process: The function that takes a batch through all its steps.
        notify: The outbox agent that sends the notices of ended items.
        reconcile: The function that yields the differences between providers and journal.

    """

    def __init__(
        self,
        scenario: str,
        process: str,
        *,
        notify: str | None = None,
        reconcile: str | None = None,
    ) -> None:
        self._scenario, self._process = scenario, process
        self._notify, self._reconcile = notify, reconcile

    @property
    def scenario(self) -> Scenario:
        """The scenario of its items."""
        found: Scenario = resolve_name(self._scenario)
        return found

    @property
    def process(self) -> Process:
        """Takes a batch of its items through all steps, in any process."""
        found: Process = resolve_name(self._process)
        return found

    def notifier(self) -> Agent[..., Any] | None:
        """The agent that sends the notices of ended items, if there is one."""
        return resolve_name(self._notify) if self._notify else None

    @property
    def reconcile(self) -> Reconcile | None:
        """Yields the differences between providers and journal, if the scenario has providers."""
        return resolve_name(self._reconcile) if self._reconcile else None

    @property
    def is_reconciled(self) -> bool:
        """Whether it has providers to reconcile with; loads nothing."""
        return self._reconcile is not None


WORKFLOWS: Mapping[str, Workflow] = {
    "orders": Workflow(
        "agents.orders.scenario:ORDERS",
        "flows.order_processing:fulfil",
        notify="agents.orders.notify_customer:notify_customer",
        reconcile="agents.orders.reconciliation:differences",
    ),
    "changes": Workflow("agents.orders.scenario:CHANGES", "flows.order_processing:amend"),
    "partitions": Workflow("agents.analysis.scenario:PARTITIONS", "flows.data_analysis:prepare"),
    "candidates": Workflow(
        "agents.analysis.modelling.training:CANDIDATES", "flows.data_analysis:train"
    ),
    "comparisons": Workflow(
        "agents.analysis.modelling.selection:COMPARISONS", "flows.data_analysis:conclude"
    ),
    "turns": Workflow("agents.support.scenario:TURNS", "flows.conversation:answer"),
    "handovers": Workflow("agents.support.handover:HANDOVERS", "flows.conversation:hand_back"),
}
