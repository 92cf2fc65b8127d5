"""The view `agent_flows_scale` against histories whose numbers are computed by hand, on both databases."""

import random
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import delete, insert, text, update

from agents.runtime.context import Runtime
from agents.runtime.journal import queue_admin
from agents.runtime.journal.database import Database, now
from agents.runtime.journal.gateway_schema import rollouts
from agents.runtime.journal.scale import (
    BadScaleBounds,
    bounds_of,
    declare_bounds,
    note_pace,
    require_valid,
    scales,
    set_bounds,
    total_load,
)
from agents.runtime.journal.schema import items
from agents.runtime.scheduling.scaling import Pace, ScaleBounds, consumers_wanted
from tests.agents.runtime.journal.histories import ENDED, HELD, WAITS, History

BOUNDS = ScaleBounds(least=1, most=20, target=60.0, cooldown=300.0)


@pytest.fixture
async def past(opened: Runtime) -> AsyncIterator[History]:
    await set_bounds(opened.journal, "jobs", BOUNDS, "ann", "test")
    yield (written := History(opened.journal))
    await written.write(delete(items))  # they have no events, which the invariants ask for


async def wanted(past: History) -> dict[int, int]:
    return {one.version: one.wanted for one in await scales(past.database, "jobs")}


async def test_a_queue_without_items_keeps_its_least(past: History) -> None:
    assert await wanted(past) == {1: 1}


async def test_what_waits_is_drained_within_the_target(past: History) -> None:
    await past.pace(0.5, mean=20.0)  # ten seconds of work in a second
    await past.add(90, WAITS, expected=20.0)
    await past.add(30, WAITS)  # counts as the mean
    await past.consumer("a")
    (found,) = await scales(past.database, "jobs")
    assert found.load.waiting == pytest.approx(2_400.0)
    assert (found.load.pace, found.load.consumers, found.load.claimed) == (10.0, 1, 0)
    assert found.wanted == 4
    await past.write(update(items).values(state="completed", ended_at=now()))
    assert (await scales(past.database, "jobs"))[0].load.lately == pytest.approx(2_400.0)


async def test_items_that_are_not_due_call_nobody(past: History) -> None:
    await past.add(5, WAITS, retry_at=now() + 100.0, expected=60.0)
    await past.add(5, {"state": "waiting"}, waiting_since=now(), expected=60.0)
    await past.add(5, {"state": "compensating"}, waiting_since=now(), expected=60.0)
    await set_bounds(past.journal, "jobs", ScaleBounds(0, 20), "ann", "test")
    assert await wanted(past) == {1: 0}


async def test_items_outside_of_the_queue_are_waiting_work(past: History) -> None:
    await past.add(1, WAITS, retry_at=now() - 1.0, expected=1.0)
    await past.add(1, WAITS, crash_count=1, expected=2.0)
    await past.add(1, {"state": "compensating"}, expected=4.0)
    await past.consumer("dead", beat=-60.0)
    await past.add(1, HELD, owner="dead", expected=8.0)
    (found,) = await scales(past.database, "jobs")
    assert found.load.waiting == pytest.approx(15.0)
    assert (found.load.consumers, found.load.claimed) == (0, 0)


async def test_a_lull_and_the_way_to_zero(past: History) -> None:
    await set_bounds(past.journal, "jobs", ScaleBounds(0, 20), "ann", "test")
    for name in "abcd":
        await past.consumer(name)
    # 960 seconds of work in the last 300 keep four consumers 80 % busy.
    await past.add(4, ENDED, expected=240.0, ended_at=now() - 100.0)
    assert await wanted(past) == {1: 4}
    await past.write(update(items).where(items.c.key == "k0").values(ended_at=now() - 310.0))
    assert await wanted(past) == {1: 3}
    keys = ["k1", "k2", "k3"]
    await past.write(update(items).where(items.c.key.in_(keys)).values(ended_at=now() - 310.0))
    assert await wanted(past) == {1: 0}
    await past.add(1, ENDED, expected=0.1, ended_at=now() - 290.0)
    assert await wanted(past) == {1: 1}


async def test_consumers_that_hold_items_stay(past: History) -> None:
    for name in "abc":
        await past.consumer(name)
    await past.add(2, HELD, owner="a", expected=1.0)
    await past.add(1, HELD, owner="b", expected=1.0)
    assert await wanted(past) == {1: 2}


async def test_a_paused_queue_calls_nobody_and_keeps_its_least(past: History) -> None:
    await past.add(50, WAITS, expected=60.0)
    assert await wanted(past) == {1: 4}
    await queue_admin.pause(past.journal, "jobs", "ann", "stocktaking")
    (found,) = await scales(past.database, "jobs")
    assert (found.wanted, found.paused) == (1, True)
    await past.consumer("a")
    await past.consumer("b")
    await past.add(1, HELD, owner="a")
    await past.add(1, HELD, owner="b")
    assert await wanted(past) == {1: 2}
    await queue_admin.resume(past.journal, "jobs", "ann", "done")
    assert await wanted(past) == {1: 6}


async def test_a_rate_limit_bounds_what_more_consumers_could_do(past: History) -> None:
    await past.pace(1.0, mean=2.0)
    await past.add(100, WAITS, expected=60.0)
    assert await wanted(past) == {1: 4}
    await queue_admin.limit_rate(
        past.journal, "jobs", queue_admin.RateLimit(2.0), "ann", "campaign"
    )
    assert await wanted(past) == {1: 2}


async def test_only_the_current_version_has_a_floor(past: History) -> None:
    row = {"scenario": "jobs", "current": 1, "candidate": 2, "share": 10.0, "tenants": "[]"}
    row |= {"errors": 5.0, "slowness": 1.5, "samples": 50, "by": "ann", "reason": ""}
    row |= {"state": "running", "begun_at": 0.0, "changed_at": 0.0}
    await past.write(insert(rollouts).values(row))
    assert await wanted(past) == {1: 1, 2: 0}
    await past.add(3, WAITS, expected=60.0, major=2)
    assert await wanted(past) == {1: 1, 2: 3}
    await past.write(update(rollouts).values(state="promoted"))
    await past.add(1, WAITS, expected=60.0)
    assert await wanted(past) == {1: 1, 2: 3}
    await past.write(update(items).values(state="completed", ended_at=now() - 1_000.0))
    assert await wanted(past) == {1: 0, 2: 1}
    await past.write(update(rollouts).values(state="rolled_back"))
    assert await wanted(past) == {1: 1, 2: 0}


async def test_without_a_rollout_the_version_of_the_newest_item_is_current(past: History) -> None:
    await past.add(1, ENDED, ended_at=now() - 1_000.0, accepted_at=now() - 1_000.0, major=2)
    await past.pace(1.0, ago=10.0)  # SQLite's clock has milliseconds: two of now may be equal
    await past.pace(4.0, major=3)
    assert await wanted(past) == {1: 0, 2: 1, 3: 0}
    found = {one.version: one.load.pace for one in await scales(past.database, "jobs")}
    assert found == {1: 1.0, 2: 4.0, 3: 4.0}  # an unknown pace is that which was measured last


async def test_the_view_decides_as_the_scaler(past: History) -> None:
    draw = random.Random(1)
    for number in range(12):
        major = draw.choice([1, 1, 2])
        for _ in range(draw.randrange(3)):
            name = f"{number}-{draw.random()}"
            await past.consumer(name, major)
            if draw.random() < 0.5:
                await past.add(1, HELD, owner=name, expected=draw.uniform(0, 100), major=major)
        await past.add(draw.randrange(20), WAITS, expected=draw.uniform(0, 30), major=major)
        ended = now() - draw.uniform(0, 250)
        await past.add(
            draw.randrange(20), ENDED, expected=draw.uniform(0, 90), ended_at=ended, major=major
        )
        bounds = ScaleBounds(draw.randrange(3), draw.randrange(3, 30), draw.uniform(5, 200), 290.0)
        await set_bounds(past.journal, "jobs", bounds, "ann", "test")
        for one in await scales(past.database, "jobs"):
            assert abs(consumers_wanted(one.load, one.bounds) - one.wanted) <= 1
            assert one.wanted >= min(one.load.claimed, one.bounds.most)


async def test_the_pace_is_kept_for_each_version(past: History) -> None:
    await note_pace(past.database, "jobs", 1, Pace(10.0, 40, 40, 20.0), busy=True)
    await note_pace(past.database, "jobs", 1, Pace(10.0, 1, 1, 0.5), busy=False)
    await note_pace(past.database, "jobs", 2, Pace(10.0, 10, 0, 0.0), busy=True)
    found = await scales(past.database, "jobs")
    assert [(one.load.pace, one.mean) for one in found] == [(2.0, 0.5), (1.0, 1.0)]
    await past.add(10, WAITS, expected=2.0)
    await past.add(10, WAITS, expected=2.0, major=2)
    assert total_load(await scales(past.database, "jobs")).waiting == pytest.approx(30.0)


async def test_declared_bounds_leave_alone_what_an_operator_has_set(past: History) -> None:
    declared = {"jobs": ScaleBounds(2, 3), "others": ScaleBounds(1, 4)}
    changed = ["set scale of queue others"]
    assert await declaring(past.database, declared) == changed
    assert await declaring(past.database, declared) == []
    assert await declaring(past.database, {"others": ScaleBounds(1, 5)}) == changed
    assert await bounds_of(past.database, "jobs") == BOUNDS
    assert await bounds_of(past.database, "others") == ScaleBounds(1, 5)
    assert await bounds_of(past.database, "unknown") == ScaleBounds()
    gone = ["remove scale of queue others, which is no longer declared"]
    assert await declaring(past.database, {}) == gone
    assert await bounds_of(past.database, "jobs") == BOUNDS


async def declaring(database: Database, declared: dict[str, ScaleBounds]) -> list[str]:
    async with database.write() as connection:
        return await declare_bounds(connection, declared)


@pytest.mark.parametrize(
    "bounds",
    [
        ScaleBounds(-1, 2),
        ScaleBounds(3, 2),
        ScaleBounds(0, 2_000),
        ScaleBounds(target=0.0),
        ScaleBounds(cooldown=0.5),
        ScaleBounds(target=float("nan")),
    ],
)
def test_bounds_out_of_range_are_refused(bounds: ScaleBounds) -> None:
    with pytest.raises(BadScaleBounds):
        require_valid(bounds)


async def test_a_stranger_reads_one_number_for_a_queue_that_is_not_known(past: History) -> None:
    query = text(
        "SELECT coalesce(max(consumers_wanted), 0) FROM agent_flows_scale "
        "WHERE queue = 'other' AND version = 7"
    )
    async with past.database.read() as connection:
        assert await connection.scalar(query) == 0
