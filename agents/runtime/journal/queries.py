"""What operators ask the journal: dead letters, items that wait, and the history of one item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, bindparam, func, or_, select, text

from agents.runtime.journal import Journal
from agents.runtime.journal.claims import deadline_here
from agents.runtime.journal.database import now
from agents.runtime.journal.item_lists import begins
from agents.runtime.journal.schema import OPEN, dead_letters, effects, history, items, outbox, steps
from agents.runtime.journal.workers import is_alive

MOST_PARTS = 500  # steps, effects and notices of one item that a page shows

# Made once, since each turn of a conversation reads them.
_THEIRS = (items.c.tenant == bindparam("tenant")) & (items.c.scenario == bindparam("scenario"))
_LATEST = (
    select(items)
    .where(_THEIRS, items.c.customer == bindparam("customer"))
    .order_by(items.c.id.desc())
    .limit(bindparam("most"))
)
_DONE = (steps.c.item == items.c.id) & (steps.c.status == "done")
_OUTCOME = (
    select(items.c.state, items.c.body, steps.c.output, steps.c.version)
    .select_from(items.outerjoin(steps, _DONE & (steps.c.agent == bindparam("agent"))))
    .where(_THEIRS, items.c.key == bindparam("key"))
)


@dataclass(frozen=True, slots=True)
class ItemHistory:
    """Everything the journal has of one item; `letter` is its dead letter, if it ever was one."""

    item: Row[Any]
    history: Sequence[Row[Any]]
    steps: Sequence[Row[Any]]
    effects: Sequence[Row[Any]]
    letter: Row[Any] | None
    notices: Sequence[Row[Any]]

    @property
    def is_pruned(self) -> bool:
        """Whether only the item's row is left."""
        return not self.item.body


async def letters(  # noqa: PLR0913 - the parts of a filter
    journal: Journal,
    scenario: str,
    *,
    agent: str | None = None,
    error_type: str | None = None,
    older_than: float = 0,
    most: int = 100,
) -> Sequence[Row[Any]]:
    """Open dead letters, the oldest first, up to `most`.

    `agent` and `error_type` restrict them to one each, and `older_than` to those of a minimal age in
    seconds.
    """
    age = (now() - dead_letters.c.at).label("age")
    columns = (items.c.id, items.c.key, items.c.state, items.c.trace, items.c.crash_count)
    query = (
        _letters(journal, scenario, (*columns, dead_letters, age))
        .where(dead_letters.c.at <= select(now()).scalar_subquery() - older_than)
        .order_by(dead_letters.c.at, dead_letters.c.item)
        .limit(most)
    )
    async with journal.database.read() as connection:
        found: Sequence[Row[Any]] = (
            await connection.execute(_chosen(query, agent, error_type))
        ).all()
        return found


async def count_letters(
    journal: Journal, scenario: str, agent: str | None, error_type: str | None, most: int
) -> int:
    """How many dead letters are open, counted to `most`."""
    query = _chosen(_letters(journal, scenario, (dead_letters.c.item,)), agent, error_type)
    counted = select(func.count()).select_from(query.limit(most).subquery())
    async with journal.database.read() as connection:
        return (await connection.execute(counted)).scalar_one()


def _letters(journal: Journal, scenario: str, columns: tuple[Any, ...]) -> Select[Any]:
    # The literal, since SQLite uses a partial index for it and not for a parameter.
    return (
        select(*columns)
        .select_from(dead_letters)
        .join(items, items.c.id == dead_letters.c.item)
        .where(items.c.tenant == journal.tenant, items.c.scenario == scenario, text(OPEN))
    )


def _chosen(query: Select[Any], agent: str | None, error_type: str | None) -> Select[Any]:
    if agent is not None:
        query = query.where(dead_letters.c.agent == agent)
    if error_type is not None:
        query = query.where(dead_letters.c.error_type == error_type)
    return query


async def waiting(journal: Journal, scenario: str, *, most: int = 1_000) -> Sequence[Row[Any]]:
    """Items that wait for an operator, the longest first.

    `age` is how many seconds an item has waited, `due` how many are left until it is rejected (None
    before it is escalated), and `remaining` how many are left until its deadline.
    """
    asked = (
        select(steps.c.error)
        .where(steps.c.item == items.c.id, steps.c.status == "waiting")
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(
            items.c.id,
            items.c.key,
            items.c.state,
            items.c.cancel_requested,
            items.c.trace,
            asked.label("reason"),
            (now() - items.c.waiting_since).label("age"),
            (items.c.retry_at - now()).label("due"),
            (items.c.deadline <= now()).label("overdue"),
            (items.c.deadline - now()).label("remaining"),
        )
        .where(items.c.tenant == journal.tenant, items.c.scenario == scenario)
        .where(items.c.waiting_since.is_not(None))
        .order_by(items.c.waiting_since, items.c.id)
        .limit(most)
    )
    async with journal.database.read() as connection:
        return (await connection.execute(query)).all()


async def standing(journal: Journal, scenario: str) -> tuple[int, int]:
    """How many items of the scenario are dead letters, and how many wait for an operator."""
    mine = (items.c.tenant == journal.tenant, items.c.scenario == scenario)
    dead = (
        select(func.count())
        .select_from(dead_letters.join(items, items.c.id == dead_letters.c.item))
        .where(*mine, dead_letters.c.status == "open")
    )
    asked = select(func.count()).select_from(items).where(*mine, items.c.waiting_since.is_not(None))
    async with journal.database.read() as connection:
        counts = await connection.execute(
            select(dead.scalar_subquery().label("dead"), asked.scalar_subquery().label("asked"))
        )
        row = counts.one()
    return row.dead, row.asked


async def named(journal: Journal, scenario: str, keys: Sequence[str]) -> Sequence[Row[Any]]:
    """The current rows of a scenario's items with these keys."""
    query = select(items).where(
        items.c.tenant == journal.tenant, items.c.scenario == scenario, items.c.key.in_(keys)
    )
    async with journal.database.read() as connection:
        return (await connection.execute(query)).all()


async def latest_of(
    journal: Journal, scenario: str, customer: str, most: int
) -> Sequence[Row[Any]]:
    """The current rows of the latest `most` items of this customer, the newest first."""
    theirs = {"tenant": journal.tenant, "scenario": scenario, "customer": customer, "most": most}
    async with journal.database.read(rows=most) as connection:
        return (await connection.execute(_LATEST, theirs)).all()


async def outcome_of(journal: Journal, scenario: str, key: str, agent: str) -> Any:
    """An item's `state` and `body`, with `output` and `version` of its step by `agent`; None if unknown."""
    this = {"tenant": journal.tenant, "scenario": scenario, "key": key, "agent": agent}
    async with journal.database.read(rows=1) as connection:
        return (await connection.execute(_OUTCOME, this)).first()


async def is_cancelled(journal: Journal, scenario: str, key: str) -> bool:
    """Whether somebody has asked to cancel the item."""
    query = select(items.c.cancel_requested).where(
        items.c.tenant == journal.tenant, items.c.scenario == scenario, items.c.key == key
    )
    async with journal.database.read() as connection:
        return bool(await connection.scalar(query))


async def outcomes_of(
    journal: Journal, scenario: str, keys: Sequence[str], agent: str
) -> Sequence[Row[Any]]:
    """As `outcome_of` for many items, with ids, keys, times of acceptance, and when the step ended."""
    return await _outcomes(journal, scenario, items.c.key.in_(keys), agent)


async def outcomes_below(
    journal: Journal, scenario: str, keys: Sequence[str], agent: str
) -> Sequence[Row[Any]]:
    """As `outcomes_of`, also for the items whose keys continue one of these after a colon."""
    below = [begins(f"{key}:") for key in keys]
    return await _outcomes(journal, scenario, or_(items.c.key.in_(keys), *below), agent)


async def _outcomes(
    journal: Journal, scenario: str, which: ColumnElement[bool], agent: str
) -> Sequence[Row[Any]]:
    done = (steps.c.item == items.c.id) & (steps.c.agent == agent) & (steps.c.status == "done")
    columns = (items.c.id, items.c.key, items.c.state, items.c.body, items.c.accepted_at)
    query: Select[Any] = (
        select(*columns, steps.c.output, steps.c.version, steps.c.at)
        .select_from(items.outerjoin(steps, done))
        .where(items.c.tenant == journal.tenant, items.c.scenario == scenario, which)
    )
    async with journal.database.read() as connection:
        rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


async def item_history(journal: Journal, scenario: str, key: str) -> ItemHistory | None:
    """The whole history of one item; None if there is no such item."""
    this = (items.c.tenant == journal.tenant, items.c.scenario == scenario, items.c.key == key)
    async with journal.database.read() as connection:
        item = (await connection.execute(select(items).where(*this))).first()
        if item is None:
            return None
        tables = [
            (await connection.execute(select(t).where(t.c.item == item.id).order_by(order))).all()
            for t, order in (
                (history, history.c.sequence),
                (steps, steps.c.at),
                (effects, effects.c.intended_at),
                (dead_letters, dead_letters.c.at),
                (outbox, outbox.c.id),
            )
        ]
    events, ran, called, letter, notices = tables
    return ItemHistory(item, events, ran, called, letter[0] if letter else None, notices)


async def recent_history(
    journal: Journal, scenario: str, key: str, most: int, before: int | None = None
) -> ItemHistory | None:
    """One item with its `most` last events, the newest first; None if there is no such item.

    `before` is a sequence: only earlier events are given. The item's row has also `deadline_here`, `now`
    by the database's clock, and `is_held`: whether a living process holds it.
    """
    this = (items.c.tenant == journal.tenant, items.c.scenario == scenario, items.c.key == key)
    held = is_alive(items.c.owner).label("is_held")
    async with journal.database.read() as connection:
        columns = (items, deadline_here(), now().label("now"), held)
        item = (await connection.execute(select(*columns).where(*this))).first()
        if item is None:
            return None
        events = select(history).where(history.c.item == item.id)
        if before is not None:
            events = events.where(history.c.sequence < before)
        events = events.order_by(history.c.sequence.desc()).limit(most)
        parts = [
            select(table).where(table.c.item == item.id).order_by(order).limit(MOST_PARTS)
            for table, order in (
                (steps, steps.c.at),
                (effects, effects.c.intended_at),
                (dead_letters, dead_letters.c.at),
                (outbox, outbox.c.id),
            )
        ]
        found = [(await connection.execute(query)).all() for query in (events, *parts)]
    recent, ran, called, letter, notices = found
    return ItemHistory(item, recent, ran, called, letter[0] if letter else None, notices)
