"""One agent call on a batch, in one task run: resume, intend, run, write down, set aside."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from prefect.context import TaskRunContext
from prefect.logging import get_run_logger

from agents.runtime.attempt import Cancelled, attempt, call, failure_of, remember
from agents.runtime.batch import Batch, Effect, Item, Lineage
from agents.runtime.clock import clock
from agents.runtime.deadline import DeadlineExceeded
from agents.runtime.faultpoints import point
from agents.runtime.journal import journal
from agents.runtime.journal.endings import park
from agents.runtime.journal.outcomes import commit, intend
from agents.runtime.journal.rows import Halt
from agents.runtime.lifecycle import State
from agents.runtime.limits import slots
from agents.runtime.outcomes import Dead, Delayed, Done, Failed, Unit, Waits
from agents.runtime.policies import Lookup
from agents.runtime.showcase import alert
from agents.runtime.side_by_side import side_by_side
from agents.runtime.tally import reason_of
from agents.runtime.task import Agent
from agents.runtime.telemetry import ITEMS, get_logger
from agents.runtime.upcasting import Unreadable

log = get_logger(__name__)

GROUP_ITEMS = 256
GROUP_SECONDS = 0.2

AnyAgent = Agent[Any, Any]


async def run_stage(agent: AnyAgent, batch: Batch) -> Batch:
    """Take every item of the batch through the agent; the batch returned holds those that go on."""
    lineage, items = batch.lineage, batch.take()
    # A compensation runs once for an item, or once for each time that it was reopened, whichever
    # group it is undone with.
    undoing = bool(items) and items[0].state is State.COMPENSATING
    occurrence = items[0].undoing(agent.name) if undoing else lineage.call(agent.name)
    if occurrence and agent.undo is not None:
        raise TypeError(f"{agent.name} is called twice in one flow, but undone once: make it two")
    done, units, unreadable = _resume(agent, items, occurrence)
    await park_unreadable(lineage, unreadable)
    if agent.policy.effect:
        units = await _intend(agent, lineage, units)
    if units:
        async with slots(agent.policy, len(units)):
            done |= await _run(agent, lineage, units)
    _report(agent, items, done)
    return Batch(lineage, [item for item in items if item.id in done])


async def park_unreadable(lineage: Lineage, items: Sequence[Item]) -> None:
    """Let items wait that other code has written and this code cannot read: no retry would help."""
    here, reason = journal(), "what is stored of it cannot be read by this version of the code"
    for state in (State.PROCESSING, State.COMPENSATING):
        held = [item for item in items if item.state is state]
        await park(here.database, here.owner.id, held, reason, state)
    for item in items:
        alert("parked", item.scenario, item.key, reason)
        lineage.tally.count("waiting", reason)


def _resume(
    agent: AnyAgent, items: Sequence[Item], occurrence: int
) -> tuple[set[int], list[Unit], list[Item]]:
    """Items with a journalled outcome take it and go on; the others become units of work.

    Those whose outcome cannot be read are neither.
    """
    done, units, unreadable = set(), [], list[Item]()
    for item in items:
        stage = item.stages.get((agent.name, occurrence))
        if stage is not None and stage.status == "done":
            try:
                item.learn(agent.decode(stage.output, stage.version))
                done.add(item.id)
            except Unreadable:
                unreadable.append(item)
            continue
        units.append(_unit(agent, item, occurrence, stage.attempts if stage else 0))
    return done, units, unreadable


def _unit(agent: AnyAgent, item: Item, occurrence: int, attempts: int) -> Unit:
    unit = Unit(item, agent.name, agent.release, occurrence, "", attempts)
    if agent.policy.effect:
        known = item.effects.get((agent.name, occurrence))
        unit.key = known.key if known else agent.key(item, occurrence)
        unit.intended_at = known.intended_at if known else clock().time()
        unit.unknown = known is not None and known.status == "intended"
    return unit


async def _intend(agent: AnyAgent, lineage: Lineage, units: list[Unit]) -> list[Unit]:
    if not units:
        return []
    here, state = journal(), units[0].item.state
    held = await intend(here.database, here.owner.id, units, state)
    point(f"intended:{agent.name}")
    halted = [u for u in units if held.get(u.id) and state is State.PROCESSING]
    for unit in halted:
        unit.halt = Cancelled() if held[unit.id] is Halt.CANCEL else DeadlineExceeded()
        # What was begun before may have won: some effects, such as goods that left, cannot be undone.
        if not (unit.unknown and isinstance(agent.settle, Lookup)):
            unit.outcome = Failed(failure_of(agent, unit.halt), clean=not unit.unknown)
    if given_up := [unit for unit in halted if unit.outcome is not None]:
        await _commit(agent, lineage, given_up)
    lost = [u for u in units if u.id not in held]
    _lose(lineage, lost)
    going = [u for u in units if u.outcome is None and u.id in held]
    for unit in going:
        unit.item.effects[unit.agent, unit.occurrence] = Effect(
            unit.key, "intended", unit.intended_at
        )
    return going


async def _run(agent: AnyAgent, lineage: Lineage, units: list[Unit]) -> set[int]:
    """Run the units within the policy's concurrency and write outcomes in groups as they arrive."""
    finished: list[Unit] = []
    group_is_full = asyncio.Event()
    source = iter([units] if agent.batched else [[unit] for unit in units])

    async def work() -> None:
        for some in source:
            await (_bisect(agent, some) if agent.batched else _one(agent, some[0]))
            finished.extend(some)
            if len(finished) >= GROUP_ITEMS:
                group_is_full.set()

    going_on: set[int] = set()
    # No call outlives its stage.
    async with side_by_side(work, min(agent.policy.concurrency, len(units))) as workers:
        while not workers.done() or finished:
            await _next_group(workers, group_is_full)
            group_is_full.clear()
            group, finished[:] = finished[:GROUP_ITEMS], finished[GROUP_ITEMS:]
            going_on |= await _commit(agent, lineage, group)
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


async def _one(agent: AnyAgent, unit: Unit) -> None:
    unit.outcome = await attempt(agent, unit)


async def _bisect(agent: AnyAgent, units: list[Unit]) -> None:
    """Call a batch function on all units; halve what fails until the guilty item is alone."""
    if len(units) == 1:
        await _one(agent, units[0])
        return
    try:
        facts = await call(agent, units)
        outcomes = [Done(fact, agent.encode(fact)) for fact in facts]
    except Exception as error:  # noqa: BLE001 - halving finds whose it is
        log.info("batch failed, halving it", agent=agent.name, items=len(units), error=str(error))
        middle = len(units) // 2
        await _bisect(agent, units[:middle])
        await _bisect(agent, units[middle:])
        return
    for unit, outcome in zip(units, outcomes, strict=True):
        unit.outcome = outcome


async def _commit(agent: AnyAgent, lineage: Lineage, units: list[Unit]) -> set[int]:
    """Write a group down, then set aside what does not go on; returns the items that do."""
    if not units:
        return set()
    here, state = journal(), units[0].item.state
    held = await commit(here.database, here.owner.id, units, state)
    point(f"written:{agent.name}")
    _lose(lineage, [unit for unit in units if unit.id not in held])
    mine = [unit for unit in units if unit.id in held]
    for unit in mine:
        remember(agent, unit)
        _set_aside(lineage, unit)
    _alert_of_dead(agent, mine)
    for kind, count in Counter(type(unit.outcome) for unit in mine).items():
        ITEMS.labels(agent.name, agent.release, kind.__name__.lower()).inc(count)
        lineage.tally.passed(agent.name, kind.__name__.lower(), count)
    return {unit.id for unit in mine if isinstance(unit.outcome, Done)}


def _alert_of_dead(agent: AnyAgent, units: Sequence[Unit]) -> None:
    """Call somebody to the dead letters: once a group, for an outage makes many of them."""
    dead = [u for u in units if isinstance(u.outcome, Dead)]
    if dead:
        item, error = dead[0].item, dead[0].outcome.failure.error  # type: ignore[union-attr]  # as chosen
        alert("dead-letter", item.scenario, item.key, f"{len(dead)} at {agent.name}: {error}")


def _set_aside(lineage: Lineage, unit: Unit) -> None:
    item, undoing = unit.item, unit.item.state is State.COMPENSATING
    match unit.outcome:
        case Failed(failure=failure) if not undoing:
            item.failure, item.state = failure, State.COMPENSATING
            lineage.compensating.append(item)
        case Failed(failure=failure) | Dead(failure=failure):
            reason = reason_of(failure.error_type, failure.error)
            lineage.tally.count("dead-lettered", reason, lineage.scenario.measures(item))
        case Waits(reason=reason):
            lineage.tally.count("waiting", reason)
        case Delayed():
            lineage.delayed.append(item.id)


def _lose(lineage: Lineage, units: Sequence[Unit]) -> None:
    for unit in units:
        lineage.tally.count("elsewhere", "taken over by another process")
        log.warning("item lost to another owner", item=unit.item.key, agent=unit.agent)


def _report(agent: AnyAgent, items: Sequence[Item], done: set[int]) -> None:
    run, aside = TaskRunContext.get(), len(items) - len(done)
    # That all go on the next run's name tells; a message costs more than a stage of few items.
    if aside and run is not None and run.task.name == agent.name:
        message = "%s: %d of %d items go on, %d set aside"
        get_run_logger().info(message, agent.name, len(done), len(items), aside)
