"""Serving: keeps as many consumers of a queue on this machine as its backlog needs.

`python -m flows.operations.serving --scenario turns`, or `python -m flows.order_processing serve` for
orders. Each consumer is a process with flow runs of its own; one that ends is started again.
"""

import asyncio
import contextlib
import math
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.intake.backlog import backlog_table, read_backlog
from agents.runtime.journal.database import Database
from agents.runtime.metrics import CONSUMERS
from agents.runtime.monitor import monitored
from agents.runtime.prefect_ui import publish_table
from agents.runtime.scheduling.scaling import Load, ScaleBounds, consumers_wanted
from agents.runtime.settings import ROOT, settings
from agents.runtime.shutdown import stop_on_sigterm
from agents.runtime.telemetry import get_logger, start_telemetry
from flows.cli.commands import command
from flows.cli.parameters import ScenarioName
from flows.cli.reports import Listing
from flows.workflows import WORKFLOWS

log = get_logger(__name__)

LOOK_SECONDS = 5.0
STOP_SECONDS = 8.5  # work in flight has seven seconds to finish, and this process nine to end
Many = Annotated[int, Field(ge=0, le=64)]


@flow(name="serve", flow_run_name="serve {scenario}", persist_result=False)
async def serve(  # noqa: PLR0913 - the parameters of a command
    scenario: ScenarioName = "orders",
    least: Many = 1,
    most: Many = 2,
    drain_seconds: Annotated[float, Field(ge=1)] = 60.0,
    cooldown_seconds: Annotated[float, Field(ge=1)] = 300.0,
    for_seconds: Annotated[float, Field(ge=0)] | None = None,
) -> Listing:
    """Run consumers of a queue on this machine: more while the backlog is large, fewer later.

    Example: `uv run python -m flows.operations.serving --scenario orders --most 2`

    Args:
        scenario: Scenario whose queue is processed.
        least: Consumers to keep at least, 0 to 64.
        most: Consumers to run at most, 0 to 64.
        drain_seconds: Consumers are added while the backlog would take longer than this.
        cooldown_seconds: The last consumer stays this long after the last item.
        for_seconds: Seconds after which serving ends; without it, Ctrl-C or SIGTERM ends it.

    """
    start_telemetry(settings())
    bounds = ScaleBounds(least, max(least, most), drain_seconds, cooldown_seconds)
    database = Database(settings().journal)
    await database.migrate()
    until = math.inf if for_seconds is None else time.monotonic() + for_seconds
    with stop_on_sigterm(STOP_SECONDS) as stop:
        async with monitored(settings(), database), _consumer_pool(scenario) as pool:
            while not stop.asked and time.monotonic() < until:
                await _supervise(database, pool, bounds)
                await stop.wait(LOOK_SECONDS)
    found = await read_backlog(database, scenario)
    await database.close()
    title = f"served {scenario} with up to {pool.peak} consumers"
    return Listing(title=title, table=backlog_table(found.entries), lines=[found.drained()])


@dataclass(slots=True)
class ConsumerPool:
    """The consumer processes of this machine; a stopping one finishes what it holds."""

    scenario: str
    environment: dict[str, str]
    active: list[Process] = field(default_factory=list)
    stopping: list[Process] = field(default_factory=list)
    peak: int = 0

    async def scale_to(self, wanted: int) -> None:
        """Start or stop consumers until this number is running."""
        self.active = [one for one in self.active if one.returncode is None]
        self.stopping = [one for one in self.stopping if one.returncode is None]
        while len(self.active) < wanted:
            self.active.append(await self._start())
        while len(self.active) > wanted:
            stopped = self.active.pop()
            stopped.send_signal(signal.SIGTERM)
            self.stopping.append(stopped)
        self.peak = max(self.peak, len(self.active))
        CONSUMERS.labels(self.scenario).set(len(self.active))

    async def stop(self) -> None:
        """Stop all; one that does not end in time is killed, and others finish its work."""
        await self.scale_to(0)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.gather(*(one.wait() for one in self.stopping))
        except TimeoutError:
            log.warning("consumers did not end in time", queue=self.scenario)
        finally:
            for one in self.stopping:
                if one.returncode is None:
                    one.kill()

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "flows.operations.consumer", "--scenario", self.scenario),
            cwd=ROOT,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )


async def _supervise(database: Database, pool: ConsumerPool, bounds: ScaleBounds) -> None:
    """Start or stop consumers by the backlog, and show it in the UI."""
    # Its consumers have the versions of this code; other versions do not need more consumers here.
    majors = WORKFLOWS[pool.scenario].scenario.majors
    found = await read_backlog(database, pool.scenario, majors)
    running = sum(one.returncode is None for one in pool.active)
    wanted = wanted_here(found.eta.load, running, bounds)
    if wanted != running:
        log.info("consumers", queue=pool.scenario, running=running, wanted=wanted)
    await pool.scale_to(wanted)
    shown = f"{wanted} consumers; {found.drained()}"
    await publish_table(f"backlog-{pool.scenario}", backlog_table(found.entries), shown)


def wanted_here(load: Load, running: int, bounds: ScaleBounds) -> int:
    """How many consumers this machine should run, of which `running` exist now; others count too.

    A consumer that has just started is not in the journal yet.
    """
    consumers = max(load.consumers, running)
    elsewhere = consumers - running
    whole = replace(bounds, least=0, most=bounds.most + elsewhere)
    wanted = consumers_wanted(replace(load, consumers=consumers), whole) - elsewhere
    return min(bounds.most, max(bounds.least, wanted))


@contextlib.asynccontextmanager
async def _consumer_pool(scenario: str) -> AsyncIterator[ConsumerPool]:
    pool = ConsumerPool(scenario, dict(os.environ))  # which names the Prefect server
    try:
        yield pool
    finally:
        await pool.stop()


if __name__ == "__main__":
    command(serve)
