"""One run of data analysis: its partitions, the dataset that it publishes, its models and its report."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from agents.analysis.asked import SAMPLE, Asked, Planned, study_of
from agents.analysis.collect_partition import open_fetcher
from agents.analysis.collecting.again import try_again
from agents.analysis.conclude_analysis import REPORT
from agents.analysis.discovery import discover_partitions
from agents.analysis.expectations import Unexpected, breaches, changes, refused
from agents.analysis.modelling.candidates import NAMES
from agents.analysis.modelling.models import Comparison, Selected, Trained, Training
from agents.analysis.modelling.registry import Models
from agents.analysis.models import Cleaned, Dataset, Part, Partition
from agents.analysis.published_gaps import write_gaps
from agents.analysis.publishing import broken, may_stay, refusals
from agents.analysis.report import FILE, AnalysisReport, SourceReport, report_of
from agents.analysis.reporting.data_page import write_data_page
from agents.analysis.reporting.model_notes import model_notes
from agents.analysis.sample.flights import sample_study
from agents.analysis.scenario import CANDIDATES, COMPARISONS, PARTITIONS
from agents.analysis.study import BadStudy, Source, Study, problems_of, read_contract
from agents.analysis.study_store import StudyStore, part_of
from agents.analysis.train_candidate import key_of, version_of
from agents.analysis.unique_rows import unique_parts
from agents.analysis.write_report import forecast_image
from agents.runtime import (
    AgentError,
    Batch,
    Intake,
    Item,
    RunStats,
    Scenario,
    Submission,
    open_runtime,
    runtime,
)
from agents.runtime.alerts import Alert, send
from agents.runtime.files import write_whole
from agents.runtime.intake.rejects import Rejects
from agents.runtime.journal.database import JournalLost
from agents.runtime.journal.queries import named
from agents.runtime.model.lifecycle import State
from agents.runtime.prefect_ui import (
    Progress,
    publish_image,
    publish_link,
    publish_markdown,
    publish_table,
    rename_run,
)
from agents.runtime.settings import settings
from agents.runtime.shutdown import Stopped
from agents.runtime.telemetry import get_logger
from agents.runtime.testing import failpoint
from agents.services.files.outcomes import REFUSES_THE_REST
from agents.workflow.run import rejects_file

NAME = "data-analysis"
log = get_logger(__name__)


Modelled = tuple[Dataset | None, "ModelRun | None"]
"""What a run has published, and its models."""


@dataclass(slots=True)
class AnalysisRun:
    """The study and the partitions of one run; `intake` counts how each of them ends.

    `unreached` has the reasons why others could not be had, by the names of source and partition.
    Publishing sets `refusals`, the reasons against it, `unexpected`, what is not as the contracts expect, `absent`, the
    files with the gaps of sources, and `repeated`, the rows of each partition that are not published because
    a later one has their keys.
    """

    study: Study
    partitions: Sequence[Partition]
    intake: Intake
    rejects: Rejects
    begun: float
    unreached: dict[str, str] = field(default_factory=dict)
    store: StudyStore = field(init=False)
    refusals: dict[str, str] = field(default_factory=dict, init=False)
    repeated: dict[tuple[str, str], int] = field(default_factory=dict, init=False)
    unexpected: list[Unexpected] = field(default_factory=list, init=False)
    absent: dict[str, Path] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.store = StudyStore(self.study.name)

    async def accepted(self, batch_size: int) -> AsyncIterator[Batch]:
        """The partitions that have changed, in batches; the others are already done."""
        await try_again(PARTITIONS.name, [one.key for one in self.partitions])
        records = [_submission(n, one) for n, one in enumerate(self.partitions, 1)]
        async for batch in self.intake.accepted(records, batch_size):
            yield batch

    async def shown(self, batch_size: int) -> AsyncIterator[Batch]:
        """As `accepted`; the flow run shows name and progress."""
        progress, stats = Progress(NAME), self.intake.stats
        stats.expected = len(self.partitions)
        await rename_run(f"{NAME}: {self.study.name}, {len(self.partitions):,} partitions")
        async for batch in self.accepted(batch_size):
            await progress.show(stats)
            yield batch
        stats.show()
        await progress.show(stats)

    def outcomes(self) -> list[tuple[Partition, Cleaned | None]]:
        """The result of each partition, from this run or an earlier one."""
        return [(one, self.store.cleaned(one)) for one in self.partitions]

    def publish(self, matching: str = "*") -> Dataset | None:
        """Publish the clean parts as the dataset of the study, each key once.

        If a part is missing, or too many rows of the published dataset would be lost, nothing changes, unless
        the contract says that the last published version of a missing part is kept. A run over some of the
        partitions keeps the published parts of the others.
        """
        cleaned = {(one.source, one.name): c for one, c in self.outcomes() if c}
        before = self.store.published()
        missing = self._missing(cleaned)
        if not missing <= may_stay(self.study, before):
            return None
        parts = {key: part_of(*key, one) for key, one in cleaned.items()}
        growing = {source.name for source in self.study.sources if source.grows}
        if before is not None:
            kept = [
                part
                for part in before.parts
                if matching != "*" or part.source in growing or (part.source, part.name) in missing
            ]
            parts = {(part.source, part.name): self.store.whole(part) for part in kept} | parts
        dataset = self._dataset(parts)
        self.refusals = refusals(self.study, before, dataset, cleaned)
        self.unexpected = [
            *breaches(self.study, before, dataset, cleaned),
            *changes(self.study, dataset),
        ]
        for where, reason in refused(self.unexpected).items():
            self.refusals[where] = "; ".join(filter(None, [self.refusals.get(where), reason]))
        if self.refusals:
            return None
        if before is not None:
            edition = before.edition + (before.digest != dataset.digest)
            dataset = dataset.model_copy(update={"edition": edition})
        self.absent = write_gaps(self.study, dataset)
        failpoint("described")
        self.store.publish(dataset)
        failpoint("published")
        return dataset

    def _accepted(self) -> list[str]:
        """What is not as the contracts expect, and refuses nothing."""
        return [f"{one.where}: {one}" for one in self.unexpected if one.breach != "refuse"]

    def _missing(self, cleaned: Mapping[tuple[str, str], Cleaned]) -> set[tuple[str, str]]:
        """Source and name of each partition without a clean part."""
        unreached = [name.partition("/") for name in self.unreached]
        wanted = {(one.source, one.name) for one in self.partitions}
        return (wanted | {(source, name) for source, _, name in unreached}) - cleaned.keys()

    def _dataset(self, parts: Mapping[tuple[str, str], Part]) -> Dataset:
        published = list[Part]()
        for source in self.study.sources:
            own = [part for (name, _), part in sorted(parts.items()) if name == source.name]
            unique = unique_parts(self.store.folder, source.contract, own)
            published += unique
            for whole, part in zip(own, unique, strict=True):
                self.repeated[part.source, part.name] = whole.rows - part.rows
        return Dataset(study=self.study.name, folder=self.store.folder, parts=tuple(published))

    def modelling(self, dataset: Dataset | None, seed: int) -> "ModelRun | None":
        """The run that models the dataset; None without a dataset or a target."""
        if dataset is None or not self.study.target:
            return None
        sources = report_of(self.study.name, self.outcomes(), dataset, self.repeated).sources
        return ModelRun(self.study, dataset, tuple(sources), self.rejects, seed)

    async def report(self, dataset: Dataset | None, models: "ModelRun | None") -> AnalysisReport:
        """The report, which the UI shows too; raises an alert if nothing was published."""
        report = await self.summary(dataset, models)
        parts = {source.name: list[Path]() for source in self.study.sources}
        for one, cleaned in self.outcomes():
            parts[one.source] += [self.store.folder / cleaned.part] if cleaned else []
        page = await asyncio.to_thread(write_data_page, self.study, report, parts, self._accepted())
        await publish_table(f"{NAME}-rows", report.rows(), "Rows by source and outcome")
        failed = _failed(self.outcomes(), self.store.folder) | self.refusals | self.unreached
        if dataset is None or failed:
            reason = "; ".join(report.notes())
            await send([Alert("unpublished", PARTITIONS.name, self.study.name, reason)])
        await send(
            Alert("unexpected", PARTITIONS.name, self.study.name, f"{one.where}: {one}")
            for one in self.unexpected
            if one.breach == "alert"
        )
        report.files.insert(0, f"data: {page.resolve()}")
        return report

    async def summary(self, dataset: Dataset | None, models: "ModelRun | None") -> AnalysisReport:
        """The report alone."""
        stats, outcomes = self.intake.stats, self.outcomes()
        missing = {one.key: f"{one.source}/{one.name}" for one, found in outcomes if found is None}
        report = report_of(self.study.name, outcomes, dataset, self.repeated)
        report.processed = stats.done - stats.outcomes["already done"]
        gone = f"was cleaned before, but its files are gone from {self.store.folder}"
        report.failures = await failure_reasons(PARTITIONS.name, missing, gone)
        failed = _failed(outcomes, self.store.folder) | self.refusals
        report.failures |= failed | self.unreached
        if dataset is None and (before := self.store.published()) is not None:
            report.stays = before.digest
        if models is not None:
            report.failures |= await models.failures()
            report.files = models.notes()
        report.files = self._accepted() + report.files
        report.files += [f"gaps of {name}: {path}" for name, path in self.absent.items()]
        report.seconds = time.monotonic() - self.begun
        return report

    async def keep_report(self, work: Awaitable[Modelled]) -> None:
        """Keep the report of this work in the study's folder; work that breaks off has one too.

        It is for somebody who does not know this machine, so it names no folder of it.
        """
        try:
            report = await self.summary(*await work)
        except (Stopped, JournalLost, SQLAlchemyError):
            raise  # another process goes on
        except Exception as error:
            log.exception("an analysis broke off", study=self.study.name)
            reason = f"{type(error).__name__}: {error}"
            report = report_of(self.study.name, [], None)
            report.failures = {"analysis": reason}
        folder = f"{self.store.folder}/"
        report.failures = {name: why.replace(folder, "") for name, why in report.failures.items()}
        report.files = [line for line in report.files if folder not in line]
        write_whole(self.store.folder / REPORT, report)


@contextmanager
def asked_run(item: Item) -> Iterator[AnalysisRun]:
    """The run of an analysis that was asked for and planned, in an open runtime."""
    planned, asked = item.fact(Planned), item.payload
    assert planned is not None
    assert isinstance(asked, Asked)
    study = study_of(asked, planned.partitions[0].study)
    with Rejects(rejects_file(settings().data, NAME)) as rejects:
        intake = Intake(PARTITIONS, RunStats(), rejects.keep)
        begun = time.monotonic()
        yield AnalysisRun(study, planned.partitions, intake, rejects, begun, planned.unreached)


@asynccontextmanager
async def open_run(
    sources: Sequence[str],
    contract: str | None,
    target: str,
    matching: str = "*",
) -> AsyncIterator[AnalysisRun]:
    """Open the journal and find the partitions.

    `sources` are URLs, paths and globs under one `contract`, or "sample" alone. Raises BadStudy,
    NoContract, NoSample, NothingThere, and what `Gathering.validator` raises if all fail so.
    """
    here = settings()
    with ExitStack() as stack:
        own = list(sources) != [SAMPLE]
        study = _own(sources, contract, target) if own else sample_study()
        rejects = stack.enter_context(Rejects(rejects_file(here.data, NAME)))
        async with open_fetcher(here, sample=not own) as fetcher, open_runtime(here):
            found = await discover_partitions(study, fetcher, matching)
            intake = Intake(PARTITIONS, RunStats(), rejects.keep)
            begun = time.monotonic()
            run = AnalysisRun(study, found.partitions, intake, rejects, begun, found.unreached)
            await asyncio.to_thread(run.store.sweep)
            yield run


class NoContract(AgentError):
    """Sources without a contract."""

    def __str__(self) -> str:
        return "your own --source needs a --contract, which says what its columns must be"


def _own(sources: Sequence[str], contract: str | None, target: str) -> Study:
    if contract is None:
        raise NoContract
    declared = read_contract(contract)
    source = Source(contract=declared, locations=tuple(sources))
    try:
        return Study(name=declared.name, sources=(source,), target=target)
    except ValidationError as error:
        raise BadStudy(contract, problems_of(error)) from None


def _submission(number: int, partition: Partition) -> Submission:
    return Submission(partition.key, partition.model_dump_json(), partition, number)


def _failed(outcomes: Iterable[tuple[Partition, Cleaned | None]], folder: Path) -> dict[str, str]:
    """What is wrong with partitions that are clean, by name: no row is good, or not all were read."""
    found = {}
    for one, cleaned in outcomes:
        if cleaned and REFUSES_THE_REST & cleaned.rules.keys():
            found[f"{one.source}/{one.name}"] = (
                "nothing is read behind a broken quote: the last line of "
                f"{folder / cleaned.quarantine} has its place; mend the file at its source"
            )
        elif cleaned and cleaned.rows and not cleaned.good:
            reason = f"none of {cleaned.rows:,} rows is good; {broken([cleaned], folder)}"
            found[f"{one.source}/{one.name}"] = reason
    return found


async def alert_of_drift(batch: Batch) -> None:
    """Raise an alert for every feature that has drifted."""
    await send(
        Alert(
            "drift",
            item.scenario,
            item.payload.training.study.name,
            str(drift),
            item.trace,
        )
        for item, selected in _selected(batch)
        for drift in selected.drifts
        if drift.is_alarm
    )


async def show_comparison(batch: Batch) -> None:
    """Show in the UI which model was selected, how it predicts, and where the report is."""
    for item, selected in _selected(batch):
        folder = StudyStore(item.payload.training.study.name).folder
        decision = f"{selected.change.what}: {selected.change.why}"
        await publish_markdown(f"{NAME}-model", decision, "Decision about the best model")
        image = forecast_image(Models(folder).path(selected.best))
        await publish_image(f"{NAME}-forecast", image, "Forecast and truth")
        report = (folder / FILE).resolve().as_uri()
        await publish_link(f"{NAME}-report", report, "The report of this run")


def _selected(batch: Batch) -> Iterator[tuple[Item, Selected]]:
    for item in batch.peek():
        selected = item.fact(Selected)
        assert selected is not None
        yield item, selected


@dataclass(slots=True)
class ModelRun:
    """The candidates for one dataset, and their comparison."""

    study: Study
    dataset: Dataset
    sources: tuple[SourceReport, ...]
    rejects: Rejects
    seed: int

    async def candidates(self) -> AsyncIterator[Batch]:
        """The candidates to train; those that were trained on this dataset are already done."""
        records = [
            Submission(key_of(one), one.model_dump_json(), one, number)
            for number, one in enumerate(self.trainings(), 1)
        ]
        async for batch in self._intake(CANDIDATES).accepted(records, len(NAMES)):
            yield batch

    def trainings(self) -> list[Training]:
        """What each candidate is trained on."""
        return [self._training(name) for name in NAMES]

    async def comparison(self) -> AsyncIterator[Batch]:
        """The comparison of the trained candidates; nothing if one of them is missing."""
        if (comparison := self._comparison()) is None:
            return
        record = Submission(comparison.key, comparison.model_dump_json(), comparison, 1)
        async for batch in self._intake(COMPARISONS).accepted([record], 1):
            yield batch

    async def failures(self) -> dict[str, str]:
        """The reasons why a candidate was not trained, or the candidates were not compared."""
        models, trainings = Models(self._folder), self.trainings()
        missing = {key_of(t): t.candidate for t in trainings if not models.has(version_of(t))}
        gone = f"was trained before, but its model is gone from {self._folder}: use another seed"
        reasons = await failure_reasons(CANDIDATES.name, missing, gone)
        if (comparison := self._comparison()) is not None:
            reasons |= await failure_reasons(COMPARISONS.name, {comparison.key: "comparison"})
        return reasons

    def notes(self) -> list[str]:
        """The champion, the last change, and where the report is."""
        page = self._folder / FILE
        report = [f"report: {page.resolve()}"] if page.exists() else []
        found = model_notes(self.study.name, Models(self._folder).read())
        return found + report if found else []

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
        # One of these is champion already: there is no other champion to compare with.
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


MAX_KEYS, MAX_NAMES = 1_000, 3


async def failure_reasons(
    scenario: str, wanted: Mapping[str, str], gone: str = ""
) -> dict[str, str]:
    """The reasons why items failed, by the names of those that share a reason.

    `wanted` has the names by the keys of the items. `gone` is the reason for a completed item; without
    it, completed items are left out.
    """
    names: dict[str, list[str]] = {}
    for row in await named(runtime().journal, scenario, sorted(wanted)[:MAX_KEYS]):
        if reason := gone if row.state == State.COMPLETED else _reason(row):
            names.setdefault(reason, []).append(wanted[row.key])
    return {_listed(sorted(those)): reason for reason, those in names.items()}


def _reason(row: Row[Any]) -> str:
    if row.failure:
        return str(orjson.loads(row.failure)["error"])
    listed = {State.DEAD_LETTERED: "dead-letters", State.WAITING: "waiting"}.get(State(row.state))
    hint = f": python -m flows.operations {listed} --scenario {row.scenario}" if listed else ""
    return f"is {State(row.state).value.replace('_', '-')}{hint}"


def _listed(names: list[str]) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")
