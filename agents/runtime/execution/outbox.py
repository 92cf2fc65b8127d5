"""The outbox: notices that were committed with the end of an item are sent, each at most once."""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from typing import Any

from sqlalchemy import Row

from agents.runtime.alerts import Alert, send
from agents.runtime.context import runtime
from agents.runtime.errors import TransientError, UnknownOutcome
from agents.runtime.execution.agent import Agent
from agents.runtime.execution.spans import work_on
from agents.runtime.execution.step import concurrency_limit
from agents.runtime.journal.notices import NoticeResult, advance, unsent
from agents.runtime.metrics import ITEMS
from agents.runtime.model.batch import Batch
from agents.runtime.model.item import Item, Notice, NoticeStatus
from agents.runtime.model.policies import LONGEST_SLEEP, wait_before
from agents.runtime.redaction import redacted
from agents.runtime.telemetry import enter, get_logger
from agents.runtime.testing import failpoint
from agents.runtime.trace_context import read_traceparent
from agents.runtime.tracing import spanning

log = get_logger(__name__)

ERROR_LENGTH = 500
HOUR = 3600.0
AnyAgent = Agent[Any, Any]


async def deliver(agent: AnyAgent, batch: Batch) -> Batch:
    """Send the unsent notices of the batch and of its ended items, each at most once.

    What is certainly unsent stays in the outbox and is tried again until its deadline; an unknown
    outcome is not. No failure of a notice fails its item.
    """
    context = batch.context
    items = {item.id: item for item in (*context.ended, *batch.peek())}
    found = await unsent(runtime().journal.database, list(items))
    due = [row.id for row in found if row.due]
    delivery = _Delivery(agent, items, due)
    if due:
        async with concurrency_limit(agent.policy, len(due)):
            await delivery.run()
    counts = Counter(result.status for result in delivery.settled.values())
    for status, count in counts.items():
        ITEMS.labels(agent.name, agent.version, status).inc(count)
        context.stats.metrics[f"messages {_word(status)}"] += count
    context.unsent.update(row.item for row in found if row.id not in delivery.settled)
    del counts[NoticeStatus.SENT]
    if counts:
        first = next(r for r in delivery.settled.values() if r.status is not NoticeStatus.SENT)
        item = items[next(row.item for row in found if row.id == first.row)]
        listed = ", ".join(f"{count} {_word(status)}" for status, count in counts.items())
        reason = f"messages: {listed}; {first.error}"
        await send([Alert("undelivered", item.scenario, item.key, reason, item.trace)])
    return Batch(context, batch.take())


class _Delivery:
    """Sends notices, as many at once as the policy allows; `settled` is the result of each by its row.

    Each is claimed right before its own call: a crash leaves those in flight unknown and no other.
    """

    def __init__(self, agent: AnyAgent, items: Mapping[int, Item], due: Sequence[int]) -> None:
        self.agent, self.items = agent, items
        self.settled: dict[int, NoticeResult] = {}
        self._queue, self._later = deque(due), list[tuple[float, int]]()
        self._tries: Counter[int] = Counter()
        self._failures = 0  # in a row
        self._calls: set[asyncio.Task[NoticeResult]] = set()

    async def run(self) -> None:
        """Send until all are settled or wait for longer than a worker does."""
        here, results = runtime(), list[NoticeResult]()
        try:
            while results or self._calls or await self._wait_for_more():
                wanted = self._next(self.agent.policy.concurrency - len(self._calls))
                claimed = await advance(here.journal.database, here.lease.id, results, wanted)
                if claimed:
                    failpoint("sending")
                self._calls |= {asyncio.create_task(self._send(row)) for row in claimed}
                results = await self._finished()
        finally:
            for call in self._calls:
                call.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)

    async def _wait_for_more(self) -> bool:
        """Whether a notice is left for this delivery; sleeps until it is due."""
        if not self._queue and self._later:
            at, _ = self._later[0]
            await asyncio.sleep(at - asyncio.get_running_loop().time())
        return bool(self._queue or self._later)

    def _next(self, room: int) -> list[int]:
        """The rows to claim now: none once a number of failures in a row says that the messenger is away."""
        away = self._failures >= self.agent.policy.concurrency
        if away or runtime().lease.remaining() <= 0:
            self._queue.clear()
            self._later.clear()
        at = asyncio.get_running_loop().time()
        while self._later and self._later[0][0] <= at:
            self._queue.append(heappop(self._later)[1])
        return [self._queue.popleft() for _ in range(min(room, len(self._queue)))]

    async def _finished(self) -> list[NoticeResult]:
        """Wait for the first calls that end; returns what they did."""
        if not self._calls:
            return []
        done, self._calls = await asyncio.wait(self._calls, return_when=asyncio.FIRST_COMPLETED)
        failpoint("sent")
        results = [call.result() for call in done]
        for result in results:
            if result.status is not NoticeStatus.WAITING:
                self._failures, self.settled[result.row] = 0, result
                continue
            self._failures += 1
            if (result.wait or 0) <= LONGEST_SLEEP and self._may_retry(result.row):
                at = asyncio.get_running_loop().time() + (result.wait or 0)
                heappush(self._later, (at, result.row))
        return results

    def _may_retry(self, row: int) -> bool:
        self._tries[row] += 1
        return self._tries[row] < self.agent.policy.attempts

    async def _send(self, row: Row[Any]) -> NoticeResult:
        """Call the agent once."""
        agent, item = self.agent, self.items[row.item]
        cause = read_traceparent(row.traceparent)
        enter(work_on(item, cause))
        key = f"{agent.key(item, 0)}:{row.topic}:{row.channel}"
        notice = Notice(row.topic, row.channel, row.body)
        runtime().journal.database.check_file()
        try:
            with spanning(agent.name, cause, "PRODUCER"):
                async with asyncio.timeout(agent.longest):
                    await agent.function(*agent.arguments(item, key, given={Notice: notice}))
        except (UnknownOutcome, TimeoutError) as error:
            log.warning("the outcome of a notice is unknown, it is not repeated", error=str(error))
            return NoticeResult(row.id, NoticeStatus.UNKNOWN, _shown(error))
        except TransientError as error:
            return self._again(row, error)
        except Exception as error:
            log.exception("notice failed")
            return NoticeResult(row.id, NoticeStatus.FAILED, _shown(error))
        return NoticeResult(row.id, NoticeStatus.SENT)

    def _again(self, row: Row[Any], error: TransientError) -> NoticeResult:
        """A notice that is certainly unsent: due again later, or a dead letter at its deadline."""
        policy = self.agent.policy
        left = policy.retry_for if row.left is None else row.left
        if left <= 0:
            reason = f"not sent within {policy.retry_for / HOUR:g} hours: {error}"
            return NoticeResult(row.id, NoticeStatus.DEAD_LETTERED, _shown(reason))
        wait = min(left, wait_before(policy, row.attempts, error.retry_after))
        log.info("notice not sent, it is tried again", attempt=row.attempts, wait=wait)
        return NoticeResult(row.id, NoticeStatus.WAITING, _shown(error), wait, left)


def _word(status: NoticeStatus) -> str:
    return status.replace("_", "-")


def _shown(error: object) -> str:
    text = redacted(str(error)) or type(error).__name__
    return text.replace("\0", "")[:ERROR_LENGTH]
