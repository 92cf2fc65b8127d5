"""The outbox: notices that were committed with the end of an item are sent, each at most once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from agents.runtime.context import runtime
from agents.runtime.errors import TransientError, UnknownOutcome
from agents.runtime.execution.agent import Agent
from agents.runtime.execution.step import concurrency_limit
from agents.runtime.journal.schema import outbox
from agents.runtime.journal.statements import values_of
from agents.runtime.model.batch import Batch
from agents.runtime.model.item import Item, Notice
from agents.runtime.model.policies import LONGEST_SLEEP, wait_before
from agents.runtime.telemetry import ITEMS, enter_item, get_logger
from agents.runtime.testing import failpoint

log = get_logger(__name__)

ERROR_LENGTH = 500


async def deliver(agent: Agent[Any, Any], batch: Batch) -> Batch:
    """Send the unsent notices of the batch and of its ended items, each at most once.

    A notice is marked `sending` before the call and is never sent after that, so an unknown outcome
    counts as sent. A failure is stored and never fails the item.
    """
    context = batch.context
    items = {item.id: item for item in (*context.ended, *batch.peek())}
    rows = await _claim_notices(list(items))
    if rows:
        failpoint("sending")
        queue, results = iter(rows), list[dict[str, Any]]()

        async def work() -> None:
            for row in queue:
                status, error = await _send(agent, items[row.item], row)
                stored = (error or "").replace("\0", "")[:ERROR_LENGTH] or None
                results.append({"row": row.id, "status": status, "error": stored})

        async with concurrency_limit(agent.policy, len(rows)):
            await asyncio.gather(*(work() for _ in range(agent.policy.concurrency)))
        failpoint("sent")
        await _write_statuses(results)
        for status, count in Counter(result["status"] for result in results).items():
            ITEMS.labels(agent.name, agent.version, status).inc(count)
            context.stats.metrics[f"messages {status}"] += count
    return Batch(context, batch.take())


async def _claim_notices(items: Sequence[int]) -> Sequence[Row[Any]]:
    here = runtime()
    if not items:
        return []
    async with here.journal.database.write() as connection:
        values = values_of(connection, items)
        result = await connection.execute(
            update(outbox)
            .where(outbox.c.item.in_(select(values.c.value)), outbox.c.status == "waiting")
            .values(status="sending", owner=here.lease.id, attempts=outbox.c.attempts + 1)
            .returning(outbox)
        )
        claimed: Sequence[Row[Any]] = result.all()
    return claimed


async def _send(agent: Agent[Any, Any], item: Item, row: Row[Any]) -> tuple[str, str | None]:
    """Call the agent until it succeeds or its attempts are used; returns status and error."""
    enter_item(item.key, item.trace)
    key = f"{agent.key(item, 0)}:{row.topic}:{row.channel}"
    notice, reason = Notice(row.topic, row.channel, row.body), ""
    for number in range(1, agent.policy.attempts + 1):
        runtime().journal.database.check_file()
        try:
            async with asyncio.timeout(agent.policy.timeout):
                await agent.function(*agent.arguments(item, key, given={Notice: notice}))
        except (UnknownOutcome, TimeoutError) as error:
            log.warning("the outcome of a notice is unknown, it counts as sent", error=str(error))
            return "unknown", str(error)
        except TransientError as error:
            # Certainly not sent. A worker waits no longer than this for a notice.
            log.info("notice not sent, retrying", attempt=number, error=str(error))
            reason = str(error)
            wait = wait_before(agent.policy, number, error.retry_after)
            await asyncio.sleep(min(LONGEST_SLEEP, wait))
        except Exception as error:
            log.exception("notice failed")
            return "failed", str(error) or type(error).__name__
        else:
            return "sent", None
    return "failed", reason


async def _write_statuses(results: list[dict[str, Any]]) -> None:
    async with runtime().journal.database.write() as connection:
        await connection.execute(
            update(outbox)
            .where(outbox.c.id == bindparam("row"))
            .values(status=bindparam("status"), error=bindparam("error")),
            results,
        )
