"""Report: one HTML file about rows, models and drift; the same data gives the same bytes."""

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from agents.analysis.modelling.ahead import ahead
from agents.analysis.modelling.features import known_before
from agents.analysis.modelling.models import Comparison, ModelCard, Selected, Training, Written
from agents.analysis.modelling.registry import MODEL, Models, load
from agents.analysis.report import FILE
from agents.analysis.reporting import plots
from agents.analysis.reporting.figures import amount
from agents.analysis.reporting.meaning import meaning
from agents.analysis.reporting.rule_rows import rule_rows
from agents.analysis.study import Study
from agents.analysis.study_store import StudyStore
from agents.analysis.train_candidate import HEAVY, PREDICTIONS
from agents.runtime import agent
from agents.runtime.files import write_whole
from agents.runtime.model_registry import CARD, Change, Registry
from agents.runtime.run_files import RunFile

PAGE = Path(__file__).parent / "reporting"
COVERAGE = "A drop is a gap in the source. Periods that are not complete are left out at both ends."
FORECAST = "Test days, which no model was trained on. A last day that is not complete is left out."
SAME_SEASON = "Compared with the rows of the same season of the year in the training, and the same days of the week."
NO_SEASON = (
    "Compared with the training, which has less than a year before: a difference may be the season."
)
COMING = "Nine of ten outcomes of the test were in the band. The figures are in forecast.csv beside this page."
FORECAST_FILE = "forecast.csv"
MOST_CHANGES, MOST_NAMES = 12, 10  # of the history; of the features in the card


@agent(HEAVY)
def write_report(comparison: Comparison, selected: Selected) -> Written:
    """Write the report of this comparison, complete or not at all, and link it as the latest.

    Raises DataReplaced if other data is published by now: a newer report is never overwritten.
    """
    store = StudyStore(comparison.training.study.name)
    store.require_published(comparison.training.data)
    models = Models(store.folder)
    cards = [models.card(one.version) for one in comparison.candidates]
    best = next(card for card in cards if card.version == selected.best)
    page = _page(comparison, selected, cards, best, store)
    file = _file(store.folder, comparison)
    write_whole(file.path, page)
    if (coming := _coming(comparison, best, store)) is not None:
        write_whole(store.folder / FORECAST_FILE, coming.to_csv(index=False))
    file.point()
    return Written(file=str(file.path), sha256=hashlib.sha256(page.encode()).hexdigest())


def _file(folder: Path, comparison: Comparison) -> RunFile:
    """The file of this comparison, and the link to the latest; a report that has its place moves aside."""
    latest = folder / FILE
    if latest.exists() and not latest.is_symlink():
        latest.rename(folder / "report-earlier.html")
    return RunFile(latest, folder / f"report-{comparison.key.rpartition('@')[2]}.html")


def _coming(comparison: Comparison, best: ModelCard, store: StudyStore) -> pd.DataFrame | None:
    """The forecast of what comes, if the contract asks for it."""
    study = comparison.training.study
    if not study.sources[0].contract.forecast_hours:
        return None
    folder = Models(store.folder).path(best.version)
    files = store.part_files(comparison.training.parts)
    return ahead(study, files, load(folder / MODEL), pd.read_parquet(folder / PREDICTIONS))


def _of_coming(
    coming: pd.DataFrame | None, predictions: pd.DataFrame, best: ModelCard
) -> list[dict[str, str]]:
    if coming is None or coming.empty:
        return []
    span = max(3 * (coming["time"].max() - coming["time"].min()), pd.Timedelta(days=7))
    recent = predictions[predictions["time"] > predictions["time"].max() - span]
    recent = recent.rename(columns={"truth": "outcome"})
    drawn = plots.ahead(recent, coming, best.target, best.unit)
    return [_picture(drawn, "forecast of what comes", COMING)]


def forecast_image(model: Path) -> str:
    """The plot of a model's forecasts and the truth, as a data URL; `model` is its folder."""
    card = ModelCard.model_validate_json((model / CARD).read_bytes())
    drawn = plots.forecast(pd.read_parquet(model / PREDICTIONS), card.target, card.unit)
    return plots.image(drawn)


def _page(
    comparison: Comparison,
    selected: Selected,
    cards: list[ModelCard],
    best: ModelCard,
    store: StudyStore,
) -> str:
    training = comparison.training
    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["amount"] = amount
    predictions = pd.read_parquet(Models(store.folder).path(best.version) / PREDICTIONS)
    rows = sum(source.rows for source in comparison.sources)
    return environment.get_template("page.html.j2").render(
        study=training.study.name,
        lead=f"{rows:,} rows. The models predict {training.study.target}.",
        sources=comparison.sources,
        rules=_rules(comparison, store),
        cards=cards,
        best=best,
        unit=f", {best.unit}" if best.unit else "",
        meaning=meaning(best, cards, predictions),
        change=selected.change,
        unit_squared=f", ({best.unit})²" if best.unit else "",
        compared_with=SAME_SEASON if selected.same_season else NO_SEASON,
        alarms=[drift for drift in selected.drifts if drift.is_alarm],
        history=_history(Models(store.folder).read(), selected.change),
        model_card=_card(best, training),
        parts=training.parts,
        data=training.data,
        data_pictures=_of_data(comparison, store),
        model_pictures=_of_model(predictions, best),
        drift_pictures=_of_drift(selected, training.study),
        coming_pictures=_of_coming(_coming(comparison, best, store), predictions, best),
    )


def _of_data(comparison: Comparison, store: StudyStore) -> list[dict[str, str]]:
    study = comparison.training.study
    files = store.part_files(comparison.training.parts)
    times: dict[str, pd.Series] = {}
    for source in study.sources:
        time = source.contract.time
        read = [pd.read_parquet(file, columns=[time]) for file in files[source.name]]
        local = pd.concat(read)[time].dropna().dt.tz_convert(source.contract.columns[time].zone)
        times[source.name] = local.dt.tz_localize(None)
    main, target = study.sources[0], study.target
    read = [pd.read_parquet(file, columns=[target]) for file in files[main.name]]
    outcome = pd.concat(read)[target].dropna()
    unit = main.contract.columns[target].unit
    spread = plots.distribution(target, outcome.astype("float64"), unit)
    rules = plots.broken_rules(comparison.sources)
    is_any = any(source.rules or source.discarded for source in comparison.sources)
    return [
        *[_picture(rules, "rules", "Rows by the first broken rule.") for _ in range(is_any)],
        _picture(
            plots.coverage(times),
            "coverage",
            COVERAGE,
        ),
        _picture(spread, "distribution", "The lowest and highest half percent are at the ends."),
    ]


def _of_model(predictions: pd.DataFrame, best: ModelCard) -> list[dict[str, str]]:
    label = (best.target, best.unit or ("probability" if best.task == "classification" else ""))
    residuals = [
        _picture(
            plots.residuals(predictions, *label),
            "residuals",
            "Truth minus forecast, on the test days.",
        )
    ]
    return [
        _picture(plots.forecast(predictions, *label), "forecast", FORECAST),
        _picture(plots.calibration(predictions, *label), "calibration", "On the line, forecasts are right on average."),
        *(residuals if best.task == "regression" else []),
        *_importance(best),
    ]  # fmt: skip


def _of_drift(selected: Selected, study: Study) -> list[dict[str, str]]:
    if not selected.drifts:
        return []
    caption = "Red: beyond the dashed line, and significant."
    contracts = {source.name: source.contract for source in study.sources}
    main = study.sources[0].contract
    units = {name: column.unit for name, column in main.columns.items()}
    units |= {
        f"{join.source}_{name}": contracts[join.source].columns[name].unit
        for join in study.joins
        for name in join.columns
    }
    own = units[study.target]  # also of its lags and means
    shown = [drift for drift in selected.drifts if drift.is_alarm and drift.bins]
    return [
        _picture(plots.drift(selected.drifts), "drift", caption),
        *(
            _picture(
                plots.reference(
                    one, units.get(one.feature, own if one.feature.startswith(study.target) else "")
                ),
                f"{one.feature} in training and now",
                "Each bin has a tenth of the training's rows, or is one value.",
            )
            for one in shown
        ),
    ]


def _history(registry: Registry[ModelCard], last: Change) -> list[dict[str, Any]]:
    """The changes until this decision, the latest first; what came later is in a later report."""
    changes = registry.changes
    ends = [number for number, change in enumerate(changes, 1) if change == last]
    found = []
    for change in changes[: ends[-1] if ends else None][-MOST_CHANGES:][::-1]:
        card = registry.cards.get(change.version)
        found.append(
            {
                "candidate": card.candidate if card is not None else "",
                "version": change.version,
                "what": change.what,
                "by": change.by,
                "why": change.why,
                "error": card.rmse if card is not None else None,
                "rows": f"{card.judged:,}" if card is not None else "",
            }
        )
    return found


def _card(best: ModelCard, training: Training) -> list[tuple[str, str]]:
    """What somebody needs who is to trust the model, or to make it again."""
    known = known_before(training.study.sources[0].contract)
    if len(known) > MOST_NAMES:
        known = [*known[:MOST_NAMES], f"{len(known) - MOST_NAMES} others"]
    settings = [f"{name} {value}" for name, value in best.parameters.items()]
    return [
        ("task", best.task),
        ("predicts", f"{best.target}, {best.unit}".removesuffix(", ")),
        ("learnt from", f"{best.learnt:,} rows before {best.since[:10]}"),
        ("judged by", f"{best.judged:,} rows from {best.since[:10]} to {best.until[:10]}"),
        ("knows of a row", ", ".join(known) or "the calendar alone"),
        ("parameters", ", ".join(settings) or "none"),
        ("data", best.data[:16]),
        ("code", best.code[:16]),
        ("seed", str(best.seed)),
    ]


def _importance(best: ModelCard) -> list[dict[str, str]]:
    """Nothing for the baseline: it knows the calendar alone."""
    if not best.importance:
        return []
    drawn, text = plots.importance(best.importance, best.unit), "Measured on the test rows."
    if left := len(best.importance) - len(plots.important(best.importance)):
        text += f" Left out: {left} features of less weight."
    return [_picture(drawn, "importance", text)]


def _rules(comparison: Comparison, store: StudyStore) -> list[dict[str, Any]]:
    """The rules of each source, for a table."""
    contracts = {source.name: source.contract for source in comparison.training.study.sources}
    found = []
    for source in comparison.sources:
        own = [
            store.folder / p.file for p in comparison.training.parts if p.source == source.source
        ]
        rows, passed = rule_rows(contracts[source.source], source, own)
        found.append({"source": source.source, "rows": rows, "passed": passed})
    return found


def _picture(draw: Any, alt: str, caption: str) -> dict[str, str]:
    return {"alt": alt, "caption": caption, "src": plots.image(draw)}
