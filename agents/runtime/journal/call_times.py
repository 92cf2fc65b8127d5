"""How long the latest calls of each agent took, read from the steps in the journal."""

from sqlalchemy import func, select

from agents.runtime.journal.database import Database
from agents.runtime.journal.schema import items, steps
from agents.runtime.scheduling.call_times import CallTimes

LATEST = 10_000  # items whose steps are read


async def read_call_times(database: Database) -> dict[tuple[str, str], CallTimes]:
    """The times of the latest successful calls by agent and version.

    Steps with failed attempts do not count, since their times contain waits and other time-outs.
    """
    seconds = steps.c.at - steps.c.started_at
    key = (steps.c.agent, steps.c.version)
    newest = select(func.max(items.c.id) - LATEST).scalar_subquery()
    slowest = func.row_number().over(partition_by=key, order_by=seconds.desc()).label("slowest")
    count = func.count().over(partition_by=key).label("calls")
    ranked = (
        select(*key, seconds.label("seconds"), slowest, count)
        .where(steps.c.item > newest, steps.c.status == "done", steps.c.attempts == 0)
        .where(steps.c.started_at.is_not(None))
        .subquery()
    )
    ranks = [1 + ranked.c.calls // n for n in (1_000, 100)]
    query = select(ranked).where(ranked.c.slowest.in_(ranks))
    async with database.read() as connection:
        rows = (await connection.execute(query.order_by(ranked.c.slowest))).all()
    found = dict[tuple[str, str], CallTimes]()
    for row in rows:  # of each agent the slower one first; with few calls both are the same
        slower = found.get((row.agent, row.version))
        p999 = row.seconds if slower is None else slower.p999
        found[row.agent, row.version] = CallTimes(row.calls, row.seconds, p999)
    return found
