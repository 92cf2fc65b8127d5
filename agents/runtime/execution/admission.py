"""Admission to a step: an execution runs as soon as it has all the resources that its agent takes.

Resources are taken before the intent of an effect, and given back with the outcome. While executions of
the step run, further ones take what those give back. When none runs and others hold what is needed, the
items wait here for a moment, since that is often enough; then they leave the batch and use no attempt. In
the journal they stay in line, and a step that gives back makes them due.

A step occupies slots of Prefect's limits after it has taken its resources, always in this order. A step that
has slots waits for no resource, so that resources and slots cannot block each other for ever.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.runtime.clock import DeadlineExceeded
from agents.runtime.context import runtime
from agents.runtime.execution.agent import Agent
from agents.runtime.execution.attempt import Cancelled, failure_of
from agents.runtime.execution.budgets import estimate, question, tell, used_up
from agents.runtime.journal.capacities import are_limited
from agents.runtime.journal.resources import Answer, give_back_of, take
from agents.runtime.journal.statements import Halt, still_held
from agents.runtime.model.batch import BatchContext
from agents.runtime.model.item import DeadLettered, Delayed, StepExecution, Waiting
from agents.runtime.model.lifecycle import State
from agents.runtime.redis.signals import Signals
from agents.runtime.scheduling.reservations import AtLimit, Capacity, Decision, Request
from agents.runtime.telemetry import get_logger
from agents.runtime.testing import failpoint

log = get_logger(__name__)

STAYS = 1.0  # seconds for which items wait in their step while nothing of it runs
LOOK = 0.25  # seconds between two looks at what other processes have given back

AnyAgent = Agent[Any, Any]
Run = Callable[[list[StepExecution]], Awaitable[set[int]]]


@dataclass(frozen=True, slots=True)
class Ways:
    """What becomes of executions: `run` runs them, `commit` journals those that do not run now.

    `cheaper` runs those for which a budget does not suffice and says so, by the agent's cheaper version.
    """

    run: Run
    commit: Run
    cheaper: Run | None


async def admit(
    agent: AnyAgent, context: BatchContext, executions: list[StepExecution], ways: Ways
) -> set[int]:
    """Run each execution once it has its resources; returns the ids of the items that go on."""
    wrong = [execution for execution in executions if not _learn_needs(agent, execution)]
    await ways.commit(wrong)
    ready = [execution for execution in executions if execution.outcome is None]
    names = {name for execution in ready for name in execution.needs or ()}
    if not names or not await are_limited(runtime().journal.database, names):
        for execution in ready:
            execution.needs = None
        return await ways.run(ready) if ready else set()
    for execution in ready:
        if execution.needs:
            execution.needs, execution.settles = estimate(execution), execution.unknown
    return await Admission(agent, context, ways, ready).finish()


def _learn_needs(agent: AnyAgent, execution: StepExecution) -> bool:
    """Set what the execution needs; False with an outcome if the agent's function fails on the item."""
    decision = execution.item.decision_for(agent.name)
    if decision is not None and not decision.approved:
        return True  # it does not run, so it needs nothing
    try:
        execution.needs = agent.needs(execution.item, execution.key)
    except Exception as error:
        log.exception("what an agent takes cannot be computed", agent=agent.name)
        execution.outcome = DeadLettered(failure_of(agent, error))
        return False
    return True


@dataclass(slots=True)
class Admission:
    """The executions of one step, some `waiting` and some `running`, and the items that are `done`."""

    agent: AnyAgent
    context: BatchContext
    ways: Ways
    waiting: list[StepExecution]
    running: dict["asyncio.Task[set[int]]", list[StepExecution]] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    blocked: dict[int, tuple[Decision, float]] = field(default_factory=dict)
    _leaves_at: float | None = None

    async def finish(self) -> set[int]:
        """Run until no execution is left; returns the ids of the items that go on."""
        started = list(self.waiting)
        try:
            while self.waiting or self.running:
                await self._advance()
        finally:
            for task in self.running:
                task.cancel()
            await asyncio.gather(*self.running, return_exceptions=True)
        await _give_back_rest(self.agent, started)
        return self.done

    async def _advance(self) -> None:
        """Start what can run; else wait until something of this step ends or something is given back."""
        given_back = runtime().given_back.next()
        if self.waiting and self._room() > 0 and await self._start():
            self._leaves_at = None
            return
        if not self.waiting and not self.running:
            return
        if not self.running and self._is_late():
            await self._leave()
            return
        change = asyncio.ensure_future(given_back.wait())
        try:
            await asyncio.wait(
                {change, *self.running},
                timeout=STAYS if self.running else LOOK,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            change.cancel()
        for task in [task for task in self.running if task.done()]:
            del self.running[task]
            self.done |= task.result()

    def _room(self) -> int:
        """How many more executions may run at once."""
        if self.agent.batched:
            return len(self.waiting) if not self.running else 0
        busy = sum(e.outcome is None for group in self.running.values() for e in group)
        return self.agent.policy.concurrency - busy

    def _is_late(self) -> bool:
        """Whether the items have waited here for long enough, or the process is to stop."""
        now = asyncio.get_running_loop().time()
        self._leaves_at = self._leaves_at or now + STAYS
        return now >= self._leaves_at or runtime().stop.asked

    async def _start(self) -> bool:
        """Start the executions that have their resources now, if there are any."""
        answer, halted = await self._take()
        self.blocked = answer.blocked
        ready = [e for e in self.waiting if e.id in answer.taken or e.id in halted]
        above = [e for e in self.waiting if e.id in answer.above]
        for execution in above:
            execution.outcome = Waiting(_never(self.agent, answer.above[execution.id]))
        instead = [e for e in self.waiting if e.id in answer.beyond]
        asked = [e for e in instead if not _begin_cheaper(self.agent, e, answer.beyond[e.id])]
        instead = [e for e in instead if e.outcome is None]
        started = {execution.id for execution in [*ready, *above, *asked, *instead]}
        self.waiting = [e for e in self.waiting if e.id not in started]
        await self.ways.commit(above + asked)
        for run, group in (self.ways.run, ready), (self.ways.cheaper, instead):
            if run is not None and group:
                self.running[asyncio.create_task(_run(run, group))] = group
        return bool(ready or instead)

    async def _take(self) -> tuple[Answer, set[int]]:
        """Take for the items that are still held; the ids of those that are halted, which need nothing."""
        here, state = runtime(), self.waiting[0].item.state
        async with here.journal.database.write() as connection:
            held = await still_held(connection, here.lease.id, self.waiting, state)
            lost = [e for e in self.waiting if e.id not in held]
            self.waiting = [e for e in self.waiting if e.id in held]
            halted = set[int]()
            for execution in self.waiting:
                if (halt := held[execution.id]) and state is State.PROCESSING:
                    _halt(execution, halt)
                    halted.add(execution.id)
            here.lease.took_resources = True
            requests = [_request(self.agent, e) for e in self.waiting if e.id not in halted]
            answer = (
                await take(connection, here.lease.id, requests, self._room())
                if requests
                else Answer()
            )
        failpoint(f"took:{self.agent.name}")
        tell(answer.used_up, self.waiting)
        self.context.count_lost(lost)
        return answer, halted

    async def _leave(self) -> None:
        """Let the items that wait leave the batch; they come back when they are due."""
        leaving, self.waiting = self.waiting, []
        for execution in leaving:
            decision, seconds = self.blocked.get(execution.id, (None, 0.0))
            capacity = decision.blocked_by if decision else None
            reason = f"waits for {capacity.resource}" if capacity else "waits for its turn"
            if decision is not None and capacity is not None and capacity.at_limit:
                reason = used_up(decision)
            seconds = max(min(seconds, execution.item.remaining_seconds), 0.0)
            execution.outcome = Delayed(seconds, reason)
        await self.ways.commit(leaving)


async def _run(run: Run, executions: list[StepExecution]) -> set[int]:
    return await run(executions)


def _request(agent: AnyAgent, execution: StepExecution) -> Request:
    needs, item = execution.needs or {}, execution.item
    decision = item.decision_for(agent.name)
    return Request(
        *(item.id, item.fence, execution.agent, item.tenant, needs),
        approved=decision is not None,
        has_cheaper=agent.cheaper is not None,
        settles=execution.settles,
    )


def _begin_cheaper(agent: AnyAgent, execution: StepExecution, decision: Decision) -> bool:
    """Let the cheaper version of the agent run; False with an outcome if a person is asked."""
    assert decision.beyond is not None
    if decision.beyond.at_limit == AtLimit.ASK:
        execution.outcome = Waiting(question(decision))
        return False
    assert agent.cheaper is not None
    execution.instead = f"{agent.cheaper.name} ran instead: {used_up(decision)}"
    execution.needs = None
    return True


def _halt(execution: StepExecution, halt: Halt) -> None:
    """The item begins nothing new: it needs no resources to find that out."""
    execution.halt = Cancelled() if halt is Halt.CANCEL else DeadlineExceeded()
    execution.needs = None


def _never(agent: AnyAgent, decision: Decision) -> str:
    assert decision.above is not None
    return too_large(agent.name, decision.request.amounts, decision.above)


def too_large(who: str, needs: Mapping[str, float], capacity: Capacity) -> str:
    """Why somebody who needs that much can never run, and what to do."""
    name, scope = capacity.resource, f" of tenant {capacity.scope}" if capacity.scope else ""
    return (
        f"{who} needs {needs[name]:,g} of {name}, and there are {capacity.amount:,g}{scope}: need less, or "
        f"raise it (`uv run python -m flows.operations resources --set {name}=...`) and approve the item"
    )


async def gave_back(executions: Sequence[StepExecution], woken: set[str]) -> None:
    """After a commit that gave back: wake who waits in this process, and consumers of due items."""
    for execution in executions:
        execution.needs = None
    here = runtime()
    here.given_back.announce()
    if here.cache.redis is not None:
        for scenario in sorted(woken):
            await Signals(here.cache.redis).wake(scenario)


async def _give_back_rest(agent: AnyAgent, executions: Sequence[StepExecution]) -> None:
    """Give back what executions hold whose outcome is not committed here.

    Another process has taken their items over, or a graph commits the outcome when its branches have ended.
    """
    rest = [execution for execution in executions if execution.needs]
    if not rest:
        return
    here = runtime()
    async with here.journal.database.write() as connection:
        woken = await give_back_of(connection, here.lease.id, rest)
    log.info("gave back before the outcome", agent=agent.name, items=len(rest))
    await gave_back(rest, woken)
