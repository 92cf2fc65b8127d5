"""The journal, the disk or open files fail during a run: other runs finish its work."""

import asyncio
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from agents.runtime.journal.database import POSTGRESQL_OPTIONS, Database, open_engine
from tests.faults.fixtures import OpenEnvironment, RunCell, environments, fork_server, run_cell
from tests.faults.postgres_proxy import open_postgres_proxy

__all__ = ["environments", "fork_server", "run_cell"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("faults"),
    pytest.mark.asyncio(loop_scope="module"),
]


async def test_other_runs_finish_after_a_full_disk_too_many_files_or_a_shutdown(
    run_cell: RunCell,
) -> None:
    await run_cell("none=")
    cells = ("full=200", "files=16", "term+kill=called:book_shipment@1")
    results = await asyncio.gather(*(run_cell(cell) for cell in cells))
    assert [one.violations for one in results if one.violations] == []
    assert all(one.last_fault_at is not None for one in results)


async def test_a_commit_whose_response_is_lost_counts_once(run_cell: RunCell) -> None:
    results = [await run_cell(f"commit={number}", "postgresql") for number in (7, 12)]
    assert [one.violations for one in results if one.violations] == []


async def test_runs_survive_a_crash_and_restart_of_postgresql(run_cell: RunCell) -> None:
    result = await run_cell("restart=3", "postgresql")
    assert result.violations == []


async def test_a_server_without_a_response_is_given_up(
    environments: OpenEnvironment, tmp_path: Path
) -> None:
    environment = await environments("postgresql")
    async with environment.cell_folder() as (_, url), open_postgres_proxy(url, tmp_path) as proxy:
        limits = POSTGRESQL_OPTIONS | {"command_timeout": 1.0}
        database = Database(proxy.url, open_engine(proxy.url, connect_args=limits))
        async with database.read() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1
            proxy.silent, started = True, time.monotonic()
            with pytest.raises(TimeoutError):
                await connection.execute(text("SELECT 1"))
            assert (
                time.monotonic() - started < limits["command_timeout"] + 2
            )  # another second to close the connection

        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with open_engine(proxy.url).connect():
                pass
        assert time.monotonic() - started < POSTGRESQL_OPTIONS["timeout"] + 1
        proxy.silent = False
        await database.close()
