"""Results of steps are committed in groups; a value that the database refuses fails one item."""

import asyncio

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from agents.runtime.context import Runtime
from agents.runtime.errors import PermanentError
from agents.runtime.execution.decorator import agent
from agents.runtime.journal.schema import history, items, steps
from agents.runtime.journal.statements import Halt
from agents.runtime.journal.step_results import commit, intend
from agents.runtime.model.item import (
    DeadLettered,
    Done,
    Failed,
    Failure,
    Outcome,
    StepExecution,
    Waiting,
)
from agents.runtime.model.lifecycle import State
from agents.runtime.model.policies import READ
from tests.agents.runtime.jobs import (
    Job,
    Made,
    Provider,
    batch_of,
    change,
    dead_letter_rows,
    effect_of,
    effect_statuses,
    jobs,
    rows,
    run,
    states,
    step_statuses,
)

UNSTORABLE = {"sqlite": "lone \ud800 surrogate", "postgresql": "a \0 in it"}


def executions_of(items_: object, outcome: object = None) -> list[StepExecution]:
    found = [StepExecution(item, "act", "1", 0, "") for item in items_]  # type: ignore[attr-defined]
    for execution in found:
        execution.outcome = outcome  # type: ignore[assignment]
    return found


async def test_a_stale_fence_writes_nothing(opened: Runtime) -> None:
    batch = await batch_of(jobs(3))
    executions = executions_of(batch.peek(), Done(None, "null"))
    executions[1].item.fence -= 1
    held = await commit(opened.journal.database, opened.lease.id, executions, State.PROCESSING)
    assert held == {executions[0].id, executions[2].id}
    assert [row.item for row in await rows(steps)] == sorted(held)


@pytest.mark.parametrize(
    "outcome",
    [Failed(Failure("act", "X", "no"), clean=True), DeadLettered(Failure("act", "X", "no"))],
)
async def test_a_stale_fence_moves_nothing(opened: Runtime, outcome: object) -> None:
    batch = await batch_of(jobs(2))
    executions = executions_of(batch.peek(), outcome)
    for execution in executions:
        execution.item.fence += 1
    before = await rows(items), await rows(history)
    assert (
        await commit(opened.journal.database, opened.lease.id, executions, State.PROCESSING)
        == set()
    )
    assert (await rows(items), await rows(history)) == before
    assert await dead_letter_rows() == []


async def test_another_owner_or_state_writes_nothing(opened: Runtime) -> None:
    batch = await batch_of(jobs(1))
    executions = executions_of(batch.peek(), Done(None, "null"))
    assert (
        await commit(opened.journal.database, "another owner", executions, State.PROCESSING)
        == set()
    )
    assert (
        await commit(opened.journal.database, opened.lease.id, executions, State.COMPENSATING)
        == set()
    )
    assert await rows(steps) == []


async def test_an_intent_is_written_only_for_held_items_that_are_not_cancelled(
    opened: Runtime,
) -> None:
    a, b, c = (await batch_of(jobs(3))).peek()
    b.fence -= 1
    await change(c.key, cancel_requested=True)
    executions = [
        StepExecution(item, "act", "1", 0, f"key-{item.key}", intended_at=1.0) for item in (a, b, c)
    ]
    held = await intend(opened.journal.database, opened.lease.id, executions, State.PROCESSING)
    assert held == {a.id: None, c.id: Halt.CANCEL}
    assert await effect_statuses() == {f"key-{a.key}": "intended"}


async def test_a_value_that_the_database_refuses_fails_only_its_item(opened: Runtime) -> None:
    text = UNSTORABLE["sqlite" if opened.journal.database.is_sqlite else "postgresql"]
    provider = Provider()
    provider.before["job-0003"] = [Refusal(text)]
    result = await run(jobs(8), effect_of(provider))
    assert result.outcomes == {"job completed": 7, "dead-lettered": 1}
    found = await states()
    assert found.pop("job-0003") == "dead_lettered"
    assert set(found.values()) == {"completed"}
    assert [provider.count(job.key) for job in jobs(8)] == [1] * 8, "no effect is repeated"
    assert "cannot store" in (await dead_letter_rows())[0].error


class Refusal(PermanentError):
    """An error with a text that the database refuses."""


async def test_an_effect_whose_outcome_cannot_be_stored_stays_intended(opened: Runtime) -> None:
    """It has happened, so it must not be recorded as refused."""
    if opened.journal.database.is_sqlite:
        pytest.skip("a reason that SQLite refuses cannot come from an effect that worked")
    provider = Provider()
    provider.after["job-0000"] = [Refusal("\0")]
    await run(jobs(1), effect_of(provider))
    assert set((await effect_statuses()).values()) == {"intended"}


@pytest.mark.parametrize("failures", [1, 2, 3])
async def test_a_connection_lost_in_a_commit_fails_no_item(opened: Runtime, failures: int) -> None:
    """It is raised, the items are unchanged, and no dead letter is written."""
    left = [failures]

    @agent(READ)
    async def read(job: Job) -> Made:
        return Made(by="read", n=job.n)

    def lose(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if "INTO stages" in statement and left[0]:
            left[0] -= 1
            raise DBAPIError(statement, {}, Gone(), connection_invalidated=True)

    event.listen(opened.journal.database.engine.sync_engine, "before_cursor_execute", lose)
    with pytest.raises(DBAPIError):
        await run(jobs(2), read)
    assert await dead_letter_rows() == []
    assert set((await states()).values()) == {"processing"}


class Gone(Exception):
    """The driver's error when the server has closed the connection."""


async def test_a_cancelled_commit_is_written_whole_or_not_at_all(
    opened: Runtime,
) -> None:
    batch = await batch_of(jobs(50))
    executions = executions_of(batch.peek(), Done(None, "null"))
    task = asyncio.create_task(
        commit(opened.journal.database, opened.lease.id, executions, State.PROCESSING)
    )
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert len(await step_statuses()) in {0, 50}


async def test_several_steps_of_one_item_are_one_commit_and_move_it_once(opened: Runtime) -> None:
    batch = await batch_of(jobs(2))
    outcomes: list[Outcome] = [Waiting("ok?"), Failed(Failure("right", "X", "no"), clean=True)]
    executions = [
        StepExecution(item, name, "1", 0, f"{item.key}:{name}", outcome=outcome)
        for item in batch.peek()
        for name, outcome in zip(("left", "right"), outcomes, strict=True)
    ]
    executions[0].unknown = True
    for some in (executions[::2], executions[1::2]):
        await intend(opened.journal.database, opened.lease.id, some, State.PROCESSING)
    held = await commit(opened.journal.database, opened.lease.id, executions, State.PROCESSING)
    assert len(held) == 2
    assert set((await states()).values()) == {"compensating"}
    assert await step_statuses() == [("left", 0, "waiting"), ("right", 0, "failed")] * 2
    assert await effect_statuses() == {
        "job-0000:left": "intended",
        "job-0000:right": "refused",
        "job-0001:right": "refused",
    }
    assert len([row for row in await rows(history) if row.event == "fail"]) == 2


async def test_a_value_that_is_refused_costs_one_item_of_several_steps(
    opened: Runtime, journal_url: str
) -> None:
    batch = await batch_of(jobs(3))
    text = UNSTORABLE[journal_url.partition("+")[0]]
    reasons = ["ok?", text, "ok?"]
    executions = [
        StepExecution(item, name, "1", 0, "", outcome=Waiting(reason))
        for item, reason in zip(batch.peek(), reasons, strict=True)
        for name in ("left", "right")
    ]
    await commit(opened.journal.database, opened.lease.id, executions, State.PROCESSING)
    assert list((await states()).values()) == ["waiting", "dead_lettered", "waiting"]
