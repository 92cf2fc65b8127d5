"""The run of a graph on one batch: an agent starts when those before it have ended, side by side with others."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agents.runtime.execution.agent import Agent
from agents.runtime.execution.step import alerts_together, commit_outcomes, park_unreadable
from agents.runtime.model.batch import Batch, BatchContext
from agents.runtime.model.item import Delayed, Item, StepExecution, Waiting, decisive
from agents.runtime.model.upcasting import Unreadable
from agents.runtime.testing import failpoint

AnyAgent = Agent[Any, Any]
MOST_ITEMS = 256  # whose deferred outcomes are committed together


async def run_branches(
    agents: Sequence[AnyAgent], before: Mapping[AnyAgent, Sequence[AnyAgent]], batch: Batch
) -> Batch:
    """Run each agent once on the batch, after those that are `before` it; returns the items that go on."""
    run = Branches(agents, before, batch)
    try:
        return await run.result()
    finally:
        await run.close()


class Branches:
    """One batch on its way through a graph.

    The branches share the items, so that facts join by themselves. What moves an item (a failure, a
    question to a person, a delay) is committed when no branch has the item in work any more: moved at
    once, it would refuse what the others have done. Until then it goes no further in any branch.
    """

    def __init__(
        self,
        agents: Sequence[AnyAgent],
        before: Mapping[AnyAgent, Sequence[AnyAgent]],
        batch: Batch,
    ) -> None:
        self._agents, self._before, self._given = agents, before, batch
        self._context: BatchContext = batch.context
        self._items: list[Item] = []
        self._running: dict[asyncio.Task[Batch], AnyAgent] = {}
        self._ids: dict[AnyAgent, set[int]] = {}
        self._results: dict[AnyAgent, Batch] = {}

    async def result(self) -> Batch:
        """Run the graph; returns a batch of the items that passed every agent."""
        self._items = await self._readable(self._given.take())
        self._start_ready()
        while self._running:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in self._running if task.done()]:
                self._end(self._running.pop(task), task.result())
            await self._commit_free()
            self._start_ready()
        return self._joined()

    async def close(self) -> None:
        """End the agents that still run, as none may outlive the graph."""
        self._context.deferred = None
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start_ready(self) -> None:
        """Start every agent whose predecessors have ended, on the items that have passed so far."""
        aside = self._context.deferred or {}
        items = [item for item in self._items if item.id not in aside]
        for agent in self._agents:
            if agent in self._ids or any(one not in self._results for one in self._before[agent]):
                continue
            results = [self._results[one] for one in self._before[agent]] or [self._given]
            self._ids[agent] = {item.id for item in items}
            batch = Batch(self._context, list(items), after=results)
            self._running[asyncio.ensure_future(agent(batch))] = agent
        if len(self._running) <= 1 and not aside:
            self._context.deferred = None  # nothing runs beside it: its outcomes move items at once
        elif self._context.deferred is None:
            self._context.deferred = {}

    def _end(self, agent: AnyAgent, result: Batch) -> None:
        self._results[agent] = result
        passed = {item.id for item in result.peek()}
        stopped = self._ids[agent] - passed
        self._items = [item for item in self._items if item.id not in stopped]

    async def _commit_free(self) -> None:
        """Commit the deferred outcomes of the items that no running agent has."""
        deferred = self._context.deferred
        if not deferred:
            return
        in_work = set[int]().union(*(self._ids[agent] for agent in self._running.values()))
        free = [id_ for id_ in deferred if id_ not in in_work]
        for start in range(0, len(free), MOST_ITEMS):
            group = [deferred.pop(id_) for id_ in free[start : start + MOST_ITEMS]]
            await _commit_together(
                self._context, [one for executions in group for one in executions]
            )

    def _joined(self) -> Batch:
        last = [agent for agent in self._agents if not self._is_before_another(agent)]
        if len(last) == 1:  # all others come before it, so that its items have passed them
            return self._results[last[0]]
        return Batch(self._context, self._items, after=[self._results[agent] for agent in last])

    def _is_before_another(self, agent: AnyAgent) -> bool:
        return any(agent in firsts for firsts in self._before.values())

    async def _readable(self, items: list[Item]) -> list[Item]:
        """The items without those with facts that this code cannot read, which wait for another release.

        They are parked before any branch has them.
        """
        unreadable = [item for item in items if item.steps and not self._is_readable(item)]
        if unreadable:
            async with alerts_together():
                await park_unreadable(self._context, unreadable)
        return [item for item in items if item not in unreadable]

    def _is_readable(self, item: Item) -> bool:
        for agent in self._agents:
            step = item.steps.get((agent.name, self._context.calls[agent.name]))
            if step is not None and step.status == "done":
                try:
                    agent.decode(step.output, step.version)
                except Unreadable:
                    return False
        return True


async def _commit_together(context: BatchContext, executions: list[StepExecution]) -> None:
    """Commit what branches have left; each item moves once, by the outcome that counts most."""
    moving = {id(execution) for execution in decisive(executions)}
    for execution in executions:
        if isinstance(execution.outcome, Waiting) and id(execution) not in moving:
            # A person decides about one agent at a time; this one asks when it runs again.
            execution.outcome = Delayed(0.0, execution.outcome.reason)
    failpoint("joining")
    async with alerts_together():
        await commit_outcomes(context, executions)
    failpoint("joined")
