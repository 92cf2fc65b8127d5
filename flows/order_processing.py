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
from agents.runtime.execution.saga import saga
from agents.runtime.journal.fair_queueing import Priority
from agents.runtime.model.batch import Batch
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
    """Fulfil every order of a source: each ends shipped, refunded, rejected, waiting or dead-lettered.

    Args:
        orders: File of orders (JSON Lines, JSON, CSV or Parquet, also .gz or .zip), - for standard
            input, or "sample" for the 1,000 orders that come along.
        batch_size: How many orders travel together, 1 to 512.
        report: Markdown file for the report; rejected records are kept next to it.
        faults: Faults of the sandbox providers: "none", "demo", a script such as
            "seed=7;payments.capture:timeout=0.01", or "auto" (demo on the sample, else none).
        stock: CSV of goods for the sandbox's warehouse, with the columns sku,on_hand,weight_grams.

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
    """Leave every order of a source in the queue, where consumers find it.

    Args:
        orders: As process_orders takes it.
        priority: How urgent these are: urgent, high, normal or low.
        report: Rejected records are kept next to where the report would be.
        stock: As process_orders takes it.

    """
    async with open_run(orders, faults="none", stock=stock, report=report) as run:
        return Listing(title="enqueued", table=await run.enqueue(priority))


async def fulfil(batch: Batch) -> None:
    """What every order goes through, whoever brings it; undone in reverse if it fails for good."""
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
    """What every change goes through that a customer asks for."""
    async with saga(batch):
        await apply_change(batch)


if __name__ == "__main__":
    from flows.operations.serving import serve  # it serves this story among others

    command(process_orders, {"--enqueue": enqueue_orders, "serve": serve})
