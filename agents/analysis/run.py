"""The desk where a run of data analysis is opened: journal, fetcher, the partitions and what became of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field

from pydantic import ValidationError

from agents.analysis.failure_reasons import failure_reasons
from agents.analysis.modelling.run import ModelRun
from agents.analysis.models import Cleaned, Dataset, Part, Partition
from agents.analysis.report import AnalysisReport, report_of
from agents.analysis.sample.flights import sample_study
from agents.analysis.scenario import PARTITIONS
from agents.analysis.sources.collecting import collecting
from agents.analysis.sources.study import BadStudy, Source, Study, problems_of, read_contract
from agents.analysis.sources.survey import survey
from agents.analysis.study_store import StudyStore
from agents.runtime.context import open_runtime
from agents.runtime.errors import AgentError
from agents.runtime.intake.intake import Intake, Submission
from agents.runtime.intake.rejects import Rejects
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.prefect_ui import Progress, alert, publish_table, rename_run
from agents.runtime.settings import settings

SAMPLE = "sample"
NAME = "data-analysis"


@dataclass(slots=True)
class AnalysisRun:
    """One run's study and its partitions; `intake` counts what became of each."""

    study: Study
    partitions: Sequence[Partition]
    intake: Intake
    rejects: Rejects
    begun: float
    store: StudyStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = StudyStore(self.study.name)

    async def accepted(self, batch_size: int) -> AsyncIterator[Batch]:
        """The partitions that have changed, in batches; those that have not are done already."""
        progress, stats = Progress(NAME), self.intake.stats
        stats.expected = len(self.partitions)
        await rename_run(f"{NAME}: {self.study.name}, {len(self.partitions):,} partitions")
        candidates = [_candidate(n, one) for n, one in enumerate(self.partitions)]
        async for batch in self.intake.accepted(candidates, batch_size):
            await progress.show(stats)
            yield batch
        stats.show()
        await progress.show(stats)

    def outcomes(self) -> list[tuple[Partition, Cleaned | None]]:
        """What became of each partition, in this run or an earlier one."""
        return [(one, self.store.cleaned(one)) for one in self.partitions]

    def publish(self, matching: str = "*") -> Dataset | None:
        """Make the clean parts the study's dataset; None, and nothing changes, if one is missing.

        A run over some of the partitions leaves the parts of the others as they are published.
        """
        outcomes = self.outcomes()
        parts = {(one.source, one.name): _part(one, c) for one, c in outcomes if c}
        if len(parts) < len(outcomes):
            return None
        growing = {source.name for source in self.study.sources if source.grows}
        if (before := self.store.published()) is not None:
            kept = [p for p in before.parts if matching != "*" or p.source in growing]
            parts = {(part.source, part.name): part for part in kept} | parts
        order = [source.name for source in self.study.sources]
        ordered = sorted(parts.values(), key=lambda part: (order.index(part.source), part.name))
        dataset = Dataset(study=self.study.name, folder=self.store.folder, parts=tuple(ordered))
        if before is not None:
            edition = before.edition + (before.digest != dataset.digest)
            dataset = dataset.model_copy(update={"edition": edition})
        self.store.publish(dataset)
        return dataset

    def modelling(self, dataset: Dataset | None, seed: int) -> ModelRun | None:
        """Where the dataset is modelled; None without a dataset, or a target."""
        if dataset is None or not self.study.target:
            return None
        sources = report_of(self.study.name, self.outcomes(), dataset).sources
        return ModelRun(self.study, dataset, tuple(sources), self.rejects, seed)

    async def report(self, dataset: Dataset | None, models: ModelRun | None) -> AnalysisReport:
        """Tell what became of the partitions, in the UI as well; an alert if nothing was published."""
        stats, outcomes = self.intake.stats, self.outcomes()
        missing = {one.key: f"{one.source}/{one.name}" for one, found in outcomes if found is None}
        report = report_of(self.study.name, outcomes, dataset)
        report.touched = stats.done - stats.outcomes["already done"]
        gone = f"was cleaned before, but its files are gone from {self.store.folder}"
        report.refused = await failure_reasons(PARTITIONS.name, missing, gone)
        if models is not None:
            report.refused |= await models.refused()
            report.files = models.notes()
        report.seconds = time.monotonic() - self.begun
        await publish_table(f"{NAME}-rows", report.rows(), "Rows by source and fate")
        if dataset is None:
            alert("unpublished", PARTITIONS.name, self.study.name, "; ".join(report.notes()))
        return report


@asynccontextmanager
async def open_run(
    sources: Sequence[str],
    contract: str | None,
    target: str,
    matching: str = "*",
) -> AsyncIterator[AnalysisRun]:
    """Open the journal and look which partitions there are.

    `sources` are URLs, paths and globs under one `contract`, or "sample" alone. Raises BadStudy,
    NoContract, NoSample, NothingThere, SameName, Refused, Unfetched.
    """
    here = settings()
    with ExitStack() as stack:
        own = list(sources) != [SAMPLE]
        study = _own(sources, contract, target) if own else sample_study()
        rejects = stack.enter_context(Rejects(here.data / "reports" / f"{NAME}.rejected.jsonl"))
        async with collecting(here, sample=not own) as fetcher, open_runtime(here):
            partitions = await survey(study, fetcher, matching)
            intake = Intake(PARTITIONS, RunStats(), rejects.keep)
            run = AnalysisRun(study, partitions, intake, rejects, time.monotonic())
            await asyncio.to_thread(run.store.sweep)
            yield run


class NoContract(AgentError):
    """Data of one's own without a contract."""

    def __str__(self) -> str:
        return "name a --contract for your own --source: what its columns must be"


def _own(sources: Sequence[str], contract: str | None, target: str) -> Study:
    if contract is None:
        raise NoContract
    agreed = read_contract(contract)
    source = Source(contract=agreed, locations=tuple(sources))
    try:
        return Study(name=agreed.name, sources=(source,), target=target)
    except ValidationError as error:
        raise BadStudy(contract, problems_of(error)) from None


def _candidate(number: int, partition: Partition) -> Submission:
    body = partition.model_dump_json()
    return Submission(partition.key, body, partition, number + 1)


def _part(partition: Partition, cleaned: Cleaned) -> Part:
    return Part(
        source=partition.source,
        name=partition.name,
        file=cleaned.part,
        rows=cleaned.good,
        sha256=cleaned.sha256,
    )
