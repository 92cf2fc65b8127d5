"""Reconciliation names each difference of journal and providers, and undoes it if asked.

The invariants of tests/invariants.py must hold after each test.
"""

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agents.runtime.settings import PREFIX
from agents.services.sandbox.process import ensure_sandbox, stop_sandbox
from agents.workflow.exit_status import ExitStatus
from flows.cli.reports import Listing
from flows.operations import reconciliation
from flows.operations.actions import approve
from flows.operations.items import show_item
from flows.operations.pruning import prune
from flows.operations.reconciliation import reconcile
from tests.flows.operating import WHO, ended, money, outage
from tests.flows.shop import Shop
from tests.prefect_server import PrefectServer

pytestmark = pytest.mark.slow


async def reconciled(shop: Shop, *, undo: bool = False, at_rest_minutes: float = 0) -> Listing:
    """Reconcile and keep the rows about this shop; other shops share the providers."""
    listing = await reconcile.fn(days=1, at_rest_minutes=at_rest_minutes, undo=undo)
    mine = [row for row in listing.table if shop.name in row["item"]]
    return listing.model_copy(update={"table": mine})


def change_provider(shop: Shop, sql: str, *values: object) -> None:
    """Change what the providers hold."""
    change(shop.data, sql, *values)


def change(data: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(data / "sandbox.db")) as db, db:
        assert db.execute(sql, values).rowcount == 1


def captured_late(shop: Shop, key: str) -> None:
    sql = "UPDATE payment_intents SET status = 'succeeded', received = amount WHERE"
    sql += " reference LIKE '%:' || ?"
    change_provider(shop, sql, key)


async def every_end(shop: Shop) -> None:
    """Process orders that end in every way, or wait."""
    orders = [
        shop.order(1),
        shop.order(2, "anvil"),
        shop.order(3, payment_method="pm_card_chargeDeclined"),
        shop.order(4, "rare", quantity=2),
        shop.order(5, price=700_000),
    ]
    report = await shop.process(orders)
    assert report.outcomes == {
        "shipped": 1, "refunded": 1, "rejected": 2, "waiting": 1, "dead-lettered": 0,
    }  # fmt: skip


async def test_without_differences_nothing_is_listed(shop: Shop) -> None:
    await every_end(shop)
    await outage(shop)
    assert (await reconciled(shop)).table == []


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_pruning_within_the_days_of_reconciliation_makes_no_difference(shop: Shop) -> None:
    await every_end(shop)
    path = shop.journal_url.partition(":///")[2]
    with closing(sqlite3.connect(path)) as db, closing(sqlite3.connect(":memory:")) as copy:
        db.backup(copy)  # the check after each test reads whole histories
        await prune.fn(older_than_days=1e-9)
        found = (await reconciled(shop)).table
        [line] = (await show_item.fn(shop.order_id(1))).lines
        copy.backup(db)
    assert found == []
    assert re.match(r"pruned: it ended at .* UTC; its details have been deleted", line)


@pytest.mark.slow
async def test_a_late_capture_is_listed_and_undone_once(shop: Shop) -> None:
    await every_end(shop)
    late = shop.order_id(3)
    captured_late(shop, late)

    assert (await reconciled(shop, at_rest_minutes=10)).table == []
    seen = await reconciled(shop)
    [row] = seen.table
    assert (row["item"], row["difference"]) == (late, "captured for an ended order")
    assert "captured USD 19.99" in row["found"]
    assert money(shop, late) == (1_999, 0)
    assert seen.code == ExitStatus.PERSON_NEEDED

    [row] = (await reconciled(shop, undo=True)).table
    assert row["what to do"] == "undone"
    assert money(shop, late) == (1_999, 1_999)
    assert await ended(shop, late) == ("compensated", "refunded")
    assert (await reconciled(shop, undo=True)).table == []
    refunds = "SELECT count(*) FROM refunds JOIN payment_intents p ON p.id = payment_intent"
    assert shop.ask(f"{refunds} WHERE reference LIKE '%:' || ?", late) == [(1,)]


@pytest.mark.slow
async def test_stock_and_parcels_of_ended_orders_are_undone_together(shop: Shop) -> None:
    await every_end(shop)
    refunded = shop.order_id(2)
    like = f"%:{refunded}:%"
    [(reserved,)] = shop.ask("SELECT key FROM reservations WHERE key LIKE ?", like)
    key = reserved.replace(":reserve_stock:", ":book_shipment:")
    change_provider(
        shop, "UPDATE stock SET on_hand = on_hand - 1, reserved = reserved + 1 WHERE sku = ?",
        shop.sku("anvil"),
    )  # fmt: skip
    change_provider(shop, "UPDATE reservations SET status = 'held' WHERE key LIKE ?", like)
    change_provider(
        shop,
        "INSERT INTO shipments (carrier, key, reference, tracking_id, status, parcel, created)"
        " VALUES ('bulky', ?, ?, 'BK1', 'booked', '{}', unixepoch())",
        key,
        refunded,
    )

    named = {row["difference"]: row["item"] for row in (await reconciled(shop)).table}
    assert named == {
        "stock held for an ended order": refunded,
        "a booking of an order that is not shipped": refunded,
    }
    done = await reconciled(shop, undo=True)
    assert [row["what to do"] for row in done.table] == ["undone", "undone"]
    assert (await reconciled(shop, undo=True)).table == []
    assert money(shop, refunded) == (1_999, 1_999)


async def test_a_payment_that_the_provider_lost_is_listed(shop: Shop) -> None:
    await every_end(shop)
    shipped = shop.order_id(1)
    rename = (
        "UPDATE payment_intents SET metadata = replace(metadata, ?1, ?2)"
        " WHERE instr(metadata, ':' || ?1 || '\"')"
    )
    change_provider(shop, rename, shipped, f"{shop.name}-x")

    rows = {row["difference"]: row for row in (await reconciled(shop, undo=True)).table}

    change_provider(shop, rename, f"{shop.name}-x", shipped)
    assert rows.keys() == {"a payment of no known order", "the provider knows nothing of it"}
    assert rows["the provider knows nothing of it"]["item"] == shipped
    assert "is captured, USD 19.99" in rows["the provider knows nothing of it"]["found"]
    assert (await reconciled(shop)).table == []


@pytest.mark.slow
async def test_a_large_refund_waits_for_approval_again(shop: Shop) -> None:
    dear = shop.order_id(1)
    await shop.process([shop.order(1, "anvil", price=1_100_000)])
    for _ in range(2):  # the order, and its refund as no carrier takes it
        await approve.fn(key=dear, **WHO)
    assert await ended(shop, dear) == ("compensated", "refunded")
    payment = "SELECT id FROM payment_intents WHERE reference LIKE '%:' || ?"
    lost = f"DELETE FROM refunds WHERE payment_intent = ({payment})"
    change_provider(shop, lost, dear)

    [row] = (await reconciled(shop, undo=True)).table
    assert row["what to do"] == "is being undone: compensating"
    assert money(shop, dear) == (1_100_000, 0)
    assert (await reconciled(shop, undo=True)).table == []  # it has not ended any more
    await approve.fn(key=dear, **WHO)
    assert money(shop, dear) == (1_100_000, 1_100_000)


@pytest.mark.slow
@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_differences_beyond_the_limit_are_counted_and_not_listed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    declined = [shop.order(n, payment_method="pm_card_chargeDeclined") for n in range(3)]
    await shop.process(declined)
    for number in range(3):
        captured_late(shop, shop.order_id(number))
    whole = await reconcile.fn(days=1, at_rest_minutes=0)
    with monkeypatch.context() as patched:
        patched.setattr(reconciliation, "MOST_NAMED", 1)
        listing = await reconcile.fn(days=1, at_rest_minutes=0)
        assert listing.title == whole.title
        assert listing.lines == [f"{len(whole.table) - len(listing.table):,} more are not listed"]
        for _ in range(3):
            assert len((await reconciled(shop, undo=True)).table) == 1
    assert (await reconciled(shop)).table == []


@pytest.mark.campaign
def test_the_exit_status_is_3_if_there_is_a_difference(
    prefect_server: PrefectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setenv(f"{PREFIX}DATA", str(tmp_path))
    monkeypatch.setenv(f"{PREFIX}CONCURRENCY", "local")
    command = (sys.executable, "-m", "flows.operations", "reconcile", "--at-rest-minutes", "0")
    ensure_sandbox(tmp_path)
    done = prefect_server.run(*command)
    assert (done.returncode, "0 differences" in done.stdout) == (0, True), done.stderr
    change(tmp_path, "INSERT INTO reservations VALUES ('lost', 'held', 5, unixepoch())")
    done = prefect_server.run(*command, "--undo")
    stop_sandbox(tmp_path)
    assert done.returncode == ExitStatus.PERSON_NEEDED, done.stderr
    for words in ("1 differences, 0 undone", "stock held for no known order", "lost: held"):
        assert words in done.stdout
