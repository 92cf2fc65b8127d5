"""Works with the bus and dies where it is told to; its next generation finishes. One line of JSON each.

`python -m tests.agents.runtime.messaging.child FOLDER POINT...`; the point `poison` is a message that kills.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from agents.runtime.context import open_runtime
from agents.runtime.journal.schema import dead_messages, inbox, messages, requests
from agents.runtime.messaging import Bus, Delivery, answer, open_bus, subscribe
from agents.runtime.messaging import bus as timing
from agents.runtime.messaging import maintenance as sweeping
from agents.runtime.settings import Settings
from agents.runtime.testing import arm
from tests.agents.runtime.messaging.mailbox import ADDING, ECHO, NEWS, Sum, Told, eventually, plant

MESSAGES = 10
PATIENCE = 120
MOST_GENERATIONS = 12

timing.SWEEP_SECONDS = sweeping.SETTLED_SECONDS = 0.3


@subscribe(NEWS, "echoing")
async def echo(told: Told, delivery: Delivery) -> None:
    async with delivery.transaction() as transaction:
        await transaction.publish(ECHO, Told(n=told.n))
        if told.text == "kill":
            os.kill(os.getpid(), signal.SIGKILL)


@answer(ADDING)
async def add(told: Told) -> Sum:
    return Sum(total=told.n + 1)


async def work(folder: Path, failpoint: str) -> None:
    """Say everything, as often as it takes; done when all of it is handled."""
    settings = Settings(data=folder, lease_seconds=1)
    async with open_runtime(settings), open_bus(settings) as bus, asyncio.timeout(PATIENCE):
        serving = asyncio.create_task(bus.serve([echo, add]))
        for n in range(MESSAGES):
            async with bus.transaction() as transaction:
                text = "kill" if failpoint == "poison" and n == 0 else ""
                await transaction.publish(NEWS, Told(n=n, text=text), key=str(n), item=n % 3 + 1)
        await plant(bus, NEWS.name, {b"message": b"nonsense"})
        assert await bus.request(ADDING, Told(n=1), correlation="1", seconds=20) == Sum(total=2)
        await eventually(lambda: done(bus))
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def done(bus: Bus) -> bool:
    ended = select(func.count()).select_from(inbox).where(inbox.c.status != "trying")
    dead = select(func.count()).select_from(dead_messages)
    async with bus.database.read() as connection:
        return (await connection.execute(ended)).scalar_one() == MESSAGES + 1 and (
            await connection.execute(dead)
        ).scalar_one() > 0


async def tell(folder: Path) -> dict[str, Any]:
    async with (
        open_runtime(Settings(data=folder)) as opened,
        opened.journal.database.read() as connection,
    ):
        echoes = select(messages.c.body).where(messages.c.topic == ECHO.name)
        dead = select(dead_messages.c.reason, dead_messages.c.deliveries)
        return {
            "echoes": sorted(json.loads(b)["n"] for b in await connection.scalars(echoes)),
            "dead": sorted([list(row) for row in await connection.execute(dead)]),
            "replies": list(await connection.scalars(select(requests.c.reply))),
        }


def generation(folder: Path, failpoint: str, *, first: bool) -> int:
    """A forked process lives one life; its status as the system tells it."""
    pid = os.fork()
    if pid == 0:
        if first:
            arm({failpoint: 1})
        asyncio.run(work(folder, failpoint))
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def told_by_a_fork(folder: Path) -> dict[str, Any]:
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, json.dumps(asyncio.run(tell(folder))).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        told: dict[str, Any] = json.load(pipe)
    os.wait()
    return told


def main(home: Path, points: list[str]) -> None:
    """Play each point in a folder of its own."""
    for number, failpoint in enumerate(points):
        folder, crash_count = home / str(number), 0
        while (status := generation(folder, failpoint, first=crash_count == 0)) != 0:
            crash_count += 1
            if not os.WIFSIGNALED(status) or crash_count > MOST_GENERATIONS:
                break
        told = told_by_a_fork(folder)
        sys.stdout.write(
            json.dumps({"point": failpoint, "deaths": crash_count, "end": status} | told) + "\n"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
