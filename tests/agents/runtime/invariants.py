"""Invariants of a journal, checked after every test that used one."""

import asyncio
import sqlite3
from contextvars import ContextVar
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Connection, NullPool, Row, create_engine, inspect, select

from agents.runtime.journal.database import Database
from agents.runtime.journal.scheduling_schema import dependencies, holdings
from agents.runtime.journal.schema import dead_letters, effects, history, items, outbox, steps
from agents.runtime.model.lifecycle import ENDED, TRANSITIONS, Event, State

Read = tuple[dict[str, list[Row[Any]]], list[str]]
PATH: ContextVar[str] = ContextVar("path")
SQLITE = create_engine("sqlite://", creator=lambda: sqlite3.connect(PATH.get()), poolclass=NullPool)


def problems(url: str) -> list[str]:
    """All violations of the invariants in a journal."""
    if url.startswith("sqlite"):
        PATH.set(url.partition(":///")[2])  # one engine for all tests has compiled its statements
        with SQLITE.connect() as connection:
            read = _read(connection)
    else:
        read = asyncio.run(_read_over(url))
    return [] if read is None else _problems(*read)


async def _read_over(url: str) -> Read | None:
    database = Database(url)
    try:
        async with database.engine.connect() as connection:
            return await connection.run_sync(_read)
    finally:
        await database.close()


def _read(connection: Connection) -> Read | None:
    """The rows of the tables, and the keys of items that hold resources without an owner."""
    if not inspect(connection).has_table("history"):
        return None
    tables = {
        table.name: list(connection.execute(select(table)).all())
        for table in (items, history, steps, effects, outbox, dead_letters, dependencies)
    }
    held = connection.scalars(select(items.c.key).where(_holds_without_owner()))
    return tables, list(held)


def _problems(tables: dict[str, list[Row[Any]]], held: list[str]) -> list[str]:
    leaked = [f"{key}: no process has it, and it holds resources" for key in held]
    passed: dict[int, list[Row[Any]]] = {row.id: [] for row in tables["items"]}
    for row in sorted(tables["history"], key=lambda row: row.sequence):
        passed[row.item].append(row)
    dead = {row.item for row in tables["dead_letters"] if getattr(row, "status", "open") == "open"}
    return (
        leaked
        + [
            f"{item.key}: {found}"
            for item in tables["items"]
            if item.body  # a pruned item has no history
            for found in [
                *path_problems(item, passed[item.id]),
                *end_problems(item, item.id in dead),
            ]
        ]
        + dependency_problems(tables["items"], tables["history"], tables["dependencies"])
    )


def dependency_problems(
    found: list[Row[Any]], events: list[Row[Any]], needs: list[Row[Any]]
) -> list[str]:
    """Violations of: what waits for others has something to wait for, and nothing else needs anything."""
    begun = {row.item for row in events if row.event == Event.BLOCK}
    waiting = [one for one in found if one.state == State.WAITING and one.waiting_since is None]
    blocked = {one.id for one in waiting if one.id in begun}
    states = {one.id: one.state for one in found}
    over = ENDED - {State.DEAD_LETTERED}
    return [
        *(f"{one}: waits for nothing" for one in blocked - {row.item for row in needs}),
        *(f"{row.item}: is {states[row.item]}, needs" for row in needs if row.item not in blocked),
        *(f"{row.item}: needs what has ended" for row in needs if states[row.needs] in over),
    ]


def _holds_without_owner() -> ColumnElement[bool]:
    """SQL: the item has no owner and holds resources."""
    return items.c.owner.is_(None) & items.c.id.in_(select(holdings.c.item))


def path_problems(item: Row[Any], path: list[Row[Any]]) -> list[str]:
    """Violations of: a history without gaps, of allowed events, that ends in the item's state."""
    found = []
    if [row.sequence for row in path] != list(range(1, item.sequence + 1)):
        found.append(f"sequences {[row.sequence for row in path]} up to {item.sequence}")
    sources = [None, *(row.target for row in path)]
    for row, source in zip(path, sources, strict=False):
        legal = TRANSITIONS.get((row.source and State(row.source), Event(row.event)))
        if row.source != source or row.target != legal:
            found.append(f"step {row.sequence}: {row.source} -{row.event}-> {row.target}")
    if sources[-1] != item.state:
        found.append(f"is {item.state}, its history ends in {sources[-1]}")
    if any(later.fence < earlier.fence for earlier, later in pairwise(path)):
        found.append("its fence shrinks")
    return found


def end_problems(item: Row[Any], dead: bool) -> list[str]:
    """Violations of: an ended item has its time and no owner, a dead-lettered one a dead letter."""
    found = []
    if (item.state in ENDED) != (item.ended_at is not None):
        found.append(f"is {item.state}, ended at {item.ended_at}")
    if (item.state in ENDED or dead) and item.owner is not None:
        found.append(f"has ended and is held by {item.owner}")
    if item.state == State.DEAD_LETTERED and not dead:
        found.append("is dead-lettered without a dead letter")
    if dead and item.state not in {State.DEAD_LETTERED, State.COMPENSATING}:
        found.append(f"has a dead letter and is {item.state}")
    if (item.state == State.PROCESSING) != (item.owner is not None) and (
        item.state != State.COMPENSATING
    ):
        found.append(f"is {item.state} and held by {item.owner}")
    return found
