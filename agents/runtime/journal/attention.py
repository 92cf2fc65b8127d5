"""What needs a person: items that wait for a decision, and dead letters by their error.

Both read ranges of one index and at most MOST rows of it, however many items the journal has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, select, union_all

from agents.runtime.journal import Journal
from agents.runtime.journal.schema import dead_letters, items, steps
from agents.runtime.journal.statements import values_of
from agents.runtime.model.lifecycle import State

MOST = 2_000


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """The open dead letters of one agent with one type of error; `example` is one of their errors.

    `oldest` and `newest` are seconds since 1970.
    """

    scenario: str
    agent: str
    error_type: str
    count: int
    oldest: float
    newest: float
    example: str


async def waiting_count(journal: Journal, scenario: str) -> int:
    """How many items of the scenario wait for a person; MOST stands for MOST or more."""
    asking = (
        select(items.c.id)
        .where(items.c.scenario == scenario, items.c.tenant == journal.tenant)
        .where(items.c.waiting_since.is_not(None))
        .limit(MOST)
    )
    query = select(func.count()).select_from(asking.subquery())
    async with journal.database.read() as connection:
        return (await connection.execute(query)).scalar_one()


async def error_groups(journal: Journal, scenario: str) -> Sequence[ErrorGroup]:
    """The open dead letters by agent and type of error, the largest group first.

    Only the MOST newest items are looked at.
    """
    found = _dead(journal.tenant, scenario).subquery("dead")
    count = func.count().label("number")
    query = (
        select(
            *(dead_letters.c.agent, dead_letters.c.error_type, count),
            func.min(dead_letters.c.at).label("oldest"),
            func.max(dead_letters.c.at).label("newest"),
            func.max(dead_letters.c.error).label("example"),
        )
        .join(found, found.c.id == dead_letters.c.item)
        .where(dead_letters.c.status == "open")
        .group_by(dead_letters.c.agent, dead_letters.c.error_type)
        .order_by(count.desc(), dead_letters.c.agent)
    )
    async with journal.database.read() as connection:
        return [
            ErrorGroup(
                *(scenario, row.agent, row.error_type, row.number),
                *(row.oldest, row.newest, row.example),
            )
            for row in await connection.execute(query)
        ]


async def letters_of(
    journal: Journal, scenario: str, agent: str, error_type: str, most: int
) -> Sequence[Row[Any]]:
    """Up to `most` items whose open dead letter is of this group, each with its dead letter."""
    found = _dead(journal.tenant, scenario).subquery("dead")
    query = (
        select(
            *(items.c.id, items.c.key, items.c.state, items.c.sequence),
            *(dead_letters.c.at, dead_letters.c.error, dead_letters.c.attempts),
            dead_letters.c["count"].label("times"),
        )
        .join(found, found.c.id == dead_letters.c.item)
        .join(items, items.c.id == dead_letters.c.item)
        .where(dead_letters.c.status == "open", dead_letters.c.agent == agent)
        .where(dead_letters.c.error_type == error_type)
        .order_by(dead_letters.c.at, dead_letters.c.item)
        .limit(most)
    )
    async with journal.database.read() as connection:
        return list(await connection.execute(query))


def _dead(tenant: str, scenario: str) -> Select[tuple[int]]:
    """SQL: ids of the newest items that may have an open dead letter.

    An item that failed while it was compensated has one too, and stays compensating.
    """
    parts = [
        select(
            select(items.c.id)
            .where(items.c.scenario == scenario, items.c.state == state, items.c.tenant == tenant)
            .order_by(items.c.accepted_at.desc(), items.c.id.desc())
            .limit(MOST)
            .subquery()
        )
        for state in (State.DEAD_LETTERED, State.COMPENSATING)
    ]
    return select(union_all(*parts).subquery("either"))


async def questions(journal: Journal, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """By item: the agent that asks for a decision, and what it asks."""
    if not ids:
        return {}
    async with journal.database.read() as connection:
        values = values_of(connection, ids)
        query = (
            select(steps.c.item, steps.c.agent, steps.c.error)
            .where(steps.c.item.in_(select(values.c.value)), steps.c.status == "waiting")
            .order_by(steps.c.at)
        )
        rows = await connection.execute(query)
        return {row.item: (row.agent, row.error or "") for row in rows}
