"""The invariants of order processing, checked on the providers' record and a dump of the journal.

I1 charged once, I2 nothing lost, I3 money conserved, I4 stock conserved, I5 legal histories, I6 all
undone and each message sent once, I7 complete dead letters. The code under test is not asked: both
databases are read directly. Every breach names its order.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import create_async_engine

from agents.orders.returns import EXCHANGE
from agents.orders.scenario import ORDERS, RETURNS
from agents.runtime.execution.agent import AGENTS
from agents.runtime.journal.schema import dead_letters, effects, history, items, outbox, steps
from agents.runtime.model.lifecycle import ENDED, TRANSITIONS, Event, State
from agents.services.sandbox.faults import subject_of

Row = dict[str, Any]
TABLES = (items, history, steps, effects, outbox, dead_letters)
GONE_ON = {"replayed", "cancelled"}
AT_REST = ENDED | {State.WAITING}
UNDONE = {State.FAILED, State.COMPENSATED, State.CANCELLED}

COUNTED_100_TIMES = {"ISK": 100, "UGX": 100}  # at Stripe, compared with ISO 4217


@dataclass(frozen=True, slots=True)
class Journal:
    """What the journal holds, table by table; rows about one item by its id.

    A replayed or cancelled dead letter is left out; a discarded one excuses what its order still holds.
    """

    items: dict[int, Row]
    history: dict[int, list[Row]]
    steps: dict[int, list[Row]]
    effects: dict[int, list[Row]]
    outbox: dict[int, list[Row]]
    dead: dict[int, Row]


@dataclass(frozen=True, slots=True)
class Record:
    """What the providers hold of orders and goods whose names begin with `scope`."""

    payments: dict[str, list[Row]]
    shipments: dict[str, list[Row]]
    reservations: dict[str, Row]
    goods: dict[str, Row]
    held: dict[str, Counter[str]]
    messages: Counter[str]
    back: Counter[str]


async def dump_journal(url: str) -> Journal:
    """Everything in the journal at `url`."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:

        async def rows(table: Table) -> list[Row]:
            return [dict(row) for row in (await connection.execute(select(table))).mappings()]

        tables = {table.name: await rows(table) for table in TABLES}
    await engine.dispose()
    return journal_of(tables)


def journal_of(tables: Mapping[str, list[Row]]) -> Journal:
    """The rows of all TABLES, by item."""
    return Journal(
        {row["id"]: row for row in tables["items"]},
        _by_item(sorted(tables["history"], key=lambda row: row["sequence"])),
        _by_item(tables[steps.name]),
        _by_item(tables["effects"]),
        _by_item(tables["outbox"]),
        {row["item"]: row for row in tables["dead_letters"] if row["status"] not in GONE_ON},
    )


def read_record(data: Path, scope: str = "") -> Record:
    """The sandbox's record in `data`, of orders and SKUs that begin with `scope`."""
    with closing(sqlite3.connect(f"file:{data}/sandbox.db?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return record_of(db, scope)


def record_of(db: sqlite3.Connection, scope: str = "") -> Record:
    """The sandbox's record in an open database."""

    def ask(sql: str) -> list[Row]:
        return [dict(row) for row in db.execute(sql)]

    payments = ask(
        "SELECT p.*, coalesce(sum(r.amount), 0) AS refunded FROM payment_intents p"
        " LEFT JOIN refunds r ON r.payment_intent = p.id"
        " AND r.status NOT IN ('failed', 'canceled') GROUP BY p.id"
    )
    shipments = ask("SELECT * FROM shipments")
    reservations = {row["key"]: row for row in ask("SELECT * FROM reservations")}
    goods = {row["sku"]: row for row in ask("SELECT * FROM stock")}
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for row in ask("SELECT * FROM reservation_lines"):
        held[row["key"]][row["sku"]] += row["quantity"]
    back: Counter[str] = Counter()
    for row in ask("SELECT * FROM taken_back"):
        back[row["sku"]] += row["quantity"]
    sent = Counter(row["key"] for row in ask("SELECT key FROM notifications"))
    return Record(
        _in_scope(payments, lambda row: subject_of("", row["reference"]), scope),
        _in_scope(shipments, lambda row: order_of(row["key"]), scope),
        {key: row for key, row in reservations.items() if order_of(key).startswith(scope)},
        {sku: row for sku, row in goods.items() if sku.startswith(scope)},
        held,
        Counter({key: n for key, n in sent.items() if order_of(key).startswith(scope)}),
        back,
    )


async def check_invariants(journal_url: str, data: Path, scope: str = "") -> None:
    """Assert I1 to I6 of a journal at rest and of the record in `data`."""
    breaches = breaches_of(await dump_journal(journal_url), read_record(data, scope))
    assert not breaches, "\n".join(breaches)


def breaches_of(journal: Journal, record: Record) -> list[str]:
    """Every breach of I1 to I7; money and stock are checked for orders only."""
    of_orders = {key: row for key, row in journal.items.items() if row["scenario"] == "orders"}
    orders = replace(journal, items=of_orders)
    returned = _returned(journal)
    arrivals = (row["key"] for row in journal.items.values() if row["scenario"] == RETURNS.name)
    return [
        *_charged_once(orders, record, {f"{key}{EXCHANGE}" for key in arrivals}),
        *_nothing_lost(journal),
        *_money_conserved(orders, record, returned),
        *_stock_conserved(journal, record),
        *_legal_histories(journal),
        *_compensated(orders),
        *_sent_once(record),
        *_letters_complete(journal),
    ]


def _returned(journal: Journal) -> Mapping[str, int]:
    """Minor units that the provider has given back for goods that came back, by order."""
    found: Counter[str] = Counter()
    for item, row in journal.items.items():
        if row["scenario"] == RETURNS.name:
            done = [s for s in journal.steps.get(item, []) if s["agent"] == "refund_return"]
            facts = [json.loads(step["output"]) for step in done if step["output"]]
            order = json.loads(row["body"])["order"]
            found[order] += sum(fact["amount"] for fact in facts if fact["refund"])
    return found


def _charged_once(journal: Journal, record: Record, exchanges: Collection[str]) -> Iterator[str]:
    known = {row["key"] for row in journal.items.values()}.union(exchanges)
    for order, payments in record.payments.items():
        if order not in known:
            yield f"I1 {order}: the provider has a payment, the journal no such order"
        if sum(payment["received"] > 0 for payment in payments) > 1:
            yield f"I1 {order}: charged more than once"
        for payment in payments:
            if not 0 <= payment["refunded"] <= payment["received"] <= payment["amount"]:
                yield f"I1 {order}: refunded, captured and amount do not fit: {payment}"


def _nothing_lost(journal: Journal) -> Iterator[str]:
    for key, row in journal.items.items():
        if key not in journal.dead and row["state"] not in AT_REST:
            yield f"I2 {row['key']}: left behind as {row['state']}"
        if row["owner"] is not None:
            yield f"I2 {row['key']}: still held by {row['owner']}"


def _money_conserved(
    journal: Journal, record: Record, returned: Mapping[str, int]
) -> Iterator[str]:
    kept: Counter[str] = Counter()
    worth: Counter[str] = Counter()
    for item, row in journal.items.items():
        order, body = row["key"], json.loads(row["body"])
        payments = record.payments.get(order, [])
        balance = sum(payment["received"] - payment["refunded"] for payment in payments)
        balance //= COUNTED_100_TIMES.get(body["currency"], 1)
        balance += returned.get(order, 0)  # the parcel was shipped and paid before
        if any(p["currency"].upper() != body["currency"] for p in payments):
            yield f"I3 {order}: charged in another currency than {body['currency']}"
        shipped = _is_shipped(record, row)
        if item in journal.dead:
            if not 0 <= balance <= body["total"]:
                yield f"I3 {order}: its dead letter holds {balance} of {body['total']}"
            continue
        kept[body["currency"]] += balance
        worth[body["currency"]] += body["total"] if shipped else 0
        if balance != (body["total"] if shipped else 0):
            yield f"I3 {order}: {row['outcome']}, worth {body['total']}, and we hold {balance}"
        if shipped != (row["state"] == State.COMPLETED and row["outcome"] == "shipped"):
            yield f"I3 {order}: parcel and stock say shipped={shipped}, journal: {row['state']}"
        open_ones = [p for p in payments if p["status"] not in ("succeeded", "canceled")]
        if row["state"] in ENDED and open_ones:
            yield f"I3 {order}: ended, but could still be charged: {open_ones[0]['status']}"
    if kept != worth:
        yield f"I3 all orders: we hold {dict(kept)}, shipped were {dict(worth)}"


def _stock_conserved(journal: Journal, record: Record) -> Iterator[str]:
    mine = {
        item: row["key"] + (EXCHANGE if row["scenario"] == RETURNS.name else "")
        for item, row in journal.items.items()
        if row["scenario"] in {ORDERS.name, RETURNS.name}
    }
    state = {key: journal.items[item]["state"] for item, key in mine.items()}
    dead = {key for item, key in mine.items() if item in journal.dead}
    reserved: Counter[str] = Counter()
    shipped: Counter[str] = Counter()
    for key, reservation in record.reservations.items():
        order, lines = order_of(key), record.held[key]
        if reservation["status"] == "held":
            reserved += lines
            if order not in dead:
                yield f"I4 {order}: {state.get(order)}, and still holds {dict(lines)}"
        if reservation["status"] == "issued":
            shipped += lines
    for sku, row in record.goods.items():
        parts = (row["on_hand"], row["reserved"], row["shipped"])
        if min(parts) < 0 or sum(parts) != row["initial"]:
            yield f"I4 {sku}: {row}"
        out = shipped[sku] - record.back[sku]
        if (row["reserved"], row["shipped"]) != (reserved[sku], out):
            yield f"I4 {sku}: {row}, by its orders reserved {reserved[sku]}, shipped {out}"


def _legal_histories(journal: Journal) -> Iterator[str]:
    for item, row in journal.items.items():
        path = journal.history.get(item, [])
        if [step["sequence"] for step in path] != list(range(1, row["sequence"] + 1)):
            yield f"I5 {row['key']}: its history has gaps or ends elsewhere"
            continue
        if path[0]["source"] is not None or path[-1]["target"] != row["state"]:
            yield f"I5 {row['key']}: its history does not lead to {row['state']}"
        for before, after in pairwise(path):
            if after["source"] != before["target"] or after["fence"] < before["fence"]:
                yield f"I5 {row['key']}: {before['event']} is not followed by {after['event']}"
        for step in path:
            source = State(step["source"]) if step["source"] else None
            if TRANSITIONS.get((source, Event(step["event"]))) != step["target"]:
                yield f"I5 {row['key']}: {step['event']} leads from {source} to {step['target']}"


def _compensated(journal: Journal) -> Iterator[str]:
    for item, row in journal.items.items():
        if row["state"] not in UNDONE or item in journal.dead:
            continue
        made = {effect["agent"]: effect["status"] for effect in journal.effects.get(item, [])}
        for agent, status in made.items():
            undo = AGENTS[agent].undo
            if status != "refused" and undo is not None and made.get(undo.name) != "done":
                yield f"I6 {row['key']}: {agent} is {status}, {undo.name} {made.get(undo.name)}"


def _sent_once(record: Record) -> Iterator[str]:
    for key, count in record.messages.items():
        if count > 1:
            yield f"I6 {order_of(key)}: sent {count} times: {key}"


def _letters_complete(journal: Journal) -> Iterator[str]:
    for item, row in journal.items.items():
        letter = journal.dead.get(item)
        if letter is None and row["state"] == State.DEAD_LETTERED:
            yield f"I7 {row['key']}: dead-lettered without a dead letter"
        if letter is not None and not all(
            (letter["agent"], letter["error_type"], letter["error"], row["trace"], row["body"])
        ):
            yield f"I7 {row['key']}: its dead letter is incomplete: {letter}"


def _is_shipped(record: Record, row: Row) -> bool:
    parcels = [s for s in record.shipments.get(row["key"], []) if s["status"] == "booked"]
    left = [
        r
        for key, r in record.reservations.items()
        if order_of(key) == row["key"] and r["status"] == "issued"
    ]
    return len(parcels) == 1 and len(left) == 1


def order_of(key: str) -> str:
    """The order in an effect's key: installation:tenant:scenario:order:agent:occurrence.

    What belongs to goods that came back has the name of their exchange.
    """
    _, returned, rest = key.partition(f":{RETURNS.name}:")
    if returned:
        return rest.rsplit(":", 2)[0] + EXCHANGE
    _, _, rest = key.partition(f":{ORDERS.name}:")
    order, *_ = rest.split(":")
    return order


def _by_item(rows: list[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["item"]].append(row)
    return found


def _in_scope(rows: list[Row], order: Any, scope: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if order(row).startswith(scope):
            found[order(row)].append(row)
    return found
