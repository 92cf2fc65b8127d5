"""Each alert fires by a real fault: here those of items, queues, messages and spending.

The parts are real: a journal with its items, consumers, agents, stand-ins of outside systems, and two
scrapes over HTTP (see drill.py). Hours that must pass are taken off the times in the journal's rows.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Column, update

from agents.runtime.context import Runtime, open_runtime, runtime
from agents.runtime.errors import PermanentError
from agents.runtime.execution.decorator import agent
from agents.runtime.execution.saga import saga
from agents.runtime.intake.consumer import Consumer, ConsumerOptions
from agents.runtime.journal import webhook_endpoints as endpoints
from agents.runtime.journal.database import Database
from agents.runtime.journal.gateway_schema import webhook_deliveries
from agents.runtime.journal.operator_actions import OperatorAction, decide
from agents.runtime.journal.rollouts import Plan, promote
from agents.runtime.journal.rollouts import begin as begin_rollout
from agents.runtime.journal.scheduling_schema import resource_waits
from agents.runtime.journal.schema import dead_letters, items, outbox
from agents.runtime.journal.webhook_endpoints import NewEndpoint
from agents.runtime.messaging import Delivery, subscribe
from agents.runtime.model.batch import Batch, ProcessBatch
from agents.runtime.model.policies import PURE
from agents.runtime.model.scenario import Scenario
from agents.runtime.model.upcasting import major_of
from agents.runtime.scheduling.reservations import AtLimit
from agents.runtime.settings import PREFIX, settings
from deployments.observability.alerts import ALERTS
from flows.operations.webhooks import send_webhooks
from tests.agents.runtime.execution.test_budgets import Model, budget
from tests.agents.runtime.jobs import JOBS, Job, Made, jobs, rows, run, until
from tests.agents.runtime.journal.operators import ONE, Question
from tests.agents.runtime.journal.test_fair_queueing import send
from tests.agents.runtime.journal.test_order import complete, drawn, judged
from tests.agents.runtime.journal.test_resources import another_holds, there_are, working
from tests.agents.runtime.messaging.mailbox import NEWS, Note, dead_message_rows, serving_bus
from tests.agents.runtime.versions import BOTH, SECOND, enqueue
from tests.agents.workflow.webhook_items import end_orders
from tests.agents.workflow.webhook_receiver import receiving
from tests.deployments.observability import test_system_faults
from tests.deployments.observability.drill import FAULTS, PROMTOOL, Drill, fires
from tests.deployments.observability.test_system_faults import end_well
from tests.flows.operating import OUTAGE
from tests.flows.operations.test_unsent_messages import BLOCKED, smtp
from tests.flows.shop import Shop

__all__ = ["smtp"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        PROMTOOL is None, reason="promtool is not installed: it is in Debian's package prometheus"
    ),
]
on_sqlite = pytest.mark.parametrize("journal_url", ["sqlite"], indirect=True)

MINUTE, DAY = 60.0, 86_400.0
ANN = ("ann", "tried it for a week")


async def passed(opened: Runtime, times: Column[Any], seconds: float) -> None:
    """Take these seconds off all times of a column: what it says is older by them."""
    async with opened.journal.database.write() as connection:
        await connection.execute(update(times.table).values({times: times - seconds}))


async def end_well_alone(batch: Batch) -> None:
    """A workflow of one agent."""
    async with saga(batch):
        await end_well(batch)


@asynccontextmanager
async def consuming(scenario: Scenario, process: ProcessBatch) -> AsyncIterator[Consumer]:
    """A consumer that takes two items at a time."""
    options = ConsumerOptions(size=2, at_once=1, batches=1_000)
    consumer = Consumer(scenario, process, asyncio.sleep, options)
    task = asyncio.create_task(consumer.consume())
    yield consumer
    runtime().stop.ask()
    await task


def test_every_alert_has_a_fault() -> None:
    here = {name for name in globals() if name.startswith("test_")} | {*vars(test_system_faults)}
    assert {*FAULTS} <= here, "a fault without a test"
    assert frozenset[str]().union(*FAULTS.values()) == {alert.word for alert in ALERTS}


@fires("backlog", "no-consumer")
async def test_a_queue_that_nobody_serves(opened: Runtime, drill: Drill) -> None:
    await run(jobs(3), end_well)
    await drill.before(opened)
    await send(opened, "shop-a", 2)
    await passed(opened, items.c.accepted_at, 16 * MINUTE)
    await drill.fires(opened)


@fires("behind")
async def test_a_queue_with_too_few_consumers(opened: Runtime, drill: Drill) -> None:
    @agent(PURE)
    def work(_job: Job) -> Made:
        return Made(by="work")

    async def process(batch: Batch) -> None:
        async with saga(batch):
            await asyncio.sleep(0.3 * batch.count)
            await work(batch)

    async with consuming(JOBS, process) as consumer:
        await enqueue(JOBS, 0, 2)
        await until(lambda: consumer.stats.outcomes.get("job completed", 0) == 2)
        await drill.before(opened)
        await enqueue(JOBS, 2, 2_000)
        await until(lambda: consumer.stats.outcomes.get("job completed", 0) > 8)
        await drill.fires(opened)


@fires("version-missing")
async def test_items_of_a_version_that_no_consumer_has(opened: Runtime, drill: Drill) -> None:
    async with consuming(JOBS, end_well_alone) as consumer:
        await enqueue(JOBS, 0, 1)
        await until(lambda: consumer.stats.outcomes.get("job completed", 0) == 1)
        await drill.before(opened)
        await enqueue(SECOND, 1, 4)
        await drill.fires(opened)


@fires("drained")
async def test_a_replaced_version_whose_last_item_ends(opened: Runtime, drill: Drill) -> None:
    await enqueue(JOBS, 0, 1)
    await begin_rollout(opened.journal, BOTH, Plan(2), *ANN)
    await promote(opened.journal, "jobs", *ANN)
    ask = Question().agent

    async def process(batch: Batch) -> None:
        async with saga(batch):
            await (ask(batch) if major_of(batch.context.scenario.version) == 1 else end_well(batch))

    async with consuming(BOTH, process) as consumer:
        await enqueue(SECOND, 1, 2)
        await until(lambda: consumer.stats.outcomes.get("job completed", 0) == 1)
        await drill.before(opened)
        await decide(opened.journal, OperatorAction("jobs", "job-0000", *ANN), approved=True)
        await until(lambda: consumer.stats.outcomes.get("job completed", 0) == 2)
        await drill.fires(opened)


@fires("dead-letter")
async def test_an_agent_with_a_bug(opened: Runtime, drill: Drill) -> None:
    @agent(PURE)
    def work(_job: Job) -> None:
        raise ValueError("a bug")

    await run([Job(key="well")], end_well)
    await drill.before(opened)
    await run(jobs(1), work)
    await drill.fires(opened)


@fires("dead-letter.old")
async def test_a_dead_letter_that_is_left_alone(opened: Runtime, drill: Drill) -> None:
    @agent(PURE)
    def work(_job: Job) -> None:
        raise ValueError("a bug")

    await run(jobs(1), work)
    await drill.before(opened)
    await passed(opened, dead_letters.c.at, DAY + 1)
    await drill.fires(opened)


@fires("escalated")
async def test_a_question_that_nobody_answers(opened: Runtime, drill: Drill) -> None:
    await run(ONE, Question().agent)
    await drill.before(opened)
    await passed(opened, items.c.waiting_since, DAY + 1)
    await drill.fires(opened)


@pytest.fixture
async def journal(shop: Shop) -> AsyncIterator[Database]:
    """The shop's journal, read beside the flows."""
    database = Database(shop.journal_url)
    yield database
    await database.close()


@on_sqlite
@pytest.mark.usefixtures("no_waits")
@fires("agent-errors", "dead-letter")
async def test_an_outage_of_the_carriers(shop: Shop, drill: Drill, journal: Database) -> None:
    await shop.process(shop.orders(2))
    await drill.look(settings(), journal)
    await drill.before()
    await shop.process([shop.order(number) for number in range(2, 5)], faults=OUTAGE)
    await drill.look(settings(), journal)
    await drill.fires()


@on_sqlite
@fires("undelivered")
async def test_a_mail_server_that_refuses_an_address(
    shop: Shop, drill: Drill, journal: Database
) -> None:
    await shop.process([shop.order(1)])
    await drill.look(settings(), journal)
    await drill.before()
    await shop.process([shop.order(2)], faults=BLOCKED)
    await drill.look(settings(), journal)
    await drill.fires()


@on_sqlite
@pytest.mark.usefixtures("smtp")
@fires("unsent")
async def test_a_mail_server_that_is_away(
    shop: Shop, drill: Drill, journal: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.runtime.intake.intake.NOTICE_WAITS", ())
    await shop.process([shop.order(1)])
    await drill.look(settings(), journal)
    await drill.before()
    async with open_runtime(settings()) as opened:
        await passed(opened, outbox.c.at, 61 * MINUTE)
    await drill.look(settings(), journal)
    await drill.fires()


@fires("dead-message")
async def test_a_message_that_its_group_cannot_handle(opened: Runtime, drill: Drill) -> None:
    @subscribe(NEWS, "ears")
    async def listen(_note: Note, _: Delivery) -> None:
        raise PermanentError("never")

    await drill.before(opened)
    async with serving_bus(opened.settings, listen) as bus:
        await bus.publish(NEWS, Note(n=1))

        async def is_dead() -> bool:
            return bool(await dead_message_rows(opened.journal.database))

        await until(is_dead)
    await drill.fires(opened)


@fires("webhook.disabled")
async def test_an_endpoint_that_is_gone(
    opened: Runtime, drill: Drill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}DATA", str(opened.settings.data))
    monkeypatch.setenv(f"{PREFIX}JOURNAL_URL", opened.settings.journal)
    async with receiving() as receiver:
        monkeypatch.setenv(f"{PREFIX}WEBHOOK_ALLOWED", f'["{receiver.host}"]')
        settings.cache_clear()
        await endpoints.create(opened.journal, _to(receiver.url("/gone")), "ann")
        await drill.before(opened)
        await end_orders(opened, "W1")
        await send_webhooks.fn(for_seconds=0)
    settings.cache_clear()
    await drill.fires(opened)


@fires("webhook.late")
async def test_events_that_nobody_sends(opened: Runtime, drill: Drill) -> None:
    await endpoints.create(opened.journal, _to("https://shop.example/hooks"), "ann")
    await end_orders(opened, "W1")
    await drill.before(opened)
    await passed(opened, webhook_deliveries.c.due_at, 11 * MINUTE)
    await drill.fires(opened)


def _to(url: str) -> NewEndpoint:
    return NewEndpoint(url, ("orders.ended",))


@pytest.mark.usefixtures("no_waits")
@fires("budget")
async def test_a_budget_that_is_spent(opened: Runtime, drill: Drill) -> None:
    await budget(opened, 200, AtLimit.ASK)
    model = Model(tokens=100).agent()
    await run(jobs(1), model)
    await drill.before(opened)
    await run(jobs(3), model)
    await drill.fires(opened)


@fires("starved")
async def test_a_resource_that_another_process_holds(opened: Runtime, drill: Drill) -> None:
    need_cpu = working([0.0, 0.0], {"cpu": 1})

    async def process(batch: Batch) -> None:
        async with saga(batch):
            await need_cpu(batch)

    async def is_waiting() -> bool:
        return bool(await rows(resource_waits))

    await there_are(1)
    async with consuming(JOBS, process) as consumer:
        await enqueue(JOBS, 0, 1)
        await until(lambda: consumer.stats.outcomes.get("job completed", 0) == 1)
        await another_holds(1)
        await drill.before(opened)
        await enqueue(JOBS, 1, 2)
        await until(is_waiting)
        await passed(opened, resource_waits.c.since, 31 * MINUTE)
        await drill.fires(opened)


@fires("unskilled")
async def test_forecasts_that_are_wrong(opened: Runtime, drill: Drill) -> None:
    await complete(opened, drawn("good", skilled=True))
    await judged(opened)
    await drill.before(opened)
    reversed_ = {
        key: (-took, took) for key, (_, took) in drawn("bad", skilled=True, count=200).items()
    }
    await complete(opened, reversed_, until=900.0)
    await judged(opened)
    await drill.fires(opened)
