"""Rows of a database come with all their digits, from databases that the settings name for the study."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from agents.analysis.collecting.databases import NoDatabase, queried, since_of
from agents.analysis.collecting.gathering import Gathering
from agents.analysis.contract import Contract
from agents.runtime.errors import TransientError
from agents.runtime.settings import settings
from agents.services.fetching.fetcher import Fetcher
from agents.services.files.outcomes import SourceError

CONTRACT = {"name": "shop", "time": "at", "columns": {"at": {"type": "time"}}}


@pytest.fixture
def database(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("create table sold (at text, n integer, price numeric)")
        rows = [(f"2025-01-{n % 28 + 1:02}", n, n / 4) for n in range(2_500)]
        connection.executemany("insert into sold values (?, ?, ?)", rows)
    return f"sqlite+aiosqlite:///{tmp_path / 'shop.db'}"


async def test_a_query_is_a_partition_that_changes_with_its_rows(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [{"name": "shop", "url": database, "studies": ["shop"]}]
    monkeypatch.setenv("AGENT_FLOWS_FETCH_DATABASES", json.dumps(known))
    settings.cache_clear()
    query = "select at, n, price from sold order by n"
    contract = Contract.model_validate(CONTRACT | {"collect": {"query": query}})
    async with Fetcher(tmp_path / "store") as fetcher:
        wanted = Gathering(contract, "shop", fetcher)
        validator = await wanted.validator("sql://shop")
        assert await wanted.validator("sql://shop") == validator
        collected = await wanted.collected("sql://shop", validator)
        lines = (fetcher.store / collected.raw[0]).read_bytes().splitlines()
        assert len(lines) == 2_500
        assert json.loads(lines[5]) == {"at": "2025-01-06", "n": 5, "price": 1.25}
        with sqlite3.connect(tmp_path / "shop.db") as connection:
            connection.execute("delete from sold where n = 7")
        assert await wanted.validator("sql://shop") != validator
        with pytest.raises(NoDatabase, match=r"for the study 'acme\.shop'"):
            await Gathering(contract, "acme.shop", fetcher).validator("sql://shop")
    settings.cache_clear()


async def test_a_query_is_asked_for_rows_from_a_time_on(database: str, tmp_path: Path) -> None:
    query = "select n from sold where at >= :since and n < 28 order by n"
    since = since_of("sql://shop?since=2025-01-27T00%3A00%3A00Z")
    assert since == "2025-01-27T00:00:00Z"
    one = await queried(database, query, tmp_path, since[:10])
    assert (tmp_path / one.sha256).read_bytes() == b'{"n":26}\n{"n":27}\n'
    with pytest.raises(SourceError, match="the query has no :since"):
        await queried(database, "select 1 as n", tmp_path, since)


async def test_long_numbers_keep_their_digits(database: str, tmp_path: Path) -> None:
    query = "select 9007199254740993 as n, null as x, cast('é' as text) as t"
    one = await queried(database, query, tmp_path)
    assert (
        tmp_path / one.sha256
    ).read_bytes() == '{"n":9007199254740993,"x":null,"t":"é"}\n'.encode()


async def test_nothing_that_a_query_changes_stays(database: str, tmp_path: Path) -> None:
    await queried(database, "delete from sold returning n", tmp_path)
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        assert connection.execute("select count(*) from sold").fetchone() == (2_500,)


@pytest.mark.parametrize(
    "query,error,reason",
    [
        ("", SourceError, "needs a query"),
        ("select x'00' as b", SourceError, "column 'b' has bytes"),
        ("select no from sold", TransientError, "no such column"),
    ],
)
async def test_a_query_that_cannot_be_asked_is_an_error(
    database: str, tmp_path: Path, query: str, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        await queried(database, query, tmp_path)
    assert os.listdir(tmp_path) == ["shop.db"]  # noqa: PTH208 - paths must not block
