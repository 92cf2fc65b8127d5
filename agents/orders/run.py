"""A run of order processing: the run of any flow, with the shop's goods, the sample and a written report."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agents.orders import sample
from agents.orders.read_orders import order_records
from agents.orders.report import OrderReport, markdown, report_of
from agents.orders.scenario import ORDERS
from agents.runtime import Intake, RunStats, open_runtime
from agents.runtime.intake.rejects import Rejects
from agents.runtime.prefect_ui import publish_markdown, publish_table
from agents.runtime.run_files import LATEST, RunFile
from agents.runtime.settings import settings
from agents.services import connect_services
from agents.services.sandbox.faults import DEMO
from agents.workflow.run import Run

SAMPLE = "sample"
NAME = "order-processing"


@dataclass(slots=True)
class OrderRun(Run):
    """One run over a source of orders; `written` is where its report goes, `script` that of the sandbox's faults."""

    written: RunFile = field(kw_only=True)
    script: str = field(kw_only=True)

    async def report(self, *_words: str) -> OrderReport:
        """Write the report and show it in the UI."""
        report = report_of(self.intake.stats, self.seconds)
        report.report_file = str(self.written.path)
        await self.judge(report)
        text = markdown(report)
        await asyncio.to_thread(self.written.write, text)
        await publish_table(f"{NAME}-outcomes", report.rows(), "Orders by outcome")
        await publish_markdown(f"{NAME}-report", text, "What this run did")
        return report


@asynccontextmanager
async def open_run(
    orders: str,
    *,
    faults: str,
    stock: str | None,
    report: str | None,
    layout: str | None = None,
) -> AsyncIterator[OrderRun]:
    """Open runtime and services for a run over `orders`; what is unfinished is handed back at the end.

    `layout` is that of a shop's export. Raises SettingsError, BadLayout, TakenPath, BadFaultScript,
    BadStock, DidNotStart.
    """
    here, is_sample = settings(), orders == SAMPLE
    written = RunFile.beside(Path(report or here.data / "reports" / f"{NAME}{LATEST}.md"))
    written.require_free()
    goods = Path(stock) if stock else sample.STOCK
    script = {"none": "", "demo": DEMO, "auto": DEMO if is_sample else ""}.get(faults, faults)
    source = str(sample.ORDERS) if is_sample else orders
    records = order_records(layout)
    with Rejects(written.with_suffix(".rejected.jsonl")) as rejects:
        async with open_runtime(here), connect_services(here, script, goods):
            intake = Intake(ORDERS, RunStats(), rejects.keep)
            yield OrderRun(NAME, source, records, intake, rejects, written=written, script=script)
