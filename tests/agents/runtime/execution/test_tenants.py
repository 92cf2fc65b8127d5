"""A batch may have items of several tenants; what an agent looks up is of its item's own tenant."""

import pytest

from agents.runtime.context import Runtime, runtime
from agents.runtime.execution.decorator import agent
from agents.runtime.intake.consumer import Consumer, ConsumerOptions
from agents.runtime.journal.submit import NewItem, Sender, accept
from agents.runtime.model.batch import Batch
from agents.runtime.model.policies import PURE
from agents.runtime.model.scenario import hash_of
from agents.runtime.trace_context import new_trace
from tests.agents.runtime.jobs import JOBS, Job


async def test_each_item_is_worked_on_for_its_tenant(opened: Runtime) -> None:
    asked: dict[str, str] = {}

    @agent(PURE)
    async def ask_journal(job: Job) -> str:
        asked[job.key] = runtime().journal.tenant
        return job.key

    for tenant in ("default", "other", "third"):
        body = Job(key=tenant).model_dump_json()
        new = NewItem(tenant, body, hash_of(body), new_trace())
        await accept(opened.journal.database, Sender(tenant, JOBS.name, JOBS.version), [new])

    sizes = list[int]()

    async def process(batch: Batch) -> None:
        sizes.append(batch.count)
        await ask_journal(batch)

    async def wait(_: float) -> None:
        pytest.fail("all items are there")

    await Consumer(JOBS, process, wait, ConsumerOptions(at_once=1, batches=1)).consume()
    assert sizes == [3]
    assert asked == {"default": "default", "other": "other", "third": "third"}
    assert runtime().journal.tenant == "default"
