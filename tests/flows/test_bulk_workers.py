"""Two processes take the orders of one file: whichever is killed, each order ends once."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import make_url, select
from sqlalchemy.ext.asyncio import create_async_engine

from agents.runtime.journal.schema import items
from agents.runtime.settings import PREFIX, ROOT, settings
from tests.flows.shop import Shop
from tests.prefect_server import PrefectServer

COUNT = 120
SLOW = "payments.capture:slow=0.3"
LEASE = 5
PATIENCE = 120.0  # seconds on a busy machine
WORKER = "flows.operations.bulk_worker"


@pytest.fixture(autouse=True)
def _two_processes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(f"{PREFIX}PROCESSES", "2")
    monkeypatch.setenv(f"{PREFIX}LEASE_SECONDS", str(LEASE))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("is_killed", [True, False])
async def test_the_run_finishes_what_a_lost_worker_held(shop: Shop, *, is_killed: bool) -> None:
    with running(shop) as run:
        worker = await working(shop, run)
        if is_killed:
            worker.kill()
        else:
            stop(worker, shop)
        assert await asyncio.to_thread(run.wait, PATIENCE) == 0, (
            shop.folder / "errors"
        ).read_text()
    assert not worker.is_running()
    await assert_all_are_shipped(shop)
    assert max(item["deaths"] for item in (await shop.journal()).items.values()) == 1


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "how",
    [
        pytest.param(signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, marks=pytest.mark.campaign),
    ],
)
async def test_a_worker_ends_with_its_run_and_hands_back(shop: Shop, how: signal.Signals) -> None:
    with running(shop) as run:
        worker = await working(shop, run)
        run.send_signal(how)
        assert await asyncio.to_thread(run.wait, PATIENCE) != 0
        await asyncio.to_thread(worker.wait, PATIENCE)
    held = {item["owner"] for item in (await shop.journal()).items.values()} - {None}
    assert not any(f"-{worker.pid}-" in owner for owner in held)
    assert how == signal.SIGKILL or not held
    report = await shop.process(shop.orders(COUNT))
    assert report.items == COUNT
    await assert_all_are_shipped(shop)


@pytest.mark.slow
@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_the_task_runs_of_both_are_those_of_the_run(
    shop: Shop, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}CONCURRENCY", "local")
    orders = shop.write(shop.orders(COUNT))
    options = ("--orders", orders, "--batch-size", "16", "--json")
    more = ("--stock", shop.stock, "--faults", SLOW, "--report", shop.report)
    done = prefect_server.run(sys.executable, "-m", "flows.order_processing", *options, *more)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["title"].startswith(f"{COUNT} orders in ")
    changes = (await shop.journal()).history.values()
    assert len({row["owner"] for rows in changes for row in rows if row["owner"]}) == 2
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        async with get_client() as client:
            runs = await client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC)
            (run,) = [one for one in runs if one.parameters.get("orders") == orders]
            of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
            tasks = await client.read_task_runs(flow_run_filter=of_run)
    risks = [int(task.name.split()[1]) for task in tasks if task.name.startswith("assess-risk")]
    assert sum(risks) == COUNT


@contextmanager
def running(shop: Shop) -> "Iterator[subprocess.Popen[bytes]]":
    """The flow over COUNT orders, in a process with a worker that starts at once."""
    arguments = [shop.write(shop.orders(COUNT)), shop.report, shop.stock, SLOW]
    command = [sys.executable, "-m", "tests.flows.run_orders", *arguments]
    with (
        (shop.folder / "errors").open("wb") as errors,
        subprocess.Popen(command, cwd=ROOT, stderr=errors) as run,
    ):
        try:
            yield run
        finally:
            run.kill()


async def working(shop: Shop, run: "subprocess.Popen[bytes]") -> psutil.Process:
    """The worker of the run, as soon as it holds its first orders."""
    engine = create_async_engine(shop.journal_url)
    held = select(items.c.owner).where(items.c.owner.is_not(None)).distinct()
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert run.poll() is None, "the run ended before its worker held orders"
        async with engine.connect() as connection:
            owners = (await connection.scalars(held)).all()
        for child in psutil.Process(run.pid).children():
            if any(f"-{child.pid}-" in owner for owner in owners):
                await engine.dispose()
                return child
        await asyncio.sleep(0.01)
    raise AssertionError("the worker held no orders in time")


def stop(worker: psutil.Process, shop: Shop) -> None:
    """Let the worker stand still outside of a transaction, in which it would keep SQLite's lock from the run."""
    journal = str(make_url(shop.journal_url).database)
    with closing(sqlite3.connect(journal, timeout=PATIENCE)) as db:
        db.execute("BEGIN IMMEDIATE")
        worker.suspend()
        while not all(map(stands_still, Path(f"/proc/{worker.pid}/task").iterdir())):
            time.sleep(0.001)


def stands_still(thread: Path) -> bool:
    """Whether the thread has stopped, by its state; see proc_pid_stat(5)."""
    return (thread / "stat").read_text().rpartition(") ")[2].startswith("T")


async def assert_all_are_shipped(shop: Shop) -> None:
    """Each order has ended once; the shop itself checks the invariants after the test."""
    outcomes = [item["outcome"] for item in (await shop.journal()).items.values()]
    assert outcomes == ["shipped"] * COUNT
