"""A run takes a source in batches, reports what happened to it, and hands back the rest."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agents.orders.run import open_run
from agents.runtime.context import runtime
from agents.runtime.run_files import TakenPath
from agents.runtime.settings import settings
from agents.services.files.records import SourceError
from agents.services.inventory.stock_file import BadStock
from agents.services.sandbox.faults import BadFaultScript
from tests.agents.orders.order_faults import body
from tests.databases import stop_telemetry


@pytest.fixture(autouse=True)
def _environment(
    monkeypatch: pytest.MonkeyPatch, providers: Path, sqlite_url: str
) -> Iterator[None]:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(providers))
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", sqlite_url)
    settings.cache_clear()
    yield
    settings.cache_clear()
    stop_telemetry()


@pytest.fixture
def orders(tmp_path: Path) -> str:
    path = tmp_path / "orders.jsonl"
    bodies = [body({"order_id": f"W{number}"}) for number in range(5)]
    path.write_text("".join(json.dumps(b) + "\n" for b in [*bodies, {"order_id": "W9"}]), "utf-8")
    return str(path)


async def test_orders_come_in_batches_and_what_is_unfinished_is_handed_back(
    orders: str, tmp_path: Path
) -> None:
    report = str(tmp_path / "deep" / "report.md")

    async with open_run(orders, faults="none", stock=None, report=report) as run:
        counts = [batch.count async for batch in run.accepted(2)]
        written = await run.report()

    assert counts == [2, 2, 1]
    assert written.outcomes["rejected"] == 1
    assert str(Path(report).resolve()) == written.report_file  # noqa: ASYNC240 - a small file
    assert str((tmp_path / "deep" / "report.rejected.jsonl").resolve()) == written.rejects_file
    assert Path(report).read_text("utf-8").startswith("# 1 orders in ")  # noqa: ASYNC240 - a small file
    async with open_run(orders, faults="none", stock=None, report=report) as run:
        assert sum([batch.count async for batch in run.accepted(256)]) == 5


async def test_what_an_earlier_run_wrote_stays_as_it_is(orders: str, tmp_path: Path) -> None:
    report = str(tmp_path / "report.md")
    written: dict[Path, bytes] = {}
    for source in (orders, orders, str(tmp_path / "mistyped.jsonl")):
        with suppress(SourceError):
            async with open_run(source, faults="none", stock=None, report=report) as run:
                async for _ in run.accepted(256):
                    pass
                await run.report()
        assert {path: path.read_bytes() for path in written} == written
        written = {path: path.read_bytes() for path in tmp_path.glob("report-*")}  # noqa: ASYNC240 - the same
    assert sorted(path.suffix for path in written) == [".jsonl", ".jsonl", ".md", ".md"]


async def test_a_report_replaces_no_file_of_somebody_else(orders: str) -> None:
    before = Path(orders).read_bytes()  # noqa: ASYNC240 - a small file
    with pytest.raises(TakenPath, match="name another"):
        async with open_run(orders, faults="none", stock=None, report=orders):
            pass
    assert Path(orders).read_bytes() == before  # noqa: ASYNC240 - the same


async def test_rejects_of_an_earlier_release_stay(orders: str, tmp_path: Path) -> None:
    old = tmp_path / "report.rejected.jsonl"
    old.write_text("old", "utf-8")
    report = str(tmp_path / "report.md")

    async with open_run(orders, faults="none", stock=None, report=report) as run:
        [_ async for _ in run.accepted(256)]
        assert Path((await run.report()).rejects_file).is_file()  # noqa: ASYNC240 - the same

    assert old.read_text("utf-8") == "old"


async def test_a_source_that_cannot_be_read_raises(tmp_path: Path) -> None:
    source = str(tmp_path / "missing.jsonl")

    with pytest.raises(SourceError):
        async with open_run(source, faults="none", stock=None, report=None) as run:
            [_ async for _ in run.accepted(2)]


async def test_a_script_or_stock_that_cannot_be_read_opens_nothing(
    orders: str, tmp_path: Path
) -> None:
    for faults, stock, error in [
        ("nonsense", None, BadFaultScript),
        ("none", str(tmp_path / "missing.csv"), BadStock),
    ]:
        with pytest.raises(error):
            async with open_run(orders, faults=faults, stock=stock, report=None):
                pass
    with pytest.raises(LookupError):
        runtime()
