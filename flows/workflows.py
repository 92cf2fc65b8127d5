"""The registry of workflows: every scenario, and what processes, notifies and reconciles its items.

The choices of `--scenario`, recovery, pruning, consumers, `deployments.check` and flows/README.md derive
from it. Parts are named as "module:name" and loaded at first use: listing orders loads no pandas.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pkgutil import resolve_name
from typing import Any

from agents.runtime.execution.agent import Agent
from agents.runtime.messaging import Answerer, Subscription
from agents.runtime.model.api_versions import Change
from agents.runtime.model.batch import Batch
from agents.runtime.model.scenario import Scenario
from agents.runtime.model.upcasting import major_of
from agents.runtime.recovery.reconciliation import Difference
from agents.workflow.incoming_webhooks import IncomingWebhook

Process = Callable[[Batch], Awaitable[Any]]
Reconcile = Callable[..., AsyncIterator[Difference]]


class Workflow:
    """One scenario with its parts, each given as "module:name".

    Args:
        scenario: The Scenario of the items.
        process: The function that takes a batch through all its steps.
        notify: The outbox agent that sends the notices of ended items.
        reconcile: The function that yields the differences between providers and journal; it takes
            a JournalView and services by type.
        answers: The questions of other scenarios that it answers.
        subscriptions: The events that start items of it; each handler returns the item that it has
            put into the queue.
        others: The functions that process items of the scenario's other major versions, by major.
            The other parts serve all versions.
        api: What dated versions of the API changed in its items' bodies.
        webhooks: The outside systems that send it events.

    """

    def __init__(  # noqa: PLR0913 - each is a part of a workflow, given by name
        self,
        scenario: str,
        process: str,
        *,
        notify: str | None = None,
        reconcile: str | None = None,
        answers: str | None = None,
        subscriptions: str | None = None,
        others: Mapping[int, str] | None = None,
        api: str | None = None,
        webhooks: str | None = None,
    ) -> None:
        self._scenario, self._process = scenario, process
        self._notify, self._reconcile = notify, reconcile
        self._answers, self._subscriptions, self._api = answers, subscriptions, api
        self._others = others or {}
        self._webhooks = webhooks

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

    def loaded(self) -> str:
        """Load its agents; returns the package in which they are."""
        resolve_name(self._process)
        return self._scenario.rpartition(":")[0].rpartition(".")[0]

    def of(self, version: str) -> Process | None:
        """As `process`, for items of this version's major; None if this code does not have it."""
        major = major_of(version)
        if major == major_of(self.scenario.version):
            return self.process
        return resolve_name(self._others[major]) if major in self._others else None

    def load(self) -> None:
        """Load the agents of all versions."""
        for name in (self._process, *self._others.values()):
            resolve_name(name)

    async def run(self, batch: Batch) -> None:
        """Take a batch through all steps of the version that its items began with."""
        process = self.of(batch.context.scenario.version)
        assert process is not None, "a process claims only versions that its code has"
        await process(batch)

    def notifier(self) -> Agent[..., Any] | None:
        """The agent that sends the notices of ended items, if there is one."""
        return resolve_name(self._notify) if self._notify else None

    @property
    def reconcile(self) -> Reconcile | None:
        """Yields the differences between providers and journal, if the scenario has providers."""
        return resolve_name(self._reconcile) if self._reconcile else None

    @property
    def answers(self) -> Sequence[Answerer]:
        """What it answers to other scenarios."""
        return resolve_name(self._answers) if self._answers else ()

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        """The events of other scenarios that start items of it."""
        return resolve_name(self._subscriptions) if self._subscriptions else ()

    @property
    def api(self) -> Sequence[Change]:
        """What dated versions of the API changed in its items' bodies."""
        return resolve_name(self._api) if self._api else ()

    @property
    def webhooks(self) -> Sequence[IncomingWebhook]:
        """The outside systems that send it events."""
        return resolve_name(self._webhooks) if self._webhooks else ()

    @property
    def is_reconciled(self) -> bool:
        """Whether it has providers to reconcile with; loads nothing."""
        return self._reconcile is not None


WORKFLOWS: Mapping[str, Workflow] = {
    "orders": Workflow(
        "agents.orders.scenario:ORDERS",
        "flows.fulfilment:fulfil",
        notify="agents.orders.notify_customer:notify_customer",
        reconcile="agents.orders.reconciliation:differences",
        api="agents.orders.api:CHANGES",
        webhooks="agents.orders.payment_webhook:WEBHOOKS",
    ),
    "changes": Workflow(
        "agents.orders.scenario:CHANGES",
        "flows.fulfilment:amend",
        answers="agents.orders.answers:ANSWERS",
    ),
    "returns": Workflow(
        "agents.orders.scenario:RETURNS",
        "flows.fulfilment:take_back",
        notify="agents.orders.notify_customer:notify_return",
        webhooks="agents.orders.return_webhook:WEBHOOKS",
    ),
    "analyses": Workflow(
        "agents.analysis.scenario:ANALYSES", "flows.data_analysis:carry_out_asked"
    ),
    "partitions": Workflow("agents.analysis.scenario:PARTITIONS", "flows.data_analysis:prepare"),
    "candidates": Workflow("agents.analysis.scenario:CANDIDATES", "flows.data_analysis:train"),
    "comparisons": Workflow("agents.analysis.scenario:COMPARISONS", "flows.data_analysis:conclude"),
    "turns": Workflow("agents.support.scenario:TURNS", "flows.conversation:answer"),
    "change-results": Workflow(
        "agents.support.change_results:CHANGE_RESULTS",
        "flows.conversation:keep_result",
        subscriptions="agents.support.change_results:SUBSCRIPTIONS",
    ),
    "handovers": Workflow(
        "agents.support.handover:HANDOVERS",
        "flows.conversation:hand_back",
        api="agents.support.api:CHANGES",
    ),
    "tasks": Workflow("agents.tasks.scenario:TASKS", "flows.workflow_file:run_tasks"),
    "invoices": Workflow(
        "agents.invoices.invoice:INVOICES",
        "flows.invoice_approval:approve",
        notify="agents.invoices.invoice:notify_supplier",
        others={2: "flows.invoice_approval:ask_first"},
    ),
}
