"""Queries of operators return complete rows, in order, of their own tenant and scenario only."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from agents.runtime.context import Runtime, runtime
from agents.runtime.journal.operator_actions import decide, discard, escalate, replay
from agents.runtime.journal.queries import item_history, letters, waiting
from agents.runtime.journal.schema import dead_letters, items
from tests.agents.runtime.jobs import Job, Provider, change, effect_of, jobs, rows, run
from tests.agents.runtime.journal.operators import (
    ONE,
    TOO_OFTEN,
    Question,
    action,
    plan_outage,
    resume,
)

pytestmark = pytest.mark.usefixtures("no_waits")


async def make_dead_letters(provider: Provider, count: int = 4) -> None:
    """Make `count` dead letters: the first an hour old, each next one a minute younger."""
    first, last = effect_of(provider, name="first"), effect_of(provider, name="last")
    for job in jobs(count):
        plan_outage(provider, job.key)
    await run(jobs(count // 2), first)
    await run(jobs(count)[count // 2 :], last)
    for row in await rows(items):
        number = int(row.key[-4:])
        await age(row.id, 3_600 - 60 * number)


async def age(item: int, seconds: float) -> None:
    async with runtime().journal.database.write() as connection:
        older = update(dead_letters).values(at=dead_letters.c.at - seconds)
        await connection.execute(older.where(dead_letters.c.item == item))


async def test_dead_letters_are_listed_oldest_first_with_all_columns(
    opened: Runtime, provider: Provider
) -> None:
    await make_dead_letters(provider)
    found = await letters(opened.journal, "jobs")
    assert [row.key for row in found] == [job.key for job in jobs(4)]
    first = found[0]
    assert first.age == pytest.approx(3_600, abs=60)
    assert (first.agent, first.attempts, first.error) == ("first", TOO_OFTEN, "away")
    assert (first.error_type, first.state, first.version) == (
        "TransientError",
        "dead_lettered",
        "1",
    )
    assert len(first.trace) == 32
    assert first.original is None


async def test_dead_letters_are_filtered_by_agent_age_and_number(
    opened: Runtime, provider: Provider
) -> None:
    await make_dead_letters(provider)
    keys = [job.key for job in jobs(4)]

    async def listed(**filters: object) -> list[str]:
        return [row.key for row in await letters(opened.journal, "jobs", **filters)]  # type: ignore[arg-type]  # by name

    assert await listed(agent="last") == keys[2:]
    assert await listed(older_than=3_600 - 90) == keys[:2]
    assert await listed(agent="first", older_than=3_600 - 30) == keys[:1]
    assert await listed(older_than=7_200) == []
    assert await listed(most=3) == keys[:3]


async def test_only_open_dead_letters_of_the_tenant_and_scenario_are_listed(
    opened: Runtime, provider: Provider
) -> None:
    await make_dead_letters(provider)
    await replay(opened.journal, action("job-0000"))
    await discard(opened.journal, action("job-0001"))
    assert [row.key for row in await letters(opened.journal, "jobs")] == ["job-0002", "job-0003"]
    assert await letters(opened.journal, "orders") == []
    assert await letters(replace(opened.journal, tenant="other"), "jobs") == []


async def test_waiting_items_are_listed_longest_first_with_their_question(opened: Runtime) -> None:
    await run([Job(key=key) for key in "abc"], Question().agent)
    for key, seconds in {"a": 10.0, "b": 30.0, "c": 20.0}.items():
        await change(key, waiting_since=items.c.waiting_since - seconds)
    await escalate(opened.journal, action("c"), 60)
    found = await waiting(opened.journal, "jobs")
    assert [row.key for row in found] == ["b", "c", "a"]
    assert {row.reason for row in found} == {"may I?"}
    assert found[0].age == pytest.approx(30, abs=5)
    assert (found[0].due, found[1].due) == (None, pytest.approx(60, abs=5))
    await decide(opened.journal, action("b"), approved=True)
    assert [row.key for row in await waiting(opened.journal, "jobs")] == ["c", "a"]
    assert [row.key for row in await waiting(opened.journal, "jobs", most=1)] == ["c"]
    assert await waiting(opened.journal, "orders") == []
    assert await waiting(replace(opened.journal, tenant="other"), "jobs") == []


async def test_the_history_of_an_item_is_complete_and_in_order(
    opened: Runtime, provider: Provider
) -> None:
    plan_outage(late := Provider())
    workflow = (effect_of(provider), effect_of(late, name="last"))
    await run(ONE, *workflow)
    found = await item_history(opened.journal, "jobs", "one")
    assert found is not None
    assert [row.event for row in found.history] == ["accept", "claim", "dead_letter"]
    assert [(row.agent, row.status) for row in found.steps] == [
        ("make", "done"),
        ("last", "failed"),
    ]
    assert [(row.agent, row.status) for row in found.effects] == [
        ("make", "done"),
        ("last", "intended"),
    ]
    assert found.letter is not None
    assert (found.letter.agent, found.letter.status) == ("last", "open")

    await replay(opened.journal, action())
    await resume(*workflow)
    found = await item_history(opened.journal, "jobs", "one")
    assert found is not None
    assert [row.event for row in found.history[3:]] == ["replay", "claim", "complete"]
    assert (found.item.outcome, found.letter and found.letter.status) == (
        "job completed",
        "replayed",
    )
    assert await item_history(opened.journal, "jobs", "none") is None
    assert await item_history(replace(opened.journal, tenant="other"), "jobs", "one") is None
