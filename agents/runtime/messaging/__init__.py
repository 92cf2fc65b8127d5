"""The bus: messages between agents, committed with a state change and handled once by every group.

The journal keeps every message until all durable groups have handled it. Redis streams transport
them at least once and may lose everything. `open_bus` opens the bus.
"""

from agents.runtime.messaging.bus import Bus, open_bus
from agents.runtime.messaging.connection import Transaction, publish
from agents.runtime.messaging.delivery import Delivery
from agents.runtime.messaging.local import answering, ask
from agents.runtime.messaging.request_reply import (
    Answerer,
    NoReply,
    RequestRefused,
    RequestReply,
    answer,
)
from agents.runtime.messaging.subscriber import Subscription, subscribe
from agents.runtime.model.message import TooLarge, Topic

__all__ = [
    "Answerer",
    "Bus",
    "Delivery",
    "NoReply",
    "RequestRefused",
    "RequestReply",
    "Subscription",
    "TooLarge",
    "Topic",
    "Transaction",
    "answer",
    "answering",
    "ask",
    "open_bus",
    "publish",
    "subscribe",
]
