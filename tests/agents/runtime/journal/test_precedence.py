"""Claims by precedence: who goes first in a group changes, what each group gets does not."""

import asyncio
import random
import re
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import update

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.journal.database import Database
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.operator_actions import OperatorAction
from agents.runtime.journal.precedence import _candidates_query
from agents.runtime.journal.queue import Queue, Wanted, _claim_turns_statement, claim_first
from agents.runtime.journal.queue_admin import RateLimit, limit_rate, move
from agents.runtime.journal.schema import items, queues
from agents.runtime.journal.submit import NewItem, Sender, accept
from agents.runtime.model.forecast import Expected, Forecast
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import new_items, rows
from tests.ready_set import ReadySet


async def enqueue(
    journal: Runtime,
    expected: dict[str, float | None],
    tenant: str = "t",
    priority: Priority = Priority.NORMAL,
    version: str = "1",
) -> None:
    """Put items into the queue by their keys, with the seconds that they are expected to take."""
    new = []
    for item in new_items(expected):
        seconds = expected[item.key]
        forecast = None
        if seconds is not None:
            forecast = Forecast(Expected(seconds, seconds, seconds), {}, "m1", seconds)
        fields = (item.key, item.body, item.body_hash, item.trace, priority)
        new.append(NewItem(*fields, forecast=forecast))
    await accept(journal.journal.database, Sender(tenant, "jobs", version), new)


async def by_forecast(
    journal: Runtime, limit: float | None = None, *, shortest_first: bool = True
) -> None:
    """Say what the judge would have found."""
    await claim_first(journal.journal.database, journal.lease.id, Queue("jobs"), 0)
    async with journal.journal.database.write() as connection:
        verdict = {"shortest_first": shortest_first, "age_limit": limit}
        await connection.execute(update(queues).values(verdict))


async def claimed(journal: Runtime, most: int = 1, majors: tuple[int, ...] = (1,)) -> list[str]:
    queue = Queue("jobs", majors)
    found = await claim_first(journal.journal.database, journal.lease.id, queue, most)
    return [row.key for row in found]


async def all_claimed(journal: Runtime, most: int = 1) -> list[str]:
    taken: list[str] = []
    while some := await claimed(journal, most):
        taken += some
    return taken


async def test_the_shortest_go_first_and_items_without_a_forecast_keep_their_places(
    opened: Runtime,
) -> None:
    await enqueue(opened, {"a": 5.0, "b": None, "c": 1.0, "d": 3.0, "e": None, "f": 0.5})
    await by_forecast(opened)
    assert await all_claimed(opened) == ["f", "b", "c", "d", "e", "a"]


async def test_while_forecasts_are_not_good_enough_the_order_is_that_of_arrival(
    opened: Runtime,
) -> None:
    await enqueue(opened, {"a": 5.0, "b": 1.0})
    await by_forecast(opened, shortest_first=False)
    assert await all_claimed(opened) == ["a", "b"]


async def test_who_has_waited_longer_than_the_limit_goes_first(opened: Runtime) -> None:
    await enqueue(opened, {"a": 5.0, "b": 7.0, "c": 1.0, "d": 0.5})
    await by_forecast(opened, limit=3600.0)
    assert await claimed(opened) == ["d"]
    async with opened.journal.database.write() as connection:
        old = items.c.key.in_(["a", "b"])
        await connection.execute(
            update(items).where(old).values(accepted_at=items.c.accepted_at - 7200.0)
        )
    assert await all_claimed(opened) == ["a", "b", "c"]


@pytest.mark.parametrize("most", [1, 3, 7])
async def test_the_journal_and_memory_have_one_rule(opened: Runtime, most: int) -> None:
    draw, ready = random.Random(most), ReadySet[str]()
    expected = {f"k{n:02}": draw.choice([None, *(n / 10 for n in range(9))]) for n in range(40)}
    for start in (0, 25):
        for number, key in enumerate(list(expected)[start : start + 25]):
            ready.add(key, start + number, expected[key])
        await enqueue(opened, {k: expected[k] for k in list(expected)[start : start + 25]})
        await by_forecast(opened)
        wanted = [ready.take(0, shortest_first=True) for _ in range(min(21, len(ready)))]
        got = [key for _ in range(21 // most) for key in await claimed(opened, most)]
        # Within one claim an item without a forecast comes at its place, as in memory.
        assert got == wanted


async def test_tenants_and_priorities_get_what_they_get_in_the_order_of_arrival(
    opened: Runtime,
) -> None:
    draw = random.Random(5)
    shares: list[list[tuple[str, str]]] = []
    for turn in range(2):
        for number, tenant in enumerate(("a", "b", "c")):
            for priority in (Priority.NORMAL, Priority.HIGH):
                keys = [f"{turn}{tenant}{priority}{n}" for n in range(10 * (number + 1))]
                expected = {key: draw.random() for key in keys}
                await enqueue(opened, dict(expected), tenant, priority)
        await by_forecast(opened, shortest_first=bool(turn))
        groups = {row.key: (row.tenant, row.priority) for row in await rows(items)}
        taken = [groups[key] for key in await all_claimed(opened, 8)]
        shares.append(taken)
    assert shares[0] == shares[1]


async def test_an_item_that_a_person_moved_keeps_its_new_place(opened: Runtime) -> None:
    await enqueue(opened, {"a": 2.0, "b": 9.0, "c": 1.0, "d": 0.5}, tenant=opened.journal.tenant)
    await by_forecast(opened)
    await move(opened.journal, OperatorAction("jobs", "b", "ann", "hurry"), "front")
    await move(opened.journal, OperatorAction("jobs", "d", "ann", "can wait"), "back")
    assert await all_claimed(opened) == ["b", "c", "a", "d"]


async def test_a_rate_limit_lets_the_shortest_out_first(opened: Runtime) -> None:
    await enqueue(opened, {"a": 0.5, "b": 0.1, "c": 0.3})
    await by_forecast(opened)
    limit = RateLimit(1e-3, burst=2)
    await limit_rate(opened.journal, "jobs", limit, "ann", "a campaign")
    assert await claimed(opened, 9) == ["b", "c"]
    assert len({row.rank for row in await rows(items)}) == 3


async def test_two_versions_do_not_mix(opened: Runtime) -> None:
    await enqueue(opened, {"a": 0.5, "b": 0.1})
    await enqueue(opened, {"x": 0.4, "y": 0.2}, version="2")
    await by_forecast(opened)
    assert await claimed(opened, 1, (2,)) == ["y"]
    assert await claimed(opened, 9, (1, 2)) == ["b", "a", "x"]


async def test_a_batch_holds_items_of_like_duration_and_no_more_than_its_seconds_of_work(
    opened: Runtime,
) -> None:
    """Others stay at their places, which are those of the batch in turn."""
    await enqueue(opened, {"a": 90.0, "b": 2.0, "c": 100.0, "d": 3.0, "e": 3.5, "f": None})
    ranks = {row.key: row.rank for row in await rows(items)}
    await by_forecast(opened)
    database, owner = opened.journal.database, opened.lease.id
    first = await claim_first(database, owner, Queue("jobs"), Wanted(work=6.0))
    assert [row.key for row in first] == ["b", "d"]
    assert {row.rank for row in first} == {ranks["a"], ranks["b"]}
    assert await claimed(opened, 9) == ["e", "f"]
    assert await claimed(opened, 9) == ["a", "c"]
    assert {row.rank for row in await rows(items)} == set(ranks.values())


async def test_claims_at_once_share_no_item_and_leave_the_places_as_they_were(
    journal_settings: Settings, opened: Runtime
) -> None:
    """Each item once, each rank once, and each tenant gets its share within a claim of every claimer."""
    draw, size, claimers = random.Random(3), 5, 4
    for tenant in ("a", "b"):
        await enqueue(opened, {f"{tenant}{n}": draw.random() for n in range(150)}, tenant)
    await by_forecast(opened, limit=3600.0)
    before = sorted(row.rank for row in await rows(items))
    taken: list[str] = []

    async def claimer(mine: Runtime) -> None:
        for _ in range(10):
            taken.extend(await claimed(mine, size))

    async with AsyncExitStack() as stack:
        several = [
            await stack.enter_async_context(open_runtime(journal_settings)) for _ in range(claimers)
        ]
        await asyncio.gather(*(claimer(mine) for mine in several))
        assert len(taken) == len(set(taken)) > 150
        shares = [sum(key.startswith(tenant) for key in taken) for tenant in "ab"]
        assert abs(shares[0] - shares[1]) <= size * claimers
        now = await rows(items)
        assert sorted(row.rank for row in now) == before
        gone = sorted(row.rank for row in now if row.owner)
        assert gone[-1] <= before[min(len(before) - 1, len(gone) + 2 * size * claimers)]


@pytest.mark.parametrize("query", ["candidates", "claim"])
async def test_a_claim_by_forecast_reads_the_fronts_of_indexes_only(
    sqlite_url: str, query: str
) -> None:
    """Without statistics too, the plan scans no items and sorts none but the few that are old."""
    database = Database(sqlite_url)
    statement = (_candidates_query if query == "candidates" else _claim_turns_statement)(
        by_sqlite=True
    )
    sql = str(statement.compile(dialect=database.engine.dialect))
    async with database.read() as connection:
        values = tuple("[]" if "json_each" in part else 5 for part in sql.split("?")[:-1])
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)).all()
    await database.close()
    steps = [str(row[-1]) for row in plan]
    assert not [step for step in steps if re.match(r"SCAN (items|other)", step)], steps
    if query == "candidates":
        group = "(scenario=? AND major=? AND tenant=? AND priority=? AND precedence>?)"
        assert [step for step in steps if f"items_preceding {group}" in step], steps
        old = "(scenario=? AND state=? AND tenant=? AND accepted_at<?)"
        assert [step for step in steps if f"items_listed {old}" in step], steps
        assert sum("TEMP B-TREE" in step for step in steps) == 1, steps
