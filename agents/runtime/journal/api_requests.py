"""Requests with an Idempotency-Key: what a key was used for, and the first answer to it.

Key, fingerprint and first answer are committed with the item that the request brought. So whenever a
process is killed, either all of them are stored or none. An answer that refuses an item is not
stored: its key stays free.
Source: draft-ietf-httpapi-idempotency-key-header-07, "The Idempotency-Key HTTP Header Field".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import Row, Text, bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.errors import AgentError
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.gateway_schema import api_requests
from agents.runtime.journal.statements import (
    bound_values,
    insert_many,
    insert_new,
    is_sqlite,
    values_parameter,
)
from agents.runtime.journal.submit import Accepted, NewItem, Sender, accept_within

KEPT_SECONDS = 30 * 86_400.0  # a key that is older is forgotten; its item is still recognised
AT_ONCE = 1_000
SUCCESS = range(200, 300)


@dataclass(frozen=True, slots=True)
class RequestKey:
    """The key that a caller of the tenant has given a request, and the fingerprint of the request."""

    tenant: str
    key: str
    fingerprint: str

    @property
    def id(self) -> tuple[str, str]:
        """What no two requests share."""
        return self.tenant, self.key

    def of_line(self, line: int, fingerprint: str) -> "RequestKey":
        """The key of one line of a request with many: no caller can send a line feed in a key."""
        return RequestKey(self.tenant, f"{self.key}\n{line}", fingerprint)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer over HTTP: what is sent again, to the byte, for the same key."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offer:
    """An item to accept, and the function that makes the answer from what became of it."""

    sender: Sender
    item: NewItem
    answer: Callable[[Accepted], Answer]
    key: RequestKey | None = None


class KeyReused(AgentError):
    """The key was used for another request."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return "the Idempotency-Key was used for another request"


async def accept_offers(database: Database, offers: Sequence[Offer]) -> list[Answer | KeyReused]:
    """Accept the items in one transaction, with their keys and answers; in the order of `offers`.

    A known key gets its first answer, and its offer is not looked at. Keys should differ. Raises
    IntegrityError if another process has used one of the keys meanwhile: the same call again knows it.
    """
    async with database.write(len(offers)) as connection:
        stored = await _stored(connection, [o.key for o in offers if o.key is not None])
        known = [_known(offer.key, stored) for offer in offers]
        new = [offer for offer, answer in zip(offers, known, strict=True) if answer is None]
        accepted = await _accept(connection, new)
        made = [offer.answer(accepted[id(offer)]) for offer in new]
        await _store(connection, zip([o.key for o in new], made, strict=True))
    rest = iter(made)
    return [answer or next(rest) for answer in known]


async def first_answers(
    database: Database, keys: Sequence[RequestKey]
) -> list[Answer | KeyReused | None]:
    """The first answer to each key; None for one that is free."""
    async with database.read() as connection:
        stored = await _stored(connection, keys)
    return [_known(key, stored) for key in keys]


async def known_answer(connection: AsyncConnection, key: RequestKey) -> Answer | None:
    """The first answer to the key, in the transaction of the connection; None if it is free.

    Raises KeyReused.
    """
    known = _known(key, await _stored(connection, [key]))
    if isinstance(known, KeyReused):
        raise known
    return known


async def keep_answer(connection: AsyncConnection, key: RequestKey, answer: Answer) -> None:
    """Keep the first answer to the key in the transaction of what it answers.

    Raises IntegrityError if another process has used the key meanwhile.
    """
    await _store(connection, [(key, answer)])


async def use_key(database: Database, key: RequestKey) -> None:
    """Keep the key for a request whose lines have keys of their own. Raises KeyReused."""
    row = _row(key, Answer(0, ""))
    async with database.write() as connection:
        await insert_many(connection, insert_new(connection, api_requests, at=now()), [row])
        stored = await _stored(connection, [key])
    if stored[key.id].fingerprint != key.fingerprint:
        raise KeyReused(key.key)


async def forget_keys(database: Database, older_than: float = KEPT_SECONDS) -> int:
    """Forget the keys that were used more than `older_than` seconds ago; returns how many."""
    table = api_requests.alias()
    old = select(table.c.tenant, table.c.key).where(table.c.at < now() - older_than)
    forgotten, deleted = 0, AT_ONCE
    while deleted:
        async with database.write() as connection:
            rows = (await connection.execute(old.order_by(table.c.at).limit(AT_ONCE))).all()
            ids = [{"of": row.tenant, "named": row.key} for row in rows]
            if ids:
                await connection.execute(_FORGET, ids)
        deleted = len(ids)
        forgotten += deleted
    return forgotten


_FORGET = delete(api_requests).where(
    api_requests.c.tenant == bindparam("of"), api_requests.c.key == bindparam("named")
)


def _known(
    key: RequestKey | None, stored: dict[tuple[str, str], Row[Any]]
) -> Answer | KeyReused | None:
    row = stored.get(key.id) if key is not None else None
    if key is None or row is None:
        return None
    if row.fingerprint != key.fingerprint:
        return KeyReused(key.key)
    return Answer(row.status, row.body, orjson.loads(row.headers))


async def _accept(connection: AsyncConnection, offers: Sequence[Offer]) -> dict[int, Accepted]:
    """What became of each offer, by its `id()`; senders in one order, since that avoids deadlocks."""
    by_sender = sorted(offers, key=_sender_of)
    found: dict[int, Accepted] = {}
    for _, group in groupby(by_sender, key=_sender_of):
        same = list(group)
        answers = await accept_within(connection, same[0].sender, [offer.item for offer in same])
        found |= {id(offer): answer for offer, answer in zip(same, answers, strict=True)}
    return found


def _sender_of(offer: Offer) -> tuple[str, str, str]:
    return offer.sender.tenant, offer.sender.scenario, offer.sender.version


async def _store(connection: AsyncConnection, answered: Any) -> None:
    rows = [
        _row(key, answer)
        for key, answer in answered
        if key is not None and answer.status in SUCCESS
    ]
    rows.sort(key=lambda row: (row["tenant"], row["key"]))  # the same order avoids deadlocks
    await insert_many(connection, _INSERT, rows)


_INSERT = insert(api_requests).values(at=now())


def _row(key: RequestKey, answer: Answer) -> dict[str, Any]:
    return {
        "tenant": key.tenant,
        "key": key.key,
        "fingerprint": key.fingerprint,
        "status": answer.status,
        "headers": orjson.dumps(dict(answer.headers)).decode(),
        "body": answer.body,
    }


async def _stored(
    connection: AsyncConnection, keys: Sequence[RequestKey]
) -> dict[tuple[str, str], Row[Any]]:
    """The stored keys among these."""
    lite, found = is_sqlite(connection), dict[tuple[str, str], Row[Any]]()
    for tenant in sorted({key.tenant for key in keys}):
        names = [key.key for key in keys if key.tenant == tenant]
        parameters = {"tenant": tenant, "keys": values_parameter(names, by_sqlite=lite)}
        rows = await connection.execute(_by_key(by_sqlite=lite), parameters)
        found |= {(tenant, row.key): row for row in rows if row.fingerprint is not None}
    return found


@cache
def _by_key(*, by_sqlite: bool) -> Any:
    # A sub-select per key is a look-up each. For a join PostgreSQL reads all keys of the tenant, by a
    # plan that was made while there were few.
    values, columns = bound_values("keys", Text(), by_sqlite=by_sqlite), api_requests.c
    same = columns.tenant == bindparam("tenant"), columns.key == values.c.value
    wanted = (columns.fingerprint, columns.status, columns.headers, columns.body)
    found = (select(one).where(*same).correlate(values).scalar_subquery() for one in wanted)
    return select(
        values.c.value.label("key"),
        *(query.label(one.name) for query, one in zip(found, wanted, strict=True)),
    ).select_from(values)
