"""Who looks for what is due reads an index from its front, whatever waits behind it."""

from typing import Any

import pytest
from sqlalchemy import event, insert, select, update

from agents.runtime.context import Runtime, runtime
from agents.runtime.journal import webhook_endpoints as endpoints
from agents.runtime.journal.database import now
from agents.runtime.journal.gateway_schema import webhook_deliveries
from agents.runtime.journal.webhook_deliveries import (
    Attempt,
    DeliveryStatus,
    claim,
    settle,
    targets_with_due,
)
from agents.runtime.journal.webhook_endpoints import NewEndpoint

DAY = 86_400.0
ROW = {"event": "jobs.ended", "data": "{}", "status": "waiting", "attempts": 0}


async def endpoint(opened: Runtime) -> str:
    new = NewEndpoint("https://shop.example/hooks", ("jobs.*",))
    return (await endpoints.create(opened.journal, new, "ann")).endpoint.id


async def waiting(opened: Runtime, name: str, items: int, events: int) -> None:
    rows = [
        {"endpoint": name, "message": f"{item}-{n}", "item": item, "sequence": n} | ROW
        for n in range(events)
        for item in range(items)
    ]
    async with opened.journal.database.write() as connection:
        statement = insert(webhook_deliveries).values(at=now(), due_at=now())
        await connection.execute(statement, rows)


async def test_an_item_whose_event_is_delayed_delays_its_later_events_only(opened: Runtime) -> None:
    name = await endpoint(opened)
    await waiting(opened, name, items=2, events=3)
    first, other = await claim(opened.journal.database, name, 8)
    assert (first.message, other.message) == ("0-0", "1-0")
    made = [Attempt(first, 500, "", 0.1, wait=60.0), Attempt(other, 204, "", 0.1)]
    assert await settle(opened.journal.database, name, made) == ""
    due = await claim(opened.journal.database, name, 8)
    assert [one.message for one in due] == ["1-1"]
    query = select(webhook_deliveries.c.message).where(
        webhook_deliveries.c.status == "waiting", webhook_deliveries.c.due_at > now() + 50
    )
    async with opened.journal.database.read() as connection:
        later = set(await connection.scalars(query))
    assert later == {"0-0", "0-1", "0-2", "1-1"}, "the last of them is claimed"


async def test_what_a_wrong_clock_has_delayed_is_due(opened: Runtime) -> None:
    name = await endpoint(opened)
    await waiting(opened, name, items=1, events=1)
    async with opened.journal.database.write() as connection:
        await connection.execute(update(webhook_deliveries).values(due_at=now() + 400 * DAY))
    assert [target.id for target in await targets_with_due(opened.journal.database)] == [name]
    assert len(await claim(opened.journal.database, name, 8)) == 1


async def test_a_result_after_the_lease_changes_nothing(opened: Runtime) -> None:
    name = await endpoint(opened)
    await waiting(opened, name, items=1, events=1)
    [late] = await claim(opened.journal.database, name, 8)
    async with opened.journal.database.write() as connection:
        await connection.execute(update(webhook_deliveries).values(due_at=now()))
    [again] = await claim(opened.journal.database, name, 8)
    await settle(opened.journal.database, name, [Attempt(late, 500, "", 0.1)])
    [found] = await endpoints.page_of_deliveries(opened.journal, name, None, None, 8)
    assert (found.status, found.attempts) == ("waiting", 2)
    await settle(opened.journal.database, name, [Attempt(again, 204, "", 0.1)])
    found, made = await endpoints.delivery_with_attempts(opened.journal, name, found.id)
    assert (found.status, [one.status for one in made]) == ("delivered", [500, 204])


@pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)
async def test_no_statement_reads_more_than_it_returns(opened: Runtime) -> None:
    name = await endpoint(opened)
    await waiting(opened, name, items=3, events=2)
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "webhook_deliveries" in statement:
            seen.append((statement, parameters))

    engine = runtime().journal.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await targets_with_due(opened.journal.database)
    [one, *_] = await claim(opened.journal.database, name, 8)
    await settle(opened.journal.database, name, [Attempt(one, 500, "", 0.1, wait=60.0)])
    for status in (None, DeliveryStatus.WAITING):
        await endpoints.page_of_deliveries(opened.journal, name, status, 100, 2)
    event.remove(engine, "before_cursor_execute", note)
    assert len(seen) >= 6
    async with opened.journal.database.read() as connection:
        for statement, parameters in seen:
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plan = " / ".join(row.detail for row in rows)
            assert "SCAN webhook_deliveries" not in plan, (statement, plan)
            assert "B-TREE" not in plan, (statement, plan)
