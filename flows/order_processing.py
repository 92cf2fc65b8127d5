"""Order processing: every order of a source ends shipped, refunded, rejected, waiting or dead-lettered.

Run it with `python -m flows.order_processing`, from the Prefect UI, or by `prefect deploy`.
"""

from typing import Annotated

from cyclopts import Parameter
from prefect import flow
from pydantic import Field

from agents.orders.apply_change import apply_change
from agents.orders.assess_risk import assess_risk
from agents.orders.book_shipment import book_shipment
from agents.orders.notify_customer import notify_customer
from agents.orders.payments import authorise_payment, capture_payment, open_payment
from agents.orders.report import OrderReport
from agents.orders.reserve_stock import issue_stock, reserve_stock
from agents.orders.run import SAMPLE, open_run
from agents.runtime import Batch, saga
from agents.runtime.journal.fair_queueing import Priority
from flows.cli.commands import command
from flows.cli.reports import Listing

OrderSource = Annotated[str, Parameter(allow_leading_hyphen=True)]
BatchSize = Annotated[int, Field(ge=1, le=512)]


@flow(name="order-processing", persist_result=False)
async def process_orders(
    orders: OrderSource = SAMPLE,
    batch_size: BatchSize = 256,
    report: str | None = None,
    faults: str = "auto",
    stock: str | None = None,
) -> OrderReport:
    """Process every order of a source: each ends shipped, refunded, rejected, waiting or dead-lettered.

    Example: --orders orders.jsonl --stock goods.csv

    Args:
        orders: File of orders (JSON Lines, JSON, CSV or Parquet, also .gz or .zip), such as orders.csv;
            "-" is standard input, "sample" the 1,000 orders that come with the project.
        batch_size: How many orders pass each step together, 1 to 512.
        report: Markdown file for the report, such as report.md; rejected records are kept next to it.
        faults: Faults of the sandbox: "none", "demo", a script such as
            "seed=7;payments.capture:timeout=0.01", or "auto" (demo for the sample, else none).
        stock: CSV file of goods for the sandbox's warehouse, with the columns sku,on_hand,weight_grams.

    """
    async with open_run(orders, faults=faults, stock=stock, report=report) as run:
        async for batch in run.accepted(batch_size):
            await fulfil(batch)
        return await run.report()


@flow(name="enqueue-orders", persist_result=False)
async def enqueue_orders(
    orders: OrderSource = SAMPLE,
    priority: Priority = Priority.NORMAL,
    report: str | None = None,
    stock: str | None = None,
) -> Listing:
    """Put every order of a source into the queue, from which consumers take it.

    Example: --enqueue orders.jsonl --priority high

    Args:
        orders: File of orders (JSON Lines, JSON, CSV or Parquet, also .gz or .zip), such as orders.csv;
            "-" is standard input, "sample" the 1,000 orders that come with the project.
        priority: The order in which consumers take them: urgent, high, normal or low.
        report: Rejected records are kept next to this file, such as report.md; no report is written.
        stock: CSV file of goods for the sandbox's warehouse, with the columns sku,on_hand,weight_grams.

    """
    async with open_run(orders, faults="none", stock=stock, report=report) as run:
        return Listing(title="enqueued", table=await run.enqueue(priority))


async def fulfil(batch: Batch) -> None:
    """Take a batch of orders through all steps; an order that fails for good is compensated in reverse."""
    async with saga(batch):
        batch = await assess_risk(batch)
        batch = await reserve_stock(batch)
        batch = await open_payment(batch)
        batch = await authorise_payment(batch)
        batch = await capture_payment(batch)
        batch = await book_shipment(batch)
        batch = await issue_stock(batch)
    await notify_customer(batch)


async def amend(batch: Batch) -> None:
    """Take a batch of changes that customers ask for through its one step."""
    async with saga(batch):
        await apply_change(batch)


if __name__ == "__main__":
    from flows.operations.serving import serve  # it serves this workflow among others

    command(process_orders, {"--enqueue": enqueue_orders, "serve": serve})
