"""News for the customer: at most one message for each event and channel, never a failed order."""

import orjson

from agents.orders.models import Order
from agents.runtime import AT_MOST_ONCE, EFFECT, EffectKey, Notice, agent
from agents.services.notifications.protocol import Message, Notifications


@agent(EFFECT.limited_by("notifications"), settle=AT_MOST_ONCE, outbox=True)
async def notify_customer(
    _order: Order, notice: Notice, key: EffectKey, notifications: Notifications
) -> None:
    """Send one message from the outbox."""
    await notifications.send(key, Message(**orjson.loads(notice.body)))
