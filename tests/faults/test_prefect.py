"""Prefect's server is killed, fails, denies or dawdles: the orders end all the same."""

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
from tests.faults.scene import OrderScene, new_scene
from tests.faults.unwell_server import Mood, unwell
from tests.invariants import Row
from tests.prefect_server import PrefectServer, end_group, free_port, running_server, serving

pytestmark = pytest.mark.campaign

SLOW = "payments.capture:slow=1;carriers.book:slow=1;inventory.issue:slow=1"
BOUND = 150  # seconds
LEASE = 3.0
PATIENCE, MOST_RUNS = 15, 3
TIMES = 10  # that each is killed


async def test_no_effect_depends_on_prefects_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = PrefectServer(f"http://127.0.0.1:{free_port()}/api", tmp_path / "prefect")
    server.home.mkdir()
    data = tmp_path / "data"
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(data))
    monkeypatch.setenv("AGENT_FLOWS_LEASE_SECONDS", str(LEASE))
    scene = new_scene(tmp_path, data, f"sqlite+aiosqlite:///{data / 'journal.db'}")
    with temporary_settings({PREFECT_API_URL: server.url}):
        try:
            with serving(server) as process:
                _deployed(server)
                with server.worker():
                    await _ordered(scene)
                    await _until_some_are_charged(scene)
                    end_group(process.pid)
                    process.wait()
                    with serving(server):
                        await _until_finished(server, scene)
        finally:
            stop_sandbox(data)
    await scene.shop.check()


@pytest.mark.parametrize("mood,runs", [("failing", 10), ("denying", 5), ("slow", 3)])
async def test_a_server_that_is_unwell_costs_runs_and_no_orders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mood: Mood, runs: int
) -> None:
    """A third of what is asked of it goes wrong, run after run; then it is well, and all is finished."""
    data = tmp_path / "data"
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(data))
    monkeypatch.setenv("AGENT_FLOWS_LEASE_SECONDS", str(LEASE))
    with running_server(tmp_path / "prefect") as server:
        async with unwell(server.url.removesuffix("/api"), seed=runs) as proxy:
            _applied(server)
            through = replace(server, url=proxy.url)
            try:
                for number in range(runs):
                    folder = tmp_path / str(number)
                    folder.mkdir()
                    scene = new_scene(folder, data, f"sqlite+aiosqlite:///{folder / 'journal.db'}")
                    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", scene.shop.journal_url)
                    proxy.mood = mood
                    await asyncio.to_thread(_tried, through, scene)
                    proxy.mood = "well"
                    await _finished_by_others(through, scene)
                    await scene.shop.check()
            finally:
                stop_sandbox(data)
            assert proxy.spoilt >= runs  # one that is denied at its first question asks no other


@pytest.mark.parametrize("victim", ["flow", "worker", "both"])
async def test_whichever_process_dies_no_other_charges_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    """The flow's process, its worker (which leaves the flow alone in the world), or both at once."""
    data = tmp_path / "data"
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(data))
    monkeypatch.setenv("AGENT_FLOWS_LEASE_SECONDS", str(LEASE))
    with (
        running_server(tmp_path / "prefect") as server,
        temporary_settings({PREFECT_API_URL: server.url}),
    ):
        _deployed(server)
        try:
            for number in range(TIMES):
                folder = tmp_path / str(number)
                folder.mkdir()
                scene = new_scene(folder, data, f"sqlite+aiosqlite:///{folder / 'journal.db'}")
                monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", scene.shop.journal_url)
                with server.worker() as worker:
                    await _ordered(scene)
                    await _until_some_are_charged(scene)
                    _kill(victim, worker.pid)
                    await _finished_by_others(server, scene)
                await scene.shop.check()
        finally:
            stop_sandbox(data)


def _kill(victim: str, worker: int) -> None:
    """SIGKILL what was named; all of them are ours, the worker's group has no others."""
    children = Path(f"/proc/{worker}/task/{worker}/children").read_text("ascii").split()
    assert children, "the worker has no flow"
    if victim != "flow":
        os.kill(worker, signal.SIGKILL)
    if victim != "worker":
        for child in children:
            os.kill(int(child), signal.SIGKILL)


def _tried(server: PrefectServer, scene: OrderScene) -> None:
    """One run, however it ends."""
    orders = ("--orders", scene.orders, "--stock", scene.stock, "--batch-size", "4")
    server.run(sys.executable, "-m", "flows.order_processing", *orders, seconds=BOUND)


def _applied(server: PrefectServer) -> None:
    applied = server.run(sys.executable, "-m", "deployments.apply")
    assert applied.returncode == 0, applied.stderr


def _deployed(server: PrefectServer) -> None:
    _applied(server)
    made = server.prefect("--no-prompt", "deploy", "--name", "order-processing")
    assert made.returncode == 0, made.stdout + made.stderr


async def _ordered(scene: OrderScene) -> None:
    parameters = {"orders": scene.orders, "batch_size": 2, "faults": SLOW, "stock": scene.stock}
    async with get_client() as client:
        found = await client.read_deployment_by_name("order-processing/order-processing")
        await client.create_flow_run_from_deployment(found.id, parameters=parameters)


async def _until_some_are_charged(scene: OrderScene) -> None:
    await until((scene.shop.data / FILE).exists, BOUND)  # the sandbox is up, with all its tables
    await until(lambda: any(_received(some) for some in scene.shop.record.payments.values()), BOUND)
    assert await scene.unfinished(), "the run was over before the server was killed"


def _received(payments: list[Row]) -> bool:
    return any(payment["received"] for payment in payments)


async def _until_finished(server: PrefectServer, scene: OrderScene) -> None:
    """The run goes on; what has ended with the server, others finish, and the reconciler tells of."""

    async def finished() -> bool:
        return not await scene.unfinished()

    with suppress(TimeoutError):
        await until(finished, PATIENCE)
    await _finished_by_others(server, scene)


async def _finished_by_others(server: PrefectServer, scene: OrderScene) -> None:
    for _ in range(MOST_RUNS):
        if await _is_finished(scene):
            return
        orders = ("--orders", scene.orders, "--stock", scene.stock, "--batch-size", "4")
        await asyncio.to_thread(_run, server, "flows.order_processing", *orders)
        await asyncio.to_thread(_run, server, "flows.operations", "recover")
    assert not await scene.unfinished()


async def _is_finished(scene: OrderScene) -> bool:
    """Not before there is a journal: a run may have ended before it made one."""
    if not _has_journal(scene):
        return False
    try:
        return not await scene.unfinished()
    except OperationalError:
        return False


def _has_journal(scene: OrderScene) -> bool:
    return Path(make_url(scene.shop.journal_url).database or "").exists()


def _run(server: PrefectServer, module: str, *arguments: str) -> None:
    done = server.run(sys.executable, "-m", module, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
