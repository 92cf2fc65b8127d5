"""This release opens the journal of the earlier one, shows it, finishes it, and repeats no effect."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, make_url, select, text

from agents.analysis.study_store import StudyStore
from agents.runtime.context import open_runtime
from agents.runtime.execution.agent import AGENTS
from agents.runtime.journal.database import Database
from agents.runtime.journal.item_events import ItemEnded, ended
from agents.runtime.journal.queries import item_history, letters
from agents.runtime.journal.schema import items
from agents.runtime.messaging import Delivery, RequestReply, Topic, answer, subscribe
from agents.runtime.model.lifecycle import ENDED, State
from agents.runtime.names import installation_of
from agents.runtime.settings import settings
from agents.services.sandbox.process import stop_sandbox
from agents.services.sandbox.record import open_record
from agents.services.systems import schema
from flows.operations.actions import cancel, decide, replay
from flows.operations.items import dead_letters, show_item, waiting_items
from flows.operations.messages import dead_messages, redeliver_message
from flows.operations.recovery import recover
from flows.workflows import WORKFLOWS
from tests.agents.runtime.invariants import problems
from tests.agents.runtime.messaging.mailbox import Note, Sum, eventually, serving_bus
from tests.databases import stop_telemetry
from tests.flows.earlier_release import copy_to_postgresql, restore, set_revision_back
from tests.flows.shop import Shop
from tests.invariants import Journal, order_of

RENAMED = {
    "weigh_candidates": "select_model",
    "learn_outcome": "read_change_result",
    "Killer": "PoisonItem",
}
LETTERS = {
    ("orders", "u-7", "book_shipment", "TransientError"),
    ("orders", "u-9", "book_shipment", "TransientError"),
    ("orders", "u-11", "close_payment", "TransientError"),
    ("orders", "u-18", "authorise_payment", "PoisonItem"),
    ("turns", "g#000002", "read_change_result", "RuntimeError"),
    ("comparisons", "kiosks/comparison", "select_model", "FileNotFoundError"),
}
WAITING = {
    ("orders", "u-4", "risk 70: high-value, very-high-value"),
    ("orders", "u-26", "risk 70: high-value, very-high-value"),
    ("orders", "u-12", "refund USD 11,000.00?"),
    ("changes", "u-19:after-sales", "return of USD 11,000.00?"),
    ("handovers", "d#000002", "conversation d: asked for"),
}
# How everything ends that was unfinished. The files of three studies are gone.
ENDS = {
    **dict.fromkeys(("u-4", "u-26", "u-5"), "shipped"),  # approved now, or before the upgrade
    **dict.fromkeys(("u-13", "u-15", "u-27"), "shipped"),  # held by killed processes
    **dict.fromkeys(("u-20", "u-25"), "shipped"),  # in the queue
    **dict.fromkeys(("u-7", "u-9", "u-18"), "shipped"),  # dead letters, replayed
    **dict.fromkeys(("u-11", "u-12", "u-14"), "refunded"),  # in compensation
    **dict.fromkeys(("u-21", "u-22", "u-23", "u-24"), "rejected"),  # cancelled before the upgrade
    "u-19:after-sales": "applied",
    "u-20:cancel": "refused",  # its order is shipped
    **dict.fromkeys(("f#000002", "g#000002", "h#000002", "q#000001", "q#000002"), "answered"),
    **dict.fromkeys(("handovers d#000002", "handovers i#000001"), "closed"),
    "ports/ports/ports-0": "clean",
    "stores/linear": "trained",  # before its process was killed
    **dict.fromkeys(("stores/baseline", "stores/trees"), "not trained"),
    **dict.fromkeys(("shops/comparison", "kiosks/comparison"), "not reported"),
}
PORTS = b"""at,shop,price,sold
2025-01-01T00:00:00Z,a,1.5,20
2025-01-01T01:00:00Z,b,2,18
2025-01-01T02:00:00Z,a,much,1
"""
STOCK, PRICE = Topic("stock.low", Note), Topic("price", Note)
PRICES = RequestReply(PRICE, Topic("price.answer", Sum))
EFFECTS = {
    "inventory.reserve": "reserve_stock",
    "inventory.issue": "issue_stock",
    "payments.open": "open_payment",
    "payments.authorise": "authorise_payment",
    "payments.capture": "capture_payment",
    "carriers.book": "book_shipment",
}


@pytest.fixture
def earlier(journal_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The shop as the earlier release has left it."""
    data, path = tmp_path / "data", tmp_path / "journal.db"
    data.mkdir()
    path.unlink(missing_ok=True)
    restore("earlier_release", path)
    restore("earlier_release_sandbox", data / "sandbox.db")
    open_record(data, schema()).close()  # as the sandbox does when it starts
    if make_url(journal_url).get_backend_name() == "postgresql":
        asyncio.run(copy_to_postgresql(path, journal_url))
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(data))
    monkeypatch.setenv("AGENT_FLOWS_JOURNAL_URL", journal_url)
    settings.cache_clear()
    yield Shop("u", tmp_path, data, journal_url)
    stop_sandbox(data)
    settings.cache_clear()
    stop_telemetry()


async def migrated(url: str) -> None:
    database = Database(url)
    await database.migrate()
    await database.close()


async def cells(url: str) -> Counter[tuple[str, str, str]]:
    """Every value in the journal with its table and column, and how often it is there."""
    database, found = Database(url), Counter[tuple[str, str, str]]()
    async with database.read() as connection:
        known = await connection.run_sync(lambda here: inspect(here).get_table_names())
        for name in sorted({*known} - {"alembic_version"}):
            every = text(f'SELECT * FROM "{name}"')  # also before a migration adds columns
            for row in (await connection.execute(every)).mappings():
                found.update(
                    (name, column, str(value)) for column, value in row.items() if value is not None
                )
    await database.close()
    return found


async def test_the_migration_gives_the_new_names_and_changes_nothing_else(earlier: Shop) -> None:
    before = await cells(earlier.journal_url)
    await migrated(earlier.journal_url)
    after = await cells(earlier.journal_url)

    gone, new = before - after, after - before
    for added in (
        ("effects", "generation", "0"),
        ("effects", "spent", str(0 if "sqlite" in earlier.journal_url else False)),
        ("items", "major", "1"),
        ("queues", "shortest_first", str(0 if "sqlite" in earlier.journal_url else False)),
    ):
        new.pop(added, None)  # a new column, which PostgreSQL's copy may have already
    renamed = {
        (table, column, RENAMED.get(value, value)): count
        for (table, column, value), count in gone.items()
    }
    failures = [json.loads(value) for _, column, value in new if column == "failure"]
    assert {(table, column) for table, column, _ in gone} == {
        ("stages", "agent"),
        ("dead_letters", "agent"),
        ("dead_letters", "error_type"),
        ("items", "failure"),
    }
    assert {key: n for key, n in renamed.items() if key[1] != "failure"} == {
        key: n for key, n in new.items() if key[1] != "failure"
    }
    assert {failure["agent"] for failure in failures} == {"select_model", "read_change_result"}


async def test_a_second_migration_after_a_rollback_keeps_what_both_releases_wrote(
    earlier: Shop,
) -> None:
    """The earlier release has repeated a step under the old name; the row of this release stays."""
    url = earlier.journal_url
    await migrated(url)
    once = await cells(url)
    database = Database(url)
    repeated = """
        INSERT INTO stages (item, agent, occurrence, version, status, attempts, at, output)
        SELECT item, 'learn_outcome', occurrence, version, status, 1, at + 1, output FROM stages
        WHERE agent = 'read_change_result' AND status = 'done'
    """
    async with database.write() as connection:
        count = (await connection.execute(text(repeated))).rowcount
        await set_revision_back(connection)
    await database.close()

    await migrated(url)

    more = await cells(url) - once
    assert count > 0
    assert {key: n for key, n in more.items() if key[1] == "agent"} == {
        ("stages", "agent", "learn_outcome"): count
    }


@pytest.mark.slow
async def test_every_item_and_every_stored_result_is_readable(earlier: Shop) -> None:
    async with open_runtime(settings()) as opened:
        async with opened.journal.database.read() as connection:
            rows = (await connection.execute(select(items))).all()
        for row in rows:
            found = await item_history(opened.journal, row.scenario, row.key)
            assert found is not None
            workflow = WORKFLOWS[row.scenario]
            assert callable(workflow.process)  # loads its agents
            assert workflow.scenario.read(row.body, row.version)
            for step in found.steps:
                if step.status == "done":
                    AGENTS[step.agent].decode(step.output, step.version)
    for row in rows:
        report = await show_item.fn(row.key, row.scenario)
        assert report.table
        assert not {old for old in RENAMED for line in report.lines if line.startswith(f"{old}:")}


@pytest.mark.slow
async def test_operators_see_what_the_earlier_release_left_to_them(earlier: Shop) -> None:
    found, waiting = set(), set()
    for name in WORKFLOWS:
        listed = await dead_letters.fn(name)
        async with open_runtime(settings()) as opened:
            rows = await letters(opened.journal, name)
        assert [row["item"] for row in listed.table] == [row.key for row in rows]
        found |= {(name, short(row.key), row.agent, row.error_type) for row in rows}
        waiting |= {
            (name, row["item"], row["asks"]) for row in (await waiting_items.fn(name)).table
        }
    messages = (await dead_messages.fn()).table
    assert found == LETTERS
    assert waiting == WAITING
    assert {(row["topic"], row["group"], row["reason"]) for row in messages} == {
        ("stock.low", "purchasing", "refused"),
        ("stock.low", "purchasing", "failed"),
        ("price", "answers", "refused"),
    }


@pytest.mark.slow
async def test_everything_ends_and_no_effect_is_repeated(earlier: Shop) -> None:
    await migrated(earlier.journal_url)  # a dump needs all columns
    await opening_is_unknown(earlier.journal_url, "u-13")
    before, record, steps = await earlier.journal(), earlier.record, await done_steps(earlier)
    raw = StudyStore("ports").raw / hashlib.sha256(PORTS).hexdigest()
    raw.parent.mkdir(parents=True)
    raw.write_bytes(PORTS)

    await recover.fn()
    await operators_decide()

    after = await earlier.journal()
    unfinished = {n for n, row in before.items.items() if row["state"] not in ENDED} | {
        n for n, letter in before.dead.items() if letter["status"] == "open"
    }
    assert {row["state"] for row in after.items.values()} <= ENDED - {State.DEAD_LETTERED}
    assert {name_of(after.items[n]): after.items[n]["outcome"] for n in unfinished} == ENDS
    for number, row in before.items.items():
        if number not in unfinished:
            assert after.items[number] == row
    await earlier.check()
    check_effects(earlier, before, after)
    check_keys(earlier, before, after)
    assert problems(earlier.journal_url) == []
    for order, payments in record.payments.items():
        assert [p["id"] for p in earlier.record.payments[order]] == [p["id"] for p in payments]
    assert steps <= await done_steps(earlier)
    corrected = "2 Oak St"  # an operator has corrected the order before the upgrade
    assert corrected in earlier.record.shipments["u-9"][0]["parcel"]


async def operators_decide() -> None:
    """Approve what waits, replay dead letters, and cancel what has lost its files."""
    for scenario, key, _ in sorted(WAITING):
        await decide.fn(key, "approve", "Ann", "looked at it", scenario)
    for scenario in ("orders", "turns"):
        await replay.fn("Ann", "after the upgrade", per_minute=6_000, scenario=scenario)
    for scenario in ("candidates", "comparisons"):  # without the data folder of their run they wait
        for row in [
            *(await dead_letters.fn(scenario)).table,
            *(await waiting_items.fn(scenario)).table,
        ]:
            await cancel.fn(row["item"], "Ann", "its files are gone", scenario)


def check_effects(shop: Shop, before: Journal, after: Journal) -> None:
    """Effects that had happened are as they were, and this release has not called for them again."""
    done = [row for rows in before.effects.values() for row in rows if row["status"] == "done"]
    kept = [row for rows in after.effects.values() for row in rows]
    assert [row for row in done if row not in kept] == []
    happened = {(before.items[row["item"]]["key"], row["agent"]) for row in done}
    called = {
        (order_of(key), EFFECTS[operation])
        for key, operation in shop.ask("SELECT key, operation FROM calls")
        if operation in EFFECTS
    }
    assert called
    assert called & happened == set()


async def opening_is_unknown(url: str, order: str) -> None:
    """As if the process had crashed before it wrote that the payment was opened.

    The provider repeats its answer under the old key only for the parameters that it had.
    """
    where = "agent = 'open_payment' AND item = (SELECT id FROM items WHERE key = :order)"
    database = Database(url)
    async with database.write() as connection:
        for what in ("UPDATE effects SET status = 'intended'", "DELETE FROM stages"):
            changed = await connection.execute(text(f"{what} WHERE {where}"), {"order": order})
            assert changed.rowcount == 1
    await database.close()


def check_keys(shop: Shop, before: Journal, after: Journal) -> None:
    """Effects that were begun keep their keys, also on the wire; others have the installation."""
    begun = {(n, row["agent"]) for n, rows in before.effects.items() for row in rows}
    keys = {(n, row["agent"]): row["key"] for n, rows in after.effects.items() for row in rows}
    old = {at for at, key in keys.items() if not installation_of(key)}
    assert old == begun
    assert {row["generation"] for rows in after.effects.values() for row in rows} == {0}
    numbers = {row["key"]: n for n, row in after.items.items() if row["scenario"] == "orders"}
    called = {
        (numbers[order_of(key)], EFFECTS[operation]): key
        for key, operation in shop.ask("SELECT key, operation FROM calls")
        if operation in EFFECTS and operation != "inventory.issue"  # by the key of the reservation
    }
    assert called == {at: keys[at] for at in called}
    assert called.keys() & begun
    assert called.keys() - begun


async def done_steps(shop: Shop) -> set[tuple[int, str, float]]:
    """Every finished step under its new name, and when it finished: a repeated step has another time."""
    database = Database(shop.journal_url)
    async with database.read() as connection:
        done = text("SELECT item, agent, at FROM stages WHERE status = 'done'")
        found = {(n, RENAMED.get(a, a), at) for n, a, at in await connection.execute(done)}
    await database.close()
    return found


@pytest.mark.slow
async def test_messages_of_the_earlier_release_are_handled_once(earlier: Shop) -> None:
    heard: list[int] = []
    orders: list[str] = []

    @subscribe(STOCK, "purchasing")
    async def purchasing(low: Note, _: Delivery) -> None:
        heard.append(low.n)

    @subscribe(ended("orders"), "accounting")
    async def accounting(event: ItemEnded, _: Delivery) -> None:
        orders.append(event.key)

    @answer(PRICES)
    async def price(question: Note) -> Sum:
        return Sum(total=question.n * 5)

    for row in (await dead_messages.fn()).table:
        await redeliver_message.fn(row["message"])
    async with (
        open_runtime(settings()),
        serving_bus(settings(), purchasing, accounting, price) as bus,
    ):
        known = await bus.request(PRICES, Note(n=7), correlation="lamp", seconds=60)
        late = await bus.request(PRICES, Note(n=9), correlation="rare", seconds=60)
        ghost = await bus.request(PRICES, Note(text="unknown"), correlation="ghost", seconds=60)
        await eventually(lambda: len(heard) >= 5 and len(orders) >= 4)
    assert (known.total, late.total, ghost.total) == (21, 45, 0)  # the first was answered before
    assert sorted(heard) == [2, 3, 4, 5, 6]
    assert heard.index(5) < heard.index(6)  # they are about one item
    assert Counter(orders) == Counter(await ended_before(earlier))


async def ended_before(shop: Shop) -> list[str]:
    """The orders of which the earlier release has published that they ended."""
    database = Database(shop.journal_url)
    async with database.read() as connection:
        bodies = await connection.scalars(
            text("SELECT body FROM messages WHERE topic = 'orders.ended'")
        )
        keys = [json.loads(body)["key"] for body in bodies]
    await database.close()
    return keys


def name_of(row: dict[str, Any]) -> str:
    """The name of an item in ENDS."""
    return f"handovers {row['key']}" if row["scenario"] == "handovers" else short(row["key"])


def short(key: str) -> str:
    """The key without the digest of its content."""
    return key.partition("@")[0]
