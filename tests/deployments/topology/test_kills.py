"""Each component of a production form is killed once, and each pair, while 1,000 orders are in work.

The figures of a campaign are in RESULTS.md. DRILL_CELLS names single cells, as in
"gateway redis+worker".
"""

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from uuid import uuid4

import pytest

from agents.runtime.journal.database import Database
from deployments.client import Gateway
from tests.deployments.topology.installation import NAMES, Installation
from tests.deployments.topology.items import ended, moves, problems, reached, submit
from tests.flows.shop import Shop

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3 * 3_600)]

ORDERS = 1_000
KILLED_AFTER = 200  # orders have ended
ALL = [(name,) for name in NAMES] + [*combinations(NAMES, 2)]
CHOSEN = os.environ.get("DRILL_CELLS", "")
CELLS = [tuple(cell.split("+")) for cell in CHOSEN.split()] or ALL


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one cell: seconds after the kill until an order went on, and until all were at rest."""

    killed: str
    resumed: float
    done: float
    problems: list[str]

    def __str__(self) -> str:
        """A row of the table."""
        wrong = "; ".join(self.problems[:3]) or "0"
        return f"| {self.killed} | {self.resumed:.1f} | {self.done:.1f} | {wrong} |"


async def test_nothing_is_lost_and_nothing_happens_twice(
    installation: Installation, gateway: Gateway, database: Database, here: Path, tmp_path: Path
) -> None:
    found = []
    sys.stdout.write("\n| killed | resumed after s | all at rest after s | lost, twice |\n")
    sys.stdout.write("| --- | --- | --- | --- |\n")
    for names in CELLS:
        shop = Shop(f"k{uuid4().hex[:8]}", tmp_path, here, installation.journal_url)
        resumed, done = await _kill(installation, gateway, database, shop, names)
        wrong = await problems(shop, shipped=ORDERS, refunded=1)
        found.append(Figures(" + ".join(names), resumed, done, wrong))
        sys.stdout.write(f"{found[-1]}\n")
        sys.stdout.flush()
    assert [one for one in found if one.problems] == []


async def _kill(
    installation: Installation,
    gateway: Gateway,
    database: Database,
    shop: Shop,
    names: tuple[str, ...],
) -> tuple[float, float]:
    """Submit the orders, kill the components, wait until all orders are at rest.

    Returns the seconds until an order went on, and until all were at rest.
    """
    await shop.enqueue([shop.order(ORDERS, "anvil")])  # and the goods
    submitting = asyncio.create_task(submit(gateway, "orders", shop.orders(ORDERS)))
    await reached(lambda: ended(database, shop.name), KILLED_AFTER)
    for name in names:
        installation.kill(name)
    killed, before = time.monotonic(), 0
    before = await _first_count(database)
    resumed = await reached(lambda: moves(database), before + 1)
    await submitting
    done = await reached(lambda: ended(database, shop.name), ORDERS + 1)
    return resumed - killed, done - killed


async def _first_count(database: Database) -> int:
    """The changes of items, as soon as the database answers after the kill."""
    counts: list[int] = []

    async def count() -> int:
        counts.append(await moves(database))
        return 1

    await reached(count, 1)
    return counts[-1]
