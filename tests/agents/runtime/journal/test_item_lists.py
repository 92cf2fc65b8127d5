"""Lists of items: each filter selects its items in order, page after page, and reads few rows."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import Integer, Select, cast, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.runtime.journal import Journal, item_lists
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.item_lists import Filter, page
from agents.runtime.journal.schema import dead_letters, items, steps
from agents.runtime.journal.submit import NewItem, Sender, accept
from agents.runtime.model.lifecycle import State

MANY = 3_000  # items, of which each filter below selects a few
PAGE = 20
PRUNED = ""  # a body without which an item needs no history that leads to its state
FEW = [
    Filter(state=State.DEAD_LETTERED),
    Filter(state=State.COMPLETED),
    Filter(outcome="refunded"),
    Filter(agent="capture"),
    Filter(waiting="person"),
    Filter(waiting="retry"),
    Filter(key_prefix="key-0001"),
    Filter(customer="c7"),
    Filter(older_than=2_990_500.0),
    Filter(younger_than=100_500.0),
]


@pytest.fixture
async def journal(journal_url: str) -> AsyncIterator[Journal]:
    database = Database(journal_url)
    await database.migrate()
    yield Journal(database, "ours", "0123456789abcdef")
    await database.close()


async def fill(journal: Journal, count: int) -> None:
    """Items 1,000 seconds apart, the last one now: most are completed, and some stand for each filter."""
    for tenant in ("ours", "theirs"):
        new = [
            NewItem(f"key-{n:05}", PRUNED, "h", f"{n:032x}", customer=f"c{n}") for n in range(count)
        ]
        for start in range(0, count, 1_000):
            part = new[start : start + 1_000]
            await accept(journal.database, Sender(tenant, "jobs", "1"), part)
    number = cast(func.substr(items.c.key, 5), Integer)
    async with journal.database.write() as connection:

        async def change(nth: int, values: dict[str, Any]) -> None:
            await connection.execute(update(items).where(number % 100 == nth).values(**values))

        late = {
            "accepted_at": now() - (count - number) * 1_000.0,
            "state": "completed",
            "outcome": "shipped",
        }
        await connection.execute(update(items).values(**late))
        nothing: dict[str, Any] = {"outcome": None}
        await change(
            1, {"state": "dead_lettered", "failure": '{"error": "Carrier away"}'} | nothing
        )
        await change(2, {"outcome": "refunded", "state": "compensated"})
        await change(3, {"state": "waiting", "waiting_since": now() - number} | nothing)
        await change(4, {"state": "pending", "retry_at": now() + 60 + number} | nothing)
        await change(5, {"version": "2"})
        chosen = select(items.c.id, *map(literal, ("capture", 0, "1", "failed", 1, 0.0)))
        names = ["item", "agent", "occurrence", "version", "status", "attempts", "at"]
        await connection.execute(insert(steps).from_select(names, chosen.where(number % 100 == 1)))


def keys(found: item_lists.Page) -> list[str]:
    return [row.key for row in found.rows]


async def whole(journal: Journal, wanted: Filter, most: int = PAGE) -> tuple[list[str], int]:
    """The keys of all pages, and how many pages there were."""
    found = await page(journal, "jobs", wanted, most=most)
    listed, pages = keys(found), 1
    while found.next is not None:
        found = await page(journal, "jobs", wanted, found.next, most)
        listed, pages = listed + keys(found), pages + 1
    return listed, pages


def nth(count: int, number: int) -> list[str]:
    return [f"key-{n:05}" for n in range(number, count, 100)]


async def test_each_filter_selects_its_items_in_its_order(journal: Journal) -> None:
    await fill(journal, 300)
    newest_first = {
        Filter(state=State.DEAD_LETTERED): nth(300, 1),
        Filter(outcome="refunded"): nth(300, 2),
        Filter(agent="capture"): nth(300, 1),
        Filter(version="2"): nth(300, 5),
        Filter(error="carrier AWAY"): nth(300, 1),
        Filter(customer="c7"): ["key-00007"],
        Filter(): [f"key-{n:05}" for n in range(300)],
        Filter(older_than=290_500.0): [f"key-{n:05}" for n in range(10)],
        Filter(younger_than=10_500.0): [f"key-{n:05}" for n in range(290, 300)],
        Filter(state=State.WAITING, version="2"): [],
    }
    for wanted, expected in newest_first.items():
        assert (await whole(journal, wanted))[0] == expected[::-1], wanted
    assert (await whole(journal, Filter(waiting="retry")))[0] == nth(300, 4)
    assert (await whole(journal, Filter(waiting="person")))[0] == nth(300, 3)[::-1]
    by_key = [f"key-0010{n}" for n in range(10)]
    assert (await whole(journal, Filter(key_prefix="key-0010"), 3))[0] == by_key
    assert (await whole(journal, Filter(key_prefix="key-001", state=State.WAITING)))[0] == [
        "key-00103"
    ]


async def test_items_of_other_tenants_and_scenarios_are_in_no_list(journal: Journal) -> None:
    await fill(journal, 100)
    for wanted in [Filter(), *FEW]:
        assert (await page(replace(journal, tenant="nobody"), "jobs", wanted)).rows == [], wanted
        assert (await page(journal, "others", wanted)).rows == [], wanted
    assert len((await whole(journal, Filter()))[0]) == 100


async def test_a_page_stays_where_it_was_while_items_come(journal: Journal) -> None:
    await fill(journal, 100)
    first = await page(journal, "jobs", Filter(), most=60)
    new = [NewItem("new", PRUNED, "h", "f" * 32)]
    await accept(journal.database, Sender("ours", "jobs", "1"), new)
    second = await page(journal, "jobs", Filter(), first.next, most=60)
    assert (keys(first)[-1], keys(second)[0]) == ("key-00040", "key-00039")
    assert len(second.rows) == 40


async def test_a_row_has_its_open_dead_letter(journal: Journal) -> None:
    await fill(journal, 100)
    [item] = (await page(journal, "jobs", Filter(key_prefix="key-00001"))).rows
    letter = {
        "item": item.id,
        "at": 7.0,
        "agent": "ship",
        "version": "1",
        "attempts": 6,
        "count": 1,
    }
    error = {"error_type": "Away", "error": "carrier is away", "status": "open"}
    async with journal.database.write() as connection:
        await connection.execute(insert(dead_letters).values(**letter, **error))
    [row] = (await page(journal, "jobs", Filter(error="carrier is"))).rows
    assert (row.key, row.dead_agent, row.error_type) == ("key-00001", "ship", "Away")


@contextmanager
def counting(path: str) -> Iterator[Any]:
    """Counts the steps of SQLite's virtual machine that statements take: some ten for each row."""
    connection = sqlite3.connect(path)
    steps_taken = 0

    def step() -> None:
        nonlocal steps_taken
        steps_taken += 1

    def run(sql: str) -> int:
        nonlocal steps_taken
        steps_taken = 0
        connection.execute(sql).fetchall()
        return steps_taken

    connection.set_progress_handler(step, 1)
    try:
        yield run
    finally:
        connection.close()


async def test_a_page_reads_few_rows_of_many_items(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    await database.migrate()
    await fill(Journal(database, "ours", "0123456789abcdef"), MANY)
    read = {}
    with counting(sqlite_url.partition(":///")[2]) as run:
        for wanted in (Filter(), *FEW):
            plan = item_lists.plan_of("ours", "jobs", wanted)
            rest = item_lists._rest("ours", "jobs", wanted, plan)
            query = item_lists._positions(plan, rest, None, PAGE + 1)
            dialect = database.engine.dialect
            sql = str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
            read[wanted] = run(sql) / len(plan.ranges)
        whole_table = run("SELECT max(trace) FROM items")
    await database.close()
    assert whole_table > MANY * 2  # what a list without an index would take
    few = {
        Filter(agent="capture"): MANY
    }  # its index is of all tenants, of which a page reads 1,000 rows
    too_many = {w: n for w, n in read.items() if n > few.get(w, 100 + 30 * PAGE)}
    assert too_many == {}, read


async def test_postgresql_reads_few_rows_of_many_items(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    await fill(Journal(database, "ours", "0123456789abcdef"), MANY)
    read = {}
    async with database.read() as connection:
        await connection.exec_driver_sql("VACUUM ANALYZE items")
        for wanted in (Filter(), *FEW):
            plan = item_lists.plan_of("ours", "jobs", wanted)
            rest = item_lists._rest("ours", "jobs", wanted, plan)
            query = item_lists._positions(plan, rest, None, PAGE + 1)
            read[wanted] = await explained_rows(connection, query) / len(plan.ranges)
    await database.close()
    few = {Filter(agent="capture"): 200}  # its index is of all tenants
    too_many = {w: n for w, n in read.items() if n > few.get(w, 3 * PAGE)}
    assert too_many == {}, read


async def explained_rows(connection: AsyncConnection, query: Select[Any]) -> float:
    """The rows that PostgreSQL reads for the query."""
    dialect, literals = connection.dialect, {"literal_binds": True}
    sql = str(query.compile(dialect=dialect, compile_kwargs=literals))
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}"
    found = (await connection.exec_driver_sql(explain)).scalar_one()
    [explained] = orjson.loads(found) if isinstance(found, str) else found
    return rows_read(explained["Plan"])


def rows_read(plan: dict[str, Any]) -> float:
    """The rows that the scans of a plan have read, also those that they passed over."""
    mine = 0.0
    if "Scan" in plan["Node Type"] and plan["Node Type"] != "Subquery Scan":
        passed = plan.get("Rows Removed by Filter", 0) + plan.get(
            "Rows Removed by Index Recheck", 0
        )
        mine = (plan["Actual Rows"] + passed) * plan["Actual Loops"]
    return mine + sum(rows_read(part) for part in plan.get("Plans", ()))
