"""A backup of PostgreSQL is taken while orders are in work; later the journal is lost and the backup restored.

The providers remember what happened after the backup, and the restored journal does not. Idempotency keys
and references are made of the installation and the order's own key, so a repeated effect is recognised. A
mail has neither key nor look-up: one that was sent after the backup is sent again. An order that was paid
and refunded after the backup finds its payment closed, and is rejected: nothing of its money is kept either way.
"""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url, select
from sqlalchemy.ext.asyncio import create_async_engine

from agents.runtime.journal.schema import items
from agents.runtime.model.lifecycle import ENDED
from agents.runtime.settings import settings
from flows.operations.reconciliation import reconcile
from tests.agents.runtime.jobs import until
from tests.databases import embedded_postgres, execute, stop_telemetry
from tests.flows.conftest import providers
from tests.flows.shop import DECLINED_CARD, Body, Shop
from tests.invariants import Journal, breaches_of

__all__ = ["providers"]
pytestmark = pytest.mark.campaign

ORDERS, LATER = 300, 30  # accepted before the backup, and after it
BACKED_UP_AFTER = 60  # orders have ended


@pytest.fixture
async def shop(
    monkeypatch: pytest.MonkeyPatch, providers: Path, postgresql_url: str, tmp_path: Path
) -> AsyncIterator[Shop]:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(providers))
    monkeypatch.setenv("AGENT_FLOWS_LEASE_SECONDS", "3")
    use_journal(monkeypatch, postgresql_url)
    yield Shop(f"s{uuid4().hex[:8]}", tmp_path, providers, postgresql_url)
    settings.cache_clear()
    stop_telemetry()


@pytest.fixture
def restored_url(postgresql_url: str) -> Iterator[str]:
    """An empty database on the same server, without tables."""
    name = f"restored{uuid4().hex[:8]}"
    asyncio.run(execute(postgresql_url, f"CREATE DATABASE {name}"))
    yield make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
    with suppress(OSError):
        asyncio.run(execute(postgresql_url, f"DROP DATABASE {name} WITH (FORCE)"))


def use_journal(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    stop_telemetry()
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", url)
    settings.cache_clear()


async def test_what_happened_after_the_backup_happens_once_but_for_mail(
    shop: Shop, restored_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = orders(shop, ORDERS, LATER)
    backup, known = await back_up_in_the_middle(shop)
    await shop.enqueue(late)
    await shop.finish()
    await shop.check()
    before, calls = await shop.journal(), shop.calls

    await asyncio.to_thread(postgres, "pg_restore", "-d", restored_url, backup)
    use_journal(monkeypatch, restored_url)
    restored = Shop(shop.name, shop.folder, shop.data, restored_url)
    found = Counter(row["difference"] for row in (await reconcile.fn(at_rest_minutes=0)).table)
    assert found.total() > 0, "the providers hold what the restored journal does not know"
    await restored.finish()
    await restored.enqueue(late)  # the callers repeat what was accepted since
    await restored.finish()
    after = await restored.journal()
    after_by_key = outcomes(after)
    assert after_by_key.keys() == outcomes(before).keys()
    changed = {
        (was, after_by_key[key])
        for key, was in outcomes(before).items()
        if was != after_by_key[key]
    }
    assert changed <= {("refunded", "rejected")}, "a payment that had gone back is closed"
    breaches = breaches_of(after, restored.record)
    again = [breach for breach in breaches if "sent 2 times" in breach]
    assert set(breaches) == set(again), "money, goods and parcels: nothing lost, nothing twice"
    assert not {row["key"] for row in before.items.values() if row["key"] in known}.intersection(
        breach.split()[1].rstrip(":") for breach in again
    ), "nobody whose order had ended in the backup gets a second mail"
    left = await reconcile.fn(at_rest_minutes=0)
    assert left.table == []
    sys.stdout.write(
        f"\n{len(known)} of {ORDERS} orders had ended in the backup, {LATER} came later; reconcile finds "
        f"{dict(found)}, at the end nothing; {shop.calls - calls} calls after {calls}; {len(again)} mails "
        "sent again\n"
    )


async def back_up_in_the_middle(shop: Shop) -> tuple[Path, set[str]]:
    """Process the first orders, with a backup while they are in work; and those that had ended in it."""
    await shop.enqueue(orders(shop, 0, ORDERS))
    working = asyncio.create_task(shop.finish())
    await until(lambda: ended(shop.journal_url), 300)
    known = set(await ended(shop.journal_url))
    backup = shop.folder / "journal.dump"
    await asyncio.to_thread(postgres, "pg_dump", "-Fc", "-f", backup, shop.journal_url)
    await working
    return backup, known


def orders(shop: Shop, first: int, count: int) -> list[Body]:
    """Orders that end in different ways: most are shipped, some refunded or rejected."""
    kinds: tuple[Body, ...] = ({}, {}, {}, {"sku": "anvil"}, {"payment_method": DECLINED_CARD})
    return [shop.order(n, **kinds[n % len(kinds)]) for n in range(first, first + count)]


def outcomes(journal: Journal) -> dict[str, str]:
    """How each order has ended, by its key."""
    return {row["key"]: row["outcome"] for row in journal.items.values()}


async def ended(url: str) -> list[str]:
    """The orders that have ended, once there are enough of them."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found = list(await connection.scalars(select(items.c.key).where(items.c.state.in_(ENDED))))
    await engine.dispose()
    return found if len(found) >= BACKED_UP_AFTER else []


def postgres(program: str, *arguments: object) -> None:
    """Run a program of PostgreSQL; a URL of SQLAlchemy becomes one of libpq."""
    path = Path(embedded_postgres().__file__).parent / "pginstall/bin" / program
    words = [str(one).replace("+asyncpg", "") for one in arguments]
    subprocess.run([path, *words], check=True, capture_output=True, timeout=120)
