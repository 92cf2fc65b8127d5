"""A simulated process: an owner with its heartbeat, a job, and the fate that a seed gave it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from dataclasses import dataclass
from random import Random
from typing import Any

from agents.runtime import context as runtimes
from agents.runtime.context import BEATS_PER_LEASE, Lease, Runtime
from agents.runtime.journal import Journal
from agents.runtime.journal.database import Database
from agents.runtime.provided import provide
from agents.runtime.settings import Settings
from agents.runtime.shutdown import GRACE, Stop
from agents.runtime.testing import run_by
from agents.services import Services
from tests.faults.simulation.driver import Engines, Gone, InlineConnection
from tests.faults.simulation.loop import PROCESS, SimulatedLoop

EPOCH = 1_800_000_000.0
SLOW_IO = 0.01
IO_FAULTS = ("fail before", "fail after", "no memory")
Job = Callable[[Runtime], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to a process, and at which of its steps or of its calls to the database.

    kill: nothing after this step; freeze: it stands still for `seconds`; hesitate: so it does before
    that transaction; interrupt: Ctrl-C; term: SIGTERM; fail before, fail after: that call of the
    database fails, without or with its effect; no memory: it fails by MemoryError.
    `skew` is by how many seconds its wall clock is wrong.
    """

    kind: str = ""
    at: int = 0
    seconds: float = 0.0
    skew: float = 0.0

    def __str__(self) -> str:
        more = f" for {self.seconds:.1f} s" if self.kind in ("freeze", "hesitate") else ""
        clock = f", its clock {self.skew:+.0f} s" if self.skew else ""
        return (f"{self.kind} at {self.at}{more}" if self.kind else "lives") + clock


@dataclass(frozen=True, slots=True)
class Host:
    """Where processes live: what all of them share."""

    loop: SimulatedLoop
    rng: Random
    path: str
    lease: float
    engines: Engines
    services: Services
    tell: Callable[[str], None]


class SimulatedLease(Lease):
    """The lease, its heartbeat a task of the process: it stops and dies with it."""

    def __init__(self, process: "Process", database: Database, lease: float) -> None:
        super().__init__(database, "", lease)
        self.id = f"simulated-{process.number}-0"
        self._own = Database("", process.host.engines.new())
        self._ended = asyncio.Event()

    def _start_beating(self) -> None:
        self._beating = asyncio.create_task(self._beats())

    async def _stop_beating(self) -> None:
        self._ended.set()
        await self._beating

    async def _beats(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self.seconds / BEATS_PER_LEASE):
                    await self._ended.wait()
            except TimeoutError:
                await self._beat(self._own)
            else:
                return


class Process:
    """One process; it is its own clock and its own disk."""

    def __init__(self, number: int, host: Host, fate: Fate) -> None:
        self.number, self.host, self.fate = number, host, fate
        self.alive, self.still, self.froze = True, False, False
        self.tasks: list[asyncio.Task[Any]] = []
        self.held: list[asyncio.Handle] = []
        self.open: list[InlineConnection] = []
        self.path = host.path
        self.ended: asyncio.Future[str] = host.loop.create_future()
        self.stop = Stop()
        self._steps, self._calls, self._begins, self._due = 0, 0, 0, fate.at
        self._main: asyncio.Task[Any] | None = None

    def begin(self, job: Job, *, holds: bool = True) -> None:
        """Start it; what `holds` is an owner of items."""
        context = Context()
        context.run(PROCESS.set, self)
        self.host.tell(f"{self} begins: {self.fate}")
        self._main = self.host.loop.create_task(self._live(job, holds), context=context)
        # Asked to stop before its first step, it has not even come to say so itself.
        self._main.add_done_callback(lambda _: self._end("interrupted"), context=context)

    async def _live(self, job: Job, holds: bool) -> None:
        try:
            with run_by(self):
                async with self._opened(holds) as opened:
                    await job(opened)
        except Exception as error:  # noqa: BLE001 - how a process ends is told, whatever it is
            self._end(f"{type(error).__name__}: {error}".splitlines()[0])
        except asyncio.CancelledError:
            self._end("interrupted")
        else:
            self._end("done")

    @asynccontextmanager
    async def _opened(self, holds: bool) -> AsyncIterator[Runtime]:
        """What open_runtime and connect_services do, with this process's ports."""
        database = Database("", self.host.engines.new())
        owner = SimulatedLease(self, database, self.host.lease)
        try:
            if holds:
                await owner.register()
            journal = Journal(database, "default")
            opened = Runtime(journal, owner, Settings(), self.stop)
            runtimes._runtime.set(opened)
            try:
                with provide(self.host.services):
                    yield opened
            finally:
                if holds:
                    await owner.retire()
        finally:
            await database.close()

    def step(self) -> None:
        """Count, and meet one's fate."""
        self._steps += 1
        if self._steps != self._due or self.ended.done():
            return
        if self.fate.kind == "kill":
            self._end("killed")
        elif self.fate.kind == "freeze":
            if any(connection.in_transaction for connection in self.open):
                self._due += (
                    1  # SQLite alone would lock everybody out; the process tier does the same
                )
                return
            self._freeze()
        elif self.fate.kind in ("interrupt", "term"):
            self._ask_to_stop()

    def _ask_to_stop(self) -> None:
        assert self._main is not None
        self.host.tell(f"{self} is asked to stop: {self.fate.kind}")
        if self.fate.kind == "interrupt":
            self._main.cancel()
        else:
            self.stop.ask()
            self.host.loop.call_later(GRACE, self._main.cancel)

    def _freeze(self) -> None:
        self.still = self.froze = True
        self.host.tell(f"{self} stands still")
        self.host.loop.call_later(self.fate.seconds, self._wake, context=Context())

    def _wake(self) -> None:
        self.host.tell(f"{self} wakes")
        self.still = False
        held, self.held = self.held, []
        self.host.loop.wake(held)

    def _end(self, how: str) -> None:
        """The process is gone: what it has not committed is too."""
        if not self.alive:
            return
        self.host.tell(f"{self} ends: {how}")
        self.alive = False
        self.host.loop.forget(self)
        for connection in self.open:
            connection.stop()
        self.ended.set_result(how)

    def bury(self) -> None:
        """When all is over: let go of what it never finished. Whatever that tries has no effect."""
        self.alive = False
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # it died, as it should
                with suppress(Exception, Gone):
                    task.get_coro().close()
        self.tasks.clear()

    def time(self) -> float:
        """The wall clock, which may be wrong."""
        return self.database_time() + self.fate.skew

    def monotonic(self) -> float:
        """The clock for durations."""
        return self.host.loop.time()

    def database_time(self) -> float:
        """The clock of the database, the same for all."""
        return EPOCH + self.host.loop.time()

    def waited(self) -> float:
        """Virtual seconds."""
        return self.host.loop.time()

    async def rest(self, longest: float) -> None:
        """Let others go on."""
        await asyncio.sleep(self.host.rng.uniform(0, longest))

    async def io(self, what: str) -> bool:
        """Before a call to the database; True if it is to fail after its effect."""
        self._calls += 1
        self._begins += what == "begin"
        if what == "begin" and self.fate.kind == "hesitate" and self._begins == self.fate.at:
            self._freeze()
            await asyncio.sleep(0)
        if what != "call" or self.host.rng.random() < 0.05:
            await self.rest(SLOW_IO)
        if self._calls != self.fate.at or self.fate.kind not in IO_FAULTS:
            return False
        self.host.tell(f"{self}: {what} {self._calls} will {self.fate.kind}")
        if self.fate.kind == "no memory":
            raise MemoryError
        if self.fate.kind == "fail before" or what != "commit":
            raise sqlite3.OperationalError("disk I/O error")
        return True

    def __str__(self) -> str:
        return f"process {self.number}"
