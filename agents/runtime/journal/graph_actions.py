"""What operators do to items that need each other: add some, skip one or a branch, cancel a whole group.

Each is one transaction, which holds the dependencies alone: a claim or an end that commits first wins, and
the action then says so or takes the item as it has become. A request with a key acts once: sent again, it
gets what it got first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Row, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal import Journal, audit
from agents.runtime.journal.api_requests import Answer, RequestKey, keep_answer, known_answer
from agents.runtime.journal.audit import AuditEntry
from agents.runtime.journal.database import now
from agents.runtime.journal.dependencies import (
    accept_linked_within,
    change,
    failure_of,
    is_blocked,
    lock,
    settle,
    these,
)
from agents.runtime.journal.item_events import publish_ended
from agents.runtime.journal.item_lists import begins
from agents.runtime.journal.operator_actions import (
    OperatorAction,
    apply_event,
    cancel_within,
    find_locked,
)
from agents.runtime.journal.scheduling_schema import dependencies
from agents.runtime.journal.schema import dead_letters, item_columns, items
from agents.runtime.journal.statements import assign
from agents.runtime.journal.submit import NewItem, Sender
from agents.runtime.model.lifecycle import ENDED, Event, State

SKIPPED = "skipped"
MOST_NAMED = 50  # added items that the audit log names


async def add(  # noqa: PLR0913 - who adds what, and how often it was asked
    journal: Journal,
    sender: Sender,
    new: Sequence[NewItem],
    needs: Mapping[str, Sequence[str]],
    entry: AuditEntry,
    request: RequestKey | None = None,
) -> list[str]:
    """Add items to those that run, with what they need of each other and of those; as `accept_linked`.

    Returns the keys of those that are new. Raises KeyReused too.
    """
    async with journal.database.write() as connection:
        await lock(connection, sender.scenario, alone=True)
        if (known := await _known(connection, request)) is not None:
            return list(known)
        answers = await accept_linked_within(connection, sender, new, needs)
        added = [answer.row.key for answer in answers if answer.is_new]
        facts = {"added": added[:MOST_NAMED], "count": len(added)}
        await audit.write(connection, replace(entry, after=facts))
        await _keep(connection, request, added)
    return added


async def skip(journal: Journal, action: OperatorAction, *, branch: bool = False) -> list[str]:
    """End an item that no process holds as if it were done; what needs it goes on.

    With `branch` also what needs nothing but skipped items. Returns the keys of the skipped items.
    Raises UnknownItem, and IllegalTransition for an item that is held or has ended.
    """
    async with journal.database.write() as connection:
        await lock(connection, action.scenario, alone=True)
        row = await find_locked(connection, journal, action)
        rest = await _only_behind(connection, row.id) if branch else []
        reset: dict[str, Any] = dict.fromkeys(("retry_at", "waiting_since", "failure"))
        skipped = await _ended_as_skipped(connection, action, rest)
        keys = [row.key, *(one.key for one in skipped)]
        facts = {"skipped": keys} if branch else {}
        ended = {"ended_at": now(), "outcome": SKIPPED, "crash_count": 0}
        await apply_event(connection, row, Event.SKIP, action, facts, **reset, **ended)
        mine = dead_letters.c.item == row.id
        await connection.execute(update(dead_letters).where(mine).values(status=SKIPPED))
        ids = [row.id, *rest]
        met = dependencies.c.item.in_(these(connection, ids))
        await connection.execute(delete(dependencies).where(met))
        await publish_ended(connection, [*await _rows(connection, [row.id]), *skipped])
        await settle(connection, ids, Event.SKIP)
    return keys


async def cancel_group(
    journal: Journal, action: OperatorAction, request: RequestKey | None = None
) -> dict[str, int]:
    """Cancel all items whose keys begin with the action's key and that have not ended.

    Those that wait end at once; those that a process holds are cancelled by it, unless they end first.
    Returns how many are cancelled, and how many are asked to stop. Raises KeyReused.
    """
    mine = (items.c.tenant == journal.tenant) & (items.c.scenario == action.scenario)
    mine &= begins(action.key)
    async with journal.database.write() as connection:
        await lock(connection, action.scenario, alone=True)
        if (known := await _known(connection, request)) is not None:
            return dict(known)
        count = 0
        for source, waits in (
            (State.WAITING, is_blocked()),
            (State.PENDING, (items.c.state == State.PENDING) & items.c.owner.is_(None)),
        ):
            found = list(await connection.scalars(select(items.c.id).where(mine, waits)))
            count += await _cancel_at_once(connection, action, found, source)
        left = await connection.execute(
            select(items)
            .where(mine, items.c.state.not_in(ENDED - {State.DEAD_LETTERED}))
            .where(items.c.state != State.COMPENSATING)
            .order_by(items.c.id)
            .with_for_update()
        )
        asked = [await cancel_within(connection, row, action) for row in left.all()]
        after = {"cancelled": count, "asked to stop": len(asked)}
        name = f"items {action.scenario}/{action.key}*"
        entry = AuditEntry(journal.tenant, action.by, "cancel", name, action.reason, after=after)
        await audit.write(connection, entry)
        await _keep(connection, request, after)
    return after


async def _known(connection: AsyncConnection, request: RequestKey | None) -> Any:
    """What this request got first; None for a new one. Raises KeyReused."""
    answer = await known_answer(connection, request) if request is not None else None
    return None if answer is None else orjson.loads(answer.body)


async def _keep(connection: AsyncConnection, request: RequestKey | None, result: Any) -> None:
    if request is not None:
        await keep_answer(connection, request, Answer(200, orjson.dumps(result).decode()))


async def _cancel_at_once(
    connection: AsyncConnection, action: OperatorAction, ids: Sequence[int], source: State
) -> int:
    details = dict.fromkeys(ids, action.detail())
    ended: dict[str, Any] = {"ended_at": now(), "outcome": State.CANCELLED.value, "retry_at": None}
    condition = (items.c.state == source) & items.c.owner.is_(None)
    rows = await change(connection, ids, Event.ABANDON, source, condition, details=details, **ended)
    failure = failure_of("Cancelled", action.reason or "cancelled on request")
    await assign(connection, "failure", {row.id: failure for row in rows})
    if rows:
        gone = dependencies.c.item.in_(these(connection, [row.id for row in rows]))
        await connection.execute(delete(dependencies).where(gone))
        await publish_ended(connection, rows)
    return len(rows)


async def _ended_as_skipped(
    connection: AsyncConnection, action: OperatorAction, ids: Sequence[int]
) -> Sequence[Row[Any]]:
    details = dict.fromkeys(ids, action.detail())
    ended = {"ended_at": now(), "outcome": SKIPPED}
    return await change(
        connection, ids, Event.SKIP, State.WAITING, is_blocked(), details=details, **ended
    )


async def _only_behind(connection: AsyncConnection, root: int) -> list[int]:
    """The ids of the items that wait for nothing but this one, directly or through each other."""
    behind = select(dependencies.c.item).where(dependencies.c.needs == root)
    needing = behind.cte("needing", recursive=True)
    further = select(dependencies.c.item).join(needing, dependencies.c.needs == needing.c.item)
    closure = select(needing.union(further).c.item)
    rows = await connection.execute(select(dependencies).where(dependencies.c.item.in_(closure)))
    needs: dict[int, set[int]] = {}
    needed_by: dict[int, list[int]] = {}
    for row in rows:
        needs.setdefault(row.item, set()).add(row.needs)
        needed_by.setdefault(row.needs, []).append(row.item)
    found, front = {root}, [root]
    while front:
        for item in needed_by.get(front.pop(), ()):
            if item not in found and needs[item] <= found:
                found.add(item)
                front.append(item)
    return sorted(found - {root})


async def _rows(connection: AsyncConnection, ids: Sequence[int]) -> Sequence[Row[Any]]:
    wanted = select(*item_columns).where(items.c.id.in_(these(connection, ids)))
    return (await connection.execute(wanted)).all()
