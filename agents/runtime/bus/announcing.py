"""The other kind of message: told to whoever listens now, never stored, perhaps never heard."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from agents.runtime.bus.topics import M, Topic
from agents.runtime.bus.wire import FIELD, Envelope, Malformed, pack, unpack
from agents.runtime.redis.link import Link
from agents.runtime.telemetry import get_logger, traceparent
from agents.runtime.upcasting import Unreadable

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = get_logger(__name__)

LISTEN_SECONDS = 1.0


async def announce(link: Link, topic: Topic[M], body: M) -> None:
    """Tell whoever listens; with Redis away nobody hears it. Raises TooLarge."""
    envelope = Envelope(
        id="-",
        topic=topic.name,
        version=topic.version,
        item=None,
        sequence=None,
        trace=traceparent(),
        body=topic.encode(body),
    )
    said = pack(envelope)[FIELD]
    await link.attempt(lambda redis: redis.publish(_channel(link, topic), said))


async def overhear(link: Link, topic: Topic[M]) -> AsyncIterator[M]:
    """What is announced from now on. Raises Away as soon as something may have been missed."""

    async def opened(redis: "Redis") -> "Redis":
        return redis

    client = await link.run(opened)
    async with client.pubsub(ignore_subscribe_messages=True) as line:
        await link.run(lambda _: line.subscribe(_channel(link, topic)))
        while True:
            heard = await link.run(
                lambda _: line.get_message(timeout=LISTEN_SECONDS), LISTEN_SECONDS + 1
            )
            if heard is None:
                continue
            try:
                envelope = unpack({FIELD: heard["data"]}, topic.name)
                yield topic.decode(envelope.body, envelope.version)
            except (Malformed, Unreadable) as error:
                log.warning(
                    "heard something that is no message", topic=topic.name, error=str(error)
                )


def _channel(link: Link, topic: Topic[M]) -> str:
    return link.key("air", topic.name)
