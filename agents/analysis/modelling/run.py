"""The desk's second half: candidates to train on what was published, and a comparison to close with."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from agents.analysis.failure_reasons import failure_reasons
from agents.analysis.modelling.candidates import NAMES
from agents.analysis.modelling.registry import Models
from agents.analysis.modelling.selection import COMPARISONS, Comparison, Weighed
from agents.analysis.modelling.training import CANDIDATES, Trained, Training
from agents.analysis.models import Dataset
from agents.analysis.report import SourceReport
from agents.analysis.sources.study import Study
from agents.analysis.study_store import StudyStore
from agents.analysis.train_candidate import key_of, version_of
from agents.analysis.write_report import FILE, drawn_forecast
from agents.runtime.intake.intake import Intake, Submission
from agents.runtime.intake.rejects import Rejects
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.model.item import Item
from agents.runtime.model.scenario import Scenario
from agents.runtime.prefect_ui import alert, publish_image, publish_link, publish_markdown


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
