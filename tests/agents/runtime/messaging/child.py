"""Works with the bus and crashes at a fail point; the next process finishes. Prints a line of JSON each.

`python -m tests.agents.runtime.messaging.child FOLDER POINT...`; the point `poison` is a message that
kills its process.
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
from agents.runtime.messaging import Bus, Delivery, answer, maintenance, open_bus, subscribe
from agents.runtime.messaging import bus as bus_module
from agents.runtime.settings import Settings
from agents.runtime.testing import arm
from tests.agents.runtime.messaging.mailbox import (
    ADDING,
    ECHO,
    NEWS,
    Note,
    Sum,
    add_entry,
    eventually,
)

MESSAGES = 10
PATIENCE = 120
MOST_PROCESSES = 12

bus_module.SWEEP_SECONDS = maintenance.SETTLED_SECONDS = 0.3


@subscribe(NEWS, "echoing")
async def echo(note: Note, delivery: Delivery) -> None:
    async with delivery.transaction() as transaction:
        await transaction.publish(ECHO, Note(n=note.n))
        if note.text == "kill":
            os.kill(os.getpid(), signal.SIGKILL)


@answer(ADDING)
async def add(note: Note) -> Sum:
    return Sum(total=note.n + 1)


async def work(folder: Path, failpoint: str) -> None:
    """Publish all messages, and end when all of them are handled; repeated after a crash."""
    settings = Settings(data=folder, lease_seconds=1)
    async with open_runtime(settings), open_bus(settings) as bus, asyncio.timeout(PATIENCE):
        serving = asyncio.create_task(bus.serve([echo, add]))
        for n in range(MESSAGES):
            async with bus.transaction() as transaction:
                text = "kill" if failpoint == "poison" and n == 0 else ""
                await transaction.publish(NEWS, Note(n=n, text=text), key=str(n), item=n % 3 + 1)
        await add_entry(bus, NEWS.name, {b"message": b"nonsense"})
        assert await bus.request(ADDING, Note(n=1), correlation="1", seconds=20) == Sum(total=2)
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


async def summary(folder: Path) -> dict[str, Any]:
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


def run_process(folder: Path, failpoint: str, *, first: bool) -> int:
    """Run `work` in a forked process; returns its exit status."""
    pid = os.fork()
    if pid == 0:
        if first:
            arm({failpoint: 1})
        asyncio.run(work(folder, failpoint))
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def summary_of_fork(folder: Path) -> dict[str, Any]:
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, json.dumps(asyncio.run(summary(folder))).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        result: dict[str, Any] = json.load(pipe)
    os.wait()
    return result


def main(home: Path, points: list[str]) -> None:
    """Run each fail point in a folder of its own."""
    for number, failpoint in enumerate(points):
        folder, crashes = home / str(number), 0
        while (status := run_process(folder, failpoint, first=crashes == 0)) != 0:
            crashes += 1
            if not os.WIFSIGNALED(status) or crashes > MOST_PROCESSES:
                break
        result = {"point": failpoint, "crashes": crashes, "end": status} | summary_of_fork(folder)
        sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
