"""Work coming into a flow: records are checked, accepted into the journal and handed on in batches."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from agents.runtime.clock import clock
from agents.runtime.context import runtime
from agents.runtime.errors import Conflict
from agents.runtime.execution.rehydrate import rehydrate
from agents.runtime.execution.step import park_unreadable
from agents.runtime.journal.claims import claim, next_due, unfinished
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.queue import require_room
from agents.runtime.journal.submit import (
    Accepted,
    Claimed,
    Disposition,
    NewItem,
    Sender,
    accept,
    load,
    outlook,
)
from agents.runtime.model.batch import Batch, BatchContext, RunStats
from agents.runtime.model.lifecycle import State
from agents.runtime.model.scenario import Scenario, hash_of
from agents.runtime.telemetry import get_logger, new_trace
from agents.runtime.testing import failpoint

log = get_logger(__name__)

LONGEST_NAP = 5.0


@dataclass(frozen=True, slots=True)
class Submission:
    """A checked record that asks to become a work item; `body` is its canonical JSON."""

    key: str
    body: str
    payload: Any
    line: int


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that was not accepted: where, which rule, and what to tell its sender."""

    line: int
    rule: str
    message: str
    raw: bytes = b""


@dataclass(slots=True)
class Intake:
    """One run's way in: where its items come from, what they are and what became of them."""

    scenario: Scenario
    stats: RunStats
    reject: Callable[[Rejection], None]
    late: set[int] = field(default_factory=set)

    async def accepted(
        self, records: Iterable[Submission | Rejection], size: int
    ) -> AsyncIterator[Batch]:
        """Batches of at most `size` items that are journalled, deduplicated and held by us.

        After the records come the items that were to be tried again later, and those that a dead
        process held, as soon as they are due.
        """
        source = iter(records)
        while chunk := await asyncio.to_thread(_next, source, size):
            claimed = await self._accept(chunk)
            claimed += await self._due(size - len(claimed), unsuspected=True)
            async for batch in self._batches(claimed, size):
                yield batch
        async for batch in self._come_back(size):
            yield batch
        await self._give_up()

    async def queued(
        self,
        records: Iterable[Submission | Rejection],
        size: int,
        limit: int,
        priority: Priority = Priority.NORMAL,
    ) -> AsyncIterator[int]:
        """Leave the records in the queue for consumers; yields how many each chunk of `size` added.

        Raises QueueFull as soon as `limit` items wait.
        """
        source, here = iter(records), runtime()
        while chunk := await asyncio.to_thread(_next, source, size):
            await require_room(here.journal.database, self.scenario.name, limit)
            answers = await self._offer(chunk, None, priority)
            yield sum(answer.disposition is Disposition.QUEUED for answer in answers)
            self.stats.show()
        await self._settle_ended()
        for _ in self.late:
            self.stats.count("queued before")

    async def resumed(self, size: int, ids: Sequence[int] | None = None) -> AsyncIterator[Batch]:
        """Batches of items that were accepted before and that nobody alive holds.

        These `ids`; or, without them, all of the scenario that are due now.
        """
        here, name = runtime(), self.scenario.name
        if ids is None:
            ids = await unfinished(here.journal.database, here.journal.tenant, name)
        self.late.update(ids)
        async for batch in self._come_back(size):
            yield batch
        await self._give_up()

    async def _accept(self, chunk: Sequence[Submission | Rejection]) -> list[Claimed]:
        answers = await self._offer(chunk, runtime().lease.id, Priority.NORMAL)
        mine = [answer for answer in answers if answer.disposition is Disposition.CLAIMED]
        known = [answer.row for answer in mine if not answer.is_new]
        loaded = {c.row.id: c for c in await load(runtime().journal.database, known)}
        return [loaded.get(answer.row.id, Claimed(answer.row, [], [])) for answer in mine]

    async def _offer(
        self, chunk: Sequence[Submission | Rejection], owner: str | None, priority: Priority
    ) -> list[Accepted]:
        """Offer the good records of the chunk to the journal, and count what it answers."""
        wanted: dict[str, Submission] = {}
        repeated: list[Submission] = []
        for record in chunk:
            if isinstance(record, Rejection):
                self._reject(record)
            elif wanted.setdefault(record.key, record) is not record:
                repeated.append(record)
        here, scenario = runtime(), self.scenario
        sender = Sender(here.journal.tenant, scenario.name, scenario.version)
        new = [_new_item(scenario, candidate, priority) for candidate in wanted.values()]
        failpoint("accepting")
        answers = await accept(here.journal.database, sender, new, owner)
        failpoint("accepted")
        self._repeated(repeated, {a.row.key: a.row.body_hash for a in answers})
        for answer in answers:
            self._answered(answer, wanted)
        return answers

    def _answered(self, answer: Accepted, wanted: dict[str, Submission]) -> None:
        match answer.disposition:
            case Disposition.CONFLICT:
                self._conflict(wanted[answer.row.key])
            case Disposition.QUEUED:
                self.stats.count("queued")
            case Disposition.ENDED:
                self.stats.count("already done", answer.row.outcome or str(answer.row.state))
            case Disposition.WAITING:
                self.stats.count("waiting", "since an earlier run")
            case Disposition.BUSY:
                self.late.add(answer.row.id)

    def _repeated(self, candidates: Sequence[Submission], stored: Mapping[str, str]) -> None:
        for candidate in candidates:
            if hash_of(candidate.body) == stored[candidate.key]:
                self.stats.count("already done", "twice in this source")
            else:
                self._conflict(candidate)

    def _conflict(self, candidate: Submission) -> None:
        error = Conflict(self.scenario.name, candidate.key)
        message = f"line {candidate.line}: {error}"
        self._reject(Rejection(candidate.line, "conflict", message, candidate.body.encode()))

    def _reject(self, rejection: Rejection) -> None:
        self.stats.count("rejected", f"input: {rejection.rule}")
        self.reject(rejection)

    async def _batches(self, claimed: Sequence[Claimed], size: int) -> AsyncIterator[Batch]:
        runtime().stop.check()
        async for batch in batches_of(self.scenario, self.stats, claimed, size):
            yield batch
            self.late.update(batch.context.delayed)

    async def _come_back(self, size: int) -> AsyncIterator[Batch]:
        """Items due later: each is bounded by its budget of attempts, an owner's by its lease."""
        until = clock().monotonic() + runtime().lease.seconds
        while self.late:
            claimed = await self._due(size)
            async for batch in self._batches(claimed, size):
                yield batch
            if not claimed and not await self._wait(until):
                return

    async def _due(self, most: int, *, unsuspected: bool = False) -> list[Claimed]:
        """Those of the late items that are due now and that nobody alive holds."""
        here = runtime()
        if not self.late or most <= 0:
            return []
        async with here.journal.database.write() as connection:
            late = sorted(self.late)
            rows = await claim(connection, here.lease.id, late, most, unsuspected=unsuspected)
        failpoint("claimed")
        self.late.difference_update(row.id for row in rows)
        return await load(here.journal.database, rows)

    async def _wait(self, until: float) -> bool:
        """Sleep until something may be due; False when all that is left is in living hands."""
        database = runtime().journal.database
        await self._settle_ended()
        if not self.late:
            return False
        due = await next_due(database, sorted(self.late))
        if due is None and clock().monotonic() > until:
            return False
        nap = min(LONGEST_NAP, max(0.05, 0.5 if due is None else due))
        log.info("waiting for items that are due later", items=len(self.late), seconds=nap)
        await asyncio.sleep(nap)
        return True

    async def _give_up(self) -> None:
        await self._settle_ended()
        for _ in self.late:
            self.stats.count("elsewhere", "held by another process")
        self.stats.show()

    async def _settle_ended(self) -> None:
        """Stop waiting for items that somebody else has ended."""
        for row in await outlook(runtime().journal.database, sorted(self.late)):
            if row.ended_at is not None:
                buried = row.state == State.DEAD_LETTERED
                self.stats.count("dead-lettered" if buried else "already done", row.outcome or "")
                self.late.discard(row.id)


async def batches_of(
    scenario: Scenario, stats: RunStats, claimed: Sequence[Claimed], size: int
) -> AsyncIterator[Batch]:
    """Claimed items as batches of at most `size`; what this code cannot read is parked before."""
    for start in range(0, len(claimed), size):
        context = BatchContext(scenario, stats)
        items, unreadable = rehydrate(scenario, claimed[start : start + size])
        await park_unreadable(context, unreadable)
        context.compensating = [item for item in items if item.state is State.COMPENSATING]
        yield Batch(context, [item for item in items if item.state is State.PROCESSING])
        context.finish()
        stats.show()


def _next(source: Iterator[Submission | Rejection], size: int) -> list[Submission | Rejection]:
    return list(islice(source, size))


def _new_item(scenario: Scenario, candidate: Submission, priority: Priority) -> NewItem:
    body_hash, deadline = hash_of(candidate.body), scenario.deadline(candidate.payload)
    within = None if deadline is None else deadline.total_seconds()
    return NewItem(candidate.key, candidate.body, body_hash, new_trace(), priority, within)
