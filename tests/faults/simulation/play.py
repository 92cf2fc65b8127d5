"""Plays schedules: many processes over one journal and one record, until nothing is unfinished."""

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
from typing import Any

import structlog

from agents.orders.notify_customer import notify_customer
from agents.orders.scenario import ORDERS
from agents.runtime.context import Runtime
from agents.runtime.errors import IllegalTransition
from agents.runtime.intake.intake import Intake
from agents.runtime.journal.operator_actions import OperatorAction, UnknownItem, cancel, decide
from agents.runtime.model.batch import RunStats
from agents.runtime.model.policies import LOTS
from agents.runtime.recovery import recovery as reconciler
from agents.services.sandbox.record import SCHEMA
from agents.services.systems import schema
from flows.operations.resume import finish
from flows.order_processing import fulfil
from flows.workflows import WORKFLOWS
from tests.faults.ground import migrate, new_folder
from tests.faults.judge import Case, changed, left_over, untold, verdict
from tests.faults.simulation.driver import Engines
from tests.faults.simulation.loop import SimulatedLoop, Stuck
from tests.faults.simulation.network import LATE, Providers, services_of
from tests.faults.simulation.process import Fate, Host, Process
from tests.faults.simulation.schedule import (
    HOUR,
    LEASE,
    SHOP,
    Schedule,
    Wish,
    candidates,
    schedule_of,
)
from tests.flows.shop import GOODS
from tests.invariants import TABLES, journal_of, record_of
from tests.invariants import Journal as Dump

MOST_RECOVERIES = 8
LONGEST_LIFE = HOUR
TEMPLATE = "template.db"
SCHEDULES_A_SWEEP = 50
AGAIN_EVERY = 4  # schedules of which one is run once more after its end


@dataclass(slots=True)
class Told:
    """What happened under a seed."""

    name: str
    kills: int = 0
    freezes: int = 0
    steps: int = 0
    breaches: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)


@contextmanager
def open_simulation() -> Iterator["Simulation"]:
    """A simulation; while it is open the collector comes only between schedules, and nothing is logged."""
    folder, hook = new_folder(), sys.unraisablehook
    asyncio.run(migrate(f"sqlite+aiosqlite:///{folder / TEMPLATE}"))
    # What a dead process never closed tells so when it is collected, and that is as it should be.
    sys.unraisablehook = lambda _unraisable: None
    logging.disable(logging.CRITICAL)
    gc.disable()
    try:
        with warnings.catch_warnings(action="ignore"), structlog.testing.capture_logs():
            yield Simulation(folder)
            gc.collect()
    finally:
        gc.enable()
        logging.disable(logging.NOTSET)
        sys.unraisablehook = hook
        shutil.rmtree(folder, ignore_errors=True)


class Simulation:
    """What all schedules share: a migrated journal to copy, and compiled statements."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._engines, self._played = folder, Engines(), 0

    def play(self, seed: int) -> Told:
        """Play the schedule of a seed and judge it."""
        return self.perform(schedule_of(seed))

    def perform(self, schedule: Schedule) -> Told:
        """Play this schedule and judge it."""
        told, path = Told(schedule.name), self._folder / "journal.db"
        for left in self._folder.glob("journal.db*"):
            left.unlink()
        shutil.copyfile(self._folder / TEMPLATE, path)
        self._played += 1
        if self._played % SCHEDULES_A_SWEEP == 0:
            gc.collect()
        with closing(_record()) as record, _lots_of(schedule.seed):
            world = _World(schedule, told, path, record, self._engines)
            try:
                world.run()
            except Stuck as error:
                told.breaches.append(f"I2 stuck: {error}")
            finally:
                world.close()
        return told


class _World:
    def __init__(
        self,
        schedule: Schedule,
        told: Told,
        path: Path,
        record: sqlite3.Connection,
        engines: Engines,
    ) -> None:
        self.schedule, self.told, self.path, self.record = schedule, told, path, record
        rng = Random(schedule.seed)
        self.loop = SimulatedLoop(rng)
        self.providers = Providers(record, rng, schedule.faults, schedule.broken_call)
        self.providers.told = told.trace
        self.host = Host(
            self.loop, rng, str(path), LEASE, engines, services_of(self.providers), self._tell
        )
        self.processes: list[Process] = []
        self.gone: set[int] = set()

    def run(self) -> None:
        """All of it, and the verdict."""
        self._tell(str(self.schedule))
        self.loop.run_until_complete(self._story())
        self.told.steps = self.loop.steps
        case = Case(self.schedule.expected, self.gone, self.schedule.cancelled)
        journal = self._dump()
        self.told.breaches += verdict(journal, record_of(self.record), case)
        self.told.breaches += [
            f"end {d['item']}: dead letter: {d['error']}" for d in journal.dead.values()
        ]
        for breach in self.told.breaches:
            self._tell(breach)

    def close(self) -> None:
        """Bury all processes; nothing of them runs any more."""
        for process in self.processes:
            process.bury()
        self.loop.close()

    async def _story(self) -> None:
        begun = [asyncio.create_task(self._wait_for(start)) for start in self.schedule.starts]
        wishes = [asyncio.create_task(self._wish(wish)) for wish in self.schedule.wishes]
        await asyncio.gather(*begun, *wishes)
        self.providers.calm = True
        await self._recover()
        await asyncio.sleep(max(LATE) * 2)  # whatever is still on its way arrives
        if self.schedule.seed % AGAIN_EVERY == 0:
            before = self._dump(), record_of(self.record)
            await self._run("process", Fate())
            self.told.breaches += changed(before, (self._dump(), record_of(self.record)))

    async def _wait_for(self, start: Any) -> None:
        await asyncio.sleep(start.at)
        await self._run(start.job, start.fate)

    async def _recover(self) -> None:
        """Undisturbed processes until nothing is left to do."""
        for _ in range(MOST_RECOVERIES):
            journal = self._dump()
            left = left_over(journal, self.schedule.expected)
            if not left:
                return
            only_messages = len(untold(journal)) == len(left)
            await self._run("reconcile" if only_messages else "process", Fate())
            await asyncio.sleep(LEASE)

    async def _run(self, job: str, fate: Fate) -> None:
        process = Process(len(self.processes) + 1, self.host, fate)
        self.processes.append(process)
        process.begin(self._process if job == "process" else _reconcile)
        try:
            async with asyncio.timeout(LONGEST_LIFE):
                how = await asyncio.shield(process.ended)
        except TimeoutError:
            raise Stuck(f"{process} has not ended after {LONGEST_LIFE} s") from None
        self.told.kills += how == "killed"
        if process.froze:
            self.told.freezes += 1
            self.gone.add(process.number)
        if how != "done":
            self.gone.add(process.number)

    async def _process(self, _journal: Runtime) -> None:
        source = [candidates()[number] for number in self.schedule.orders]
        intake = Intake(ORDERS, RunStats(), reject=lambda _: None)
        async for batch in intake.accepted(source, self.schedule.size):
            await fulfil(batch)

    async def _wish(self, wish: Wish) -> None:
        await asyncio.sleep(wish.at)
        person = Process(-1, self.host, Fate())
        self.processes.append(person)
        person.begin(partial(self._ask, wish), holds=False)
        await person.ended

    async def _ask(self, wish: Wish, journal: Runtime) -> None:
        act = OperatorAction("orders", SHOP.order_id(wish.order), "tester", wish.what)
        try:
            if wish.what == "cancel":
                await cancel(journal.journal, act)
            else:
                await decide(journal.journal, act, approved=wish.what == "approve")
        except (IllegalTransition, UnknownItem) as error:
            self._tell(f"too early or too late: {error}")
        else:
            self._tell(f"somebody asks: {wish.what} {act.key}")

    def _dump(self) -> Dump:
        with closing(sqlite3.connect(self.path)) as db:
            db.row_factory = sqlite3.Row
            return journal_of(
                {
                    t.name: [dict(row) for row in db.execute(f"SELECT * FROM {t.name}")]
                    for t in TABLES
                }
            )

    def _tell(self, what: str) -> None:
        self.told.trace.append(f"{self.loop.time():9.3f} {what}")


async def _reconcile(journal: Runtime) -> None:
    """What the reconciler's flow does."""
    story = WORKFLOWS[ORDERS.name]
    await reconciler.time_is_up(journal.journal, ORDERS.name, HOUR, HOUR)
    await finish(story)
    await reconciler.deliver_left_behind(journal.journal, story.scenario, notify_customer)
    await reconciler.sweep_owners(journal.journal)


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
def _lots_of(seed: int) -> Iterator[None]:
    """Jitter is drawn from the seed too."""
    before = LOTS.getstate()
    LOTS.seed(seed)
    try:
        yield
    finally:
        LOTS.setstate(before)
