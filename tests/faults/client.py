"""The nursery seen from a test: begin a run, kill, stop or wake its process, hear how it ended."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from agents.runtime.settings import ROOT
from tests.faults.runs import Ended, Run, line

PATIENCE = 240.0  # seconds for any run, on the slowest of machines; one that needs more hangs
LONGEST_LINE = 1 << 20


class Hung(AssertionError):
    """A run did not end; it has been killed."""


class Child:
    """One run's process."""

    def __init__(self, nursery: "NurseryClient", number: int) -> None:
        self._nursery, self._number = nursery, number
        self._begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self._stopped = asyncio.Event()

    async def pid(self) -> int:
        """The process's number."""
        return await asyncio.shield(self._begun)

    async def signal(self, name: str) -> None:
        """Send a signal; nothing happens to a process that has ended."""
        if name == "SIGCONT":
            self._stopped.clear()
        self._nursery.send({"do": name, "pid": await self.pid()})

    async def ended(self) -> Ended:
        """How it ended. Raises Hung if it does not in time; then it is killed."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._ended), PATIENCE)
        except TimeoutError:
            await self.signal("SIGKILL")
            await self._ended
            raise Hung(f"a run did not end in {PATIENCE} s") from None

    async def stopped(self) -> bool:
        """Wait until it stands still; False if it ended without."""
        still = asyncio.create_task(self._stopped.wait())
        either: set[asyncio.Future[Any]] = {still, self._ended}
        try:
            await asyncio.wait(either, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            still.cancel()
        return self._stopped.is_set() and not self._ended.done()

    def hear(self, told: dict[str, Any]) -> None:
        """What the nursery says about it."""
        match told["event"]:
            case "begun":
                self._begun.set_result(told["pid"])
            case "stopped":
                self._stopped.set()
            case "ended":
                words = ("pid", "code", "signal", "seconds", "at")
                self._ended.set_result(Ended(**{word: told[word] for word in words}))

    def orphan(self) -> None:
        """The nursery is gone."""
        for future in (self._begun, self._ended):
            if not future.done():
                future.set_exception(ConnectionError("the nursery has ended"))
                future.exception()


class NurseryClient:
    """A running nursery."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._children: dict[int, Child] = {}
        self._numbers = count(1)

    def begin(self, run: Run) -> Child:
        """Start a run in a forked process."""
        number = next(self._numbers)
        child = self._children[number] = Child(self, number)
        self.send({"do": "run", "id": number, "run": run.as_json()})
        return child

    async def finish(self, run: Run) -> Ended:
        """Start a run and wait for its end."""
        return await self.begin(run).ended()

    def send(self, command: dict[str, Any]) -> None:
        """Hand over a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(line(command))

    async def listen(self) -> None:
        """Pass on what it tells, until it ends."""
        assert self._process.stdout is not None
        while told := await self._process.stdout.readline():
            message = orjson.loads(told)
            self._children[message["id"]].hear(message)
            if message["event"] == "ended":
                del self._children[message["id"]]
        for child in self._children.values():
            child.orphan()


@asynccontextmanager
async def open_nursery(
    tree: Path = ROOT, preload: Sequence[str] = ()
) -> AsyncIterator[NurseryClient]:
    """Start a nursery of the code in `tree`, with more modules loaded; all its children end with it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.nursery",
        *preload,
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        stdin=PIPE,
        stdout=PIPE,
        limit=LONGEST_LINE,
    )
    client = NurseryClient(process)
    listening = asyncio.create_task(client.listen())
    try:
        yield client
    finally:
        assert process.stdin is not None
        process.stdin.close()
        with suppress(ConnectionError):
            await process.stdin.wait_closed()
        await process.wait()
        await listening
