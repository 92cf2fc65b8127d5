"""Requests that arrive together share a commit, and none suffers from another."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from agents.runtime.journal.api_requests import Answer, KeyReused, Offer, RequestKey
from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import items
from agents.runtime.journal.submit import Accepted, NewItem, Sender
from agents.runtime.metrics import COMMITS
from deployments.gateway import group_commit
from deployments.gateway.group_commit import GroupCommit, InWork, NotCommitted

SENDER = Sender("default", "jobs", "1")


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    opened = Database(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
def group(database: Database) -> GroupCommit:
    return GroupCommit(database)


def answered(accepted: Accepted) -> Answer:
    if accepted.row.key == "bad":
        raise ValueError("this answer cannot be made")
    return Answer(202, accepted.row.key)


async def accept(group: GroupCommit, one: Offer) -> Answer:
    [found] = await group.accept([one])
    if isinstance(found, Exception):
        raise found
    return found


def offer(item: str, key: str = "", fingerprint: str = "f") -> Offer:
    used = RequestKey("default", key, fingerprint) if key else None
    return Offer(SENDER, NewItem(item, "{}", "h", "t"), answered, used)


async def count(database: Database) -> int:
    async with database.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(items)) or 0)


async def test_what_waits_together_is_committed_together(
    group: GroupCommit, database: Database
) -> None:
    before = COMMITS._value.get()
    answers = await asyncio.gather(*(accept(group, offer(f"a{n}")) for n in range(600)))
    assert [answer.body for answer in answers] == [f"a{n}" for n in range(600)]
    assert COMMITS._value.get() - before == 3, "256, 256 and 88"
    assert await count(database) == 600


async def test_a_member_fails_alone(group: GroupCommit, database: Database) -> None:
    offers = [offer("bad" if n == 11 else f"a{n}") for n in range(50)]
    answers = await group.accept(offers)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, ValueError)] == [11]
    assert await count(database) == 49


async def test_equal_requests_with_one_key_wait_for_one_commit(
    group: GroupCommit, database: Database
) -> None:
    same = [offer("a", "k") for _ in range(1_000)]
    other = offer("b", "k", "another request")
    *equal, refused = await asyncio.gather(
        *(accept(group, one) for one in [*same, other]), return_exceptions=True
    )
    assert equal == [Answer(202, "a")] * 1_000
    assert isinstance(refused, KeyReused)
    assert await count(database) == 1


async def test_an_item_whose_caller_went_away_is_accepted(
    group: GroupCommit, database: Database
) -> None:
    going = asyncio.create_task(accept(group, offer("a", "k")))
    await asyncio.sleep(0)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert await accept(group, offer("a", "k")) == Answer(202, "a")
    assert await count(database) == 1


@dataclass
class Held:
    """A database that another process keeps locked until `free` is set."""

    database: Database
    free: asyncio.Event

    async def hold(self, locked: asyncio.Event) -> None:
        async with self.database.write():
            locked.set()
            await self.free.wait()


@pytest.fixture
async def held(database: Database) -> AsyncIterator[Held]:
    locked, one = asyncio.Event(), Held(database, asyncio.Event())
    holding = asyncio.create_task(one.hold(locked))
    await locked.wait()
    yield one
    one.free.set()
    await holding


async def test_a_key_in_work_is_told_and_ends_with_one_item(
    group: GroupCommit, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "COMMIT_SECONDS", 0.02)
    with pytest.raises(NotCommitted):
        await accept(group, offer("a", "k"))
    with pytest.raises(InWork):
        await accept(group, offer("a", "k"))
    monkeypatch.setattr(group_commit, "COMMIT_SECONDS", 10.0)
    held.free.set()
    assert await accept(group, offer("a", "k")) == Answer(202, "a")
    assert await count(held.database) == 1


async def test_while_a_commit_is_stuck_nothing_more_is_taken(
    group: GroupCommit, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "STUCK_SECONDS", 0.02)
    first = asyncio.create_task(accept(group, offer("a")))
    await asyncio.sleep(0.05)
    with pytest.raises(NotCommitted):
        await accept(group, offer("b"))
    held.free.set()
    assert await first == Answer(202, "a")
    assert await accept(group, offer("b")) == Answer(202, "b")


async def test_a_journal_that_is_away_accepts_nothing(tmp_path: Path) -> None:
    """Whatever the reason is, nobody is told that an item is accepted."""
    missing = Database(f"sqlite+aiosqlite:///{tmp_path / 'journal.db'}")
    with pytest.raises(NotCommitted):
        await accept(GroupCommit(missing), offer("a"))
    await missing.close()
