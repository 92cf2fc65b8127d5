"""The installation: a random id that a journal gets once, whoever opens it first, and that its copies keep."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from agents.runtime.context import open_runtime
from agents.runtime.journal.database import Database
from agents.runtime.journal.installation import installation_id
from agents.runtime.journal.schema import installation
from agents.runtime.names import INSTALLATION
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import HERE, Provider, effect_of, jobs, rows, run


@pytest.fixture(autouse=True)
def _random_ids(_known_installation: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give random ids again, as outside of tests."""
    monkeypatch.undo()


async def id_of(url: str) -> str:
    """Open the journal as a process of its own does; its installation."""
    database = Database(url)
    try:
        await database.migrate()
        return await installation_id(database)
    finally:
        await database.close()


async def test_processes_that_open_at_once_get_the_same_id(journal_url: str) -> None:
    ids = await asyncio.gather(*(id_of(journal_url) for _ in range(8)))
    assert len(set(ids)) == 1
    assert INSTALLATION.fullmatch(ids[0])
    assert ids[0] != HERE


async def test_the_id_stays(journal_settings: Settings) -> None:
    seen = set()
    for _ in range(2):
        async with open_runtime(journal_settings) as opened:
            seen.add(opened.journal.installation)
            [row] = await rows(installation)
            seen.add(row.id)
    assert len(seen) == 1


async def test_each_journal_has_its_own(tmp_path: Path) -> None:
    urls = [f"sqlite+aiosqlite:///{tmp_path}/{name}.db" for name in "abc"]
    assert len({await id_of(url) for url in urls}) == 3


async def test_a_copy_of_a_journal_keeps_it(sqlite_url: str, tmp_path: Path) -> None:
    before, copy = await id_of(sqlite_url), tmp_path / "copy.db"
    with (
        closing(sqlite3.connect(str(make_url(sqlite_url).database))) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    assert await id_of(f"sqlite+aiosqlite:///{copy}") == before


async def test_two_journals_give_different_keys_to_the_same_item(
    tmp_path: Path, provider: Provider
) -> None:
    make = effect_of(provider)
    for name in "ab":
        async with open_runtime(Settings(data=tmp_path / name)):
            assert (await run(jobs(1), make)).outcomes == {"job completed": 1}
    assert len(provider.made) == 2
