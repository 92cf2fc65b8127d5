"""Compare-and-set: an item that is no longer held does not change and is not returned."""

import pytest
from sqlalchemy import select

from agents.runtime.context import Runtime
from agents.runtime.journal.schema import history, items
from agents.runtime.journal.statements import Halt, move, still_held, values_of
from agents.runtime.model.lifecycle import Event, State
from tests.agents.runtime.jobs import batch_of, change, jobs, rows


async def test_only_items_that_moved_are_returned_and_recorded(opened: Runtime) -> None:
    a, b, c = (await batch_of(jobs(3))).peek()
    b.fence += 1
    async with opened.journal.database.write() as connection:
        moved = await move(
            connection,
            opened.lease.id,
            [a, b, c],
            Event.PARK,
            State.PROCESSING,
            details={a.id: "why"},
            owner=None,
        )
    assert moved == {a.id, c.id}
    parked = [(row.item, row.detail) for row in await rows(history) if row.event == "park"]
    assert parked == [(a.id, "why"), (c.id, None)]
    assert [row.state for row in await rows(items)] == ["waiting", "processing", "waiting"]


async def test_another_holder_or_state_moves_nothing(opened: Runtime) -> None:
    held = (await batch_of(jobs(1))).peek()
    before = await rows(items)
    async with opened.journal.database.write() as connection:
        assert await move(connection, "other", held, Event.PARK, State.PROCESSING) == set()
        me = opened.lease.id
        assert await move(connection, me, held, Event.DELAY, State.COMPENSATING) == set()
        assert await move(connection, me, [], Event.DELAY, State.PROCESSING) == set()
    assert await rows(items) == before


async def test_an_event_that_the_state_does_not_allow_raises_and_changes_nothing(
    opened: Runtime,
) -> None:
    held = (await batch_of(jobs(1))).peek()

    async def move_wrongly() -> None:
        async with opened.journal.database.write() as connection:
            await move(connection, opened.lease.id, held, Event.ACCEPT, State.PROCESSING)

    with pytest.raises(KeyError):
        await move_wrongly()
    assert [row.state for row in await rows(items)] == ["processing"]


async def test_held_items_are_returned_with_the_reason_of_their_halt(opened: Runtime) -> None:
    a, b, c, d = (await batch_of(jobs(4))).peek()
    await change(b.key, cancel_requested=True, deadline=1.0)
    await change(d.key, deadline=1.0)
    c.fence -= 1
    async with opened.journal.database.write() as connection:
        held = await still_held(connection, opened.lease.id, [a, b, c, d], State.PROCESSING)
        assert await still_held(connection, opened.lease.id, [], State.PROCESSING) == {}
    assert held == {a.id: None, b.id: Halt.CANCEL, d.id: Halt.DEADLINE}


@pytest.mark.parametrize("values", [[1, 2**40], ["a", "b'; --", "\u00fc\u2603"]])
async def test_values_travel_as_one_parameter(
    opened: Runtime, values: list[int] | list[str]
) -> None:
    async with opened.journal.database.read() as connection:
        found = await connection.scalars(select(values_of(connection, values).c.value))
        assert list(found) == values
