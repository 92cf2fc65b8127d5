"""Prefect's server is killed, fails, denies requests or is slow: the orders end all the same."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from agents.services.sandbox.address import FILE
from agents.services.sandbox.process import stop_sandbox
from tests.agents.runtime.jobs import until
from tests.faults.checker import Expectation
from tests.faults.prefect_proxy import FaultMode, faulty_proxy
from tests.faults.task_workload import TaskWorkload, new_tasks
from tests.faults.workload import OrderWorkload, new_orders
from tests.invariants import Row
from tests.prefect_server import PrefectServer, end_group, free_port, running_server, serving

pytestmark = pytest.mark.campaign

SLOW = "payments.capture:slow=1;carriers.book:slow=1;inventory.issue:slow=1"
RUN_TIMEOUT = 150  # seconds
TASKS_TIMEOUT = 600  # of a run whose server is away for a while
LEASE = 3.0
FINISH_SECONDS, MAX_RUNS = 15, 3
KILLS = 10  # of each victim


async def test_no_effect_depends_on_prefects_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = PrefectServer(f"http://127.0.0.1:{free_port()}/api", tmp_path / "prefect")
    server.home.mkdir()
    data = tmp_path / "data"
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(data))
    monkeypatch.setenv("AGENT_FLOWS_LEASE_SECONDS", str(LEASE))
    workload = new_orders(tmp_path, data, f"sqlite+aiosqlite:///{data / 'journal.db'}")
    with temporary_settings({PREFECT_API_URL: server.url}):
        try:
            with serving(server) as process:
                _deploy(server)
                with server.worker():
                    await _order(workload)
                    await _until_some_are_charged(workload)
                    end_group(process.pid)
                    process.wait()
                    with serving(server):
                        await _until_finished(server, workload)
        finally:
            stop_sandbox(data)
    await workload.shop.check()


@pytest.mark.parametrize("mode,runs", [("failing", 10), ("denying", 5), ("slow", 3)])
async def test_a_faulty_server_costs_runs_and_no_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: FaultMode, runs: int
) -> None:
    """A third of the requests fail, run after run; then the server is healthy and all orders end."""
    data = tmp_path / "data"
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(data))
    monkeypatch.setenv("AGENT_FLOWS_LEASE_SECONDS", str(LEASE))
    with running_server(tmp_path / "prefect") as server:
        async with faulty_proxy(server.url.removesuffix("/api"), seed=runs) as proxy:
            _apply(server)
            through = replace(server, url=proxy.url)
            try:
                for number in range(runs):
                    folder = tmp_path / str(number)
                    folder.mkdir()
                    workload = new_orders(
                        folder, data, f"sqlite+aiosqlite:///{folder / 'journal.db'}"
                    )
                    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", workload.shop.journal_url)
                    proxy.mode = mode
                    await asyncio.to_thread(_run_once, through, workload)
                    proxy.mode = "healthy"
                    await _finished_by_others(through, workload)
                    await workload.shop.check()
            finally:
                stop_sandbox(data)
            assert proxy.fault_count >= runs  # a run whose first request is denied sends no other


@pytest.mark.parametrize("victim", ["flow", "worker", "both"])
async def test_no_killed_process_makes_another_charge_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    """Kill the process of the flow, its worker (the flow goes on without it), or both at once."""
    data = tmp_path / "data"
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(data))
    monkeypatch.setenv("AGENT_FLOWS_LEASE_SECONDS", str(LEASE))
    with (
        running_server(tmp_path / "prefect") as server,
        temporary_settings({PREFECT_API_URL: server.url}),
    ):
        _deploy(server)
        try:
            for number in range(KILLS):
                folder = tmp_path / str(number)
                folder.mkdir()
                workload = new_orders(folder, data, f"sqlite+aiosqlite:///{folder / 'journal.db'}")
                monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", workload.shop.journal_url)
                with server.worker() as worker:
                    await _order(workload)
                    await _until_some_are_charged(workload)
                    _kill(victim, worker.pid)
                    await _finished_by_others(server, workload)
                await workload.shop.check()
        finally:
            stop_sandbox(data)


async def test_nothing_that_tasks_hold_leaks_while_prefects_server_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_url: str
) -> None:
    server = PrefectServer(f"http://127.0.0.1:{free_port()}/api", tmp_path / "prefect")
    server.home.mkdir()
    workload = new_tasks(tmp_path, tmp_path / "data", sqlite_url)
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(workload.data))
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", sqlite_url)
    monkeypatch.setenv("AGENT_FLOWS_LEASE_SECONDS", str(LEASE))

    async def is_held() -> bool:
        return bool(await workload.held())

    with serving(server) as process:
        running = asyncio.create_task(asyncio.to_thread(_run_tasks, server, workload))
        await until(is_held, RUN_TIMEOUT)
        end_group(process.pid)
        process.wait()
    with serving(server):  # away for as long as a server needs to start
        await running
        for _ in range(MAX_RUNS):
            if await workload.unfinished():
                await asyncio.to_thread(_run_tasks, server, workload)
    assert await workload.check(Expectation({}, set())) == []


def _run_tasks(server: PrefectServer, workload: TaskWorkload) -> None:
    """Run the workflow once, whatever its result."""
    arguments = ("-m", "flows.workflow_file", "--workflow", str(workload.file))
    server.run(sys.executable, *arguments, seconds=TASKS_TIMEOUT)


def _kill(victim: str, worker: int) -> None:
    """Send SIGKILL to the victim; the worker's group has only processes of this test."""
    children = Path(f"/proc/{worker}/task/{worker}/children").read_text("ascii").split()
    assert children, "the worker has no flow"
    if victim != "flow":
        os.kill(worker, signal.SIGKILL)
    if victim != "worker":
        for child in children:
            os.kill(int(child), signal.SIGKILL)


def _run_once(server: PrefectServer, workload: OrderWorkload) -> None:
    """Run the flow once, whatever its result."""
    orders = ("--orders", workload.orders, "--stock", workload.stock, "--batch-size", "4")
    server.run(sys.executable, "-m", "flows.order_processing", *orders, seconds=RUN_TIMEOUT)


def _apply(server: PrefectServer) -> None:
    applied = server.run(sys.executable, "-m", "deployments.apply")
    assert applied.returncode == 0, applied.stderr


def _deploy(server: PrefectServer) -> None:
    _apply(server)
    made = server.prefect("--no-prompt", "deploy", "--name", "order-processing")
    assert made.returncode == 0, made.stdout + made.stderr


async def _order(workload: OrderWorkload) -> None:
    parameters = {
        "orders": workload.orders,
        "batch_size": 2,
        "faults": SLOW,
        "stock": workload.stock,
    }
    async with get_client() as client:
        found = await client.read_deployment_by_name("order-processing/order-processing")
        await client.create_flow_run_from_deployment(found.id, parameters=parameters)


async def _until_some_are_charged(workload: OrderWorkload) -> None:
    await until(
        (workload.shop.data / FILE).exists, RUN_TIMEOUT
    )  # the sandbox runs, with all its tables
    await until(
        lambda: any(_received(some) for some in workload.shop.record.payments.values()), RUN_TIMEOUT
    )
    assert await workload.unfinished(), "the run was over before the server was killed"


def _received(payments: list[Row]) -> bool:
    return any(payment["received"] for payment in payments)


async def _until_finished(server: PrefectServer, workload: OrderWorkload) -> None:
    """Wait for the run; finish what it left behind with other runs and recovery."""

    async def finished() -> bool:
        return not await workload.unfinished()

    with suppress(TimeoutError):
        await until(finished, FINISH_SECONDS)
    await _finished_by_others(server, workload)


async def _finished_by_others(server: PrefectServer, workload: OrderWorkload) -> None:
    for _ in range(MAX_RUNS):
        if await _is_finished(workload):
            return
        orders = ("--orders", workload.orders, "--stock", workload.stock, "--batch-size", "4")
        await asyncio.to_thread(_run, server, "flows.order_processing", *orders)
        await asyncio.to_thread(_run, server, "flows.operations", "recover")
    assert not await workload.unfinished()


async def _is_finished(workload: OrderWorkload) -> bool:
    """False without a journal: a run may end before it creates one."""
    if not _has_journal(workload):
        return False
    try:
        return not await workload.unfinished()
    except OperationalError:
        return False


def _has_journal(workload: OrderWorkload) -> bool:
    return Path(make_url(workload.shop.journal_url).database or "").exists()


def _run(server: PrefectServer, module: str, *arguments: str) -> None:
    done = server.run(sys.executable, "-m", module, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
