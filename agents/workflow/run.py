"""The shell of a flow: runtime and services open, a source in batches, progress, rejects, a report."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.runtime import Batch, Intake, RunStats, Scenario, open_runtime, runtime
from agents.runtime.intake.rejects import Rejects
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.journal.queries import standing
from agents.runtime.prefect_ui import Progress, publish_table, rename_run
from agents.runtime.redis.signals import signals
from agents.runtime.run_files import LATEST, RunFile
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

    async def enqueue(self, priority: Priority) -> RunReport:
        """Leave the items of the source in the queue and wake consumers; what happened to them.

        Raises SourceError and QueueFull.
        """
        records = self.records.read(self.source)
        await self._count()
        async with signals(settings()) as consumers:
            async for _ in self.intake.queued(records, CHUNK, priority):
                await consumers.wake(self.noun)
        report = RunReport.of(self.intake.stats, self.noun, self.seconds)
        await self.judge(report)
        return report

    async def report(self, *words: str) -> RunReport:
        """What the run did, also as a table in the UI; `words` are the outcomes it always shows."""
        report = RunReport.of(self.intake.stats, self.noun, self.seconds, words)
        await self.judge(report)
        await publish_table(
            f"{self.name}-outcomes", report.rows(), f"{self.noun.capitalize()} by outcome"
        )
        return report

    async def judge(self, report: RunReport) -> None:
        """Add to the report what was refused of the source, and what stands of this and earlier runs."""
        report.dead, report.asked = await standing(runtime().journal, self.noun)
        report.source, report.rejects_file = self.source, self.rejects_file
        report.refused, report.cut = self.rejects.count, self.rejects.cut

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


def rejects_file(data: Path, name: str) -> RunFile:
    """Where a run of the flow `name` keeps its rejected records, under the data folder."""
    return RunFile.beside(data / "reports" / f"{name}{LATEST}.md").with_suffix(".rejected.jsonl")


@asynccontextmanager
async def open_run(
    name: str, scenario: Scenario, records: Records[Any], source: str, faults: str = "none"
) -> AsyncIterator[Run]:
    """Open runtime and services for a run of the flow `name` over a source.

    `faults` is a fault script for the sandbox, or "none". What is unfinished at the end of the block is
    handed back. Raises SettingsError, BadFaultScript, DidNotStart.
    """
    here, script = settings(), "" if faults == "none" else faults
    with Rejects(rejects_file(here.data, name)) as rejects:
        async with open_runtime(here), connect_services(here, script):
            yield Run(name, source, records, Intake(scenario, RunStats(), rejects.keep), rejects)
