"""Runs schedules: many processes over one journal and one record, until nothing is unfinished."""

import asyncio
import gc
import logging
import shutil
import sqlite3
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

import structlog

from agents.orders.notify_customer import notify_customer
from agents.orders.scenario import ORDERS
from agents.runtime.context import Runtime
from agents.runtime.errors import IllegalTransition
from agents.runtime.intake.intake import Intake
from agents.runtime.journal.operator_actions import OperatorAction, UnknownItem, cancel, decide
from agents.runtime.model.batch import RunStats
from agents.runtime.model.policies import LOTS
from agents.runtime.recovery import recovery
from agents.services.sandbox.record import SCHEMA
from agents.services.systems import schema
from flows.fulfilment import fulfil
from flows.operations.resume import finish
from flows.workflows import WORKFLOWS
from tests.faults.checker import (
    Expectation,
    few_messages_at_once,
    rerun_changes,
    unfinished_work,
    unsent_messages,
    violations_of,
)
from tests.faults.environment import migrate
from tests.faults.simulation.loop import SimulatedLoop, Stuck
from tests.faults.simulation.network import LATE, Providers, services_of
from tests.faults.simulation.process import Fault, Machine, Process
from tests.faults.simulation.schedule import (
    HOUR,
    LEASE,
    SHOP,
    OperatorRequest,
    Schedule,
    Start,
    schedule_of,
    submissions,
)
from tests.faults.simulation.sqlite_driver import Engines
from tests.flows.shop import GOODS
from tests.invariants import TABLES, journal_of, record_of
from tests.invariants import Journal as Dump
from tests.memory import new_folder

MAX_RECOVERIES = 8
MAX_LIFETIME = HOUR
TEMPLATE = "template.db"
COLLECT_EVERY = 50  # schedules
RERUN_EVERY = 4  # one schedule of four has one more run after its end


@dataclass(slots=True)
class ScheduleResult:
    """The result of one schedule."""

    name: str
    kills: int = 0
    freezes: int = 0
    steps: int = 0
    violations: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)


@contextmanager
def open_simulation() -> Iterator["Simulation"]:
    """Open a simulation; the garbage collector runs only between schedules, and nothing is logged."""
    folder, hook = new_folder("faults-"), sys.unraisablehook
    asyncio.run(migrate(f"sqlite+aiosqlite:///{folder / TEMPLATE}"))
    # Connections that a dead process has not closed warn when they are collected: they are meant to be open.
    sys.unraisablehook = lambda _unraisable: None
    logging.disable(logging.CRITICAL)
    gc.disable()
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            structlog.testing.capture_logs(),
            few_messages_at_once(),
        ):
            yield Simulation(folder)
            gc.collect()
    finally:
        gc.enable()
        logging.disable(logging.NOTSET)
        sys.unraisablehook = hook
        shutil.rmtree(folder, ignore_errors=True)


class Simulation:
    """Runs schedules; they share a migrated journal to copy and the compiled statements."""

    def __init__(self, folder: Path) -> None:
        self._engines, self._count = Engines(), 0
        self.template, self.journal = folder / TEMPLATE, folder / "journal.db"

    def run_seed(self, seed: int) -> ScheduleResult:
        """Run the schedule of a seed and check it."""
        return self.run(schedule_of(seed))

    def run(self, schedule: Schedule) -> ScheduleResult:
        """Run this schedule and check it."""
        result, path = ScheduleResult(schedule.name), self.journal
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()
        shutil.copyfile(self.template, path)
        self._count += 1
        if self._count % COLLECT_EVERY == 0:
            gc.collect()
        with closing(_record()) as record, _seeded_jitter(schedule.seed):
            world = _World(schedule, result, path, record, self._engines)
            try:
                world.run()
            except Stuck as error:
                result.violations.append(f"I2 stuck: {error}")
            finally:
                world.close()
        return result


class _World:
    def __init__(
        self,
        schedule: Schedule,
        result: ScheduleResult,
        path: Path,
        record: sqlite3.Connection,
        engines: Engines,
    ) -> None:
        self.schedule, self.result, self.path, self.record = schedule, result, path, record
        rng = Random(schedule.seed)
        self.loop = SimulatedLoop(rng)
        self.providers = Providers(record, rng, schedule.faults, schedule.failing_call)
        self.providers.trace = result.trace
        self.machine = Machine(
            self.loop, rng, str(path), LEASE, engines, services_of(self.providers), self._log
        )
        self.processes: list[Process] = []
        self.faulted: set[int] = set()

    def run(self) -> None:
        """Run the schedule and check it."""
        self._log(str(self.schedule))
        self.loop.run_until_complete(self._main())
        self.result.steps = self.loop.steps
        permitted = Expectation(self.schedule.expected, self.faulted, self.schedule.cancelled)
        journal = self._dump()
        self.result.violations += violations_of(journal, record_of(self.record), permitted)
        self.result.violations += [
            f"end {d['item']}: dead letter: {d['error']}" for d in journal.dead.values()
        ]
        for violation in self.result.violations:
            self._log(violation)

    def close(self) -> None:
        """Discard all processes."""
        for process in self.processes:
            process.discard()
        self.loop.close()

    async def _main(self) -> None:
        runs = [asyncio.create_task(self._start(start)) for start in self.schedule.starts]
        operators = [asyncio.create_task(self._request(one)) for one in self.schedule.requests]
        await asyncio.gather(*runs, *operators)
        self.providers.fault_free = True
        await self._recover()
        await asyncio.sleep(max(LATE) * 2)  # requests that are still on their way arrive
        if self.schedule.seed % RERUN_EVERY == 0:
            before = self._dump(), record_of(self.record)
            await self._run("process", Fault())
            self.result.violations += rerun_changes(before, (self._dump(), record_of(self.record)))

    async def _start(self, start: Start) -> None:
        await asyncio.sleep(start.at)
        await self._run(start.job, start.fault)

    async def _recover(self) -> None:
        """Run processes without faults until nothing is left."""
        for _ in range(MAX_RECOVERIES):
            journal = self._dump()
            left = unfinished_work(journal, self.schedule.expected)
            if not left:
                return
            only_messages = len(unsent_messages(journal)) == len(left)
            await self._run("recover" if only_messages else "process", Fault())
            await asyncio.sleep(LEASE)

    async def _run(self, job: str, fault: Fault) -> None:
        process = Process(len(self.processes) + 1, self.machine, fault)
        self.processes.append(process)
        process.start(self._process if job == "process" else _recover)
        try:
            async with asyncio.timeout(MAX_LIFETIME):
                end = await asyncio.shield(process.ended)
        except TimeoutError:
            raise Stuck(f"{process} has not ended after {MAX_LIFETIME} s") from None
        self.result.kills += end == "killed"
        if process.was_frozen:
            self.result.freezes += 1
            self.faulted.add(process.number)
        if end != "done":
            self.faulted.add(process.number)

    async def _process(self, _runtime: Runtime) -> None:
        source = [submissions()[number] for number in self.schedule.orders]
        intake = Intake(ORDERS, RunStats(), reject=lambda _: None)
        async for batch in intake.accepted(source, self.schedule.size):
            await fulfil(batch)

    async def _request(self, request: OperatorRequest) -> None:
        await asyncio.sleep(request.at)
        operator = Process(-1, self.machine, Fault())
        self.processes.append(operator)
        operator.start(partial(self._act, request), registers=False)
        await operator.ended

    async def _act(self, request: OperatorRequest, opened: Runtime) -> None:
        order = SHOP.order_id(request.order)
        action = OperatorAction("orders", order, "tester", request.action)
        try:
            if request.action == "cancel":
                await cancel(opened.journal, action)
            else:
                await decide(opened.journal, action, approved=request.action == "approve")
        except (IllegalTransition, UnknownItem) as error:
            self._log(f"too early or too late: {error}")
        else:
            self._log(f"operator: {request.action} {order}")

    def _dump(self) -> Dump:
        with closing(sqlite3.connect(self.path)) as db:
            db.row_factory = sqlite3.Row
            return journal_of(
                {
                    t.name: [dict(row) for row in db.execute(f"SELECT * FROM {t.name}")]
                    for t in TABLES
                }
            )

    def _log(self, what: str) -> None:
        self.result.trace.append(f"{self.loop.time():9.3f} {what}")


async def _recover(opened: Runtime) -> None:
    """Do what the recovery flow does."""
    workflow = WORKFLOWS[ORDERS.name]
    await recovery.apply_timeouts(opened.journal, ORDERS.name, HOUR, HOUR)
    await finish(workflow)
    await recovery.send_unsent_notices(opened.journal, workflow.scenario, notify_customer)
    await recovery.remove_crashed_workers(opened.journal)


def _record() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.row_factory = sqlite3.Row
    db.executescript(SCHEMA + schema())
    db.executemany(
        "INSERT INTO stock (sku, initial, on_hand, weight_grams) VALUES (?, ?, ?, ?)",
        [(SHOP.sku(name), count, count, grams) for name, (count, grams) in GOODS.items()],
    )
    return db


@contextmanager
def _seeded_jitter(seed: int) -> Iterator[None]:
    """Seed the jitter of retries for the block."""
    before = LOTS.getstate()
    LOTS.seed(seed)
    try:
        yield
    finally:
        LOTS.setstate(before)
