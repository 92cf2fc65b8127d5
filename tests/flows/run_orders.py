"""`python -m tests.flows.run_orders FILE REPORT STOCK FAULTS`: the flow in a process that can be killed.

If the settings allow a bulk worker, it starts at once.
"""

import asyncio
import sys
from functools import partial

from flows.operations import bulk_worker
from flows.order_processing import process_orders


def main() -> None:
    """Run the flow outside of Prefect, in small batches."""
    bulk_worker.bulk_workers = partial(bulk_worker.bulk_workers, start_after=0.0)
    orders, report, stock, faults = sys.argv[1:]
    asyncio.run(process_orders.fn(orders, batch_size=8, report=report, faults=faults, stock=stock))


if __name__ == "__main__":
    main()
