"""News for the customer: at most one message for each event and channel, never a failed order."""

import orjson

from agents.orders.models import Order
from agents.runtime.execution.decorator import agent
from agents.runtime.model.item import Notice
from agents.runtime.model.policies import AT_MOST_ONCE, EFFECT
from agents.services import services
from agents.services.notifications.protocol import Message


@agent(EFFECT.limited_by("notifications"), settle=AT_MOST_ONCE, outbox=True)
async def notify_customer(_order: Order, notice: Notice, key: str) -> None:
    """Send one message from the outbox."""
    await services().notifications.send(key, Message(**orjson.loads(notice.body)))
