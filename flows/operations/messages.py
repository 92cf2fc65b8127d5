"""Messages to customers that are not sent, messages between agents that could not be handled.

`python -m flows.operations` has them as commands.
"""

from typing import Annotated

import orjson
from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.journal import notices
from agents.runtime.journal.operator_actions import OperatorAction
from agents.runtime.messaging import dead_letters, maintenance
from agents.runtime.recovery.recovery import send_notices
from agents.runtime.redaction import MASK
from agents.runtime.redis.client import RedisClient
from agents.runtime.scheduling.eta import duration
from agents.runtime.settings import settings
from agents.services import connect_services
from agents.services.notifications.protocol import EMAIL
from flows.cli.parameters import By, Reason, ScenarioName
from flows.cli.reports import Listing, shown
from flows.workflows import WORKFLOWS

SHOWN_BYTES = 80


@flow(name="messages", flow_run_name="messages of {scenario}", persist_result=False)
async def unsettled_messages(
    scenario: ScenarioName = "orders", most: Annotated[int, Field(ge=1, le=10_000)] = 100
) -> Listing:
    """List the messages to customers that are not sent or may not be, the oldest first.

    `waiting` is tried again until its deadline, `unknown` may have been sent, `failed` was refused for
    good, `dead_lettered` was not sent in time.

    Example: `uv run python -m flows.operations messages`

    Args:
        scenario: Scenario of the items.
        most: Rows to list at most, 1 to 10,000.

    """
    async with open_runtime(settings()) as opened:
        found = await notices.unsettled(opened.journal, scenario, most)
    table = [
        {
            "item": row.key,
            "message": row.topic,
            "to": _receiver(row.channel, row.body),
            "status": row.status,
            "reason": row.reason or "",
            "attempts": str(row.attempts),
            "age": duration(row.age),
        }
        for row in found
    ]
    return await shown("messages", Listing(title=f"{len(table)} messages not sent", table=table))


def _receiver(channel: str, body: str) -> str:
    """The receiver of a message without what names a person: a domain, or the channel."""
    to = str(orjson.loads(body).get("to", "")) if channel == EMAIL else ""
    return f"{MASK}@{to.rpartition('@')[2]}" if to else channel


@flow(name="resend", flow_run_name="resend messages of {key}", persist_result=False)
async def resend_messages(
    key: str, by: By, reason: Reason, topic: str | None = None, scenario: ScenarioName = "orders"
) -> Listing:
    """Send the messages of an item again that are not sent or may not be; a sent one is refused.

    A message that is `unknown` may reach its receiver twice.

    Example: `uv run python -m flows.operations resend W1763367 --by ann --reason "server is back"`

    Args:
        key: Key of the item, such as an order id.
        by: Your name, kept in the item's history.
        reason: Why you send it again, kept in the item's history.
        topic: Only this message, as the list names it, such as order.shipped.
        scenario: Scenario of the item.

    """
    workflow, action = WORKFLOWS[scenario], OperatorAction(scenario, key, by, reason)
    notify = workflow.notifier()
    async with open_runtime(settings()) as opened, connect_services(settings()):
        item = await notices.resend(opened.journal, action, topic)
        if notify is None:
            return Listing(title=f"{scenario} {key}: nothing of this scenario sends messages")
        metrics = await send_notices(opened.journal, workflow.scenario, notify, [item])
    counts = (f"{n} {what.removeprefix('messages ')}" for what, n in metrics.items() if n)
    return Listing(title=f"{scenario} {key}: {', '.join(counts) or 'sent by another process'}")


@flow(name="dead-messages", flow_run_name="dead messages", persist_result=False)
async def dead_messages(most: Annotated[int, Field(ge=1, le=10_000)] = 100) -> Listing:
    """List the messages between agents that a group could not handle, the oldest first.

    Example: `uv run python -m flows.operations dead-messages`

    Args:
        most: Rows to list at most, 1 to 10,000.

    """
    async with open_runtime(settings()) as opened:
        found = await dead_letters.open_dead_messages(opened.journal.database, most)
    table = [
        {
            "message": row.id,
            "topic": row.topic,
            "group": row.grp,
            "reason": row.reason,
            "error": row.error,
            "deliveries": str(row.deliveries),
            "begins": repr(row.body[:SHOWN_BYTES]),
        }
        for row in found
    ]
    listing = Listing(title=f"{len(table)} dead messages", table=table)
    return await shown("dead-messages", listing)


@flow(name="redeliver-message", flow_run_name="redeliver {message}", persist_result=False)
async def redeliver_message(message: str) -> Listing:
    """Deliver a dead message again, after its cause has been removed.

    Example: `uv run python -m flows.operations redeliver-message --message 018f3a6e`

    Args:
        message: Id of the message, as dead-messages lists it.

    """
    async with open_runtime(settings()) as opened:
        await dead_letters.redeliver(opened.journal.database, message)
    return Listing(title=f"{message} will be delivered again")


@flow(name="remove-group", flow_run_name="remove group {group}", persist_result=False)
async def remove_group(topic: str, group: str) -> Listing:
    """Remove a durable group that nobody serves any more, so that no messages are kept for it.

    Example: `uv run python -m flows.operations remove-group --topic orders.ended --group notifications`

    Args:
        topic: Name of the topic, such as orders.ended.
        group: Name of the group, as its subscription declares it.

    """
    redis_client = RedisClient(settings())
    try:
        async with open_runtime(settings()) as opened:
            await maintenance.unsubscribe(opened.journal.database, redis_client, topic, group)
    finally:
        await redis_client.close()
    return Listing(title=f"{topic} keeps no more messages for {group}")
