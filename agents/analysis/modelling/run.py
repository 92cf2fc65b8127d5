"""The desk's second half: candidates to train on what was published, and a comparison to close with."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from agents.analysis.failure_reasons import refusals
from agents.analysis.modelling.candidates import NAMES
from agents.analysis.modelling.registry import Models
from agents.analysis.modelling.selection import COMPARISONS, Comparison, Weighed
from agents.analysis.modelling.training import CANDIDATES, Trained, Training
from agents.analysis.models import Dataset
from agents.analysis.report import SourceReport
from agents.analysis.sources.study import Study
from agents.analysis.study_store import StudyStore
from agents.analysis.train_candidate import CARD, version_of
from agents.analysis.write_report import FILE, drawn_forecast
from agents.runtime.intake.intake import Intake, Submission
from agents.runtime.intake.rejects import Rejects
from agents.runtime.model.batch import Batch, RunStats
from agents.runtime.model.scenario import Scenario
from agents.runtime.prefect_ui import alert, publish_image, publish_link, publish_markdown


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
            Submission(one.key, one.model_dump_json(), one, number)
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

    async def announce(self, batch: Batch) -> None:
        """Raise an alert for every feature that has drifted, and show in the UI what was found."""
        for item in batch.peek():
            weighed = item.fact(Weighed)
            assert weighed is not None
            for drift in weighed.drifts:
                if drift.is_alarm:
                    reason = f"{drift.feature}: PSI {drift.psi:.2f}"
                    alert("drift", item.scenario, self.study.name, reason)
            told = f"{weighed.change.what}: {weighed.change.why}"
            await publish_markdown(
                "data-analysis-model", told, "What the gate said of the best model"
            )
            forecast = drawn_forecast(self._folder / "models" / weighed.best)
            await publish_image("data-analysis-forecast", forecast, "Forecast against truth")
            report = (self._folder / FILE).resolve().as_uri()
            await publish_link("data-analysis-report", report, "The report of this run")

    async def refused(self) -> dict[str, str]:
        """What was not trained, or not compared, and why."""
        candidates = {one.key: one.candidate for one in self.trainings()}
        told = await refusals(CANDIDATES.name, candidates)
        if (comparison := self._comparison()) is not None:
            told |= await refusals(COMPARISONS.name, {comparison.key: "comparison"})
        return told

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
            if not (models.path(version) / CARD).exists():
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
