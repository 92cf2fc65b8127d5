"""Agents that talk: messages committed with a state change, delivered at least once, handled once.

The journal holds every message until all durable groups have handled it; Redis streams carry them
and may lose everything. `open_bus` is the way in; topics, subscriptions and exchanges are values.
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
