"""The order of a queue is judged: by what ended, forecasts may decide who goes first, or they may not.

Consumers call it every few seconds, beside their claims. A claim reads the verdict with the queue's row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Row, bindparam, func, select, text, update

from agents.runtime.journal.database import Database, now
from agents.runtime.journal.schema import READY, items, queues, steps
from agents.runtime.scheduling import gate
from agents.runtime.scheduling.gate import Verdict
from agents.runtime.scheduling.order import LOOKED_BACK, Completion, age_limit
from agents.runtime.telemetry import get_logger

log = get_logger(__name__)

PAUSE = 1.0  # seconds at least between two judgements of a queue, by all processes together
WAITING = 2_000  # waiting items whose work is summed up; a limit that is too low does no harm


@dataclass(frozen=True, slots=True)
class QueueOrder:
    """How a queue is ordered.

    `fifo` is JSON that says who holds it to first in, first out, and why. Otherwise the verdict on its
    forecasts counts. With `age_limit`, who has waited for longer than these seconds goes first.
    """

    verdict: Verdict
    age_limit: float | None
    fifo: str | None

    @property
    def judged(self) -> bool:
        """Whether forecasts have been judged, or an operator has decided."""
        return self.verdict.concordance is not None or self.fifo is not None

    @property
    def distrusted(self) -> bool:
        """Whether forecasts have proved wrong, or an operator holds the queue to first in, first out."""
        found = self.verdict.concordance
        return self.fifo is not None or (found is not None and found < gate.CLOSED_BELOW)

    def __str__(self) -> str:
        found = self.verdict.concordance
        skill = "" if found is None else f", concordance {found:.2f}"
        if self.fifo is not None:
            return f"first in, first out, held by an operator{skill}"
        if not self.verdict.open:
            return f"first in, first out{skill}"
        ageing = "" if self.age_limit is None else f", ageing after {self.age_limit:,.0f} s"
        return f"shortest first{skill}{ageing}"


async def order_of(database: Database, scenario: str) -> QueueOrder:
    """The order of a queue; that of one which is not known yet is first in, first out."""
    async with database.read() as connection:
        row = (await connection.execute(_queue_query(), {"queue": scenario})).first()
    if row is None:
        return QueueOrder(Verdict(), None, None)
    return QueueOrder(Verdict(row.shortest_first, row.concordance), row.age_limit, row.fifo)


async def judge(database: Database, scenario: str) -> None:
    """Judge the order of a queue by its last completions, unless somebody has just done so."""
    async with database.read() as connection:
        queue = (await connection.execute(_queue_query(), {"queue": scenario})).first()
        if queue is None or (queue.elapsed is not None and 0 <= queue.elapsed < PAUSE):
            return
        ended = (await connection.execute(_completions_query(), {"queue": scenario})).all()
        found = [row for row in ended if row.begun is not None]
        if not found:
            return
        waiting = await connection.scalar(_waiting_query(), {"queue": scenario})
    verdict = gate.judge(_pairs(found), was_open=queue.shortest_first)
    limit = _age_limit(found, waiting or 0.0, queue)
    await _write(database, scenario, queue, verdict, limit)


def _pairs(found: Sequence[Row[Any]]) -> list[gate.Pair]:
    """Forecast and outcome, the newest at the end."""
    return [(row.expected, row.seconds) for row in reversed(found)]


def _age_limit(found: Sequence[Row[Any]], waiting: float, queue: Row[Any]) -> float | None:
    """None for tasks of workflows: they wait for each other, and their precedence is not their size."""
    if any(row.precedence not in (None, row.expected) for row in found):
        return None
    ended = [Completion(row.accepted_at, row.ended_at, row.seconds, row.begun) for row in found]
    elapsed = max(0.0, queue.elapsed or 0.0)
    return age_limit(ended, waiting, queue.age_limit, elapsed)


async def _write(
    database: Database, scenario: str, seen: Row[Any], verdict: Verdict, limit: float | None
) -> None:
    """Write the verdict, unless another process has been quicker."""
    judged = queues.c.judged_at.is_not_distinct_from(seen.judged_at)
    values = {
        "shortest_first": verdict.open,
        "concordance": verdict.concordance,
        "age_limit": limit,
        "judged_at": now(),
    }
    async with database.write() as connection:
        written = update(queues).where(queues.c.scenario == scenario, judged).values(values)
        won = (await connection.execute(written)).rowcount
    if won and verdict.open != seen.shortest_first:
        log.info(
            "forecasts order the queue now" if verdict.open else "forecasts order it no longer",
            scenario=scenario,
            concordance=verdict.concordance,
        )


@cache
def _queue_query() -> Any:
    columns = (queues.c.shortest_first, queues.c.concordance, queues.c.age_limit)
    elapsed = (now() - queues.c.judged_at).label("elapsed")
    query = select(*columns, queues.c.judged_at, queues.c.fifo, elapsed)
    return query.where(queues.c.scenario == bindparam("queue"))


@cache
def _completions_query() -> Any:
    """SQL: of the last items that ended those with a forecast, the newest first, and the work on each."""
    ended = (
        select(items.c.id, items.c.accepted_at, items.c.ended_at, items.c.expected)
        .add_columns(items.c.precedence)
        .where(items.c.scenario == bindparam("queue"), items.c.ended_at.is_not(None))
        .order_by(items.c.ended_at.desc())
        .limit(LOOKED_BACK)
        .subquery()
    )
    # Looked up item by item: a join may read all steps that there are.
    worked = (steps.c.item == ended.c.id, steps.c.started_at.is_not(None))
    seconds = select(func.sum(steps.c.at - steps.c.started_at)).where(*worked)
    begun = select(func.min(steps.c.started_at)).where(*worked)
    return (
        select(ended, seconds.scalar_subquery().label("seconds"))
        .add_columns(begun.scalar_subquery().label("begun"))
        .where(ended.c.expected.is_not(None))
        .order_by(ended.c.ended_at.desc())
    )


@cache
def _waiting_query() -> Any:
    """SQL: the seconds of work of some items that wait."""
    some = select(items.c.expected).where(items.c.scenario == bindparam("queue"), text(READY))
    return select(func.sum(some.limit(WAITING).subquery().c.expected))
