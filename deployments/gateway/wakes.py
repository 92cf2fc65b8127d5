"""Wakes consumers elsewhere when an item is accepted here; no request waits for that.

Consumers also look by themselves each second, so a signal that is lost costs one look.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from agents.runtime.context import runtime
from agents.runtime.redis.signals import signals


class Wakes:
    """Signals to consumers, sent one after the other by a task; those that wait for the same queue are one."""

    def __init__(self, wake: Callable[[str], Awaitable[None]]) -> None:
        self._wake = wake
        self._queues: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None

    def soon(self, queue: str) -> None:
        """Wake one consumer of the queue."""
        self._queues[queue] = None
        if self._task is None:
            self._task = asyncio.create_task(self._send())

    async def end(self) -> None:
        """Send what is left."""
        if self._task is not None:
            await self._task

    async def _send(self) -> None:
        try:
            while self._queues:
                await self._wake(self._queues.popitem()[0])
        finally:
            self._task = None


@asynccontextmanager
async def waking(app: FastAPI) -> AsyncIterator[None]:
    """Wake consumers over Redis while the application runs, where the settings name one."""
    here = runtime().settings
    if here.redis_url is None:  # consumers beside the gateway look often enough
        yield
        return
    async with signals(here) as consumers:
        app.state.wakes = wakes = Wakes(consumers.wake)
        try:
            yield
        finally:
            await wakes.end()


def wake(app: FastAPI, queue: str) -> None:
    """Wake one consumer of the queue, if the application wakes any."""
    wakes: Wakes | None = getattr(app.state, "wakes", None)
    if wakes is not None:
        wakes.soon(queue)
