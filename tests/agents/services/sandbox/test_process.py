"""One sandbox a folder, however many processes start it and however it is killed."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from agents.runtime import child_start
from agents.runtime.child_start import DidNotStart
from agents.runtime.errors import TransientError
from agents.runtime.settings import Settings
from agents.services import connect_services
from agents.services.payments.protocol import Payments
from agents.services.sandbox import process
from agents.services.sandbox.address import FILE, SandboxAddress, write_address
from agents.services.sandbox.process import ensure_sandbox, stop_sandbox

pytestmark = pytest.mark.slow


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop_sandbox(tmp_path)


@pytest.mark.slow
def test_starters_at_once_get_the_same_sandbox(data: Path) -> None:
    with ThreadPoolExecutor(6) as threads:
        found = set(threads.map(ensure_sandbox, [data] * 6))
    assert len(found) == 1


@pytest.mark.slow
def test_a_stopped_sandbox_is_gone_and_stopping_again_is_nothing(data: Path) -> None:
    address = ensure_sandbox(data)
    stop_sandbox(data)
    assert process._running(data) is None
    stop_sandbox(data)
    assert ensure_sandbox(data).pid != address.pid


def test_goods_are_added_to_a_running_sandbox(data: Path) -> None:
    ensure_sandbox(data)
    goods = data / "goods.csv"
    goods.write_text("sku,on_hand,weight_grams\nA,5,100\n")
    ensure_sandbox(data, goods)
    with closing(sqlite3.connect(data / "sandbox.db")) as db:
        assert db.execute("SELECT sku, on_hand FROM stock").fetchall() == [("A", 5)]


def test_a_stranger_at_the_address_is_not_believed_and_not_killed(data: Path) -> None:
    write_address(data, SandboxAddress("http://127.0.0.1:9", os.getpid(), "t"))
    stop_sandbox(data)
    assert ensure_sandbox(data).pid != os.getpid()


def test_a_sandbox_that_cannot_start_says_why(data: Path) -> None:
    (data / "sandbox.db").write_text("this is not a database, but it is long enough to be read")
    for _ in range(2):
        with pytest.raises(
            DidNotStart, match=r"ended with status 1(.|\n)*not a database"
        ) as failed:
            ensure_sandbox(data)
        assert str(failed.value).count("file is not a database") == 1, "no words of earlier starts"
        assert str(data / "sandbox.log") in str(failed.value)


def test_a_sandbox_that_hangs_is_not_waited_for(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_start, "STALL_SECONDS", 0.5)
    hanging = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(hanging) as child:
        monkeypatch.setattr(process, "_spawn", lambda *_: child)
        with pytest.raises(DidNotStart, match=r"the sandbox did not start within 1 s"):
            ensure_sandbox(data)
        assert child.wait(5) == -signal.SIGKILL


@pytest.mark.slow
async def test_killed_midway_the_record_carries_on(data: Path) -> None:
    """Whatever was answered before the kill is known after it, at the same address."""
    settings = Settings(data=data)
    async with connect_services(settings) as services:
        before = ensure_sandbox(data)
        pay = services[Payments].open
        calls = [
            asyncio.create_task(pay(f"k{n}", f"o{n}", Decimal(1), "USD", "pm_card_visa"))
            for n in range(200)
        ]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        os.kill(before.pid, signal.SIGKILL)
        ended = await asyncio.gather(*calls, return_exceptions=True)
        after = await asyncio.to_thread(ensure_sandbox, data)
        assert (after.url, after.token) == (before.url, before.token)
        assert after.pid != before.pid
        known = [one for one in ended if not isinstance(one, BaseException)]
        assert known
        assert all(isinstance(one, TransientError) for one in ended if one not in known)
        for payment in known:
            assert await services[Payments].find(payment.id) == payment
        for n in range(200):
            await pay(f"k{n}", f"o{n}", Decimal(1), "USD", "pm_card_visa")
    with closing(sqlite3.connect(data / "sandbox.db")) as db:
        counts = db.execute("SELECT count(*), count(DISTINCT reference) FROM payment_intents")
        assert counts.fetchone() == (200, 200)
    assert (data / FILE).exists()
