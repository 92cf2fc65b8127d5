"""The audit log: who did what to which object and why, with what it was before and after.

Each act of a person or a program writes its entry in its own transaction, so that there is neither an
act without an entry nor an entry without an act. Entries are added, never changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import insert, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal import Journal
from agents.runtime.journal.database import now
from agents.runtime.journal.gateway_schema import audit
from agents.runtime.redaction import redacted

MOST_FIELDS = 50  # of one edit; the hashes of the bodies tell about the rest
LONGEST_TEXT = 200
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act.

    Args:
        tenant: Tenant of the object.
        by: Name of the person or program that acts.
        act: What it does, one verb, such as "cancel".
        object: What it acts on: its kind and name, such as "item orders/W1" or "queue orders".
        reason: Why, in the words of `by`.
        before: The values that the act changes, as they were; never a secret.
        after: The same values after the act.

    """

    tenant: str
    by: str
    act: str
    object: str
    reason: str
    before: Values = field(default_factory=dict)
    after: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries a list shows; None shows all. Times are seconds since 1970."""

    by: str | None = None
    act: str | None = None
    object: str | None = None
    since: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry of the log: its number, and when the act was, in seconds since 1970."""

    id: int
    at: float
    entry: AuditEntry


async def write(connection: AsyncConnection, entry: AuditEntry) -> None:
    """Add the entry in the transaction of the act itself."""
    await connection.execute(
        insert(audit).values(
            at=now(),
            tenant=entry.tenant,
            by=entry.by,
            act=entry.act,
            object=entry.object,
            reason=entry.reason,
            before=orjson.dumps(entry.before).decode(),
            after=orjson.dumps(entry.after).decode(),
        )
    )


async def entries(
    journal: Journal, wanted: AuditFilter, after: tuple[float, int] | None = None, most: int = 100
) -> Sequence[AuditRow]:
    """Up to `most` entries of the journal's tenant, the newest first.

    `after` is the time and the number of the last entry of the page before.
    """
    columns = audit.c
    query = select(audit).where(columns.tenant == journal.tenant)
    for column in (columns.by, columns.act, columns.object):
        if (value := getattr(wanted, column.key)) is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(columns.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(columns.at <= wanted.until)
    if after is not None:
        query = query.where(tuple_(columns.at, columns.id) < tuple_(*map(literal, after)))
    newest_first = columns.at.desc(), columns.id.desc()
    async with journal.database.read() as connection:
        rows = await connection.execute(query.order_by(*newest_first).limit(most))
    return [
        AuditRow(
            row.id,
            row.at,
            AuditEntry(
                *(row.tenant, row.by, row.act, row.object, row.reason),
                before=orjson.loads(row.before),
                after=orjson.loads(row.after),
            ),
        )
        for row in rows
    ]


def changed_fields(before: str, after: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that differ in two JSON bodies, by path, before and after; without personal data.

    A field that a body does not have is left out on its side.
    """
    was, will = dict(_fields(orjson.loads(before or "{}"))), dict(_fields(orjson.loads(after)))
    absent = object()
    changed = [path for path in was | will if was.get(path, absent) != will.get(path, absent)]
    first = changed[:MOST_FIELDS]
    return (
        {path: _shown(path, was[path]) for path in first if path in was},
        {path: _shown(path, will[path]) for path in first if path in will},
    )


def _fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each value of the body with its path, such as lines[0].sku."""
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from _fields(one, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for number, one in enumerate(value):
            yield from _fields(one, f"{path}[{number}]")
    else:
        yield path, value


def _shown(path: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    name = path.rpartition(".")[2]  # redaction knows parts of an address by their field
    [text] = orjson.loads(redacted(orjson.dumps({name: value}).decode())).values()
    return text[:LONGEST_TEXT]
