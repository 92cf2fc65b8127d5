"""Admission to a step: what an agent takes, what is refused, and what agents without resources pay."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from agents.runtime.context import Runtime, open_runtime
from agents.runtime.errors import PermanentError
from agents.runtime.execution.budgets import spent
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.capacity_admin import (
    BadCapacity,
    CapacitySetting,
    set_capacity,
)
from agents.runtime.journal.resource_use import usage
from agents.runtime.journal.scheduling_schema import (
    holdings,
    resource_waits,
)
from agents.runtime.model.policies import PURE, READ
from agents.runtime.settings import Settings
from tests.agents.runtime.jobs import (
    JOBS,
    Job,
    Made,
    dead_letter_rows,
    jobs,
    rows,
    run,
    states,
)
from tests.agents.runtime.journal.test_resources import there_are, working

TABLES = ("capacities", "holdings", "resource_waits", "quota_uses")


async def test_a_process_that_ends_gives_back_what_it_holds(journal_settings: Settings) -> None:
    begun = asyncio.Event()

    @agent(READ, takes={"cpu": 4})
    async def hang(job: Job) -> Made:
        begun.set()
        await asyncio.sleep(60)
        return Made(by="hang")

    async def stopped() -> None:
        async with open_runtime(journal_settings):
            await there_are(4)
            await run(jobs(1), hang)

    task = asyncio.create_task(stopped())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with open_runtime(journal_settings):
        assert await rows(holdings) == []
        assert await states() == {"job-0000": "pending"}


async def test_a_need_above_the_capacity_is_refused_when_it_is_submitted(opened: Runtime) -> None:
    await there_are(2)
    scenario = replace(JOBS, needs=lambda job: {"cpu": job.n})
    result = await run(jobs(5), working([0.0, 0.0], {"cpu": 1}), scenario=scenario)
    assert [(one.line, one.rule) for one in result.rejections] == [
        *((4, "above-capacity"), (5, "above-capacity")),
    ]
    assert "item job-0003: needs 3 of cpu at once, and there are 2" in result.rejections[0].message
    assert set(await states()) == {"job-0000", "job-0001", "job-0002"}
    await there_are(1)  # those that were accepted before are known
    again = await run(jobs(3), working([0.0, 0.0], {"cpu": 1}), scenario=scenario)
    assert again.rejections == []
    assert again.outcomes == {"already done": 3}


async def test_a_scenario_that_cannot_say_what_an_item_needs_refuses_that_item(
    opened: Runtime,
) -> None:
    await there_are(2)
    scenario = replace(JOBS, needs=lambda job: {"cpu": [1, float("nan"), -1][job.n]})
    result = await run(jobs(4), working([0.0, 0.0], {"cpu": 1}), scenario=scenario)
    assert [one.line for one in result.rejections] == [2, 3, 4]
    assert "IndexError" in result.rejections[2].message


async def test_an_item_above_a_capacity_that_was_lowered_is_parked_with_the_reason(
    opened: Runtime,
) -> None:
    await there_are(2)
    result = await run(jobs(2), working([0.0, 0.0], lambda job: {"cpu": 1 + 4 * job.n}))
    assert result.outcomes == {"job completed": 1, "waiting": 1} or result.outcomes["waiting"] == 1
    assert await states() == {"job-0000": "completed", "job-0001": "waiting"}
    [(reason, _)] = result.stats.reasons["waiting"].items()
    assert reason.startswith("work needs 5 of cpu, and there are 2")
    assert await rows(holdings) == await rows(resource_waits) == []


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -1.0, "many", 10**400])
async def test_a_bad_amount_stops_only_its_own_item(opened: Runtime, amount: Any) -> None:
    await there_are(2)
    await run(jobs(3), working([0.0, 0.0], lambda job: {"cpu": amount if job.n == 1 else 1}))
    assert await states() == {
        "job-0000": "completed",
        "job-0001": "dead_lettered",
        "job-0002": "completed",
    }
    [letter] = await dead_letter_rows()
    assert (letter.agent, letter.error_type) == ("work", "BadAmount")
    assert letter.error.startswith("cpu: ")


async def test_wrong_takes_are_refused_where_they_are_declared() -> None:
    for takes in ({"cpu": -1}, {"": 1}, {"cpu": float("nan")}):
        with pytest.raises(TypeError, match="takes="):
            agent(PURE, takes=takes)(lambda _job: None)


async def test_agents_without_takes_issue_no_statement_about_resources(opened: Runtime) -> None:
    await there_are(2)
    statements: list[str] = []
    engine = opened.journal.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *values: statements.append(str(values[2])))

    @agent(READ)
    async def look(job: Job) -> Made:
        if job.n == 2:
            raise PermanentError("no")
        return Made(by="look")

    await run(jobs(4), look)
    assert len(statements) > 5
    assert [one for one in statements if any(table in one for table in TABLES)] == []


async def test_without_a_capacity_takes_cost_one_look_a_step(opened: Runtime) -> None:
    statements: list[str] = []
    engine = opened.journal.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *values: statements.append(str(values[2])))
    await run(jobs(8), working([0.0, 0.0], {"cpu": 1}))
    assert len([one for one in statements if any(table in one for table in TABLES)]) == 1
    assert set((await states()).values()) == {"completed"}


async def test_what_was_not_used_of_a_quota_is_free_again(opened: Runtime) -> None:
    await there_are(100, "tokens", window_seconds=60.0)

    @agent(READ, takes={"tokens": 60})
    async def ask(job: Job) -> Made:
        spent(tokens=25)
        return Made(by="ask")

    await run(jobs(2), ask)
    [use] = await usage(opened.journal.database)
    assert (use.used, use.waiting) == (50.0, 0)
    assert set((await states()).values()) == {"completed"}


@pytest.mark.slow
async def test_a_quota_has_room_again_when_its_window_has_passed(opened: Runtime) -> None:
    await there_are(2, "calls", window_seconds=1.0)
    at: list[float] = []

    @agent(READ, takes={"calls": 1})
    async def call(job: Job) -> Made:
        at.append(asyncio.get_running_loop().time())
        return Made(by="call")

    await run(jobs(4), call)
    assert at[1] - at[0] < 0.5
    assert at[2] - at[0] >= 1.0
    assert set((await states()).values()) == {"completed"}


@pytest.mark.parametrize(
    "setting",
    [
        CapacitySetting("cpu", -1.0),
        CapacitySetting("cpu", float("nan")),
        CapacitySetting("", 1.0),
        CapacitySetting("calls", 1.0, window_seconds=0.1),
        CapacitySetting("calls", 1.0, window_seconds=float("inf")),
    ],
)
async def test_bad_capacities_are_refused(opened: Runtime, setting: CapacitySetting) -> None:
    with pytest.raises(BadCapacity):
        await set_capacity(opened.journal, setting, "ann", "test")


async def test_a_batched_agent_takes_for_all_items_that_it_gets(opened: Runtime) -> None:
    await there_are(3)
    sizes: list[int] = []

    @agent(PURE, batched=True, takes={"cpu": 1})
    def weigh(some: list[Job]) -> list[Made]:
        sizes.append(len(some))
        return [Made(by="weigh") for _ in some]

    await run(jobs(7), weigh)
    assert sizes == [3, 3, 1]
    assert set((await states()).values()) == {"completed"}
