"""Pruning: of an item that ended long ago one row stays, so that the item is still recognised."""

from typing import Any

from sqlalchemy import delete, select, update

from agents.runtime.journal import Journal, hour_counts
from agents.runtime.journal.database import now
from agents.runtime.journal.scheduling_schema import resource_waits
from agents.runtime.journal.schema import (
    dead_letters,
    effects,
    history,
    items,
    messages,
    outbox,
    positions,
    steps,
)
from agents.runtime.journal.statements import values_of
from agents.runtime.model.lifecycle import ENDED, State

ABOUT_ITEMS = (steps, history, outbox, dead_letters, resource_waits)
AT_ONCE = 1_000
RECONCILED_DAYS = 80  # reconciliation looks back this far at most
KEYS_ARE_KEPT = (RECONCILED_DAYS + 1) * 86_400.0  # seconds


async def prune(journal: Journal, scenario: str, older_than: float) -> int:
    """Prune the items of all tenants that ended more than `older_than` seconds ago; returns how many.

    Key, body hash, state and outcome stay, so the same item submitted again counts as already done.
    The keys of its effects stay until reconciliation no longer asks for them. Dead letters and items
    with unsent notices are not pruned. The number of an item's last message stays while the bus has
    messages of the item.
    """
    pruned = 0
    while ids := await _next_ids(journal, scenario, older_than):
        async with journal.database.write() as connection:
            values = values_of(connection, ids)
            pruned_ids = select(values.c.value)
            for table in ABOUT_ITEMS:
                await connection.execute(delete(table).where(table.c.item.in_(pruned_ids)))
            unused = ~select(messages.c.id).where(messages.c.item == positions.c.item).exists()
            these = positions.c.item.in_(pruned_ids)
            await connection.execute(delete(positions).where(these, unused))
            empty: dict[str, Any] = {"body": ""}
            empty |= dict.fromkeys(("failure", "decision", "customer"))
            await connection.execute(
                update(items).where(items.c.id.in_(pruned_ids)).values(**empty)
            )
        pruned += len(ids)
    await _forget_keys(journal, scenario, max(older_than, KEYS_ARE_KEPT))
    async with journal.database.write() as connection:
        await hour_counts.forget(connection)
    return pruned


async def _forget_keys(journal: Journal, scenario: str, older_than: float) -> None:
    """Delete the effects of pruned items that ended more than `older_than` seconds ago."""
    pruned = (
        select(effects.c.item)
        .join(items, items.c.id == effects.c.item)
        .where(items.c.scenario == scenario, items.c.body == "")
        .where(items.c.ended_at < now() - older_than)
        .limit(AT_ONCE)
    )
    deleted = AT_ONCE
    while deleted:
        async with journal.database.write() as connection:
            done = await connection.execute(delete(effects).where(effects.c.item.in_(pruned)))
            deleted = done.rowcount


async def _next_ids(journal: Journal, scenario: str, older_than: float) -> list[int]:
    unsent = select(outbox.c.id).where(
        outbox.c.item == items.c.id, outbox.c.status.in_(("waiting", "sending"))
    )
    query = (
        select(items.c.id)
        .where(items.c.scenario == scenario, items.c.body != "")
        .where(items.c.state.in_(ENDED - {State.DEAD_LETTERED}), ~unsent.exists())
        .where(items.c.ended_at < now() - older_than)
        .limit(AT_ONCE)
    )
    async with journal.database.read() as connection:
        return list(await connection.scalars(query))
