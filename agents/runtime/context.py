"""The runtime of one process: its journal with lease, process pool, cache, logs and metrics."""

import asyncio
import gc
import os
import socket
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field, replace
from functools import cache

from structlog.contextvars import bound_contextvars

from agents.runtime.alerts import Alert, send
from agents.runtime.clock import Reading, clock
from agents.runtime.forecaster import Forecaster
from agents.runtime.journal import Journal, workers
from agents.runtime.journal.claims import left_over
from agents.runtime.journal.database import Database, JournalLost
from agents.runtime.journal.installation import installation_id
from agents.runtime.journal.resources import give_back_all
from agents.runtime.metrics import CLOCK_SET, CLOCK_SKEW, JOURNAL_ERRORS, LEASES_LOST
from agents.runtime.monitor import monitored
from agents.runtime.prefect_ui import SHOWN_OF_INSTALLATION, of_installation
from agents.runtime.process_pool import ProcessPool
from agents.runtime.redis.client import RedisClient
from agents.runtime.redis.shared_cache import SharedCache
from agents.runtime.run_context import flow_run_id
from agents.runtime.scheduling.call_times import Usual
from agents.runtime.settings import Settings, traces_wanted
from agents.runtime.shutdown import Stop, stop_on_sigterm
from agents.runtime.telemetry import get_logger, start_telemetry
from agents.runtime.tracing import flush, record_to, recorder

log = get_logger(__name__)

BEATS_PER_LEASE = 5
LEFT = "left: "  # how the note of what is left begins
CLOCK_TOLERANCE = 0.5  # seconds by which a clock may be corrected between two heartbeats
COLLECT_EVERY = 5_000, 20, 100  # thresholds of the garbage collector
SKEW_TOLERANCE = 5.0  # seconds by which the clocks of database and host may differ


class Lease:
    """The identity of this process in the journal, renewed by a heartbeat in its own thread.

    It ends with "@" and the id of the flow run, if there is one. `seconds` after its last heartbeat
    other processes may take over its items.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        self.flow_run = flow_run_id()
        process = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self.id = f"{process}@{self.flow_run}" if self.flow_run else process
        self.seconds = seconds
        self.took_resources = False
        self.lost: JournalLost | None = None
        self.when_lost: Callable[[], object] = lambda: None
        self._database = database
        self._stopped = threading.Event()
        self._beaten = clock().monotonic()
        self._reading: Reading | None = None
        self._is_skewed = False
        self._context = copy_context()  # in which alerts know the flow run
        self._thread = threading.Thread(target=self._run_heartbeat, name="lease", daemon=True)

    async def register(self) -> None:
        """Insert this worker's row and start the heartbeat."""
        self._beaten = begun = clock().monotonic()
        at = await workers.register(self._database, self.id, self.seconds, self.flow_run)
        await self._watch_clock(self._read(at, begun))
        self._start_heartbeat()

    async def retire(self) -> int:
        """Stop the heartbeat, hand back held items without counting a crash, and delete the row.

        Returns how many items are handed back.
        """
        await self._stop_heartbeat()
        give_back = give_back_all if self.took_resources else None
        return await workers.retire(self._database, self.id, give_back)

    def remaining(self) -> float:
        """Seconds for which no other process can take over this process's items."""
        return self._beaten + self.seconds - clock().monotonic()

    def _start_heartbeat(self) -> None:
        self._thread.start()

    async def _stop_heartbeat(self) -> None:
        self._stopped.set()
        await asyncio.to_thread(self._thread.join)

    def _run_heartbeat(self) -> None:
        # Most runs end before their first heartbeat, and then need neither an event loop nor an engine for it.
        if not self._stopped.wait(self._pause):
            asyncio.run(self._beat_until_stopped())

    async def _beat_until_stopped(self) -> None:
        # An engine of its own, since connections of another event loop cannot be used in this thread.
        database = self._database.again()
        await self._beat(database)
        while self.lost is None and not await asyncio.to_thread(self._stopped.wait, self._pause):
            await self._beat(database)
        await database.close()

    @property
    def _pause(self) -> float:
        return self.seconds / BEATS_PER_LEASE

    async def _beat(self, database: Database) -> None:
        begun = clock().monotonic()
        try:
            at = await workers.beat(
                database, self.id, lambda at: self._set_by(self._read(at, begun))
            )
            if at is not None:
                self._beaten = begun
                await self._watch_clock(self._read(at, begun))
        except JournalLost as error:
            LEASES_LOST.labels("journal").inc()
            log.error("the journal is lost", worker=self.id, reason=str(error))  # noqa: TRY400 - no bug
            self.lost = error
            self.when_lost()
        except Exception:
            JOURNAL_ERRORS.inc()
            log.exception("a heartbeat failed", worker=self.id, remaining=self.remaining())

    def _read(self, at: float, begun: float) -> Reading:
        return Reading(at, begun, clock().monotonic(), clock().time())

    def _set_by(self, reading: Reading) -> float:
        """Seconds by which the database's clock was set since the last heartbeat."""
        seconds = 0.0 if self._reading is None else reading.set_since(self._reading)
        return seconds if abs(seconds) > CLOCK_TOLERANCE else 0.0

    async def _watch_clock(self, reading: Reading) -> None:
        """Alert if the database's clock was set, or differs from that of this host."""
        if seconds := self._set_by(reading):
            CLOCK_SET.inc()
            await self._alert(f"the clock of the journal's database was set by {seconds:+,.1f} s")
        self._reading = reading
        # SQLite reads the clock of this host.
        skew = 0.0 if self._database.is_sqlite else reading.skew
        CLOCK_SKEW.set(skew)
        was_skewed, self._is_skewed = self._is_skewed, abs(skew) > SKEW_TOLERANCE
        if self._is_skewed and not was_skewed:
            await self._alert(
                f"the database's clock is {skew:+,.1f} s ahead of the clock of this host"
            )

    async def _alert(self, reason: str) -> None:
        reason += "; leases and waits go by the database: let NTP set both clocks"
        alerts = [Alert("clock", "journal", socket.gethostname(), reason)]
        await asyncio.create_task(send(alerts), context=self._context)


class GivenBack:
    """Tells the tasks of this process that resources were given back."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def next(self) -> asyncio.Event:
        """The event that is set the next time; get it before you look whether you must wait."""
        return self._next

    def announce(self) -> None:
        """Wake all tasks that wait."""
        self._next.set()
        self._next = asyncio.Event()


@dataclass(frozen=True, slots=True)
class Runtime:
    """What the agents of a process share while it is open."""

    journal: Journal
    lease: Lease
    settings: Settings
    stop: Stop = field(default_factory=Stop)
    process_pool: ProcessPool = field(default_factory=ProcessPool)
    cache: SharedCache = field(default_factory=SharedCache)
    usual: Usual = field(default_factory=Usual)
    given_back: GivenBack = field(default_factory=GivenBack)
    forecaster: Forecaster = field(default_factory=Forecaster)


_runtime: ContextVar[Runtime | None] = ContextVar("runtime", default=None)


class NotOpen(LookupError):
    """There is no open runtime. Agents process batches within `async with open_runtime(settings):`."""

    def __str__(self) -> str:
        return "no runtime is open: run this inside `async with open_runtime(settings):`"


def runtime() -> Runtime:
    """The open runtime. Raises NotOpen outside of `open_runtime`."""
    opened = _runtime.get()
    if opened is None:
        raise NotOpen
    return opened


@contextmanager
def of_tenant(tenant: str) -> Iterator[None]:
    """Within the block the journal is that of another tenant: new items are its items."""
    opened = runtime()
    token = _runtime.set(replace(opened, journal=replace(opened.journal, tenant=tenant)))
    try:
        yield
    finally:
        _runtime.reset(token)


def enter_tenant(tenant: str) -> None:
    """Let the current task ask the journal as this tenant, whose item it works on.

    A consumer's batch may have items of several tenants; what an agent looks up is of its item's own.
    """
    here = runtime()
    if here.journal.tenant != tenant:
        _runtime.set(replace(here, journal=replace(here.journal, tenant=tenant)))


def shared_cache() -> SharedCache:
    """The cache of the open runtime; without a runtime, one of this process alone."""
    opened = _runtime.get()
    return _LOCAL_CACHE if opened is None else opened.cache


_LOCAL_CACHE = SharedCache()


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Open and migrate the journal; within the block this process holds items under a lease.

    After the block it hands back what it still holds. An error that ends the block gets a note of what
    is left, which is in every stack trace of it.
    """
    start_telemetry(settings)
    _start_tracing()
    database = Database(settings.journal)
    lease = Lease(database, settings.lease_seconds)
    cache = SharedCache(RedisClient(settings))
    try:
        run = {"flow_run": lease.flow_run} if lease.flow_run else {}
        with bound_contextvars(**run), stop_on_sigterm() as stop, _ended_with(lease):
            await database.migrate()
            stop.check()
            await lease.register()
            spare_garbage_collector()
            journal = Journal(database, settings.tenant, await installation_id(database))
            of_installation.set(journal.installation[:SHOWN_OF_INSTALLATION])
            forecaster = Forecaster(settings.data, database)
            await forecaster.open()
            opened = Runtime(
                journal, lease, settings, stop, ProcessPool(), cache, forecaster=forecaster
            )
            token, failure = _runtime.set(opened), None
            try:
                async with monitored(settings, database):
                    yield opened
            except Exception as error:
                failure = error
                raise
            finally:
                _runtime.reset(token)
                await forecaster.close()
                await opened.process_pool.close()
                if await lease.retire() and failure is not None:
                    await _say_what_is_left(failure, journal)
    finally:
        await cache.close()
        await database.close()
        if recorder() is not None:
            await asyncio.to_thread(flush)


def _start_tracing() -> None:
    """Record spans if the environment names an OTLP endpoint; one line says if the extra is missing."""
    if recorder() is not None or not traces_wanted():
        return
    try:
        from agents.runtime.otlp import OtlpRecorder  # noqa: PLC0415 - costs nothing where traces are off
    except ModuleNotFoundError as error:
        log.warning("traces need the extra `traces`", missing=error.name)
        return
    record_to(OtlpRecorder())


async def _say_what_is_left(failure: Exception, journal: Journal) -> None:
    """Add to the error how many items are unfinished, and which commands finish them."""
    left = await left_over(journal.database, journal.tenant)
    items = ", ".join(f"{count:,} of {scenario}" for scenario, count in left.items())
    failure.add_note(
        f"{LEFT}{items} not finished, and no process holds them\n"
        "finish: run the same command again, or: uv run python -m flows.operations recover"
    )
    log.error("the run failed and left items", left=left, reason=str(failure))


@contextmanager
def _ended_with(lease: Lease) -> Iterator[None]:
    """Cancel the current task when the lease has lost its journal; the block then raises JournalLost."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    lease.when_lost = lambda: loop.call_soon_threadsafe(task.cancel)
    try:
        yield
    except asyncio.CancelledError:
        if lease.lost is None:
            raise
        task.uncancel()
        raise lease.lost from None
    finally:
        lease.when_lost = lambda: None


@cache
def spare_garbage_collector() -> None:
    """Exempt all objects loaded so far from garbage collection, once in a process.

    Prefect and SQLAlchemy are about 200,000 objects, and full collections of them took a tenth of
    the run time. What comes later are the items of a batch, which each collection looks through again,
    and calls over HTTP, which make much garbage: so there are fewer collections than usual.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_EVERY)
