"""The shell of a flow: runtime and services open, a source in batches, progress, rejects, a report."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from agents.runtime import Batch, Intake, RunStats, Scenario, open_runtime
from agents.runtime.intake.rejects import Rejects
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.prefect_ui import Progress, publish_table, rename_run
from agents.runtime.redis.signals import signals
from agents.runtime.settings import settings
from agents.services import connect_services
from agents.workflow.records import Records
from agents.workflow.report import RunReport

CHUNK = 256  # records that are enqueued in one commit


@dataclass(slots=True)
class Run:
    """One run of a flow over a source; `intake` counts what happens to each item."""

    name: str
    source: str
    records: Records[Any]
    intake: Intake
    rejects: Rejects
    begun: float = field(default_factory=time.monotonic)

    async def accepted(self, batch_size: int) -> AsyncIterator[Batch]:
        """The items of the source in batches: checked, journalled, deduplicated, held by this process.

        Raises SourceError.
        """
        progress, stats = Progress(self.name), self.intake.stats
        await self._count()
        await rename_run(self._title(stats.expected))
        async for batch in self.intake.accepted(self.records.read(self.source), batch_size):
            await progress.show(stats)
            yield batch
        stats.expected = stats.done
        stats.show()
        await progress.show(stats)
        await rename_run(self._title(stats.done))

    async def enqueue(self, priority: Priority) -> list[dict[str, str]]:
        """Leave the items of the source in the queue and wake consumers; a table of what happened.

        Raises SourceError and QueueFull.
        """
        here, records = settings(), self.records.read(self.source)
        await self._count()
        async with signals(here) as consumers:
            async for _ in self.intake.queued(records, CHUNK, here.queue_limit, priority):
                await consumers.wake(self.noun)
        outcomes = self.intake.stats.outcomes.items()
        return [{"outcome": word, self.noun: f"{count:,}"} for word, count in outcomes]

    async def report(self, *words: str) -> RunReport:
        """What the run did, also as a table in the UI; `words` are the outcomes it always shows."""
        report = RunReport.of(self.intake.stats, self.noun, self.seconds, words)
        report.rejects_file = self.rejects_file
        await publish_table(
            f"{self.name}-outcomes", report.rows(), f"{self.noun.capitalize()} by outcome"
        )
        return report

    @property
    def noun(self) -> str:
        """What the items are: the name of their scenario."""
        return self.intake.scenario.name

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return time.monotonic() - self.begun

    @property
    def rejects_file(self) -> str:
        """Where the rejected records are; empty if there are none."""
        return str(self.rejects.path) if self.rejects.count else ""

    async def _count(self) -> None:
        self.intake.stats.expected = await asyncio.to_thread(self.records.count, self.source)

    def _title(self, items: int | None) -> str:
        return f"{self.name}: {self.source if items is None else f'{items:,} {self.noun}'}"


@asynccontextmanager
async def open_run(
    name: str, scenario: Scenario, records: Records[Any], source: str, faults: str = "none"
) -> AsyncIterator[Run]:
    """Open runtime and services for a run of the flow `name` over a source.

    `faults` is a fault script for the sandbox, or "none". What is unfinished at the end of the block is
    handed back. Raises SettingsError, BadFaultScript, DidNotStart.
    """
    here, script = settings(), "" if faults == "none" else faults
    with Rejects(here.data / "reports" / f"{name}.rejected.jsonl") as rejects:
        async with open_runtime(here), connect_services(here, script):
            yield Run(name, source, records, Intake(scenario, RunStats(), rejects.keep), rejects)
