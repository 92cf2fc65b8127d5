"""Waits under a clock that may be set: none is longer than what was asked for.

A time that was written before the clock was set back lies too far ahead. Readers treat a delay beyond
LONGEST_WAIT as over. `restart_waits` corrects the other times, each once.
"""

from typing import Any

from sqlalchemy import ColumnElement, or_, select, update

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import history, items
from agents.runtime.model.lifecycle import State
from agents.runtime.model.policies import LONGEST_WAIT


def is_due() -> ColumnElement[bool]:
    """SQL: the item is not delayed, or its delay is over or longer than any delay."""
    return or_(items.c.retry_at.is_(None), items.c.retry_at <= now(), is_too_late(now()))


def is_too_late(at: Any) -> ColumnElement[bool]:
    """SQL: the item is delayed for longer than is possible; `at` is the SQL of the time."""
    found: ColumnElement[bool] = items.c.retry_at > at + LONGEST_WAIT
    return found


async def restart_waits(database: Database, scenario: str, time_out: float) -> None:
    """Restart the waits of a scenario's items that were written under a clock that was ahead.

    A delay from the future is over; a deadline, a wait for a person, and the `time_out` in seconds
    of an escalated item begin again now. Times that are right stay as they are.
    """
    here, waits = update(items).where(items.c.scenario == scenario), items.c.waiting_since
    delayed = here.where(items.c.state.in_((State.PENDING, State.COMPENSATING)), waits.is_(None))
    waiting = here.where(items.c.state.in_((State.WAITING, State.COMPENSATING)))
    written = select(history.c.at).where(
        history.c.item == items.c.id, history.c.sequence == items.c.sequence
    )
    again, latest = now() + items.c.deadline - items.c.accepted_at, now() + time_out
    async with database.write() as connection:
        for statement in (
            delayed.where(items.c.retry_at > now(), written.scalar_subquery() > now()).values(
                retry_at=now()
            ),
            here.where(items.c.accepted_at > now()).values(deadline=again, accepted_at=now()),
            waiting.where(waits > now()).values(waiting_since=now()),
            waiting.where(waits.is_not(None), items.c.retry_at > latest).values(retry_at=latest),
        ):
            await connection.execute(statement)
