"""How long the latest calls took is read from the steps."""

from agents.runtime.context import Runtime
from agents.runtime.intake.intake import Intake
from agents.runtime.journal.call_times import read_call_times
from agents.runtime.journal.schema import steps
from agents.runtime.journal.statements import insert_many, insert_new
from agents.runtime.model.batch import RunStats
from agents.runtime.scheduling.call_times import CallTimes
from tests.agents.runtime.jobs import JOBS, jobs, submissions


async def test_what_is_usual_is_read_from_the_journal(opened: Runtime) -> None:
    intake = Intake(JOBS, RunStats(), lambda _rejection: None)
    batch = await anext(aiter(intake.accepted(submissions(jobs(1_000)), 1_000)))
    made = [
        {
            "item": item.id,
            "agent": "ask",
            "occurrence": 0,
            "version": "1",
            "status": "done",
            "attempts": int(n == 999),
            "at": 100.0 + n,
            "started_at": 100.0,
        }
        for n, item in enumerate(batch.take())
    ]
    async with opened.journal.database.write() as connection:
        await insert_many(connection, insert_new(connection, steps), made)
    found = await read_call_times(opened.journal.database)
    assert found == {("ask", "1"): CallTimes(calls=999, p99=989.0, p999=998.0)}
