"""Serving starts consumers when there is work and stops them on SIGTERM."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.runtime.scheduling.scaling import Load, ScaleBounds
from agents.runtime.settings import PREFIX, ROOT
from flows.operations.serving import ConsumerPool, wanted_here
from tests.flows.shop import Shop
from tests.prefect_server import PrefectServer

DEADLINE_SECONDS = 400.0


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8")
    return [int(child) for child in listed.split()]


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@contextmanager
def serving(server: PrefectServer) -> Iterator[subprocess.Popen[bytes]]:
    """`serve` in a process of its own, with the settings of this one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.order_processing", "serve", "--most", "1"],
        cwd=ROOT,
        env=server.environment | {f"{PREFIX}CONCURRENCY": "local"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_enqueued_orders_are_served_and_sigterm_leaves_no_process(
    shop: Shop, prefect_server: PrefectServer
) -> None:
    file = shop.write(shop.orders(60))
    enqueue = (sys.executable, "-m", "flows.order_processing", "--enqueue", file)
    enqueued = await asyncio.to_thread(prefect_server.run, *enqueue, "--stock", shop.stock)
    assert enqueued.returncode == 0, enqueued.stderr
    assert "queued" in enqueued.stdout
    with serving(prefect_server) as process:
        until = time.monotonic() + DEADLINE_SECONDS
        while shop.record.messages.total() < 60:
            assert process.poll() is None
            assert time.monotonic() < until
            await asyncio.sleep(0.2)
        consumers = children_of(process.pid)
        assert consumers
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 30) == 0
    assert not [pid for pid in consumers if lives(pid)]
    assert {item["owner"] for item in (await shop.journal()).items.values()} == {None}


async def test_a_pool_has_as_many_consumers_as_wanted_and_replaces_those_that_ended() -> None:
    pool = ConsumerPool("no-such-scenario", {})  # its consumers end at once
    await pool.scale_to(2)
    first = list(pool.active)
    for one in first:
        one.kill()
        await one.wait()
    await pool.scale_to(1)
    assert len(pool.active) == 1
    assert pool.active[0] not in first
    assert pool.peak == 2
    await pool.stop()
    assert [one.returncode is None for one in pool.stopping] == [False]


BOUNDS = ScaleBounds(least=1, most=4)


@pytest.mark.parametrize(
    "load, running, wanted",
    [
        (Load(0.0, 0.0, 0), 0, 1),
        (Load(200.0, 0.0, 0), 0, 4),
        (Load(200.0, 0.0, 0), 3, 4),  # the three have not begun yet
        (Load(200.0, 0.0, 6), 0, 1),  # six elsewhere do
        (Load(0.0, 0.0, 6, claimed=6), 2, 2),
        (Load(1e6, 2_400.0, 6), 2, 4),
    ],
)
def test_consumers_elsewhere_count(load: Load, running: int, wanted: int) -> None:
    assert wanted_here(load, running, BOUNDS) == wanted
