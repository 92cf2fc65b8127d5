"""The registry of workflows: every scenario, and what processes, notifies and reconciles its items.

Command line choices, recovery, pruning, operations, checks and documentation derive from it. A workflow
names its parts as "module:name", loaded at first use: to list orders nobody needs to load pandas.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pkgutil import resolve_name
from typing import Any

from agents.runtime.execution.agent import Agent
from agents.runtime.model.batch import Batch
from agents.runtime.model.scenario import Scenario
from agents.runtime.recovery.reconciliation import Difference

Process = Callable[[Batch], Awaitable[Any]]
Reconcile = Callable[..., AsyncIterator[Difference]]


class Workflow:
    """One scenario with its parts, each given as "module:name".

    `process` takes a batch through the steps, `notify` is the outbox agent that sends messages of
    ended items, `reconcile` takes a JournalView and services by type, and yields
    where the providers and the journal disagree.
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
        """The kind of item."""
        found: Scenario = resolve_name(self._scenario)
        return found

    @property
    def process(self) -> Process:
        """What takes a batch of its items through all steps, in whatever process that is."""
        found: Process = resolve_name(self._process)
        return found

    def notifier(self) -> Agent[..., Any] | None:
        """The agent that sends the messages of ended items, if there are any."""
        return resolve_name(self._notify) if self._notify else None

    @property
    def reconcile(self) -> Reconcile | None:
        """What compares the journal with the providers, if the scenario has any."""
        return resolve_name(self._reconcile) if self._reconcile else None

    @property
    def is_reconciled(self) -> bool:
        """Whether it has something to compare with; loads nothing."""
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
    "invoices": Workflow(
        "agents.invoices.invoice:INVOICES",
        "flows.invoice_approval:approve",
        notify="agents.invoices.invoice:notify_supplier",
    ),
}
