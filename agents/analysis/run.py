"""The desk where a run of data analysis is opened: journal, fetcher, the partitions and what became of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy import Row

from agents.analysis.collect_partition import open_fetcher
from agents.analysis.modelling.candidates import NAMES
from agents.analysis.modelling.models import Comparison, Trained, Training, Weighed
from agents.analysis.modelling.registry import Models
from agents.analysis.models import Cleaned, Dataset, Part, Partition
from agents.analysis.report import AnalysisReport, SourceReport, report_of
from agents.analysis.sample.flights import sample_study
from agents.analysis.scenario import CANDIDATES, COMPARISONS, PARTITIONS
from agents.analysis.study import BadStudy, Source, Study, problems_of, read_contract
from agents.analysis.study_store import StudyStore
from agents.analysis.survey import survey
from agents.analysis.train_candidate import key_of, version_of
from agents.analysis.write_report import FILE, drawn_forecast
from agents.runtime.context import open_runtime, runtime
from agents.runtime.errors import AgentError
from agents.runtime.intake.intake import Intake, Submission
from agents.runtime.intake.rejects import Rejects
from agents.runtime.journal.queries import named
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.model.item import Item
from agents.runtime.model.lifecycle import State
from agents.runtime.model.scenario import Scenario
from agents.runtime.prefect_ui import (
    Progress,
    alert,
    publish_image,
    publish_link,
    publish_markdown,
    publish_table,
    rename_run,
)
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

    def modelling(self, dataset: Dataset | None, seed: int) -> "ModelRun | None":
        """Where the dataset is modelled; None without a dataset, or a target."""
        if dataset is None or not self.study.target:
            return None
        sources = report_of(self.study.name, self.outcomes(), dataset).sources
        return ModelRun(self.study, dataset, tuple(sources), self.rejects, seed)

    async def report(self, dataset: Dataset | None, models: "ModelRun | None") -> AnalysisReport:
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
        async with open_fetcher(here, sample=not own) as fetcher, open_runtime(here):
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


def alert_of_drift(batch: Batch) -> None:
    """Raise an alert for every feature that has drifted."""
    for item, weighed in _weighed(batch):
        for drift in weighed.drifts:
            if drift.is_alarm:
                study, reason = (
                    item.payload.training.study.name,
                    f"{drift.feature}: PSI {drift.psi:.2f}",
                )
                alert("drift", item.scenario, study, reason)


async def show_comparison(batch: Batch) -> None:
    """Show in the UI which model was selected, how it predicts, and where the report is."""
    for item, weighed in _weighed(batch):
        folder = StudyStore(item.payload.training.study.name).folder
        verdict = f"{weighed.change.what}: {weighed.change.why}"
        await publish_markdown(
            "data-analysis-model", verdict, "What the gate said of the best model"
        )
        forecast = drawn_forecast(Models(folder).path(weighed.best))
        await publish_image("data-analysis-forecast", forecast, "Forecast against truth")
        report = (folder / FILE).resolve().as_uri()
        await publish_link("data-analysis-report", report, "The report of this run")


def _weighed(batch: Batch) -> Iterator[tuple[Item, Weighed]]:
    for item in batch.peek():
        weighed = item.fact(Weighed)
        assert weighed is not None
        yield item, weighed


@dataclass(slots=True)
class ModelRun:
    """One dataset's candidates and their comparison."""

    study: Study
    dataset: Dataset
    sources: tuple[SourceReport, ...]
    rejects: Rejects
    seed: int

    async def candidates(self) -> AsyncIterator[Batch]:
        """The candidates to train; those trained on this dataset before are done already."""
        records = [
            Submission(key_of(one), one.model_dump_json(), one, number)
            for number, one in enumerate(self.trainings(), 1)
        ]
        async for batch in self._intake(CANDIDATES).accepted(records, len(NAMES)):
            yield batch

    def trainings(self) -> list[Training]:
        """Every candidate, as it is trained."""
        return [self._training(name) for name in NAMES]

    async def comparison(self) -> AsyncIterator[Batch]:
        """The trained candidates, to be weighed and reported; nothing if one is missing."""
        if (comparison := self._comparison()) is None:
            return
        record = Submission(comparison.key, comparison.model_dump_json(), comparison, 1)
        async for batch in self._intake(COMPARISONS).accepted([record], 1):
            yield batch

    async def refused(self) -> dict[str, str]:
        """What was not trained, or not compared, and why."""
        models, trainings = Models(self._folder), self.trainings()
        missing = {key_of(t): t.candidate for t in trainings if not models.has(version_of(t))}
        gone = f"was trained before, but its model is gone from {self._folder}: use another seed"
        reasons = await failure_reasons(CANDIDATES.name, missing, gone)
        if (comparison := self._comparison()) is not None:
            reasons |= await failure_reasons(COMPARISONS.name, {comparison.key: "comparison"})
        return reasons

    def notes(self) -> list[str]:
        """The champion, and where to read everything."""
        registry = Models(self._folder).read()
        if not registry.cards:
            return []
        page = self._folder / FILE
        report = [f"report: {page}"] if page.exists() else []
        if not registry.champion:
            return ["no model is better than the baseline, there is no champion", *report]
        card, last = registry.cards[registry.champion], registry.changes[-1]
        return [
            f"champion: {card.candidate} {card.version[:8]}, gain over the baseline {card.gain}",
            f"last change: {last.version[:8]} {last.what}, {last.why}",
            *report,
        ]

    @property
    def _folder(self) -> Path:
        return StudyStore(self.study.name).folder

    def _comparison(self) -> Comparison | None:
        models, trained = Models(self._folder), list[Trained]()
        for name in NAMES:
            version = version_of(self._training(name))
            if not models.has(version):
                return None
            trained.append(Trained(version=version, candidate=name))
        # The champion these may already have made is not another champion to meet.
        champion = models.read().champion
        if champion in {one.version for one in trained}:
            champion = ""
        return Comparison(
            training=self._training(NAMES[0]),
            candidates=tuple(trained),
            champion=champion,
            sources=self.sources,
            edition=self.dataset.edition,
        )

    def _intake(self, scenario: Scenario) -> Intake:
        return Intake(scenario, RunStats(), self.rejects.keep)

    def _training(self, candidate: str) -> Training:
        return Training(
            study=self.study,
            candidate=candidate,
            data=self.dataset.digest,
            parts=self.dataset.parts,
            seed=self.seed,
        )


MOST_ASKED, MOST_NAMES = 1_000, 3


async def failure_reasons(
    scenario: str, wanted: Mapping[str, str], gone: str = ""
) -> dict[str, str]:
    """The reasons by the names of the items that share them; `wanted` has names by keys.

    `gone` is the reason for a completed item; without it, completed items are left out.
    """
    names: dict[str, list[str]] = {}
    for row in await named(runtime().journal, scenario, sorted(wanted)[:MOST_ASKED]):
        if reason := gone if row.state == State.COMPLETED else _reason(row):
            names.setdefault(reason, []).append(wanted[row.key])
    return {_listed(sorted(those)): reason for reason, those in names.items()}


def _reason(row: Row[Any]) -> str:
    return orjson.loads(row.failure)["error"] if row.failure else f"is {row.state}"


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
