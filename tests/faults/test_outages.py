"""Journal, disk and open files fail under a run: it ends or goes on, and others finish its work."""

import asyncio
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from agents.runtime.journal.database import POSTGRESQL_OPTIONS, Database, open_engine
from tests.faults.fixtures import OpenGround, Play, grounds, nursery, play
from tests.faults.outages import open_line

__all__ = ["grounds", "nursery", "play"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("faults"),
    pytest.mark.asyncio(loop_scope="module"),
]


async def test_whatever_fails_under_a_run_others_finish_it(play: Play) -> None:
    await play("quiet=")
    cells = ("full=200", "files=16", "term+kill=called:book_shipment@1")
    played = await asyncio.gather(*(play(cell) for cell in cells))
    assert [one.breaches for one in played if one.breaches] == []
    assert all(one.last_blow is not None for one in played)


async def test_a_commit_whose_answer_is_lost_counts_once(play: Play) -> None:
    played = [await play(f"commit={number}", "postgresql") for number in (7, 12)]
    assert [one.breaches for one in played if one.breaches] == []


async def test_the_server_of_the_journal_is_stopped_at_once_and_comes_back(play: Play) -> None:
    played = await play("restart=3", "postgresql")
    assert played.breaches == []


async def test_a_server_that_falls_silent_is_given_up(grounds: OpenGround, tmp_path: Path) -> None:
    ground = await grounds("postgresql")
    async with ground.plot() as (_, url), open_line(url, tmp_path) as line:
        limits = POSTGRESQL_OPTIONS | {"command_timeout": 1.0}
        database = Database(line.url, open_engine(line.url, connect_args=limits))
        async with database.read() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1
            line.silent, begun = True, time.monotonic()
            with pytest.raises(TimeoutError):
                await connection.execute(text("SELECT 1"))
            assert time.monotonic() - begun < limits["command_timeout"] + 2  # one more to close it

        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            async with open_engine(line.url).connect():
                pass
        assert time.monotonic() - begun < POSTGRESQL_OPTIONS["timeout"] + 1
        line.silent = False
        await database.close()
