"""Dependencies: an item waits until every item that it needs has completed.

Until then it is in the state `waiting` and asks nobody, so neither the queue nor the list of questions
has it. The transaction that ends what it needs makes it pending, or cancels it if that has failed, so a
crash leaves none behind. A dead letter keeps what needs it waiting: its replay, or its end, decides.
The table has only what is still needed: its rows are deleted as they are met.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from zlib import crc32

import orjson
from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    cast,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.errors import AgentError, Conflict
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.item_events import publish_ended
from agents.runtime.journal.scheduling_schema import dependencies
from agents.runtime.journal.schema import item_columns, items
from agents.runtime.journal.statements import assign, insert_many, is_sqlite, record, values_of
from agents.runtime.journal.submit import Accepted, Disposition, NewItem, Sender, accept_within
from agents.runtime.model.item import Failure
from agents.runtime.model.lifecycle import ENDED, TRANSITIONS, Event, State

FAILED = ENDED - {State.COMPLETED, State.DEAD_LETTERED}  # no replay completes these
# Of items with equal precedence the one that became ready first goes first: this much of the time that
# an item waited for others is added, too little to overtake any that differ.
READINESS = 1e-4
_LOCKS = (
    0x64657073  # of PostgreSQL's locks, those of dependencies: any number that all processes share
)
_ENDS = {State.FAILED: "failed", State.COMPENSATED: "was undone", State.CANCELLED: "was cancelled"}


class UnknownNeeds(AgentError):
    """An item needs one that there is not; nothing is accepted."""

    def __init__(self, item: str, needs: str) -> None:
        super().__init__(item, needs)
        self.item, self.needs = item, needs

    def __str__(self) -> str:
        return f"{self.item} needs {self.needs}, which is neither submitted with it nor known"


async def accept_linked(
    database: Database,
    sender: Sender,
    new: Sequence[NewItem],
    needs: Mapping[str, Sequence[str]],
) -> list[Accepted]:
    """Accept items and what they need, all or none in one transaction; they wait in the queue.

    `needs` has, by key, the keys of items that must complete first; each is new or was accepted
    before. Known items stay as they are, with what they needed then. So new items can be added to
    those that run, and no cycle can arise among known ones; the caller has checked the new ones.
    Answers are in the order of `new`. Raises Conflict if a known item has another body, and
    UnknownNeeds.
    """
    async with database.write() as connection:
        return await accept_linked_within(connection, sender, new, needs)


async def accept_linked_within(
    connection: AsyncConnection,
    sender: Sender,
    new: Sequence[NewItem],
    needs: Mapping[str, Sequence[str]],
) -> list[Accepted]:
    """As `accept_linked`, in the transaction of the connection, which has locked no item yet."""
    await lock(connection, sender.scenario, alone=True)
    answers = await accept_within(connection, sender, new)
    for answer in answers:
        if answer.disposition is Disposition.CONFLICT:
            raise Conflict(sender.scenario, answer.row.key)
    fresh = {answer.row.key: answer.row.id for answer in answers if answer.is_new}
    ids = {answer.row.key: answer.row.id for answer in answers}
    wanted = {key: needs.get(key, ()) for key in fresh}
    ids |= await _known(connection, sender, wanted, ids)
    await _add(connection, {fresh[a]: [ids[b] for b in bs] for a, bs in wanted.items() if bs})
    return answers


async def lock(connection: AsyncConnection, scenario: str, *, alone: bool) -> None:
    """Hold the scenario's dependencies until the transaction ends; taken before any item is locked.

    Transactions that end items hold them together. Those that add or skip items hold them `alone`,
    so that none of them misses what the other writes. On SQLite every writing transaction is alone.
    """
    if not is_sqlite(connection):
        take = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        number = crc32(scenario.encode()) - 2**31  # a signed integer of 32 bits
        await connection.execute(select(take(cast(_LOCKS, Integer), cast(number, Integer))))


async def settle(connection: AsyncConnection, ended: Sequence[int], event: Event) -> None:
    """Let those go on that need these items, which have ended by `event` in this transaction.

    What needs only completed items is released. What needs one that has failed is cancelled, and what
    needs that in turn. Call `lock` first.
    """
    if not ended:
        return
    if event in {Event.COMPLETE, Event.SKIP}:
        await _release(connection, ended)
    else:
        await _abandon(connection, ended)


async def needed_by(database: Database, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    """By item: `id`, `key` and `state` of what it still needs, by key."""
    found: dict[int, list[Row[Any]]] = {}
    if ids:
        async with database.read() as connection:
            query = (
                select(dependencies.c.item, items.c.id, items.c.key, items.c.state)
                .join(items, items.c.id == dependencies.c.needs)
                .where(dependencies.c.item.in_(these(connection, ids)))
                .order_by(items.c.key)
            )
            rows: Sequence[Any] = (await connection.execute(query)).all()
            for row in rows:
                found.setdefault(row.item, []).append(row)
    return found


def is_blocked() -> ColumnElement[bool]:
    """SQL: the item waits for other items, and not for a person."""
    return (items.c.state == State.WAITING) & items.c.waiting_since.is_(None)


def these(connection: AsyncConnection, ids: Iterable[int]) -> Any:
    """SQL: these ids, of which there is at least one."""
    values = values_of(connection, list(ids))
    return select(values.c.value)


async def _known(
    connection: AsyncConnection,
    sender: Sender,
    wanted: Mapping[str, Sequence[str]],
    submitted: Mapping[str, int],
) -> dict[str, int]:
    """The ids of needed items that were accepted before, by key."""
    others = {key: item for item, keys in wanted.items() for key in keys if key not in submitted}
    if not others:
        return {}
    values = values_of(connection, list(others))
    query = select(items.c.key, items.c.id).where(
        *(items.c.tenant == sender.tenant, items.c.scenario == sender.scenario),
        items.c.key.in_(select(values.c.value)),
    )
    found = {row.key: row.id for row in await connection.execute(query)}
    for key, item in others.items():
        if key not in found:
            raise UnknownNeeds(item, key)
    return found


async def _add(connection: AsyncConnection, needs: Mapping[int, Sequence[int]]) -> None:
    """Let new items wait for what they need and has not completed."""
    if not needs:
        return
    wanted = sorted({needed for ids in needs.values() for needed in ids})
    open_ = select(items.c.id, items.c.state).where(items.c.id.in_(these(connection, wanted)))
    states = {row.id: row.state for row in await connection.execute(open_)}
    rows = [
        {"item": item, "needs": needed}
        for item, ids in needs.items()
        for needed in sorted(set(ids))
        if states[needed] != State.COMPLETED
    ]
    await insert_many(connection, insert(dependencies), rows)
    blocked = sorted({row["item"] for row in rows})
    here = items.c.state == State.PENDING
    await change(connection, blocked, Event.BLOCK, State.PENDING, here)
    if failed := [needed for needed in wanted if states[needed] in FAILED]:
        await _abandon(connection, failed)


async def _release(connection: AsyncConnection, completed: Sequence[int]) -> None:
    # Locked first: of two transactions that end what an item needs, the later one sees both ends.
    found = select(dependencies.c.item).where(
        dependencies.c.needs.in_(these(connection, completed))
    )
    waiting = await _locked(connection, found)
    if not waiting:
        return
    met = dependencies.c.needs.in_(these(connection, completed))
    await connection.execute(delete(dependencies).where(met))
    open_ = select(dependencies.c.needs).where(dependencies.c.item == items.c.id).exists()
    free = is_blocked() & ~open_
    ready = items.c.precedence + (now() - items.c.accepted_at) * READINESS
    await change(connection, waiting, Event.RELEASE, State.WAITING, free, precedence=ready)


async def _abandon(connection: AsyncConnection, failed: Sequence[int]) -> None:
    """Cancel what needs these items, directly or through others that wait."""
    needing = (
        select(dependencies.c.item)
        .where(dependencies.c.needs.in_(these(connection, failed)))
        .cte("needing", recursive=True)
    )
    further = select(dependencies.c.item).join(needing, dependencies.c.needs == needing.c.item)
    waiting = await _locked(connection, select(needing.union(further).c.item))
    if not waiting:
        return
    causes = await _causes(connection, waiting, failed)
    ended: dict[str, Any] = {"ended_at": now(), "outcome": State.CANCELLED.value}
    rows = await change(
        connection, waiting, Event.ABANDON, State.WAITING, is_blocked(), details=causes, **ended
    )
    failures = {row.id: failure_of("NeedsFailed", causes[row.id]) for row in rows}
    await assign(connection, "failure", failures)
    mine = dependencies.c.item.in_(these(connection, waiting))
    await connection.execute(delete(dependencies).where(mine))
    await publish_ended(connection, rows)


async def _locked(connection: AsyncConnection, wanted: Any) -> list[int]:
    """The ids among the wanted items that are blocked, locked in their order so that none deadlock."""
    query = select(items.c.id).where(items.c.id.in_(wanted), is_blocked())
    return list(await connection.scalars(query.order_by(items.c.id).with_for_update(of=items)))


async def _causes(
    connection: AsyncConnection, waiting: Sequence[int], failed: Sequence[int]
) -> dict[int, str]:
    """By item that waits: which failed one it needs, directly or through others, in words."""
    edges = select(dependencies.c.item, dependencies.c.needs).where(
        dependencies.c.item.in_(these(connection, waiting))
    )
    needing: dict[int, list[int]] = {}
    for row in await connection.execute(edges):
        needing.setdefault(row.needs, []).append(row.item)
    named = select(items.c.id, items.c.key, items.c.state).where(
        items.c.id.in_(these(connection, failed))
    )
    causes: dict[int, str] = {}
    for root in await connection.execute(named.order_by(items.c.id)):
        text, front = f"needs {root.key}, which {_ENDS[State(root.state)]}", [root.id]
        while front:
            reached = [item for one in front for item in needing.get(one, ())]
            front = [item for item in dict.fromkeys(reached) if item not in causes]
            causes |= dict.fromkeys(front, text)
    return causes


def failure_of(kind: str, cause: str) -> str:
    """The failure of an item that is cancelled before it began, as JSON."""
    failure = Failure("dependencies", kind, cause, cancelled=True)
    return orjson.dumps(asdict(failure)).decode()


async def change(  # noqa: PLR0913 - the parts of one UPDATE with its history
    connection: AsyncConnection,
    ids: Sequence[int],
    event: Event,
    source: State,
    condition: ColumnElement[bool],
    details: dict[int, str] | None = None,
    **values: Any,
) -> Sequence[Row[Any]]:
    """Apply the event to those of the items, all in state `source`, that meet the condition.

    Returns their rows.
    """
    if not ids:
        return []
    statement = (
        update(items)
        .where(items.c.id.in_(these(connection, ids)), condition)
        .values(state=TRANSITIONS[source, event], sequence=items.c.sequence + 1, **values)
        .returning(*item_columns)
    )
    rows = (await connection.execute(statement)).all()
    await record(connection, rows, event, source, None, details or {})
    return rows
