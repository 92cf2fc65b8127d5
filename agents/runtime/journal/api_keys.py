"""API keys: what a caller of the gateway shows, kept as a hash that nobody can use.

A key is `afk_<id>_<secret>`. The id is no secret: lists, logs and the audit log show it. The secret has
256 random bits, so one pass of SHA-256 is enough: nobody can guess it, and a slow hash of a password
would cost every request. The secret exists in the answer that made it and nowhere else.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.errors import AgentError
from agents.runtime.journal import Journal, audit
from agents.runtime.journal.audit import AuditEntry
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.gateway_schema import api_keys
from agents.runtime.journal.statements import insert_new

KIND = "afk"
ID_BYTES, SECRET_BYTES = 6, 32
USED_EVERY = 60.0  # seconds; a key's last use is known this exactly
FIRST = "first key"
_NOBODY = hashlib.sha256(
    b""
).hexdigest()  # compared where there is no key, so that it takes as long


class UnknownKey(AgentError):
    """The tenant has no such key, or it is revoked."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key

    def __str__(self) -> str:
        return f"there is no key {self.key!r} that is in use"


class NameTaken(AgentError):
    """The tenant has, or had, a key of this name, which the audit log names."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return (
            f"there is, or was, a key named {self.name!r}: choose another name, or rotate that key"
        )


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be made.

    Args:
        tenant: Tenant whose objects it opens.
        name: Who uses it, as audit log and histories name them.
        scopes: What it may do.
        customer: The customer it talks as in conversations; "" for none.
        version: The API version it is pinned to; "" for the newest.
        seconds: How long it is valid; None for ever.

    """

    tenant: str
    name: str
    scopes: tuple[str, ...]
    customer: str = ""
    version: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key's id, and the key itself, which is shown this once."""

    id: str
    key: str


def digest(text: str) -> str:
    """The hash under which a random secret is kept."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_key(text: str) -> bool:
    """Whether a credential has the form of a key."""
    return text.startswith(f"{KIND}_")


async def create(journal: Journal, new: NewKey, by: str, reason: str) -> MadeKey:
    """Make a key of the tenant. Raises NameTaken."""
    async with journal.database.write() as connection:
        made = await _insert(connection, new)
        if made is None:
            raise NameTaken(new.name)
        act = new.tenant, by, "create", f"key {made.id}", reason
        await audit.write(connection, AuditEntry(*act, after=asdict(new)))
    return made


async def first_key(journal: Journal, scopes: Sequence[str]) -> str | None:
    """Make the first key of all, with these scopes; None if there is, or was, one.

    Of processes that ask at the same time, one makes it.
    """
    async with journal.database.write() as connection:
        if await connection.scalar(select(api_keys.c.id).limit(1)) is not None:
            return None
        made = await _insert(connection, NewKey(journal.tenant, FIRST, tuple(scopes)))
        if made is None:
            return None
        act = journal.tenant, "gateway", "create", f"key {made.id}", "there was no key"
        await audit.write(connection, AuditEntry(*act, after={"name": FIRST}))
    return made.key


async def any_in_use(database: Database) -> bool:
    """Whether any key would be accepted now."""
    async with database.read() as connection:
        found = await connection.scalar(select(api_keys.c.id).where(in_use()).limit(1))
    return found is not None


async def verify(database: Database, text: str) -> Row[Any] | None:
    """The row of a key that is in use; None for one that is unknown, wrong, revoked or expired.

    All of these take the same way, so that an answer's time tells nothing. The row's last use is
    written at most once a minute.
    """
    _, _, rest = text.partition("_")
    key, _, _ = rest.partition("_")
    current = case((api_keys.c.previous_until > now(), api_keys.c.previous), else_=null())
    stale = or_(api_keys.c.used_at.is_(None), api_keys.c.used_at < now() - USED_EVERY)
    query = select(
        api_keys, in_use().label("in_use"), current.label("also"), stale.label("is_stale")
    ).where(api_keys.c.id == key)
    async with database.read() as connection:
        row = (await connection.execute(query)).first()
    given = digest(text)
    kept, also = (_NOBODY, _NOBODY) if row is None else (row.hash, row.also or _NOBODY)
    matches = hmac.compare_digest(given, kept) | hmac.compare_digest(given, also)
    if row is None or not matches or not row.in_use:
        return None
    if row.is_stale:
        async with database.write() as connection:
            used = update(api_keys).where(api_keys.c.id == row.id).values(used_at=now())
            await connection.execute(used)
    return row


async def rotate(journal: Journal, key: str, overlap: float, by: str, reason: str) -> MadeKey:
    """A new secret for the key; the one before stays valid for `overlap` seconds. Raises UnknownKey."""
    text = _new_text(key)
    async with journal.database.write() as connection:
        row = await _locked(connection, journal, key)
        new = {"hash": digest(text), "previous": row.hash, "previous_until": now() + overlap}
        await connection.execute(update(api_keys).where(api_keys.c.id == key).values(**new))
        act = row.tenant, by, "rotate", f"key {key}", reason
        await audit.write(connection, AuditEntry(*act, after={"overlap": overlap}))
    return MadeKey(key, text)


async def revoke(journal: Journal, key: str, by: str, reason: str) -> None:
    """End the key, and with it its sessions, at once. Raises UnknownKey."""
    async with journal.database.write() as connection:
        row = await _locked(connection, journal, key)
        ended = {"revoked_at": now(), "previous": None, "previous_until": None}
        await connection.execute(update(api_keys).where(api_keys.c.id == key).values(**ended))
        act = row.tenant, by, "revoke", f"key {key}", reason
        await audit.write(connection, AuditEntry(*act, {"in_use": True}, {"in_use": False}))


async def keys(journal: Journal, after: str = "", most: int = 100) -> Sequence[Row[Any]]:
    """Keys of the tenant in order of their names, those that ended too; `after` is the last name seen."""
    query = (
        select(*(column for column in api_keys.c if column.key not in {"hash", "previous"}))
        .add_columns(in_use().label("in_use"))
        .where(api_keys.c.tenant == journal.tenant, api_keys.c.name > after)
        .order_by(api_keys.c.name)
        .limit(most)
    )
    async with journal.database.read() as connection:
        return (await connection.execute(query)).all()


def in_use() -> ColumnElement[bool]:
    """SQL: the key is neither revoked nor expired."""
    columns = api_keys.c
    return and_(
        columns.revoked_at.is_(None), or_(columns.expires_at.is_(None), columns.expires_at > now())
    )


def _new_text(key: str) -> str:
    return f"{KIND}_{key}_{secrets.token_urlsafe(SECRET_BYTES)}"


async def _insert(connection: AsyncConnection, new: NewKey) -> MadeKey | None:
    """The key, or None if its name is taken."""
    key = secrets.token_hex(ID_BYTES)
    text = _new_text(key)
    values = asdict(new) | {"id": key, "hash": digest(text), "scopes": " ".join(new.scopes)}
    seconds = values.pop("seconds")
    values |= {"created_at": now(), "expires_at": None if seconds is None else now() + seconds}
    inserted = await connection.execute(insert_new(connection, api_keys).values(**values))
    return MadeKey(key, text) if inserted.rowcount else None


async def _locked(connection: AsyncConnection, journal: Journal, key: str) -> Row[Any]:
    query = select(api_keys).where(api_keys.c.tenant == journal.tenant, api_keys.c.id == key)
    row = (await connection.execute(query.where(in_use()).with_for_update())).first()
    if row is None:
        raise UnknownKey(key)
    return row
