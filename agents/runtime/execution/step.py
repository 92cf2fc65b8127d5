"""One agent's step on a batch, in one task run: resume, intend, run, commit, set aside."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import orjson
from sqlalchemy.exc import StatementError

from agents.runtime.alerts import Alert, alert, of_batch, send
from agents.runtime.child_start import DidNotStart
from agents.runtime.clock import DeadlineExceeded, clock
from agents.runtime.context import runtime
from agents.runtime.execution.admission import Ways, admit, gave_back
from agents.runtime.execution.agent import Agent
from agents.runtime.execution.attempt import (
    Cancelled,
    apply_outcome,
    attempt,
    attempt_plainly,
    call,
    failure_of,
)
from agents.runtime.execution.budgets import of_execution
from agents.runtime.execution.slow_calls import look_at
from agents.runtime.execution.spans import record_steps, step_span
from agents.runtime.journal.completion import park
from agents.runtime.journal.database import JournalLost
from agents.runtime.journal.statements import Halt
from agents.runtime.journal.step_results import commit, intend, is_refusal
from agents.runtime.metrics import ITEMS
from agents.runtime.model.batch import Batch, BatchContext, reason_of
from agents.runtime.model.item import (
    OUTCOME_WORDS,
    RENEWED,
    DeadLettered,
    Delayed,
    Done,
    Effect,
    Failed,
    Item,
    StepExecution,
    StepRecord,
    Waiting,
    decisive,
)
from agents.runtime.model.lifecycle import State
from agents.runtime.model.policies import AtMostOnce, Lookup, Policy
from agents.runtime.model.upcasting import Unreadable
from agents.runtime.run_context import in_flow_run, task_run_context
from agents.runtime.telemetry import get_logger
from agents.runtime.testing import failpoint

log = get_logger(__name__)

GROUP_ITEMS = 256
GROUP_SECONDS = 0.2
RIDE_SECONDS = 0.2  # of work that a crash may repeat

AnyAgent = Agent[Any, Any]
Written = TypeVar("Written")


async def run_step(agent: AnyAgent, batch: Batch) -> Batch:
    """Run the agent on every item of the batch; returns a batch of the items that go on.

    What needs a person is raised at the end, one event for each kind of alert.
    """
    async with alerts_together():
        with step_span(agent, batch):
            return await _run_step(agent, batch)


@asynccontextmanager
async def alerts_together() -> AsyncIterator[None]:
    """Send the alerts of the block at its end."""
    alerts = list[Alert]()
    token = of_batch.set(alerts)
    try:
        yield
    finally:
        of_batch.reset(token)
        if alerts:
            await send(alerts)


async def _run_step(agent: AnyAgent, batch: Batch) -> Batch:
    context, items = batch.context, batch.take()
    # A compensation runs once for each item, and once more each time the item is reopened; which
    # items share its batch does not matter. Any other agent may run several times in one flow.
    undoing = bool(items) and items[0].state is State.COMPENSATING
    occurrence = (
        items[0].compensation_occurrence(agent.name) if undoing else context.call(agent.name)
    )
    if occurrence and agent.undo is not None:
        raise TypeError(f"{agent.name} is called twice in one flow but undone once: use two agents")
    done, executions, unreadable = _resume(agent, items, occurrence)
    if unreadable:
        await park_unreadable(context, unreadable)
    run = partial(_run_group, agent, context)
    cheaper = partial(_run_group, agent.cheaper, context) if agent.cheaper else None
    ways = Ways(run, partial(_commit_or_defer, context), cheaper)
    for group in _groups(agent, executions):
        if agent.takes is None:
            done |= await run(group)
        else:
            done |= await admit(agent, context, group, ways)
    _report(agent, items, done)
    return Batch(context, [item for item in items if item.id in done])


async def _run_group(
    agent: AnyAgent, context: BatchContext, group: list[StepExecution]
) -> set[int]:
    """Intend and run the executions; returns the ids of the items that go on."""
    called = await _intend(agent, context, group) if agent.policy.effect else group
    if not called:
        return set()
    async with concurrency_limit(agent.policy, len(called)):
        return await _run(agent, context, called)


def _groups(agent: AnyAgent, executions: list[StepExecution]) -> list[list[StepExecution]]:
    """The executions that get their intents in one commit.

    An intent of an effect that happens at most once is never called again, so that a crash drops it:
    their number is at most that of the calls in flight.
    """
    at_once = agent.policy.concurrency if isinstance(agent.settle, AtMostOnce) else len(executions)
    return [executions[i : i + at_once] for i in range(0, len(executions), max(1, at_once))]


async def park_unreadable(context: BatchContext, items: Sequence[Item]) -> None:
    """Park items that this version of the code cannot read: a retry would not help."""
    here, reason = runtime(), "this version of the code cannot read what is stored of the item"
    await commit_riding(context)
    for state in (State.PROCESSING, State.COMPENSATING):
        held = [item for item in items if item.state is state]
        await park(here.journal.database, here.lease.id, held, reason, state)
    for _ in items:
        context.stats.count("waiting", reason)
    await send(Alert("parked", item.scenario, item.key, reason, item.trace) for item in items)


def _resume(
    agent: AnyAgent, items: Sequence[Item], occurrence: int
) -> tuple[set[int], list[StepExecution], list[Item]]:
    """Split the items into ids that are done, executions for the others, and unreadable items.

    An item is done if its outcome is journalled, and unreadable if this code cannot read that.
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
        executions.append(_execution_of(agent, item, occurrence, step))
    return done, executions, unreadable


def _execution_of(
    agent: AnyAgent, item: Item, occurrence: int, step: StepRecord | None
) -> StepExecution:
    attempts = step.attempts if step else 0
    execution = StepExecution(item, agent.name, agent.version, occurrence, "", attempts)
    if step is not None and step.used is not None:
        execution.used_before = orjson.loads(step.used)
    if agent.policy.effect:
        known = item.effects.get((agent.name, occurrence))
        execution.key = known.key if known else agent.key(item, occurrence)
        execution.generation = known.generation if known else 0
        execution.intended_at = known.intended_at if known else item.next_intent_at
        execution.unknown = known is not None and known.status == "intended"
        execution.spent = known is not None and (known.spent or known.status == "refused")
        execution.renewed = known is not None and known.status == RENEWED
    return execution


async def _intend(
    agent: AnyAgent, context: BatchContext, executions: list[StepExecution]
) -> list[StepExecution]:
    here, state = runtime(), executions[0].item.state
    held = await with_riding(
        context,
        lambda riding: intend(here.journal.database, here.lease.id, executions, state, riding),
    )
    failpoint(f"intended:{agent.name}")
    context.count_lost([execution for execution in executions if execution.id not in held])
    mine = [execution for execution in executions if execution.id in held]
    for execution in mine:
        if (halt := held[execution.id]) and state is State.PROCESSING:
            _halt(agent, execution, halt)
    await _commit_or_defer(context, [e for e in mine if e.outcome is not None])
    to_call = [execution for execution in mine if execution.outcome is None]
    for execution in to_call:
        execution.item.effects[execution.agent, execution.occurrence] = Effect(
            execution.key,
            "intended",
            execution.intended_at,
            execution.generation,
            execution.spent,
        )
    return to_call


def _halt(agent: AnyAgent, execution: StepExecution, halt: Halt) -> None:
    """Fail an item that must begin nothing new, unless an earlier call of its effect is settled first.

    That call may have succeeded, and some effects, such as goods that left, cannot be undone.
    """
    execution.halt = Cancelled() if halt is Halt.CANCEL else DeadlineExceeded()
    if not (execution.unknown and isinstance(agent.settle, Lookup)):
        failure = failure_of(agent, execution.halt)
        execution.outcome = Failed(failure, clean=not execution.unknown)


async def _run(agent: AnyAgent, context: BatchContext, executions: list[StepExecution]) -> set[int]:
    """Run the executions concurrently, within the policy, and commit outcomes in groups.

    Returns the ids of the items that go on.
    """
    finished: list[StepExecution] = []
    running: dict[int, StepExecution] = {}
    group_is_full = asyncio.Event()
    calls = iter([executions] if agent.batched else [[execution] for execution in executions])

    async def work() -> None:
        for called in calls:
            running[called[0].id] = called[0]
            of_execution.set(None if agent.batched else called[0])
            if agent.batched:
                await _bisect(agent, called)
            elif held_back := _not_begun(context, called[0]):
                called[0].outcome = held_back
            elif agent.is_plain:
                begun = attempt_plainly(agent, called[0])
                called[0].outcome = begun if isinstance(begun, Done) else await begun
            else:
                called[0].outcome = await attempt(agent, called[0])
            del running[called[0].id]
            finished.extend(called)
            if len(finished) >= GROUP_ITEMS or executions[0].needs:  # others may wait for those
                group_is_full.set()

    done: set[int] = set()
    # The group ends every call when this block is left, so no call outlives its step.
    async with worker_group(work, min(agent.policy.concurrency, len(executions))) as workers:
        while not workers.done() or finished:
            await _next_group(workers, group_is_full)
            group_is_full.clear()
            group, finished[:] = finished[:GROUP_ITEMS], finished[GROUP_ITEMS:]
            done |= await _ride_or_commit(agent, context, group)
            if not group and not workers.done():  # some may take long: what rides waits no longer
                await commit_riding(context)
            if running:
                await look_at(agent, running.values())
        await workers
    return done


async def _next_group(workers: "asyncio.Future[Any]", group_is_full: asyncio.Event) -> None:
    """Wait until a group is full, some time has passed or the workers have ended."""
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
    """Call a batched function on all items; halve a batch that fails until the cause is alone."""
    if len(executions) == 1:
        executions[0].outcome = await attempt(agent, executions[0])
        return
    begun = clock().monotonic()
    try:
        facts = await call(agent, executions)
        outcomes = [Done(fact, agent.encode(fact)) for fact in facts]
    except (DidNotStart, JournalLost):
        raise  # no item is the cause
    except Exception as error:  # noqa: BLE001 - halving finds the item that causes it
        log.info(
            "batch failed, halving it", agent=agent.name, items=len(executions), error=str(error)
        )
        middle = len(executions) // 2
        await _bisect(agent, executions[:middle])
        await _bisect(agent, executions[middle:])
        return
    ended = clock().monotonic()
    begun = ended - (ended - begun) / len(executions)
    for execution, outcome in zip(executions, outcomes, strict=True):
        execution.outcome, execution.begun, execution.ended = outcome, begun, ended


def _not_begun(context: BatchContext, execution: StepExecution) -> Delayed | None:
    """The outcome of a call that is not made, since another step has not succeeded on its item."""
    if context.deferred and execution.id in context.deferred:
        return Delayed(0.0, "not begun, since a step beside it has not succeeded")
    return None


async def _ride_or_commit(
    agent: AnyAgent, context: BatchContext, group: list[StepExecution]
) -> set[int]:
    if _may_ride(agent, context, group):
        return _ride(context, group)
    return await _commit_or_defer(context, group)


async def _commit_or_defer(context: BatchContext, executions: list[StepExecution]) -> set[int]:
    """Commit the outcomes of a group. Those that move an item wait while other steps may have it in work.

    Moved at once, the item would refuse what those steps did. Until then these outcomes are in memory
    alone: a crash leaves their effects as unknown as one before any commit.
    """
    if context.deferred is not None:
        for execution in executions:
            if not isinstance(execution.outcome, Done):
                context.deferred.setdefault(execution.id, []).append(execution)
        executions = [e for e in executions if isinstance(e.outcome, Done)]
    return await commit_outcomes(context, executions)


def _may_ride(agent: AnyAgent, context: BatchContext, group: Sequence[StepExecution]) -> bool:
    """Whether the next commit can write these outcomes: a crash before it repeats little, and no effect."""
    if context.riding is None or agent.policy.effect or not group:
        return False
    since = (context.riding or group)[0].begun
    return (
        since is not None
        and clock().monotonic() - since < RIDE_SECONDS
        and group[0].item.state is State.PROCESSING
        and all(isinstance(e.outcome, Done) and not e.needs and e.used is None for e in group)
    )


def _ride(context: BatchContext, group: Sequence[StepExecution]) -> set[int]:
    """Leave outcomes to the next commit; returns the ids of the items, all of which go on."""
    assert context.riding is not None
    context.riding += group
    _count(context, group)
    return {execution.item.id for execution in group}


async def with_riding(
    context: BatchContext, write: Callable[[list[StepExecution]], Awaitable[Written]]
) -> Written:
    """What `write` returns; its transaction writes the outcomes that ride as well.

    If the database refuses anything, they are committed alone first: a value that it refuses makes a
    dead letter of its item alone.
    """
    riding = context.take_riding()
    try:
        return await write(riding)
    except (StatementError, UnicodeError) as error:
        if not riding or not is_refusal(error):
            raise
    await _write_outcomes(context, [], riding)
    return await write([])


async def commit_riding(context: BatchContext) -> None:
    """Commit the outcomes that ride, where no other transaction follows."""
    if riding := context.take_riding():
        await _write_outcomes(context, [], riding)


async def commit_outcomes(context: BatchContext, executions: list[StepExecution]) -> set[int]:
    """Commit the outcomes of a group, and those that ride; then set failed items aside.

    Returns the ids of the group's items that go on.
    """
    return (
        await _write_outcomes(context, executions, context.take_riding()) if executions else set()
    )


async def _write_outcomes(
    context: BatchContext, executions: list[StepExecution], riding: list[StepExecution]
) -> set[int]:
    here, woken, together = runtime(), set[str](), executions + riding
    state = executions[0].item.state if executions else State.PROCESSING
    held = await commit(here.journal.database, here.lease.id, together, state, woken)
    failpoint(f"written:{together[0].agent}")
    if any(execution.needs for execution in executions):
        await gave_back(executions, woken)
    context.count_lost([execution for execution in together if execution.id not in held])
    refused = [one for one in riding if not isinstance(one.outcome, Done)]
    mine = [execution for execution in executions + refused if execution.id in held]
    _count(context, mine)
    for execution in decisive(mine):
        _set_aside(context, execution)
    return {execution.id for execution in mine if isinstance(execution.outcome, Done)}


def _count(context: BatchContext, executions: Sequence[StepExecution]) -> None:
    """Let the items know these outcomes, and record and count them."""
    record_steps(context.scenario.name, executions)
    for execution in executions:
        apply_outcome(execution)
    outcomes = Counter([(e.agent, e.version, type(e.outcome)) for e in executions])
    for (name, version, kind), count in outcomes.items():
        ITEMS.labels(name, version, OUTCOME_WORDS[kind]).inc(count)
        context.stats.count_step(name, OUTCOME_WORDS[kind], count)


def _set_aside(context: BatchContext, execution: StepExecution) -> None:
    item, undoing = execution.item, execution.item.state is State.COMPENSATING
    if undoing or not isinstance(execution.outcome, Failed):
        context.released.add(item.id)
    match execution.outcome:
        case Failed(failure=failure) if not undoing:
            item.failure, item.state = failure, State.COMPENSATING
            context.compensating.append(item)
        case Failed(failure=failure) | DeadLettered(failure=failure):
            reason = reason_of(failure.error_type, failure.error)
            context.stats.count("dead-lettered", reason, context.scenario.metrics(item))
            where = f"{failure.agent}: {failure.error}"
            alert("dead-letter", item.scenario, item.key, where, item.trace)
        case Waiting(reason=reason):
            context.stats.count("waiting", reason)
            alert("parked", item.scenario, item.key, reason, item.trace)
        case Delayed(leaves=True, error=error):
            context.stats.count("pending", error)
        case Delayed():
            context.delayed.append(item.id)


def _report(agent: AnyAgent, items: Sequence[Item], done: set[int]) -> None:
    run, aside = task_run_context(), len(items) - len(done)
    # Only if items are set aside: the name of the next task run shows how many go on anyway, and a
    # message takes longer than a step of few items.
    if aside and run is not None and run.task.name == agent.name:
        from prefect.logging import get_run_logger  # noqa: PLC0415 - loaded, as this is a task run

        message = "%s: %d of %d items go on, %d set aside"
        get_run_logger().info(message, agent.name, len(done), len(items), aside)


@asynccontextmanager
async def worker_group(
    work: Callable[[], Coroutine[Any, Any, None]], count: int
) -> AsyncIterator["asyncio.Future[Any]"]:
    """Run `count` workers; yields a future of all of them, and ends them when the block is left.

    The future raises the error of the first worker that fails.
    """
    workers = [asyncio.create_task(work()) for _ in range(count)]
    gathered = asyncio.gather(*workers)
    try:
        yield gathered
    finally:
        for worker in workers:  # `gathered` may have failed already and would cancel no worker
            worker.cancel()
        await asyncio.gather(gathered, *workers, return_exceptions=True)


@asynccontextmanager
async def concurrency_limit(policy: Policy, items: int) -> AsyncIterator[None]:
    """Occupy one slot of the policy's limit for each item that runs at once.

    Raises NoLimit and LimitTooSmall.
    """
    if policy.limit is None or not _limited_by_server():
        yield
        return
    from agents.runtime.execution.slots import server_slots  # noqa: PLC0415 - loads Prefect

    async with server_slots(policy.limit, min(policy.concurrency, items)):
        yield


def _limited_by_server() -> bool:
    setting = runtime().settings.concurrency
    if setting != "auto":
        return setting == "prefect"
    if not in_flow_run():
        return False
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - loaded, as this is a flow run

    return PREFECT_API_URL.value() is not None
