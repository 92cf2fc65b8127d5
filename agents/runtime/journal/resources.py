"""Resources in the journal: steps take them, give them back, and wait for them.

Each transaction that takes, gives back or sets a capacity locks the rows of the capacities first, in one
order, so that it sees what another has just given back. A transaction locks its items before the capacities,
and last the items that it wakes. It skips those that another transaction has locked: that one commits the wait
of the item, and then looks at the capacities itself.

A holding counts while its owner lives. Each take deletes the holdings of dead owners first, so that a process
that has vanished leaves nothing behind. What a dead owner held of a quota counts as used.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal.capacities import MAY_COME, Locked, add_use, fill, lock, uses_of
from agents.runtime.journal.database import now
from agents.runtime.journal.scheduling_schema import (
    capacities,
    holdings,
    quota_uses,
    resource_waits,
)
from agents.runtime.journal.schema import items
from agents.runtime.journal.statements import insert_many, values_of
from agents.runtime.journal.workers import is_alive, looks_old
from agents.runtime.model.item import StepExecution
from agents.runtime.scheduling.reservations import Capacity, Decision, Request, decide

SOONEST, LATEST = 2.0, 60.0  # seconds between two tries of a step that nothing has woken
GRACE = 60.0  # seconds for which a capacity stays reserved for a step that is due and does not come
WOKEN_AT_ONCE = 64  # steps of one capacity that are woken by one commit

Amounts = Mapping[str, float]


@dataclass(slots=True)
class Answer:
    """What became of requests, by item: the amounts `taken`, and those `blocked` or `above` any capacity.

    A blocked one has the seconds until its next try. What is in `taken` must be given back. One that is
    `beyond` a budget does not wait for it. `used_up` are budgets that are used up for the first time in
    their window.
    """

    taken: dict[int, Amounts] = field(default_factory=dict)
    blocked: dict[int, tuple[Decision, float]] = field(default_factory=dict)
    above: dict[int, Decision] = field(default_factory=dict)
    beyond: dict[int, Decision] = field(default_factory=dict)
    used_up: list[Decision] = field(default_factory=list)


async def take(
    connection: AsyncConnection, owner: str, requests: Sequence[Request], most: int | None = None
) -> Answer:
    """Take all that each request needs, or nothing of it, those first that have waited longest.

    The requests are of one agent, and their items are held by `owner`. One that is blocked stands in line
    from now on; after `most` have taken the others are left for the next time. A resource without a
    capacity is unlimited, and nobody counts what is taken of it.
    """
    names = {name for request in requests for name in request.amounts}
    locked = await lock(connection, names, {request.tenant for request in requests})
    if not locked.capacities:
        return Answer({request.item: {} for request in requests})
    await _delete_holdings(connection, locked, _of_dead(owner, names))
    await fill(connection, locked, len(requests) + 1)
    places = await _places(connection, requests)
    timed = [
        replace(
            request, since=min([locked.at, *(row.since for row in places.get(request.item, ()))])
        )
        for request in requests
    ]
    decisions = decide(timed, locked.capacities, most)
    await _hold(connection, owner, decisions)
    answer = await _stand_in_line(connection, decisions, places, locked.at)
    answer.used_up = await _newly_used_up(connection, decisions, locked.at)
    return answer


async def _newly_used_up(
    connection: AsyncConnection, decisions: Sequence[Decision], at: float
) -> list[Decision]:
    """The first decision against each budget for which nobody was alerted in its window."""
    against = dict[tuple[str, str], tuple[Decision, Capacity]]()
    for decision in decisions:
        capacity = decision.beyond or decision.blocked_by
        if capacity is not None and capacity.at_limit and capacity.window_seconds:
            against.setdefault((capacity.resource, capacity.scope), (decision, capacity))
    found = list[Decision]()
    for (resource, scope), (decision, capacity) in against.items():
        alerted = capacities.c.alerted_at
        window = capacity.window_seconds or 0.0
        quiet = or_(alerted.is_(None), alerted <= at - window, alerted > at)
        this = and_(capacities.c.resource == resource, capacities.c.tenant == scope)
        changed = await connection.execute(
            update(capacities).where(this, quiet).values(alerted_at=at)
        )
        found += [decision] if changed.rowcount else []
    return found


async def give_back_of(
    connection: AsyncConnection,
    owner: str,
    executions: Sequence[StepExecution],
    held: AbstractSet[int] = frozenset(),
) -> set[str]:
    """Give back what these executions of one agent hold, and wake those whose turn it is now.

    Quotas count what an execution says that it has used, and else the whole estimate. `held` are the ids of
    the items whose outcomes are in the same commit. Returns the scenarios of the items that are due now.
    """
    with_needs = {execution.id: execution for execution in executions if execution.needs}
    tenants = {execution.item.tenant for execution in with_needs.values()}
    locked = await lock(
        connection, {name for one in with_needs.values() for name in one.needs or ()}, tenants
    )
    values = values_of(connection, list(with_needs))
    theirs = and_(
        holdings.c.item.in_(select(values.c.value)),
        holdings.c.agent == next(iter(with_needs.values())).agent,
        holdings.c.owner == owner,
    )
    # Also where a capacity was removed meanwhile: what stayed would count if it is set again.
    await _delete_holdings(connection, locked, theirs, with_needs)
    settled = [one for one in with_needs.values() if one.settles and one.id in held]
    await _settle(connection, locked, settled)
    return await wake(connection, locked)


async def give_back_all(connection: AsyncConnection, owners: Sequence[str]) -> set[str]:
    """Give back whatever these owners hold; returns the scenarios of the items that are due now."""
    return await _give_back_those(connection, holdings.c.owner.in_(owners))


async def give_back_of_taken_over(connection: AsyncConnection, ids: Sequence[int]) -> set[str]:
    """Give back what the earlier owners of these items held, which have been claimed since."""
    values = values_of(connection, ids)
    earlier = (
        holdings.c.fence
        < select(items.c.fence).where(items.c.id == holdings.c.item).scalar_subquery()
    )
    return await _give_back_those(
        connection, and_(holdings.c.item.in_(select(values.c.value)), earlier)
    )


async def wake(connection: AsyncConnection, locked: Locked) -> set[str]:
    """Let the items be due whose steps these capacities block no longer; returns their scenarios."""
    await fill(connection, locked, WOKEN_AT_ONCE)
    due = {place.item for capacity in locked.capacities for place in capacity.due()}
    return await _make_due(connection, sorted(due)) if due else set()


async def _give_back_those(connection: AsyncConnection, which: ColumnElement[bool]) -> set[str]:
    names = await connection.scalars(select(holdings.c.resource).where(which).distinct())
    locked = await lock(connection, names.all())
    await _delete_holdings(connection, locked, which)
    return await wake(connection, locked) if locked.capacities else set()


def _of_dead(owner: str, names: Iterable[str]) -> ColumnElement[bool]:
    """SQL: held by an owner whose lease has run out, unless that of `owner` looks old too."""
    dead = and_(holdings.c.owner != owner, ~is_alive(holdings.c.owner), ~looks_old(owner))
    return and_(holdings.c.resource.in_(sorted(names)), dead)


async def _delete_holdings(
    connection: AsyncConnection,
    locked: Locked,
    which: ColumnElement[bool],
    executions: Mapping[int, StepExecution] | None = None,
) -> None:
    """Delete these holdings. What they held of a quota is used from now on: all of it, or as executions say."""
    columns = (holdings.c.resource, holdings.c.tenant, holdings.c.item, holdings.c.amount)
    rows = (await connection.execute(delete(holdings).where(which).returning(*columns))).all()
    quotas = await _quotas(connection, {row.resource for row in rows})
    spent: dict[tuple[str, str], float] = {}
    for row in rows:
        execution, of_row = (executions or {}).get(row.item), (row.resource, row.amount)
        for quota in {(row.resource, ""), (row.resource, row.tenant)} & quotas.keys():
            amount = _used_of(*of_row, execution, is_budget=bool(quotas[quota].at_limit))
            spent[quota] = spent.get(quota, 0.0) + amount
    for quota, amount in sorted(spent.items()):
        await add_use(connection, quota, amount, quotas[quota].window_seconds, locked.at)


def _used_of(
    resource: str, held: float, execution: StepExecution | None, *, is_budget: bool
) -> float:
    """What of a holding was used. What certainly did nothing costs nothing, but was a call of a rate."""
    if execution is not None:
        if resource in (used := execution.used or {}):
            return used[resource]
        if is_budget and execution.did_nothing:
            return 0.0
    return held


async def _settle(
    connection: AsyncConnection, locked: Locked, executions: Sequence[StepExecution]
) -> None:
    """Let budgets count what settled effects have used, instead of what was charged for them before."""
    for budget in locked.capacities:
        if not (budget.at_limit and budget.window_seconds):
            continue
        change = sum(
            _correction(execution, budget, locked.at)
            for execution in executions
            if budget.scope in {"", execution.item.tenant}
        )
        of = budget.resource, budget.scope
        await add_use(connection, of, change, budget.window_seconds, locked.at)


def _correction(execution: StepExecution, budget: Capacity, at: float) -> float:
    """By how much more was used than was charged when the earlier call ended, or its process died."""
    name, used = budget.resource, execution.used or {}
    estimate = (execution.needs or {}).get(name, 0.0)
    charged = (execution.used_before or {}).get(name, estimate)
    now_used = used.get(name, 0.0 if execution.did_nothing else charged)
    change = now_used - charged
    # What was charged before the window counts no longer, so nothing of it is given back.
    is_counted = at - execution.intended_at < (budget.window_seconds or 0.0)
    return change if change > 0 or is_counted else 0.0


async def _quotas(
    connection: AsyncConnection, resources: set[str]
) -> dict[tuple[str, str], Row[Any]]:
    """The quotas of these resources, by resource and scope.

    Also of tenants whose capacities are not locked: a dead owner may have held something of any tenant.
    """
    if not resources:
        return {}
    query = select(capacities).where(capacities.c.resource.in_(sorted(resources)))
    found = await connection.execute(query.where(capacities.c.window_seconds.is_not(None)))
    return {(row.resource, row.tenant): row for row in found}


async def _places(
    connection: AsyncConnection, requests: Sequence[Request]
) -> dict[int, list[Row[Any]]]:
    """The lines in which each of the items stands, for those that do."""
    values = values_of(connection, [request.item for request in requests])
    theirs = resource_waits.c.item.in_(select(values.c.value))
    query = select(resource_waits).where(theirs, resource_waits.c.agent == requests[0].agent)
    places: dict[int, list[Row[Any]]] = {}
    for row in (await connection.execute(query)).all():
        places.setdefault(row.item, []).append(row)
    return places


async def _hold(connection: AsyncConnection, owner: str, decisions: Sequence[Decision]) -> None:
    rows = [
        {
            "resource": resource,
            "tenant": decision.request.tenant,
            "item": decision.request.item,
            "agent": decision.request.agent,
            "amount": decision.request.amounts[resource],
            "owner": owner,
            "fence": decision.request.fence,
        }
        for decision in decisions
        for resource in sorted({capacity.resource for capacity in decision.taken})
    ]
    await insert_many(connection, holdings.insert().inline().values(at=now()), rows)


async def _stand_in_line(
    connection: AsyncConnection,
    decisions: Sequence[Decision],
    places: Mapping[int, Sequence[Row[Any]]],
    at: float,
) -> Answer:
    """Write who stands in which line from now on; returns the answer to all."""
    answer, left, joined = Answer(), list[int](), list[dict[str, Any]]()
    for decision in decisions:
        request, known = decision.request, places.get(decision.request.item, ())
        if decision.blocked_by is not None:
            seconds = await _next_try(connection, decision, at)
            answer.blocked[request.item] = decision, seconds
            if _is_written(decision, known, at + seconds):
                continue
            joined += _lines(decision, at + seconds + GRACE)
        elif decision.beyond is not None:
            answer.beyond[request.item] = decision
        elif decision.above is not None:
            answer.above[request.item] = decision
        else:
            answer.taken[request.item] = request.amounts
        left += [request.item] if known else []
    if left:
        values = values_of(connection, left)
        theirs = resource_waits.c.item.in_(select(values.c.value))
        agent = resource_waits.c.agent == decisions[0].request.agent
        await connection.execute(delete(resource_waits).where(theirs, agent))
    await insert_many(connection, resource_waits.insert(), joined)
    return answer


def _is_written(decision: Decision, known: Sequence[Row[Any]], due: float) -> bool:
    """Whether the journal has the lines of this decision already, for long enough."""
    lines = {(one.resource, one.scope, one is decision.blocked_by) for one in decision.lines}
    same = {(row.resource, row.scope, row.blocks) for row in known} == lines
    amounts = decision.request.amounts
    return same and all(
        row.until >= due + GRACE / 2 and row.amount == amounts[row.resource] for row in known
    )


def _lines(decision: Decision, until: float) -> list[dict[str, Any]]:
    request = decision.request
    return [
        {
            "item": request.item,
            "agent": request.agent,
            "resource": capacity.resource,
            "scope": capacity.scope,
            "tenant": request.tenant,
            "amount": request.amounts[capacity.resource],
            "since": request.since,
            "until": until,
            "blocks": capacity is decision.blocked_by,
        }
        for capacity in decision.lines
    ]


async def _next_try(connection: AsyncConnection, decision: Decision, at: float) -> float:
    """Seconds until the step tries again if nothing wakes it.

    A quota suffices when enough of what was used has become too old. For others it is only a precaution:
    who gives back wakes the step.
    """
    capacity, request = decision.blocked_by, decision.request
    assert capacity is not None
    if capacity.window_seconds is None:
        return min(max((at - request.since) / 2, SOONEST), LATEST)
    missing = request.place(capacity).amount - capacity.left
    query = select(quota_uses.c.until, quota_uses.c.amount).where(uses_of(capacity))
    rows = await connection.execute(query.where(quota_uses.c.until > now()).order_by("until"))
    for row in rows:
        missing -= row.amount
        if missing <= 0:
            return max(float(row.until) - at, 0.0)
    return min(capacity.window_seconds, LATEST)


async def _make_due(connection: AsyncConnection, ids: Sequence[int]) -> set[str]:
    """Let delayed items be due now; those that another transaction has locked are skipped."""
    values = values_of(connection, ids)
    free = (
        select(items.c.id)
        .where(items.c.id.in_(select(values.c.value)), items.c.retry_at > now())
        .where(items.c.owner.is_(None), items.c.waiting_since.is_(None))
        .where(items.c.state.in_(MAY_COME))
        .with_for_update(skip_locked=True)
        .cte("free")
    )
    due = update(items).where(items.c.id.in_(select(free.c.id))).values(retry_at=now())
    rows = (await connection.execute(due.returning(items.c.id, items.c.scenario))).all()
    if rows:
        woken = values_of(connection, [row.id for row in rows])
        mine = resource_waits.c.item.in_(select(woken.c.value))
        await connection.execute(update(resource_waits).where(mine).values(until=now() + GRACE))
    return {row.scenario for row in rows}
