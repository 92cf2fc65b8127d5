"""The check of invariants finds each breach and names its order."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.flows.shop import DECLINED_CARD, Shop
from tests.invariants import check_invariants

ITEM = "(SELECT id FROM items WHERE key LIKE '%-1')"
SABOTAGE = [
    # database, statement that breaks it, the breach and its order
    (
        "sandbox",
        (
            "INSERT INTO payment_intents SELECT 'pi_2', created, reference, amount, currency, method,"
            " status, capture_method, received, metadata, last_error, authorised, cancelled_by"
            " FROM payment_intents"
            " WHERE reference LIKE '%-1'"
        ),
        "I1 {name}-1: charged more than once",
    ),
    (
        "sandbox",
        (
            "INSERT INTO refunds (id, created, payment_intent, amount)"
            " SELECT 'r' || n.n, 0, id, amount FROM payment_intents,"
            " (SELECT 1 AS n UNION SELECT 2) n WHERE reference LIKE '%-3'"
        ),
        "I1 {name}-3: refunded",
    ),
    ("journal", "DELETE FROM items WHERE key LIKE '%-1'", "I1 {name}-1: the provider has"),
    (
        "journal",
        f"UPDATE items SET state = 'pending' WHERE id = {ITEM}",
        "I2 {name}-1: left behind",
    ),
    ("journal", f"UPDATE items SET owner = 'me' WHERE id = {ITEM}", "I2 {name}-1: still held"),
    ("sandbox", "UPDATE shipments SET status = 'cancelled' WHERE key LIKE '%-1:%'", "I3 {name}-1"),
    (
        "sandbox",
        "UPDATE payment_intents SET received = 1 WHERE reference LIKE '%-1'",
        "I3 {name}-1",
    ),
    ("sandbox", "DELETE FROM refunds", "I3 {name}-3: refunded, worth 1999, and we hold 1999"),
    (
        "sandbox",
        "UPDATE payment_intents SET status = 'requires_capture' WHERE reference LIKE '%-2'",
        "I3 {name}-2: ended, but could still be charged",
    ),
    ("sandbox", "UPDATE reservations SET status = 'held' WHERE key LIKE '%-2:%'", "I4 {name}-2"),
    (
        "sandbox",
        "UPDATE stock SET on_hand = on_hand - 1, shipped = shipped + 1 WHERE sku LIKE '%-lamp'",
        "I4 {name}-lamp",
    ),
    ("journal", f"DELETE FROM history WHERE item = {ITEM} AND sequence = 2", "I5 {name}-1"),
    (
        "journal",
        f"UPDATE history SET source = 'waiting' WHERE item = {ITEM} AND event = 'complete'",
        "I5 {name}-1",
    ),
    (
        "journal",
        "UPDATE effects SET status = 'intended' WHERE agent = 'release_stock' AND key LIKE '%-2:%'",
        "I6 {name}-2: reserve_stock is done, release_stock intended",
    ),
    (
        "sandbox",
        (
            "INSERT INTO notifications (at, key, channel, receiver, subject, text)"
            " SELECT at, key, channel, receiver, subject, text FROM notifications"
            " WHERE key LIKE '%-1:%'"
        ),
        "I6 {name}-1: sent 2 times",
    ),
]


@pytest.fixture
def journal_url(sqlite_url: str) -> str:
    """One database is enough."""
    return sqlite_url


@pytest.mark.slow
async def test_every_breach_is_found_with_its_order(shop: Shop) -> None:
    declined = shop.order(2, payment_method=DECLINED_CARD)
    await shop.process([shop.order(1), declined, shop.order(3, "anvil")])
    await shop.check()

    for whose, sql, breach in SABOTAGE:
        copies = {
            "sandbox": copied(shop.data / "sandbox.db", shop.folder / "broken"),
            "journal": copied(shop.folder / "journal.db", shop.folder / "broken"),
        }
        with closing(sqlite3.connect(copies[whose])) as db, db:
            changed = db.execute(sql.replace("LIKE '%", f"LIKE '%{shop.name}")).rowcount
        assert changed > 0, sql
        with pytest.raises(AssertionError) as caught:
            await check_invariants(
                f"sqlite+aiosqlite:///{copies['journal']}", shop.folder / "broken", shop.name
            )
        assert breach.format(name=shop.name) in str(caught.value), sql


def copied(database: Path, folder: Path) -> Path:
    """Copy a database that other processes have open."""
    folder.mkdir(exist_ok=True)
    copy = folder / database.name
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as here, closing(sqlite3.connect(copy)) as there:
        here.backup(there)
    return copy
