"""`python -m tests.flows.run_orders FILE REPORT STOCK FAULTS`: the flow in a process that can be killed."""

import asyncio
import sys

from flows.order_processing import process_orders


def main() -> None:
    """Run the flow outside of Prefect, in small batches."""
    orders, report, stock, faults = sys.argv[1:]
    asyncio.run(process_orders.fn(orders, batch_size=8, report=report, faults=faults, stock=stock))


if __name__ == "__main__":
    main()
