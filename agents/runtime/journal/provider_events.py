"""Events that outside systems report: each once by its id, with the place up to which a system was asked.

An event only says that something has happened; its handler looks up how things stand.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, func, select, update

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import cursors, provider_events
from agents.runtime.journal.statements import insert_many, insert_new, insert_or_replace, values_of

KEPT_SECONDS = 90 * 86_400.0  # longer than any system repeats an event


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """An event: its id and kind at the system, what it is about, and when it was, in seconds since 1970."""

    id: str
    kind: str
    subject: str
    at: float


async def keep_events(
    database: Database, system: str, events: Iterable[ProviderEvent], asked_at: float | None = None
) -> None:
    """Keep the events that are new; `asked_at` is when the system was asked for all of them."""
    rows = [asdict(event) for event in events]
    async with database.write() as connection:
        new = insert_new(connection, provider_events, system=system)
        await insert_many(connection, new, rows)
        if asked_at is not None:
            cursor = {"name": f"events:{system}", "at": asked_at}
            await connection.execute(insert_or_replace(connection, cursors), [cursor])
        old = provider_events.c.handled_at < now() - KEPT_SECONDS
        await connection.execute(delete(provider_events).where(old))


async def asked_until(database: Database, system: str) -> float | None:
    """When the system was last asked for all events; None if never."""
    async with database.read() as connection:
        query = select(cursors.c.at).where(cursors.c.name == f"events:{system}")
        at: float | None = await connection.scalar(query)
    return at


async def unhandled_events(database: Database, system: str, most: int) -> list[ProviderEvent]:
    """The events that nobody has handled, the oldest first."""
    columns = provider_events.c
    query = (
        select(columns.id, columns.kind, columns.subject, columns.at)
        .where(columns.system == system, columns.handled_at.is_(None))
        .order_by(columns.at, columns.id)
        .limit(most)
    )
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [ProviderEvent(*row) for row in rows]


async def mark_handled(database: Database, system: str, ids: Sequence[str]) -> None:
    """Handle these events no more."""
    if not ids:
        return
    async with database.write() as connection:
        wanted = select(values_of(connection, ids).c.value)
        await connection.execute(
            update(provider_events)
            .where(provider_events.c.system == system, provider_events.c.id.in_(wanted))
            .values(handled_at=func.coalesce(provider_events.c.handled_at, now()))
        )
