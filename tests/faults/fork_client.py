"""The fork server as a test uses it: start a run, send signals to its process, wait until it exits."""

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
from tests.faults.protocol import ExitStatus, Run, line

RUN_TIMEOUT = 240.0  # seconds; the slowest machine needs less for any run
MAX_LINE_BYTES = 1 << 20


class Hung(AssertionError):
    """A run did not end in time and was killed."""


class Child:
    """The process of one run."""

    def __init__(self, client: "ForkClient", number: int) -> None:
        self._client, self._number = client, number
        self._started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._exited: asyncio.Future[ExitStatus] = asyncio.get_running_loop().create_future()
        self._stopped = asyncio.Event()

    async def pid(self) -> int:
        """Return the process id as soon as the process runs."""
        return await asyncio.shield(self._started)

    async def signal(self, name: str) -> None:
        """Send a signal. A process that has exited gets none."""
        if name == "SIGCONT":
            self._stopped.clear()
        self._client.send({"do": name, "pid": await self.pid()})

    async def exited(self) -> ExitStatus:
        """Wait until the process exits. After RUN_TIMEOUT seconds kill it and raise Hung."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._exited), RUN_TIMEOUT)
        except TimeoutError:
            await self.signal("SIGKILL")
            await self._exited
            raise Hung(f"a run did not end in {RUN_TIMEOUT} s") from None

    async def stopped(self) -> bool:
        """Wait until the process is stopped by a signal; False if it exits before."""
        stop = asyncio.create_task(self._stopped.wait())
        either: set[asyncio.Future[Any]] = {stop, self._exited}
        try:
            await asyncio.wait(either, timeout=RUN_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
        return self._stopped.is_set() and not self._exited.done()

    def on_event(self, event: dict[str, Any]) -> None:
        """Take an event of the fork server about this process."""
        match event["event"]:
            case "started":
                self._started.set_result(event["pid"])
            case "stopped":
                self._stopped.set()
            case "exited":
                names = ("pid", "code", "signal", "seconds", "at")
                self._exited.set_result(ExitStatus(**{name: event[name] for name in names}))

    def disconnect(self) -> None:
        """Fail everything that still waits, because the fork server has ended."""
        for future in (self._started, self._exited):
            if not future.done():
                future.set_exception(ConnectionError("the fork server has ended"))
                future.exception()


class ForkClient:
    """A running fork server."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._children: dict[int, Child] = {}
        self._numbers = count(1)

    def start(self, run: Run) -> Child:
        """Start a run in a forked process."""
        number = next(self._numbers)
        child = self._children[number] = Child(self, number)
        self.send({"do": "run", "id": number, "run": run.as_json()})
        return child

    async def finish(self, run: Run) -> ExitStatus:
        """Start a run and wait until its process exits. Raises Hung."""
        return await self.start(run).exited()

    def send(self, command: dict[str, Any]) -> None:
        """Send a command to the fork server."""
        assert self._process.stdin is not None
        self._process.stdin.write(line(command))

    async def listen(self) -> None:
        """Pass every event on to its child until the fork server ends."""
        assert self._process.stdout is not None
        while received := await self._process.stdout.readline():
            event = orjson.loads(received)
            self._children[event["id"]].on_event(event)
            if event["event"] == "exited":
                del self._children[event["id"]]
        for child in self._children.values():
            child.disconnect()


@asynccontextmanager
async def open_fork_server(
    tree: Path = ROOT, preload: Sequence[str] = ()
) -> AsyncIterator[ForkClient]:
    """Start a fork server of the code in `tree` that also imports `preload`; children end with it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.fork_server",
        *preload,
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        stdin=PIPE,
        stdout=PIPE,
        limit=MAX_LINE_BYTES,
    )
    client = ForkClient(process)
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
