"""A saga: items that fail permanently within it are compensated in reverse, the others completed.

Source: H. Garcia-Molina, K. Salem, "Sagas", SIGMOD 1987.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from agents.runtime.context import runtime
from agents.runtime.execution.agent import AGENTS, Agent
from agents.runtime.execution.spans import record_ends
from agents.runtime.execution.step import commit_riding, with_riding
from agents.runtime.journal.completion import end
from agents.runtime.model.batch import Batch, BatchContext, reason_of
from agents.runtime.model.item import Item, Notice
from agents.runtime.model.lifecycle import Event, State
from agents.runtime.telemetry import get_logger
from agents.runtime.testing import failpoint

log = get_logger(__name__)

ENDS = {
    Event.COMPLETE: State.COMPLETED,
    Event.END_FAILED: State.FAILED,
    Event.END_COMPENSATED: State.COMPENSATED,
    Event.END_CANCELLED: State.CANCELLED,
}


@asynccontextmanager
async def saga(batch: Batch) -> AsyncIterator[None]:
    """Run the block, then complete the items that passed it and compensate those that failed.

    If an exception leaves the block (Ctrl-C, a lost journal), nothing is compensated: another run
    resumes the items.
    """
    context = batch.context
    context.riding = []
    yield
    survivors = list(context.latest.peek()) if context.latest else []
    await _end(context, survivors, Event.COMPLETE)
    await commit_riding(context)
    context.riding = None
    await _compensate(context)


async def _compensate(context: BatchContext) -> None:
    items, context.compensating = [i for i in context.compensating if _is_known(i)], []
    remaining = {item.id: _undos(item) for item in items}
    undone = {item.id for item in items if remaining[item.id]}
    while todo := [item for item in items if remaining[item.id]]:
        # Compensations run in batches; the longest list goes first, so each item keeps its order.
        longest = max(todo, key=lambda item: len(remaining[item.id]))
        undo = remaining[longest.id][0]
        occurrence = longest.compensation_occurrence(undo.name)
        group = [
            item
            for item in todo
            if remaining[item.id][0] is undo
            and item.compensation_occurrence(undo.name) == occurrence
        ]
        passed = {item.id for item in (await undo(Batch(context, list(group)))).take()}
        for item in group:
            remaining[item.id].pop(0)
        failed = {item.id for item in group} - passed
        items = [item for item in items if item.id not in failed]
    await _end_failed(context, items, undone)


async def _end_failed(context: BatchContext, items: Sequence[Item], undone: set[int]) -> None:
    ends: dict[Event, list[Item]] = {}
    for item in items:
        event = Event.END_COMPENSATED if item.id in undone else Event.END_FAILED
        if item.failure is not None and item.failure.cancelled:
            event = Event.END_CANCELLED
        ends.setdefault(event, []).append(item)
    for event, group in ends.items():
        await _end(context, group, event)


async def _end(context: BatchContext, items: Sequence[Item], event: Event) -> None:
    if not items:
        return
    here = runtime()
    notices = {item.id: _notices(context, item, event) for item in items}
    failpoint("ending")
    needed = context.scenario.has_dependencies
    ended = await with_riding(
        context,
        lambda riding: end(
            here.journal.database,
            here.lease.id,
            items,
            event,
            notices,
            needed=needed,
            riding=riding,
        ),
    )
    failpoint("ended")
    record_ends(item for item in items if item.id in ended)
    for item in items:
        if item.id in ended:
            context.ended.append(item)
            reason = reason_of(item.failure.error_type, item.failure.error) if item.failure else ""
            context.stats.count(item.outcome or "", reason, context.scenario.metrics(item))


def _notices(context: BatchContext, item: Item, event: Event) -> Sequence[Notice]:
    """Set state and outcome of an item that ends; returns its notices.

    If the scenario raises, the outcome is the name of the state and there are no notices.
    """
    item.state = ENDS[event]
    try:
        item.outcome = context.scenario.outcome(item)
        return context.scenario.notices(item)
    except Exception:
        log.exception(
            "the scenario failed to name the outcome of an item", item=item.key, trace=item.trace
        )
        item.outcome = item.outcome or str(item.state)
        return ()


def _is_known(item: Item) -> bool:
    """Whether this process has the agents of all effects of the item, as it needs their `undo`."""
    unknown = {name for name, _ in item.effects} - AGENTS.keys()
    if unknown:
        log.error(
            "cannot compensate an item: its agents are not in this code, run the release that has them",
            item=item.key,
            trace=item.trace,
            agents=unknown,
        )
    return not unknown


def _undos(item: Item) -> list[Agent[Any, Any]]:
    """The compensations that an item needs, that of its latest effect first, each once."""
    effects = sorted(
        (
            (effect.intended_at, name)
            for (name, _), effect in item.effects.items()
            if effect.status != "refused"
        ),
        reverse=True,
    )
    undos: list[Agent[Any, Any]] = []
    for _, name in effects:
        undo = AGENTS[name].undo
        if undo is not None and undo not in undos:
            undos.append(undo)
    return undos
