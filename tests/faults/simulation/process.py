"""A simulated process: a lease with its heartbeat, a job, and the fault that the seed gives it."""

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
from tests.faults.simulation.loop import PROCESS, SimulatedLoop
from tests.faults.simulation.network import EPOCH
from tests.faults.simulation.sqlite_driver import Engines, InlineConnection, ProcessDead

INSTALLATION = "5e" * 8
SLOW_IO = 0.01
IO_FAULTS = ("fail before", "fail after", "no memory")
Job = Callable[[Runtime], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a process, and at which of its steps or database calls.

    kill: it dies after this step. freeze: it stands still for `seconds`. freeze at begin: the same before
    that transaction. interrupt: Ctrl-C. term: SIGTERM. fail before, fail after: that database call fails
    without or with its effect. no memory: that call raises MemoryError. `skew` is the error of its wall
    clock in seconds.
    """

    kind: str = ""
    at: int = 0
    seconds: float = 0.0
    skew: float = 0.0

    def __str__(self) -> str:
        more = f" for {self.seconds:.1f} s" if self.kind.startswith("freeze") else ""
        clock = f", its clock {self.skew:+.0f} s" if self.skew else ""
        return (f"{self.kind} at {self.at}{more}" if self.kind else "no fault") + clock


@dataclass(frozen=True, slots=True)
class Machine:
    """What all processes of a schedule share."""

    loop: SimulatedLoop
    rng: Random
    path: str
    lease: float
    engines: Engines
    services: Services
    log: Callable[[str], None]


class SimulatedLease(Lease):
    """A lease whose heartbeat is a task of the process: it freezes and dies with it."""

    def __init__(self, process: "Process", database: Database, lease: float) -> None:
        super().__init__(database, lease)
        self.id = f"simulated-{process.number}-0"
        self._own = Database("", process.machine.engines.new())
        self._ended = asyncio.Event()

    def _start_heartbeat(self) -> None:
        self._beating = asyncio.create_task(self._beats())

    async def _stop_heartbeat(self) -> None:
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
    """One process; it is also its clock and what the SQLite driver asks."""

    def __init__(self, number: int, machine: Machine, fault: Fault) -> None:
        self.number, self.machine, self.fault = number, machine, fault
        self.alive, self.frozen, self.was_frozen = True, False, False
        self.tasks: list[asyncio.Task[Any]] = []
        self.held: list[asyncio.Handle] = []
        self.open: list[InlineConnection] = []
        self.path = machine.path
        self.ended: asyncio.Future[str] = machine.loop.create_future()
        self.stop = Stop()
        self._steps, self._calls, self._begins, self._fault_step = 0, 0, 0, fault.at
        self._main: asyncio.Task[Any] | None = None

    def start(self, job: Job, *, registers: bool = True) -> None:
        """Start the job; a process that `registers` can own items."""
        context = Context()
        context.run(PROCESS.set, self)
        self.machine.log(f"{self} starts: {self.fault}")
        self._main = self.machine.loop.create_task(self._run(job, registers), context=context)
        # A task that is cancelled before its first step does not report its end itself.
        self._main.add_done_callback(lambda _: self._end("interrupted"), context=context)

    async def _run(self, job: Job, registers: bool) -> None:
        try:
            with run_by(self):
                async with self._opened(registers) as opened:
                    await job(opened)
        except Exception as error:  # noqa: BLE001 - the trace reports how a process ends
            self._end(f"{type(error).__name__}: {error}".splitlines()[0])
        except asyncio.CancelledError:
            self._end("interrupted")
        else:
            self._end("done")

    @asynccontextmanager
    async def _opened(self, registers: bool) -> AsyncIterator[Runtime]:
        """Do what open_runtime and connect_services do, with the simulated parts."""
        database = Database("", self.machine.engines.new())
        owner = SimulatedLease(self, database, self.machine.lease)
        try:
            if registers:
                await owner.register()
            journal = Journal(database, "default", INSTALLATION)
            opened = Runtime(journal, owner, Settings(), self.stop)
            runtimes._runtime.set(opened)
            try:
                with provide(self.machine.services):
                    yield opened
            finally:
                if registers:
                    await owner.retire()
        finally:
            await database.close()

    def step(self) -> None:
        """Count the step; at the step of the fault, let it happen."""
        self._steps += 1
        if self._steps != self._fault_step or self.ended.done():
            return
        if self.fault.kind == "kill":
            self._end("killed")
        elif self.fault.kind == "freeze":
            if any(connection.in_transaction for connection in self.open):
                # SQLite would keep its lock; the cells of processes avoid this in the same way.
                self._fault_step += 1
                return
            self._freeze()
        elif self.fault.kind in ("interrupt", "term"):
            self._ask_to_stop()

    def _ask_to_stop(self) -> None:
        assert self._main is not None
        self.machine.log(f"{self} is asked to stop: {self.fault.kind}")
        if self.fault.kind == "interrupt":
            self._main.cancel()
        else:
            self.stop.ask()
            self.machine.loop.call_later(GRACE, self._main.cancel)

    def _freeze(self) -> None:
        self.frozen = self.was_frozen = True
        self.machine.log(f"{self} freezes")
        self.machine.loop.call_later(self.fault.seconds, self._wake, context=Context())

    def _wake(self) -> None:
        self.machine.log(f"{self} wakes")
        self.frozen = False
        held, self.held = self.held, []
        self.machine.loop.wake(held)

    def _end(self, how: str) -> None:
        """End the process; its open transactions are lost."""
        if not self.alive:
            return
        self.machine.log(f"{self} ends: {how}")
        self.alive = False
        self.machine.loop.forget(self)
        for connection in self.open:
            connection.stop()
        self.ended.set_result(how)

    def discard(self) -> None:
        """Close unfinished coroutines after the schedule; their calls have no effect."""
        self.alive = False
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is meant to be pending
                with suppress(Exception, ProcessDead):
                    task.get_coro().close()
        self.tasks.clear()

    def time(self) -> float:
        """Return the wall clock, which may be wrong."""
        return self.database_time() + self.fault.skew

    def monotonic(self) -> float:
        """Return the clock for durations."""
        return self.machine.loop.time()

    def database_time(self) -> float:
        """Return the clock of the database, which all processes share."""
        return EPOCH + self.machine.loop.time()

    async def rest(self, longest: float) -> None:
        """Wait for at most `longest` virtual seconds."""
        await asyncio.sleep(self.machine.rng.uniform(0, longest))

    async def io(self, what: str) -> bool:
        """Run before a database call; True means that the call must fail after its effect."""
        self._calls += 1
        self._begins += what == "begin"
        if (
            what == "begin"
            and self.fault.kind == "freeze at begin"
            and self._begins == self.fault.at
        ):
            self._freeze()
            await asyncio.sleep(0)
        if what != "call" or self.machine.rng.random() < 0.05:
            await self.rest(SLOW_IO)
        if self._calls != self.fault.at or self.fault.kind not in IO_FAULTS:
            return False
        self.machine.log(f"{self}: {what} {self._calls} will {self.fault.kind}")
        if self.fault.kind == "no memory":
            raise MemoryError
        if self.fault.kind == "fail before" or what != "commit":
            raise sqlite3.OperationalError("disk I/O error")
        return True

    def __str__(self) -> str:
        return f"process {self.number}"
