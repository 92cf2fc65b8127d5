"""Messages about the end of an item: how a scenario writes them, and the agent that sends them."""

from dataclasses import asdict
from typing import Any

import orjson

from agents.runtime import AT_MOST_ONCE, Agent, EffectKey, Notice, agent
from agents.runtime.model.policies import MESSAGE
from agents.services.notifications.protocol import Message, Notifications


def notice(topic: str, message: Message) -> Notice:
    """The message as a scenario's `notices` hands it over; `topic` names the event, such as order.shipped."""
    return Notice(topic, message.channel, orjson.dumps(asdict(message)).decode())


def notification_agent(name: str) -> Agent[..., None]:
    """The ready-made agent, under a scenario's own name, that sends what `notice` has made.

    Each message goes out at most once for its topic and channel, and never fails its item. One that is
    certainly unsent is tried again for a day.
    """

    async def send(
        _item: Any, notice: Notice, key: EffectKey, notifications: Notifications
    ) -> None:
        """Send one message from the outbox."""
        await notifications.send(key, Message(**orjson.loads(notice.body)))

    send.__name__ = name
    return agent(MESSAGE, settle=AT_MOST_ONCE, outbox=True)(send)
