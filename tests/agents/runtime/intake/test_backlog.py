"""The backlog of a queue: table and alert."""

import time

from agents.runtime.context import Runtime
from agents.runtime.intake.backlog import alert_if_old, backlog_table, read_backlog
from tests.agents.runtime.jobs import change
from tests.agents.runtime.journal.test_fair_queueing import send


async def test_an_item_that_waits_too_long_raises_an_alert(opened: Runtime) -> None:
    await send(opened, "a", 1)
    assert not await alert_if_old(
        "jobs", await read_backlog(opened.journal.database, "jobs"), limit=60
    )
    await change("a-normal-0", accepted_at=time.time() - 300)
    found = await read_backlog(opened.journal.database, "jobs")
    assert await alert_if_old("jobs", found, limit=60)
    (row,) = backlog_table(found.entries)
    assert (row["waiting"], row["oldest"], row["work"]) == ("1", "5 min", "?")
    assert found.drained() == "no consumer runs: nothing is drained"
    await change("a-normal-0", retry_at=time.time() + 60)
    assert not await alert_if_old(
        "jobs", await read_backlog(opened.journal.database, "jobs"), limit=60
    )
