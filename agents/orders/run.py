"""The desk where a run of order processing is opened: journal, services, the source and the report."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agents.orders import sample
from agents.orders.read_orders import count_orders, read_orders
from agents.orders.report import OrderReport, markdown, report_of
from agents.orders.scenario import ORDERS
from agents.runtime.context import open_runtime
from agents.runtime.intake.intake import Intake
from agents.runtime.intake.rejects import Rejects
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.prefect_ui import Progress, publish_markdown, publish_table, rename_run
from agents.runtime.redis.signals import signals
from agents.runtime.settings import settings
from agents.services import connect_services
from agents.services.sandbox.faults import DEMO

SAMPLE = "sample"
CHUNK = 256
NAME = "order-processing"


@dataclass(slots=True)
class OrderRun:
    """One run's source of orders and what became of them."""

    source: str
    intake: Intake
    report_file: Path
    rejects: Rejects
    begun: float

    async def accepted(self, batch_size: int) -> AsyncIterator[Batch]:
        """The orders of the source in batches: validated, journalled, deduplicated, ours."""
        progress, stats = Progress(NAME), self.intake.stats
        stats.expected = await asyncio.to_thread(count_orders, self.source)
        await rename_run(self._name(stats.expected))
        async for batch in self.intake.accepted(read_orders(self.source), batch_size):
            await progress.show(stats)
            yield batch
        stats.expected = stats.done
        stats.show()
        await progress.show(stats)
        await rename_run(self._name(stats.done))

    async def enqueue(self, priority: Priority) -> list[dict[str, str]]:
        """Leave the orders of the source in the queue and wake consumers; what became of them."""
        here, stats, records = settings(), self.intake.stats, read_orders(self.source)
        stats.expected = await asyncio.to_thread(count_orders, self.source)
        async with signals(here) as consumers:
            async for _ in self.intake.queued(records, CHUNK, here.queue_limit, priority):
                await consumers.wake(ORDERS.name)
        return [{"outcome": word, "orders": f"{n:,}"} for word, n in stats.outcomes.items()]

    async def report(self) -> OrderReport:
        """Write the report and show it in the UI."""
        report = report_of(self.intake.stats, time.monotonic() - self.begun)
        report.report_file = str(self.report_file)
        report.rejects_file = str(self.rejects.path) if self.rejects.count else ""
        text = markdown(report)
        await asyncio.to_thread(self._write, text)
        await publish_table(f"{NAME}-outcomes", report.rows(), "Orders by outcome")
        await publish_markdown(f"{NAME}-report", text, "What this run did")
        return report

    def _write(self, text: str) -> None:
        self.report_file.parent.mkdir(parents=True, exist_ok=True)
        self.report_file.write_text(text, encoding="utf-8")

    def _name(self, orders: int | None) -> str:
        return f"{NAME}: {self.source}" if orders is None else f"{NAME}: {orders:,} orders"


@asynccontextmanager
async def open_run(
    orders: str, *, faults: str, stock: str | None, report: str | None
) -> AsyncIterator[OrderRun]:
    """Open journal and services for a run over `orders`; what is unfinished is handed back at the end.

    Raises SettingsError, BadFaultScript, BadStock, SandboxError.
    """
    here, is_sample = settings(), orders == SAMPLE
    report_file = Path(report) if report else here.data / "reports" / f"{NAME}.md"
    goods = Path(stock) if stock else sample.STOCK
    script = {"none": "", "demo": DEMO, "auto": DEMO if is_sample else ""}.get(faults, faults)
    with Rejects(report_file.with_suffix(".rejected.jsonl")) as rejects:
        async with open_runtime(here), connect_services(here, script, goods):
            intake = Intake(ORDERS, RunStats(), rejects.keep)
            source = str(sample.ORDERS) if is_sample else orders
            yield OrderRun(source, intake, report_file, rejects, time.monotonic())
