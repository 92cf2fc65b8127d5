"""Data analysis: sources are collected and cleaned by contract, what they foretell is modelled and told.

Run it with `python -m flows.data_analysis`, from the Prefect UI, or by `prefect deploy`.
"""

from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.analysis.clean_partition import clean_partition
from agents.analysis.collect_partition import collect_partition
from agents.analysis.desk import SAMPLE, open_desk
from agents.analysis.report import AnalysisReport
from agents.runtime.batch import Batch
from agents.runtime.saga import saga
from flows.terminal import command

AtOnce = Annotated[int, Field(ge=1, le=64)]


@flow(name="data-analysis", persist_result=False)
async def analyse(
    source: tuple[str, ...] = (SAMPLE,),
    contract: str | None = None,
    target: str = "",
    partitions: str = "*",
    at_once: AtOnce = 8,
) -> AnalysisReport:
    """Collect and clean every partition of the sources that has changed, and publish them together.

    Args:
        source: URLs, paths and globs of CSV, JSON, NDJSON or Parquet files (also .gz or .zip), or
            "sample" for New York's flights of 2013.
        contract: YAML or JSON file that says what the columns must be.
        target: Column to foretell; without it, nothing is modelled.
        partitions: Only partitions whose name matches, such as flights-2013-0[1-3].
        at_once: How many partitions travel together, 1 to 64.

    """
    async with open_desk(source, contract, target, partitions) as desk:
        async for batch in desk.accepted(at_once):
            await prepare(batch)
        return await desk.report(desk.publish(partitions))


async def prepare(batch: Batch) -> None:
    """What every partition goes through, whoever brings it."""
    async with saga(batch):
        batch = await collect_partition(batch)
        await clean_partition(batch)


if __name__ == "__main__":
    command(analyse)
