"""Invoice approval: every invoice of a file ends approved, refused, waiting or dead-lettered."""

from prefect import flow

from agents.invoices.ask_approval import ask_approval
from agents.invoices.book_invoice import book_invoice
from agents.invoices.check_vat_id import check_vat_id
from agents.invoices.invoice import INVOICES, RECORDS, notify_supplier
from agents.runtime import Batch, saga
from agents.workflow.report import RunReport
from agents.workflow.run import open_run
from flows.cli.commands import command
from flows.workflows import WORKFLOWS


@flow(name="invoice-approval", flow_run_name="invoices: {invoices}", persist_result=False)
async def approve_invoices(invoices: str, faults: str = "none") -> RunReport:
    """Check, book and approve the invoices of a file.

    Example: `uv run python -m flows.invoice_approval --invoices invoices.csv`

    Args:
        invoices: File of invoices: JSON Lines, JSON, CSV or Parquet; - for standard input.
        faults: Faults of the sandbox: "none", or a script such as "books.make:timeout=0.1".

    """
    async with open_run("invoice-approval", INVOICES, RECORDS, invoices, faults) as run:
        async for batch in run.accepted(batch_size=256):
            await WORKFLOWS["invoices"].run(batch)
        return await run.report("approved", "refused")


async def approve(batch: Batch) -> None:
    """What every invoice goes through, in whatever process that is."""
    async with saga(batch):
        batch = await check_vat_id(batch)
        batch = await book_invoice(batch)
        batch = await ask_approval(batch)
    await notify_supplier(batch)


async def ask_first(batch: Batch) -> None:
    """Version 2: nothing is booked before somebody has approved it."""
    async with saga(batch):
        batch = await check_vat_id(batch)
        batch = await ask_approval(batch)
        batch = await book_invoice(batch)
    await notify_supplier(batch)


if __name__ == "__main__":
    command(approve_invoices)
