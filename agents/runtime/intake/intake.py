"""Intake: records are accepted into the journal and handed on in batches of work items."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from agents.runtime.clock import clock
from agents.runtime.context import runtime
from agents.runtime.errors import Conflict
from agents.runtime.execution.rehydrate import load_ended, rehydrate
from agents.runtime.execution.spans import batch_span
from agents.runtime.execution.step import park_unreadable
from agents.runtime.intake.chunks import Chunks
from agents.runtime.intake.needs import AboveCapacity, capacities_for, require_fit
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
    current_rows,
    known_keys,
    load,
)
from agents.runtime.model.batch import Batch, BatchContext, RunStats
from agents.runtime.model.forecast import Forecast
from agents.runtime.model.lifecycle import State
from agents.runtime.model.policies import RETRY_SCALE
from agents.runtime.model.scenario import Scenario, hash_of
from agents.runtime.telemetry import get_logger
from agents.runtime.testing import failpoint
from agents.runtime.trace_context import new_trace

log = get_logger(__name__)

LONGEST_SLEEP = 5.0  # seconds between two looks at items that are due later
# Seconds before each further try to send notices at the end of a run: a short outage ends within it.
NOTICE_WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)
LONGEST_WAIT = 300.0  # seconds; an item that is due later than this leaves the run


@dataclass(frozen=True, slots=True)
class Submission:
    """A valid record to accept as a work item; `body` is its canonical JSON."""

    key: str
    body: str
    payload: Any
    line: int


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that was not accepted: its line, the rule that it breaks, and a message to its sender.

    `cut`: the source breaks off here, so that nobody can say what else it holds.
    """

    line: int
    rule: str
    message: str
    raw: bytes = b""
    cut: bool = False


@dataclass(slots=True)
class Intake:
    """The intake of one run. It counts in `stats`, and passes rejected records to `reject`.

    `late` are the ids of known items that are not due yet or that another process holds; `unsent`
    counts, by item, the notices that are certainly unsent. `share` gets the chunks of the records if there
    are several, so that workers can take some of them.
    """

    scenario: Scenario
    stats: RunStats
    reject: Callable[[Rejection], None]
    late: set[int] = field(default_factory=set)
    unsent: Counter[int] = field(default_factory=Counter)
    share: Callable[[Chunks[Submission | Rejection]], object] | None = None

    async def accepted(
        self, records: Iterable[Submission | Rejection], size: int
    ) -> AsyncIterator[Batch]:
        """Batches of at most `size` items that are journalled, deduplicated and held by this process.

        After the records come delayed items and items of crashed processes, when they are due, and
        last, for half a minute, empty batches with ended items whose notices are unsent.
        """
        chunks = Chunks(records, size, _key_of)
        chunk = await chunks.take()
        if self.share is not None and not chunks.at_end:
            self.share(chunks)
        while chunk:
            async for batch in self.of_chunk(chunk, size):
                yield batch
            chunk = await chunks.take()
        async for batch in self._batches_when_due(size):
            yield batch
        async for batch in self._unsent_batches(size):
            yield batch
        await self._count_rest()

    async def of_chunk(
        self, chunk: Sequence[Submission | Rejection], size: int
    ) -> AsyncIterator[Batch]:
        """Batches of the records of one chunk, and of late items that are due."""
        runtime().stop.check()
        claimed = await self._accept(chunk)
        claimed += await self._due(size - len(claimed), unsuspected=True)
        async for batch in self._batches(claimed, size):
            yield batch

    async def queued(
        self,
        records: Iterable[Submission | Rejection],
        size: int,
        priority: Priority = Priority.NORMAL,
    ) -> AsyncIterator[int]:
        """Put the records into the queue; yields the number that each chunk of `size` records added.

        Raises QueueFull when as many items wait as the settings allow for this queue.
        """
        chunks, here = Chunks(records, size, _key_of), runtime()
        limit = here.settings.queue_limit_of(self.scenario.name)
        while chunk := await chunks.take():
            await require_room(here.journal.database, self.scenario.name, limit)
            answers = await self._offer(chunk, None, priority)
            yield sum(answer.disposition is Disposition.QUEUED for answer in answers)
            self.stats.show()
        await self._drop_ended()
        for _ in self.late:
            self.stats.count("queued before")

    async def resumed(self, size: int, ids: Sequence[int] | None = None) -> AsyncIterator[Batch]:
        """Batches of items that were accepted earlier and that no living process holds.

        With `ids` these items; without, all items of the scenario that are due now.
        """
        here = runtime()
        if ids is None:
            ids = await unfinished(here.journal.database, here.journal.tenant, self.scenario)
        self.late.update(ids)
        async for batch in self._batches_when_due(size):
            yield batch
        await self._count_rest()

    async def _accept(self, chunk: Sequence[Submission | Rejection]) -> list[Claimed]:
        answers = await self._offer(chunk, runtime().lease.id, Priority.NORMAL)
        mine = [answer for answer in answers if answer.disposition is Disposition.CLAIMED]
        known = [answer.row for answer in mine if not answer.is_new]
        loaded = {c.row.id: c for c in await load(runtime().journal.database, known)}
        return [loaded.get(answer.row.id, Claimed(answer.row, [], [])) for answer in mine]

    async def _offer(
        self, chunk: Sequence[Submission | Rejection], owner: str | None, priority: Priority
    ) -> list[Accepted]:
        """Submit the valid records of the chunk to the journal, and count its answers."""
        wanted: dict[str, Submission] = {}
        repeated: list[Submission] = []
        for record in chunk:
            if isinstance(record, Rejection):
                self.refuse(record)
            elif wanted.setdefault(record.key, record) is not record:
                repeated.append(record)
        here, scenario = runtime(), self.scenario
        sender = Sender.of(here.journal.tenant, scenario)
        await self._reject_above_capacity(wanted, sender)
        offered = [(one.body, one.payload) for one in wanted.values()]
        forecasts = here.forecaster.forecasts(scenario, sender.tenant, offered)
        new = [
            _new_item(scenario, submission, priority, forecast)
            for submission, forecast in zip(wanted.values(), forecasts, strict=True)
        ]
        failpoint("accepting")
        answers = await accept(here.journal.database, sender, new, owner)
        failpoint("accepted")
        self._count_repeated(repeated, {a.row.key: a.row.body_hash for a in answers})
        for answer in answers:
            self._count_answer(answer, wanted)
        return answers

    async def _reject_above_capacity(self, wanted: dict[str, Submission], sender: Sender) -> None:
        """Reject the items that need more than there is, unless an earlier run has accepted them."""
        database = runtime().journal.database
        capacities = await capacities_for(database, self.scenario, sender.tenant)
        if not capacities:
            return
        refused: dict[str, AboveCapacity] = {}
        for submission in wanted.values():
            try:
                require_fit(self.scenario, submission.key, submission.payload, capacities)
            except AboveCapacity as error:
                refused[submission.key] = error
        known = await known_keys(database, sender, sorted(refused))
        for key in [key for key in refused if key not in known]:
            submission = wanted.pop(key)
            message = f"line {submission.line}: {refused[key]}"
            raw = submission.body.encode()
            self.refuse(Rejection(submission.line, AboveCapacity.rule, message, raw))

    def _count_answer(self, answer: Accepted, wanted: dict[str, Submission]) -> None:
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

    def _count_repeated(self, submissions: Sequence[Submission], stored: Mapping[str, str]) -> None:
        for submission in submissions:
            if hash_of(submission.body) == stored[submission.key]:
                self.stats.count("already done", "twice in this source")
            else:
                self._conflict(submission)

    def _conflict(self, submission: Submission) -> None:
        error = Conflict(self.scenario.name, submission.key)
        message = f"line {submission.line}: {error}"
        self.refuse(Rejection(submission.line, "conflict", message, submission.body.encode()))

    def refuse(self, rejection: Rejection) -> None:
        """Count a record that is not accepted, and pass it on."""
        self.stats.count("rejected", f"input: {rejection.rule}")
        self.reject(rejection)

    async def _batches(self, claimed: Sequence[Claimed], size: int) -> AsyncIterator[Batch]:
        runtime().stop.check()
        async for batch in batches_of(self.scenario, self.stats, claimed, size):
            yield batch
            self.late.update(batch.context.delayed)
            self.unsent.update(batch.context.unsent)

    async def _batches_when_due(self, size: int) -> AsyncIterator[Batch]:
        """Batches of the late items when they are due. It ends: attempts and leases are limited."""
        until = clock().monotonic() + runtime().lease.seconds
        while self.late:
            claimed = await self._due(size)
            async for batch in self._batches(claimed, size):
                yield batch
            if not claimed and not await self._wait_for_due(until):
                return

    async def _unsent_batches(self, size: int) -> AsyncIterator[Batch]:
        """Empty batches: their ended items have unsent notices. What stays unsent is counted."""
        database = runtime().journal.database
        for seconds in NOTICE_WAITS:
            if not self.unsent:
                return
            await runtime().stop.wait(seconds * RETRY_SCALE.get())
            runtime().stop.check()
            ids, self.unsent = sorted(self.unsent), Counter()
            for start in range(0, len(ids), size):
                context = BatchContext(self.scenario, self.stats)
                context.ended = await load_ended(database, self.scenario, ids[start : start + size])
                yield Batch(context, [])
                self.unsent.update(context.unsent)
                context.finish()
        self.stats.metrics["messages unsent"] += self.unsent.total()

    async def _due(self, most: int, *, unsuspected: bool = False) -> list[Claimed]:
        """Claim the late items that are due now and that no living process holds."""
        here = runtime()
        if not self.late or most <= 0:
            return []
        async with here.journal.database.write() as connection:
            late = sorted(self.late)
            majors = self.scenario.majors
            rows = await claim(
                connection, here.lease.id, late, most, unsuspected=unsuspected, majors=majors
            )
        failpoint("claimed")
        self.late.difference_update(row.id for row in rows)
        return await load(here.journal.database, rows)

    async def _wait_for_due(self, until: float) -> bool:
        """Sleep until an item may be due; False if those left are held or due much later."""
        database = runtime().journal.database
        await self._drop_ended()
        if not self.late:
            return False
        due = await next_due(database, sorted(self.late))
        if (due is None and clock().monotonic() > until) or (due or 0.0) > LONGEST_WAIT:
            return False
        seconds = min(LONGEST_SLEEP, max(0.05, 0.5 if due is None else due))
        log.info("waiting for items that are due later", items=len(self.late), seconds=seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):  # an item may be due as soon as another gives back
                await runtime().given_back.next().wait()
        return True

    async def _count_rest(self) -> None:
        await self._drop_ended()
        for _ in self.late:
            self.stats.count("elsewhere", "held by another process")
        self.stats.show()

    async def _drop_ended(self) -> None:
        """Count the late items that this run need not wait for, and stop waiting for them.

        Another process has ended them, or only a process that has their version can process them.
        """
        for row in await current_rows(runtime().journal.database, sorted(self.late)):
            if row.ended_at is not None:
                dead = row.state == State.DEAD_LETTERED
                self.stats.count("dead-lettered" if dead else "already done", row.outcome or "")
                self.late.discard(row.id)
            elif row.major not in self.scenario.majors:
                self.stats.count("elsewhere", f"this code does not have version {row.version}")
                self.late.discard(row.id)


async def batches_of(
    scenario: Scenario, stats: RunStats, claimed: Sequence[Claimed], size: int
) -> AsyncIterator[Batch]:
    """Claimed items as batches of at most `size`, after parking those that this code cannot read.

    Each batch is of one major version, and its scenario is that version's.
    """
    for version, some in _by_version(scenario, claimed, size):
        context = BatchContext(version, stats)
        items, unreadable = rehydrate(version, some)
        await park_unreadable(context, unreadable)
        context.compensating = [item for item in items if item.state is State.COMPENSATING]
        with batch_span(context, items, {one.row.id: one.row for one in some}):
            yield Batch(context, [item for item in items if item.state is State.PROCESSING])
        context.finish()
        stats.show()


def _by_version(
    scenario: Scenario, claimed: Sequence[Claimed], size: int
) -> Iterator[tuple[Scenario, Sequence[Claimed]]]:
    """At most `size` items at a time of one major version, in their order, with its scenario."""
    versions: dict[int, list[Claimed]] = {}
    for one in claimed:
        versions.setdefault(one.row.major, []).append(one)
    for same in versions.values():
        version = scenario.of(same[0].row.version) or scenario
        for start in range(0, len(same), size):
            yield version, same[start : start + size]


def _key_of(record: Submission | Rejection) -> str:
    return record.key if isinstance(record, Submission) else ""


def _new_item(
    scenario: Scenario, submission: Submission, priority: Priority, forecast: Forecast | None
) -> NewItem:
    body_hash, deadline = hash_of(submission.body), scenario.deadline(submission.payload)
    within = None if deadline is None else deadline.total_seconds()
    return NewItem(
        submission.key,
        submission.body,
        body_hash,
        new_trace(),
        priority,
        within,
        scenario.customer(submission.payload) or None,
        forecast,
    )
