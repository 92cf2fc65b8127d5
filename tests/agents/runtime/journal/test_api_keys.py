"""API keys: a key opens until it is revoked, expired or rotated away, and the journal cannot tell it."""

import asyncio

import pytest
from sqlalchemy import update

from agents.runtime.context import Runtime
from agents.runtime.journal import api_keys, audit
from agents.runtime.journal.api_keys import NameTaken, NewKey, UnknownKey
from agents.runtime.journal.audit import AuditFilter
from agents.runtime.journal.database import now
from agents.runtime.journal.gateway_schema import api_keys as table
from tests.agents.runtime.jobs import rows

SHOP = NewKey("default", "shop", ("submit", "read"))


async def opens(opened: Runtime, key: str) -> bool:
    return await api_keys.verify(opened.journal.database, key) is not None


async def set_back(opened: Runtime, **seconds: float) -> None:
    """Let these times of all keys be so long ago."""
    async with opened.journal.database.write() as connection:
        ago = {name: now() - value for name, value in seconds.items()}
        await connection.execute(update(table).values(**ago))


async def test_a_key_opens_and_no_table_holds_its_secret(opened: Runtime) -> None:
    made = await api_keys.create(opened.journal, SHOP, "ann", "a new shop")
    assert await opens(opened, made.key)
    (row,) = await rows(table)
    assert made.key.startswith(f"afk_{row.id}_")
    secret = made.key.removeprefix(f"afk_{row.id}_")  # it may have a _ of its own
    assert secret not in repr(row)
    [entry] = await audit.entries(opened.journal, AuditFilter(object=f"key {made.id}"))
    assert (entry.entry.by, entry.entry.act) == ("ann", "create")
    assert secret not in repr(entry)


async def test_what_differs_in_one_character_opens_nothing(opened: Runtime) -> None:
    made = await api_keys.create(opened.journal, SHOP, "ann", "a new shop")
    for wrong in (
        made.key[:-1],
        f"{made.key}x",
        f"afk_{'0' * 12}_x",
        "afk__",
        "afk_",
        "",
        "\ud800",
    ):
        if wrong != "\ud800":
            assert not await opens(opened, wrong)


async def test_a_revoked_or_expired_key_opens_nothing(opened: Runtime) -> None:
    made = await api_keys.create(opened.journal, SHOP, "ann", "a new shop")
    await api_keys.revoke(opened.journal, made.id, "ann", "it was lost")
    assert not await opens(opened, made.key)
    with pytest.raises(UnknownKey):
        await api_keys.revoke(opened.journal, made.id, "ann", "again")
    short = NewKey("default", "visitor", ("read",), seconds=60.0)
    made = await api_keys.create(opened.journal, short, "ann", "a visitor")
    assert await opens(opened, made.key)
    await set_back(opened, expires_at=1)
    assert not await opens(opened, made.key)
    assert not await api_keys.any_in_use(opened.journal.database)


async def test_after_a_rotation_both_secrets_open_for_a_while(opened: Runtime) -> None:
    old = await api_keys.create(opened.journal, SHOP, "ann", "a new shop")
    new = await api_keys.rotate(opened.journal, old.id, 60.0, "ann", "it is a year old")
    assert new.id == old.id
    assert [await opens(opened, made.key) for made in (old, new)] == [True, True]
    await set_back(opened, previous_until=1)
    assert [await opens(opened, made.key) for made in (old, new)] == [False, True]
    at_once = await api_keys.rotate(opened.journal, old.id, 0.0, "ann", "it was lost")
    assert [await opens(opened, made.key) for made in (new, at_once)] == [False, True]
    await api_keys.rotate(opened.journal, old.id, 60.0, "ann", "once more")
    await api_keys.revoke(opened.journal, old.id, "ann", "it was lost")
    assert not await opens(opened, at_once.key), "a revoked key has no valid secret at all"


async def test_the_last_use_is_known_to_a_minute(opened: Runtime) -> None:
    made = await api_keys.create(opened.journal, SHOP, "ann", "a new shop")
    assert await opens(opened, made.key)
    (first,) = await rows(table)
    assert await opens(opened, made.key)
    (second,) = await rows(table)
    assert first.used_at == second.used_at is not None
    await set_back(opened, used_at=90)
    assert await opens(opened, made.key)
    (third,) = await rows(table)
    assert third.used_at >= first.used_at


async def test_a_name_stands_for_one_key_for_ever(opened: Runtime) -> None:
    made = await api_keys.create(opened.journal, SHOP, "ann", "a new shop")
    await api_keys.revoke(opened.journal, made.id, "ann", "it was lost")
    with pytest.raises(NameTaken, match="rotate"):
        await api_keys.create(opened.journal, SHOP, "ann", "once more")
    await api_keys.create(opened.journal, NewKey("other", "shop", ("read",)), "ann", "another")
    assert [row.name for row in await api_keys.keys(opened.journal)] == ["shop"]


async def test_there_is_one_first_key(opened: Runtime) -> None:
    made = await asyncio.gather(*(api_keys.first_key(opened.journal, ("admin",)) for _ in range(4)))
    [key] = filter(None, made)
    assert await opens(opened, key)
