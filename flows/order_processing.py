"""Order processing: assess, reserve, charge and ship every order, or undo what was done for it.

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
from agents.runtime import Batch, graph, saga
from agents.runtime.journal.fair_queueing import Priority
from flows.cli.commands import command
from flows.cli.reports import Listing, enqueued

OrderSource = Annotated[str, Parameter(allow_leading_hyphen=True)]
BatchSize = Annotated[int, Field(ge=1, le=512)]


@flow(name="order-processing", flow_run_name="order-processing: {orders}", persist_result=False)
async def process_orders(  # noqa: PLR0913 - what a run is asked for
    orders: OrderSource = SAMPLE,
    batch_size: BatchSize = 256,
    report: str | None = None,
    faults: str = "auto",
    stock: str | None = None,
    layout: str | None = None,
) -> OrderReport:
    """Process every order of a file: it is shipped, refunded or rejected, or it waits for a person.

    Example: `uv run python -m flows.order_processing --orders orders.jsonl --stock goods.csv`

    Args:
        orders: File of orders: JSON Lines, JSON, CSV or Parquet, also as .gz or .zip; - for standard
            input; "sample" for 1,000 orders that are part of this project.
        batch_size: Orders in a batch, 1 to 512.
        report: Markdown file for the report: a link to the file of the latest run, which is beside
            it and named after the run, as are its rejected records. Without it, all are written to
            the data folder.
        faults: How the sandbox providers misbehave: "none", "demo", "auto" (demo for the sample, none
            for other files), or a script such as "seed=7;payments.capture:timeout=0.01".
        stock: CSV file with the goods of the sandbox's warehouse: columns sku,on_hand,weight_grams.
        layout: How another program has written the file: "shopify", "woocommerce", "amazon", or a
            YAML file of your own (agents/orders/README.md). Without it, the file has our own columns.

    """
    async with open_run(orders, faults=faults, stock=stock, report=report, layout=layout) as run:
        async for batch in run.accepted(batch_size):
            await fulfil(batch)
        return await run.report()


@flow(name="enqueue-orders", flow_run_name="enqueue-orders: {orders}", persist_result=False)
async def enqueue_orders(
    orders: OrderSource = SAMPLE,
    priority: Priority = Priority.NORMAL,
    report: str | None = None,
    stock: str | None = None,
    layout: str | None = None,
) -> Listing:
    """Put every order of a file into the queue, for consumers to process.

    Example: `uv run python -m flows.order_processing --enqueue orders.jsonl --priority high`

    Args:
        orders: File of orders: JSON Lines, JSON, CSV or Parquet, also as .gz or .zip; - for standard
            input; "sample" for 1,000 orders that are part of this project.
        priority: Priority of these orders in the queue.
        report: Rejected records are written beside this path: for report.md, report.rejected.jsonl
            is a link to those of the latest run. Without it, they are written to the data folder.
        stock: CSV file with the goods of the sandbox's warehouse: columns sku,on_hand,weight_grams.
        layout: How another program has written the file: "shopify", "woocommerce", "amazon", or a
            YAML file of your own (agents/orders/README.md). Without it, the file has our own columns.

    """
    async with open_run(orders, faults="none", stock=stock, report=report, layout=layout) as run:
        return enqueued(await run.enqueue(priority))


FULFIL = graph(
    assess_risk,
    reserve_stock,
    open_payment,
    authorise_payment,
    capture_payment,
    book_shipment,
    issue_stock,
    after={
        reserve_stock: [assess_risk],  # nothing is begun for an order that looks like fraud
        open_payment: [assess_risk],
        authorise_payment: [reserve_stock],  # no money is held for goods that are not there
    },
)
"""The agents of every order; what else comes after what, their types say."""


async def fulfil(batch: Batch) -> None:
    """The way of every order; if an agent fails for good, what was done before is undone in reverse."""
    async with saga(batch):
        batch = await FULFIL(batch)
    await notify_customer(batch)


async def amend(batch: Batch) -> None:
    """The step of every change that a customer asks for."""
    async with saga(batch):
        await apply_change(batch)


if __name__ == "__main__":
    from flows.operations.serving import serve  # its consumers run this flow among others

    command(process_orders, {"--enqueue": enqueue_orders, "serve": serve})
