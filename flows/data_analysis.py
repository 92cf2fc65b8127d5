"""Data analysis: collect and clean sources by contract, publish them, train and compare models, report.

Run it with `python -m flows.data_analysis`, from the Prefect UI, or by `prefect deploy`.
"""

import asyncio
from typing import Annotated

from prefect import flow
from pydantic import Field

import agents.analysis.extra
from agents.analysis.asked import SAMPLE
from agents.analysis.clean_partition import clean_partition
from agents.analysis.collect_partition import collect_partition, is_sample, open_fetcher
from agents.analysis.conclude_analysis import conclude_analysis
from agents.analysis.models import Dataset
from agents.analysis.plan_analysis import plan_analysis
from agents.analysis.report import AnalysisReport
from agents.analysis.run import (
    AnalysisRun,
    Modelled,
    ModelRun,
    alert_of_drift,
    asked_run,
    open_run,
    show_comparison,
)
from agents.analysis.select_model import select_model
from agents.analysis.train_candidate import train_candidate
from agents.analysis.write_report import write_report
from agents.runtime import Batch, saga
from agents.runtime.context import of_tenant
from agents.runtime.settings import settings
from flows.cli.commands import Command, command
from flows.dask_training import fit_on_dask

PARTITIONS_AT_ONCE = 8
AtOnce = Annotated[int, Field(ge=1, le=64)]


@flow(name="data-analysis", flow_run_name="data-analysis: {source}", persist_result=False)
async def analyse(  # noqa: PLR0913 - what a run is asked for
    source: tuple[str, ...] = (SAMPLE,),
    contract: str | None = None,
    target: str = "",
    partitions: str = "*",
    at_once: AtOnce = 8,
    seed: int = 7,
) -> AnalysisReport:
    """Collect and clean the data that has changed, publish it, and train models on it.

    Example: `uv run python -m flows.data_analysis --source "data/*.csv.gz" --contract sales.yaml --target sold`

    Args:
        source: URLs, paths or globs of CSV, JSON, NDJSON, Parquet or Excel files, also as .gz or .zip;
            s3://BUCKET/OBJECT or sql://DATABASE of the settings; or "sample" for New York's flights of 2013.
        contract: YAML or JSON file that says which columns and values are valid.
        target: Column that the models predict; without it, no model is trained.
        partitions: Glob for the names of the partitions to work on, such as flights-2013-0[1-3].
        at_once: Partitions in a batch, 1 to 64.
        seed: Seed of the models; the same data and seed give the same report, byte for byte.

    """
    async with open_run(source, contract, target, partitions) as run:
        async for batch in run.shown(at_once):
            await prepare(batch)
        dataset = await asyncio.to_thread(run.publish, partitions)
        return await run.report(dataset, await model(run, dataset, seed))


async def model(run: AnalysisRun, dataset: Dataset | None, seed: int) -> ModelRun | None:
    """Train and compare models on what is published, if something is to be predicted."""
    models = run.modelling(dataset, seed)
    if models is not None:
        if (cluster := settings().dask) is not None:
            await asyncio.to_thread(fit_on_dask, models.trainings(), cluster)
        async for batch in models.candidates():
            await train(batch)
        async for batch in models.comparison():
            await conclude(batch)
    return models


async def carry_out_asked(batch: Batch) -> None:
    """Carry out analyses that were asked for over the API; their parts are items of the same tenant."""
    sample = any(item.payload.is_sample for item in batch.peek())
    async with open_fetcher(settings(), sample=sample), saga(batch):
        batch = await plan_analysis(batch)
        for item in batch.peek():
            with of_tenant(item.tenant), asked_run(item) as run:
                await run.keep_report(carry_out(run, item.payload.seed))
        await conclude_analysis(batch)


async def carry_out(run: AnalysisRun, seed: int) -> Modelled:
    """Prepare the partitions of a run, publish them and train models."""
    async for batch in run.accepted(PARTITIONS_AT_ONCE):
        await prepare(batch)
    dataset = await asyncio.to_thread(run.publish)
    return dataset, await model(run, dataset, seed)


async def prepare(batch: Batch) -> None:
    """Collect and clean partitions."""
    sample = is_sample(item.payload for item in batch.peek())
    async with open_fetcher(settings(), sample=sample), saga(batch):
        batch = await collect_partition(batch)
        await clean_partition(batch)


async def train(batch: Batch) -> None:
    """Train candidates."""
    async with saga(batch):
        await train_candidate(batch)


async def conclude(batch: Batch) -> None:
    """Compare the trained candidates with the champion, and report."""
    async with saga(batch):
        batch = await select_model(batch)
        batch = await write_report(batch)
        await alert_of_drift(batch)  # before the item ends: after a kill the alert is raised again
    await show_comparison(batch)


if __name__ == "__main__":
    from flows.operations.contracts import check_contract, propose_contract
    from flows.operations.studies import mend_rows, promote_model, quarantine, roll_back_model

    others: dict[str, Command] = {
        "--check-contract": check_contract,
        "--propose": propose_contract,
        "quarantine": quarantine,
        "mend": mend_rows,
        "promote": promote_model,
        "roll-back": roll_back_model,
    }
    command(analyse, others)
