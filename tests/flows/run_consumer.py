"""`python -m tests.flows.run_consumer`: a consumer in a process that can be killed, outside of Prefect."""

import asyncio

from flows.operations.consumer import consume

if __name__ == "__main__":
    asyncio.run(consume.fn(batch_size=8, batches=10_000))
