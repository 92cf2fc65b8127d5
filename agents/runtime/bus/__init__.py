"""Agents that talk: messages committed with a state change, delivered at least once, handled once.

The journal holds every message until all durable groups have handled it; Redis streams carry them
and may lose everything. `open_bus` is the way in; topics, subscriptions and exchanges are values.
"""

from agents.runtime.bus.bus import Bus, open_bus
from agents.runtime.bus.delivery import Delivery
from agents.runtime.bus.exchange import Exchange, NoReply, Refused, answer
from agents.runtime.bus.posting import Transaction, publish
from agents.runtime.bus.subscriber import Subscription, subscribe
from agents.runtime.bus.topics import TooLarge, Topic

__all__ = [
    "Bus",
    "Delivery",
    "Exchange",
    "NoReply",
    "Refused",
    "Subscription",
    "TooLarge",
    "Topic",
    "Transaction",
    "answer",
    "open_bus",
    "publish",
    "subscribe",
]
