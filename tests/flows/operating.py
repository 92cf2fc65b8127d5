"""Orders for tests of operations, and their state afterwards."""

import subprocess
import sys
import time
from typing import Any

from agents.runtime.settings import ROOT
from agents.runtime.testing import instant_retries
from tests.flows.shop import Shop

OUTAGE = "carriers.book:outage=1"
WHO: dict[str, Any] = {"by": "ann", "reason": "asked the carrier"}


async def outage(shop: Shop, count: int = 1) -> list[str]:
    """Dead letters from an outage of the carriers: charged, with stock, and not shipped."""
    with instant_retries():
        report = await shop.process(shop.orders(count), faults=OUTAGE)
    assert report.outcomes["dead-lettered"] == count
    return [shop.order_id(number) for number in range(count)]


async def ended(shop: Shop, key: str) -> tuple[str, str | None]:
    """State and outcome of an order."""
    (row,) = [row for row in (await shop.journal()).items.values() if row["key"] == key]
    return row["state"], row["outcome"]


def money(shop: Shop, key: str) -> tuple[int, int]:
    """The amounts captured and refunded for an order."""
    [payment] = shop.record.payments[key]
    return payment["received"], payment["refunded"]


def killed_at_the_carrier(shop: Shop, bodies: list[dict[str, object]]) -> subprocess.Popen[bytes]:
    """Run the flow in a process of its own and kill it while it books the parcels."""
    arguments = [shop.write(bodies), shop.report, shop.stock, "carriers.book:slow=1"]
    command = [sys.executable, "-m", "tests.flows.run_orders", *arguments]
    until = time.monotonic() + 60
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as running:
        while not all(met_the_carrier(shop, str(body["order_id"])) for body in bodies):
            assert running.poll() is None
            assert time.monotonic() < until
            time.sleep(0.002)
        running.kill()
    return running


def met_the_carrier(shop: Shop, key: str) -> bool:
    """Whether the carrier has been called for the order."""
    return bool(shop.ask("SELECT n FROM calls WHERE key LIKE ?", f"%:{key}:book_shipment:%"))
