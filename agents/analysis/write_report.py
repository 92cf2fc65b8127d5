"""Report: one HTML file with everything a reader wants to see, the same bytes for the same data."""

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agents.analysis.modelling.models import Card, Comparison, Weighed, Written
from agents.analysis.modelling.registry import Models
from agents.analysis.reporting import plots
from agents.analysis.study_store import StudyStore, write_whole
from agents.analysis.train_candidate import HEAVY, PREDICTIONS
from agents.runtime.execution.decorator import agent

PAGE = Path(__file__).parent / "reporting"
FILE = "report.html"


@agent(HEAVY)
def write_report(comparison: Comparison, weighed: Weighed) -> Written:
    """Draw and write it, whole or not at all.

    Raises DataReplaced: the report of newer data is never overwritten.
    """
    store = StudyStore(comparison.training.study.name)
    store.require_published(comparison.training.data)
    models = Models(store.folder)
    cards = [models.card(one.version) for one in comparison.candidates]
    best = next(card for card in cards if card.version == weighed.best)
    page = _page(comparison, weighed, cards, best, store)
    write_whole(store.folder / FILE, page)
    return Written(file=str(store.folder / FILE), sha256=hashlib.sha256(page.encode()).hexdigest())


def drawn_forecast(model: Path) -> str:
    """The picture of a model's forecasts against the truth, as a data URL."""
    return plots.drawn(plots.forecast(pd.read_parquet(model / PREDICTIONS)))


def _page(
    comparison: Comparison, weighed: Weighed, cards: list[Card], best: Card, store: StudyStore
) -> str:
    training = comparison.training
    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined
    )
    told = pd.read_parquet(Models(store.folder).path(best.version) / PREDICTIONS)
    rows = sum(source.rows for source in comparison.sources)
    return environment.get_template("page.html.j2").render(
        study=training.study.name,
        lead=f"{rows:,} rows; {training.study.target} is foretold from what is known before it.",
        sources=comparison.sources,
        cards=cards,
        best=best,
        change=weighed.change,
        alarms=[drift.feature for drift in weighed.drifts if drift.is_alarm],
        parts=training.parts,
        data=training.data,
        data_pictures=_of_data(comparison, store),
        model_pictures=_of_model(told, best),
        drift_pictures=[
            _picture(
                plots.drift(weighed.drifts),
                "drift",
                "Beyond the dashed line, and not by chance: red.",
            )
        ],
    )


def _of_data(comparison: Comparison, store: StudyStore) -> list[dict[str, str]]:
    study = comparison.training.study
    files = store.part_files(comparison.training.parts)
    times: dict[str, pd.Series] = {}
    for source in study.sources:
        time = source.contract.time
        read = [pd.read_parquet(file, columns=[time]) for file in files[source.name]]
        times[source.name] = pd.concat(read)[time].dropna()
    main, target = study.sources[0], study.target
    read = [pd.read_parquet(file, columns=[target]) for file in files[main.name]]
    outcome = pd.concat(read)[target].dropna()
    unit = main.contract.columns[target].unit
    spread = plots.distribution(target, outcome.astype("float64"), unit)
    return [
        _picture(plots.fates(comparison.sources), "rules", "By the first rule that was broken."),
        _picture(plots.coverage(times), "coverage", "Holes are gaps in the source."),
        _picture(spread, "distribution", "The outermost half percents are drawn at the ends."),
    ]


def _of_model(told: pd.DataFrame, best: Card) -> list[dict[str, str]]:
    return [
        _picture(plots.forecast(told), "forecast", "Days that the model has never seen."),
        _picture(plots.calibration(told), "calibration", "On the line, forecasts come true on average."),
        _picture(plots.residuals(told), "residuals", "Truth minus forecast, of the same days."),
        _picture(plots.importance(best.importance), "importance", "Measured on the judging rows."),
    ]  # fmt: skip


def _picture(draw: Any, alt: str, caption: str) -> dict[str, str]:
    return {"alt": alt, "caption": caption, "src": plots.drawn(draw)}
