"""Consumers: each claims a batch from the queue, processes it, and claims again.

While one batch is processed the next one gathers in the queue, so batches are small when few items
wait and large when many do. A consumer holds only the items that it processes.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Row

from agents.runtime.clock import clock
from agents.runtime.context import runtime
from agents.runtime.errors import AgentError
from agents.runtime.execution.step import worker_group
from agents.runtime.intake.intake import batches_of
from agents.runtime.intake.pace import PaceMeter
from agents.runtime.intake.sizing import BatchSizer
from agents.runtime.journal.claims import claim
from agents.runtime.journal.order import judge
from agents.runtime.journal.queue import Queue, Wanted, claim_first, due_outside_queue
from agents.runtime.journal.submit import Claimed, load
from agents.runtime.journal.version_use import register_versions
from agents.runtime.model.batch import Batch, ProcessBatch, RunStats
from agents.runtime.model.scenario import Scenario
from agents.runtime.testing import failpoint

POLL_SECONDS = 1.0
OUTSIDE_QUEUE_SECONDS = 2.0  # between two looks for due items outside of the queue
# The order of the queue is judged after this number of items with a forecast, or this time.
JUDGED_ITEMS = 50
JUDGED_SECONDS = 5.0

Wait = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class ConsumerOptions:
    """How much a consumer takes: at most `size` items a batch, and `at_once` batches at a time.

    A batch takes about `seconds` at most, by forecast. It waits up to `linger` seconds to fill a batch.
    It ends after `batches` batches, or after `idle` seconds without work (None: it stays).
    """

    size: int = 256
    linger: float = 0.0
    at_once: int = 2
    batches: int = 50
    idle: float | None = None
    seconds: float = 30.0


class MissingVersion(AgentError):
    """A consumer is to process a major version that this code does not have."""

    def __init__(self, scenario: str, major: int, known: tuple[int, ...]) -> None:
        super().__init__(scenario, major, known)
        self.scenario, self.major, self.known = scenario, major, known

    def __str__(self) -> str:
        known = ", ".join(map(str, self.known))
        return f"{self.scenario}: this code does not have version {self.major}; it has {known}"


@dataclass(slots=True)
class Consumer:
    """A resident consumer of one scenario's queue.

    `process` runs the scenario on a batch; `wait` sleeps for some seconds, or until a signal says
    that there may be work. Where items need others, `wake` gives that signal to other consumers when
    a batch has ended, since it may have made items ready, and when this one has taken a full batch.
    `may_claim` says whether there is time for another batch, where the process has a deadline.
    With `major` it takes items of that version alone, so that each version can be scaled for itself.
    """

    scenario: Scenario
    process: ProcessBatch
    wait: Wait
    options: ConsumerOptions = field(default_factory=ConsumerOptions)
    stats: RunStats = field(default_factory=RunStats)
    taken: int = 0
    wake: Callable[[], Awaitable[object]] | None = None
    may_claim: Callable[[], bool] | None = None
    major: int | None = None
    _worked_at: float = 0.0
    _next_look: float = 0.0
    _in_progress: int = 0
    _sizer: BatchSizer = field(init=False)
    _latest: int = 0  # items of the latest claim from the queue
    _unjudged: int = 0
    _next_verdict: float = 0.0

    def __post_init__(self) -> None:
        """Begin without knowledge of items. Raises MissingVersion."""
        if self.major is not None and self.major not in self.scenario.majors:
            raise MissingVersion(self.scenario.name, self.major, self.scenario.majors)
        self._sizer = BatchSizer(self.options.seconds, self.options.size)

    async def consume(self) -> RunStats:
        """Work until the options end it or the process is asked to stop, and finish held batches.

        Raises what processing raises. Then `open_runtime` hands back the items that are held.
        """
        here = runtime()
        await register_versions(
            here.journal.database, here.lease.id, self.scenario.name, self._majors
        )
        self._worked_at = clock().monotonic()
        # A worker that fails ends the others; the next run resumes their items.
        meter = PaceMeter(here.journal.database, self.scenario.name)
        async with worker_group(lambda: self._work(meter), self.options.at_once) as workers:
            await workers
        await meter.note()
        return self.stats

    @property
    def is_full(self) -> bool:
        """Whether it has taken as many batches as it may."""
        return self.taken >= self.options.batches

    async def _work(self, meter: PaceMeter) -> None:
        looked = False
        while self._continues(looked=looked):
            wanted = self._sizer.wanted.most
            claimed, looked = await self._claim_next(), True
            meter.begin(len(claimed), wanted)
            if not claimed:
                await self.wait(min(POLL_SECONDS, self.options.idle or POLL_SECONDS))
                continue
            self.taken += 1
            self._in_progress += 1
            try:
                if len(claimed) >= self.options.size:
                    await self._wake_others()
                async for batch in self._batches(claimed):
                    await self.process(batch)
            finally:
                self._in_progress -= 1
                self._worked_at = clock().monotonic()
            await self._wake_others()
            await meter.end([one.row for one in claimed])
            await self._judge_order(claimed)

    async def _wake_others(self) -> None:
        if self.wake is not None and self.scenario.has_dependencies:
            await self.wake()

    async def _judge_order(self, claimed: list[Claimed]) -> None:
        """Have the order of the queue judged now and then, where items have forecasts."""
        self._unjudged += sum(one.row.expected is not None for one in claimed)
        now = clock().monotonic()
        if self._unjudged >= JUDGED_ITEMS or (self._unjudged and now >= self._next_verdict):
            self._unjudged, self._next_verdict = 0, now + JUDGED_SECONDS
            await judge(runtime().journal.database, self.scenario.name)

    def _continues(self, *, looked: bool) -> bool:
        """Whether a worker goes on. It looks once before it can be idle, however late it starts."""
        if runtime().stop.asked or self.is_full:
            return False
        if self.may_claim is not None and not self.may_claim():
            return False
        idle = self.options.idle
        if idle is None or not looked or self._in_progress > 0:
            return True
        return clock().monotonic() - self._worked_at < idle

    def _batches(self, claimed: list[Claimed]) -> AsyncIterator[Batch]:
        return batches_of(self.scenario, self.stats, claimed, self.options.size)

    async def _claim_next(self) -> list[Claimed]:
        """Claim items outside of the queue, if it is time to look for them; else from the queue."""
        wanted = self._sizer.wanted
        rows = await self._claim_outside_queue() or await self._claim_from_queue(wanted)
        if rows and len(rows) < wanted.most and self.options.linger:
            await asyncio.sleep(self.options.linger)
            rows += await self._claim_from_queue(replace(wanted, most=wanted.most - len(rows)))
        if rows:
            self._sizer.learn(rows)
        failpoint("claimed")
        # An item that was never claimed before has neither steps nor effects.
        known = await load(runtime().journal.database, [row for row in rows if row.fence > 1])
        return [Claimed(row, [], []) for row in rows if row.fence == 1] + known

    async def _claim_from_queue(self, wanted: Wanted) -> list[Row[Any]]:
        here = runtime()
        database = here.journal.database
        rows = await claim_first(database, here.lease.id, self._queue, wanted, self._latest)
        self._latest = len(rows)
        return rows

    @property
    def _queue(self) -> Queue:
        return Queue(self.scenario.name, self._majors)

    @property
    def _majors(self) -> tuple[int, ...]:
        return self.scenario.majors if self.major is None else (self.major,)

    async def _claim_outside_queue(self) -> list[Row[Any]]:
        if clock().monotonic() < self._next_look:
            return []
        self._next_look = clock().monotonic() + OUTSIDE_QUEUE_SECONDS
        here = runtime()
        ids = await due_outside_queue(here.journal.database, self._queue, self.options.size)
        if not ids:
            return []
        async with here.journal.database.write() as connection:
            return await claim(connection, here.lease.id, ids, self.options.size)
