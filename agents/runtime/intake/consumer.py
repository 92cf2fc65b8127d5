"""Consumers: they claim from a queue what is there, take it through its story, and claim again.

Small batches when little waits, large ones when much does: while one batch is on its way the next
one gathers in the queue. Nothing is held but what is on its way.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from agents.runtime.clock import clock
from agents.runtime.context import runtime
from agents.runtime.execution.step import worker_group
from agents.runtime.intake.intake import batches_of
from agents.runtime.journal.claims import claim
from agents.runtime.journal.queue import claim_first, left_over
from agents.runtime.journal.submit import Claimed, load
from agents.runtime.model.batch import Batch, ProcessBatch, RunStats
from agents.runtime.model.scenario import Scenario
from agents.runtime.testing import failpoint

POLL_SECONDS = 1.0
LOOK_SECONDS = 2.0

Wait = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class ConsumerOptions:
    """How much a consumer takes: `size` items a batch at most, `at_once` batches on their way.

    A batch that is not full is filled for `linger` seconds more. It ends after `batches` of them,
    or after `idle` seconds without work (None: it stays).
    """

    size: int = 256
    linger: float = 0.0
    at_once: int = 2
    batches: int = 50
    idle: float | None = None


@dataclass(slots=True)
class Consumer:
    """A resident consumer of one scenario's queue; `wait` sleeps until there may be work."""

    scenario: Scenario
    fulfil: ProcessBatch
    wait: Wait
    options: ConsumerOptions = field(default_factory=ConsumerOptions)
    stats: RunStats = field(default_factory=RunStats)
    taken: int = 0
    _worked_at: float = 0.0
    _look_at: float = 0.0
    _on_the_way: int = 0

    async def consume(self) -> RunStats:
        """Work until it has had enough, nothing came for too long, or it is asked to stop.

        What is on its way then is finished; a queue that fails is raised, and what is held handed
        back by whoever closes the journal.
        """
        self._worked_at = clock().monotonic()
        # One that fails ends them all: the next run takes up what they held.
        async with worker_group(self._work, self.options.at_once) as workers:
            await workers
        return self.stats

    @property
    def is_full(self) -> bool:
        """Whether it has taken as many batches as it may."""
        return self.taken >= self.options.batches

    async def _work(self) -> None:
        while self._goes_on():
            claimed = await self._next()
            if not claimed:
                await self.wait(min(POLL_SECONDS, self.options.idle or POLL_SECONDS))
                continue
            self.taken += 1
            self._on_the_way += 1
            try:
                async for batch in self._batches(claimed):
                    await self.fulfil(batch)
            finally:
                self._on_the_way -= 1
                self._worked_at = clock().monotonic()

    def _goes_on(self) -> bool:
        if runtime().stop.asked or self.is_full:
            return False
        idle = self.options.idle
        return idle is None or self._on_the_way > 0 or clock().monotonic() - self._worked_at < idle

    def _batches(self, claimed: list[Claimed]) -> AsyncIterator[Batch]:
        return batches_of(self.scenario, self.stats, claimed, self.options.size)

    async def _next(self) -> list[Claimed]:
        """What others left behind, looked for now and then; else what the queue hands out."""
        rows = await self._left_over() or await self._first(self.options.size)
        if rows and len(rows) < self.options.size and self.options.linger:
            await asyncio.sleep(self.options.linger)
            rows += await self._first(self.options.size - len(rows))
        failpoint("claimed")
        # Of what was never claimed before, the journal holds nothing more than its row.
        known = await load(runtime().journal.database, [row for row in rows if row.fence > 1])
        return [Claimed(row, [], []) for row in rows if row.fence == 1] + known

    async def _first(self, most: int) -> list[Row[Any]]:
        here = runtime()
        return await claim_first(here.journal.database, here.lease.id, self.scenario.name, most)

    async def _left_over(self) -> list[Row[Any]]:
        if clock().monotonic() < self._look_at:
            return []
        self._look_at = clock().monotonic() + LOOK_SECONDS
        here = runtime()
        ids = await left_over(here.journal.database, self.scenario.name, self.options.size)
        if not ids:
            return []
        async with here.journal.database.write() as connection:
            return await claim(connection, here.lease.id, ids, self.options.size)
