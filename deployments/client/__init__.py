"""A typed client of the gateway: what a program needs to submit items, follow them and act on them.

    async with Gateway("https://shop.example", key) as gateway:
        accepted = await gateway.submit("orders", order)
        item = await gateway.get("orders", accepted.key)

It is made of httpx alone and imports neither the gateway nor any agent, so that a caller may copy this
folder into a project of its own.
"""

from deployments.client.conversations import Conversation
from deployments.client.errors import (
    Conflict,
    GatewayError,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Unavailable,
)
from deployments.client.gateway import Gateway
from deployments.client.models import Accepted, Event, Item, LineAnswer, Turn
from deployments.client.retries import Retries

__all__ = [
    "Accepted",
    "Conflict",
    "Conversation",
    "Event",
    "Gateway",
    "GatewayError",
    "InvalidRequest",
    "Item",
    "LineAnswer",
    "NotAllowed",
    "NotFound",
    "Retries",
    "Turn",
    "Unavailable",
]
