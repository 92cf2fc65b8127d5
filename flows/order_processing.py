"""Order processing: assess, reserve, charge and ship every order, or undo what was done for it.

Run it with `python -m flows.order_processing`, from the Prefect UI, or by `prefect deploy`.
"""

from typing import Annotated

from cyclopts import Parameter
from prefect import flow
from pydantic import Field

from agents.orders.report import OrderReport
from agents.orders.run import SAMPLE, open_run
from agents.runtime.execution.rolling import rolling
from agents.runtime.journal.fair_queueing import Priority
from flows.cli.commands import command
from flows.cli.reports import Listing, enqueued
from flows.fulfilment import fulfil
from flows.operations.bulk_worker import workers_beside

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
    async with (
        open_run(orders, faults=faults, stock=stock, report=report, layout=layout) as run,
        rolling("all-steps: orders", fulfil) as process,
        workers_beside(run.intake, run.script),
    ):
        async for batch in run.accepted(batch_size):
            await process(batch)
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


if __name__ == "__main__":
    from flows.operations.serving import serve  # its consumers run this flow among others

    command(process_orders, {"--enqueue": enqueue_orders, "serve": serve})
