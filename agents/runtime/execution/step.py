"""One agent call on a batch, in one task run: resume, intend, run, write down, set aside."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError, concurrency
from prefect.context import FlowRunContext, TaskRunContext
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_URL

from agents.runtime.clock import DeadlineExceeded, clock
from agents.runtime.context import runtime
from agents.runtime.errors import AgentError
from agents.runtime.execution.agent import Agent
from agents.runtime.execution.attempt import Cancelled, attempt, call, failure_of, remember
from agents.runtime.journal.completion import park
from agents.runtime.journal.statements import Halt
from agents.runtime.journal.step_results import commit, intend
from agents.runtime.model.batch import Batch, BatchContext, reason_of
from agents.runtime.model.item import (
    OUTCOME_WORDS,
    DeadLettered,
    Delayed,
    Done,
    Effect,
    Failed,
    Item,
    StepExecution,
    Waiting,
)
from agents.runtime.model.lifecycle import State
from agents.runtime.model.policies import Lookup, Policy
from agents.runtime.model.upcasting import Unreadable
from agents.runtime.prefect_ui import alert
from agents.runtime.telemetry import ITEMS, get_logger
from agents.runtime.testing import failpoint

log = get_logger(__name__)

GROUP_ITEMS = 256
GROUP_SECONDS = 0.2

AnyAgent = Agent[Any, Any]


async def run_step(agent: AnyAgent, batch: Batch) -> Batch:
    """Take every item of the batch through the agent; the batch returned holds those that go on."""
    context, items = batch.context, batch.take()
    # A compensation runs once for an item, or once for each time that it was reopened, whichever
    # group it is undone with.
    undoing = bool(items) and items[0].state is State.COMPENSATING
    occurrence = (
        items[0].compensation_occurrence(agent.name) if undoing else context.call(agent.name)
    )
    if occurrence and agent.undo is not None:
        raise TypeError(f"{agent.name} is called twice in one flow, but undone once: make it two")
    done, executions, unreadable = _resume(agent, items, occurrence)
    if unreadable:
        await park_unreadable(context, unreadable)
    if agent.policy.effect:
        executions = await _intend(agent, context, executions)
    if executions:
        async with concurrency_limit(agent.policy, len(executions)):
            done |= await _run(agent, context, executions)
    _report(agent, items, done)
    return Batch(context, [item for item in items if item.id in done])


async def park_unreadable(context: BatchContext, items: Sequence[Item]) -> None:
    """Let items wait that other code has written and this code cannot read: no retry would help."""
    here, reason = runtime(), "what is stored of it cannot be read by this version of the code"
    for state in (State.PROCESSING, State.COMPENSATING):
        held = [item for item in items if item.state is state]
        await park(here.journal.database, here.lease.id, held, reason, state)
    for item in items:
        alert("parked", item.scenario, item.key, reason)
        context.stats.count("waiting", reason)


def _resume(
    agent: AnyAgent, items: Sequence[Item], occurrence: int
) -> tuple[set[int], list[StepExecution], list[Item]]:
    """Items with a journalled outcome take it and go on; the others become units of work.

    Those whose outcome cannot be read are neither.
    """
    done, executions, unreadable = set(), [], list[Item]()
    for item in items:
        step = item.steps.get((agent.name, occurrence))
        if step is not None and step.status == "done":
            try:
                item.learn(agent.decode(step.output, step.version))
                done.add(item.id)
            except Unreadable:
                unreadable.append(item)
            continue
        executions.append(_unit(agent, item, occurrence, step.attempts if step else 0))
    return done, executions, unreadable


def _unit(agent: AnyAgent, item: Item, occurrence: int, attempts: int) -> StepExecution:
    execution = StepExecution(item, agent.name, agent.version, occurrence, "", attempts)
    if agent.policy.effect:
        known = item.effects.get((agent.name, occurrence))
        execution.key = known.key if known else agent.key(item, occurrence)
        execution.intended_at = known.intended_at if known else clock().time()
        execution.unknown = known is not None and known.status == "intended"
    return execution


async def _intend(
    agent: AnyAgent, context: BatchContext, executions: list[StepExecution]
) -> list[StepExecution]:
    if not executions:
        return []
    here, state = runtime(), executions[0].item.state
    held = await intend(here.journal.database, here.lease.id, executions, state)
    failpoint(f"intended:{agent.name}")
    halted = [u for u in executions if held.get(u.id) and state is State.PROCESSING]
    for execution in halted:
        execution.halt = Cancelled() if held[execution.id] is Halt.CANCEL else DeadlineExceeded()
        # What was begun before may have won: some effects, such as goods that left, cannot be undone.
        if not (execution.unknown and isinstance(agent.settle, Lookup)):
            execution.outcome = Failed(
                failure_of(agent, execution.halt), clean=not execution.unknown
            )
    if given_up := [execution for execution in halted if execution.outcome is not None]:
        await _commit(agent, context, given_up)
    lost = [u for u in executions if u.id not in held]
    _lose(context, lost)
    going = [u for u in executions if u.outcome is None and u.id in held]
    for execution in going:
        execution.item.effects[execution.agent, execution.occurrence] = Effect(
            execution.key, "intended", execution.intended_at
        )
    return going


async def _run(agent: AnyAgent, context: BatchContext, executions: list[StepExecution]) -> set[int]:
    """Run them within the policy's concurrency and write outcomes in groups as they arrive."""
    finished: list[StepExecution] = []
    group_is_full = asyncio.Event()
    source = iter([executions] if agent.batched else [[execution] for execution in executions])

    async def work() -> None:
        for some in source:
            if agent.batched:
                await _bisect(agent, some)
            else:
                some[0].outcome = await attempt(agent, some[0])
            finished.extend(some)
            if len(finished) >= GROUP_ITEMS:
                group_is_full.set()

    going_on: set[int] = set()
    # No call outlives its step.
    async with worker_group(work, min(agent.policy.concurrency, len(executions))) as workers:
        while not workers.done() or finished:
            await _next_group(workers, group_is_full)
            group_is_full.clear()
            group, finished[:] = finished[:GROUP_ITEMS], finished[GROUP_ITEMS:]
            going_on |= await _commit(agent, context, group)
        await workers
    return going_on


async def _next_group(workers: "asyncio.Future[Any]", group_is_full: asyncio.Event) -> None:
    if workers.done():
        return
    full = asyncio.ensure_future(group_is_full.wait())
    try:
        await asyncio.wait(
            {workers, full}, timeout=GROUP_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        full.cancel()


async def _bisect(agent: AnyAgent, executions: list[StepExecution]) -> None:
    """Call a batch function on all units; halve what fails until the guilty item is alone."""
    if len(executions) == 1:
        executions[0].outcome = await attempt(agent, executions[0])
        return
    try:
        facts = await call(agent, executions)
        outcomes = [Done(fact, agent.encode(fact)) for fact in facts]
    except Exception as error:  # noqa: BLE001 - halving finds whose it is
        log.info(
            "batch failed, halving it", agent=agent.name, items=len(executions), error=str(error)
        )
        middle = len(executions) // 2
        await _bisect(agent, executions[:middle])
        await _bisect(agent, executions[middle:])
        return
    for execution, outcome in zip(executions, outcomes, strict=True):
        execution.outcome = outcome


async def _commit(
    agent: AnyAgent, context: BatchContext, executions: list[StepExecution]
) -> set[int]:
    """Write a group down, then set aside what does not go on; returns the items that do."""
    if not executions:
        return set()
    here, state = runtime(), executions[0].item.state
    held = await commit(here.journal.database, here.lease.id, executions, state)
    failpoint(f"written:{agent.name}")
    _lose(context, [execution for execution in executions if execution.id not in held])
    mine = [execution for execution in executions if execution.id in held]
    for execution in mine:
        remember(agent, execution)
        _set_aside(context, execution)
    _alert_of_dead(agent, mine)
    for kind, count in Counter(type(execution.outcome) for execution in mine).items():
        ITEMS.labels(agent.name, agent.version, OUTCOME_WORDS[kind]).inc(count)
        context.stats.count_step(agent.name, OUTCOME_WORDS[kind], count)
    return {execution.id for execution in mine if isinstance(execution.outcome, Done)}


def _alert_of_dead(agent: AnyAgent, executions: Sequence[StepExecution]) -> None:
    """Call somebody to the dead letters: once a group, for an outage makes many of them."""
    dead = [u for u in executions if isinstance(u.outcome, DeadLettered)]
    if dead:
        item, error = dead[0].item, dead[0].outcome.failure.error  # type: ignore[union-attr]  # as chosen
        alert("dead-letter", item.scenario, item.key, f"{len(dead)} at {agent.name}: {error}")


def _set_aside(context: BatchContext, execution: StepExecution) -> None:
    item, undoing = execution.item, execution.item.state is State.COMPENSATING
    match execution.outcome:
        case Failed(failure=failure) if not undoing:
            item.failure, item.state = failure, State.COMPENSATING
            context.compensating.append(item)
        case Failed(failure=failure) | DeadLettered(failure=failure):
            reason = reason_of(failure.error_type, failure.error)
            context.stats.count("dead-lettered", reason, context.scenario.metrics(item))
        case Waiting(reason=reason):
            context.stats.count("waiting", reason)
        case Delayed():
            context.delayed.append(item.id)


def _lose(context: BatchContext, executions: Sequence[StepExecution]) -> None:
    for execution in executions:
        context.stats.count("elsewhere", "taken over by another process")
        log.warning("item lost to another owner", item=execution.item.key, agent=execution.agent)


def _report(agent: AnyAgent, items: Sequence[Item], done: set[int]) -> None:
    run, aside = TaskRunContext.get(), len(items) - len(done)
    # That all go on the next run's name tells; a message costs more than a stage of few items.
    if aside and run is not None and run.task.name == agent.name:
        message = "%s: %d of %d items go on, %d set aside"
        get_run_logger().info(message, agent.name, len(done), len(items), aside)


@asynccontextmanager
async def worker_group(
    work: Callable[[], Coroutine[Any, Any, None]], count: int
) -> AsyncIterator["asyncio.Future[Any]"]:
    """So many workers at once, to be awaited in the block; when it is left, all of them have ended.

    What is awaited raises what the first that failed has raised.
    """
    workers = [asyncio.create_task(work()) for _ in range(count)]
    all_of_them = asyncio.gather(*workers)
    try:
        yield all_of_them
    finally:
        for worker in workers:  # a gathering that failed is done: to cancel it would reach nobody
            worker.cancel()
        await asyncio.gather(all_of_them, *workers, return_exceptions=True)


UNKNOWN = "must be created"  # in Prefect's words; its class says the same of a server that fails


class NoLimit(AgentError):
    """A limit that the server does not have: to go on without it could hurt who is called."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"the Prefect server at {PREFECT_API_URL.value()} has no concurrency limit {self.name!r}: "
            "create it with `python -m deployments.apply`, "
            "or let each process limit itself with AGENT_FLOWS_CONCURRENCY=local"
        )


@asynccontextmanager
async def concurrency_limit(policy: Policy, items: int) -> AsyncIterator[None]:
    """Occupy as many slots of the policy's limit as items run at once, in one call.

    Raises NoLimit.
    """
    if policy.limit is None or not _shared():
        yield
        return
    at_once = min(policy.concurrency, items)
    try:
        async with concurrency(policy.limit, occupy=at_once, strict=True):
            yield
    except ConcurrencySlotAcquisitionError as error:
        if UNKNOWN in str(error):
            raise NoLimit(policy.limit) from None
        raise


def _shared() -> bool:
    wish = runtime().settings.concurrency
    if wish == "auto":
        return FlowRunContext.get() is not None and PREFECT_API_URL.value() is not None
    return wish == "prefect"
