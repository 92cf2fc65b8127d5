"""What a terminal says about the models of a study: the champion's figures, the last decision, what to do next."""

from collections.abc import Iterator

from agents.analysis.modelling.models import ModelCard
from agents.analysis.reporting.figures import figure
from agents.runtime.model_registry import Registry


def model_notes(study: str, registry: Registry[ModelCard]) -> list[str]:
    """The lines; none if no model was ever compared."""
    return list(_lines(study, registry)) if registry.cards else []


def _lines(study: str, registry: Registry[ModelCard]) -> Iterator[str]:
    if registry.champion:
        yield f"champion: {_figures(registry.cards[registry.champion])}"
    else:
        yield "no model is better than the baseline, there is no champion"
    last = registry.changes[-1]
    yield f"last change: {last.version[:8]} {last.what}, {last.why}"
    if (card := registry.cards.get(last.version)) is not None and card.left_out:
        yield f"{card.left_out:,} rows of the last day are left out of the models: it is not complete"
    waiting = registry.cards.get(registry.challenger)
    if waiting is not None and waiting.doubt:
        promote = f"uv run python -m flows.data_analysis promote {study}"
        yield f"a model waits for a person: {_figures(waiting)}; to promote it: {promote}"


def _figures(card: ModelCard) -> str:
    unit = f" {card.unit}" if card.unit else ""
    found = f"{card.candidate} {card.version[:8]}, off by {card.mae.value:,.3g}{unit} on average"
    if card.r2 is not None:
        found += f", R² {card.r2.value:.2f} [{card.r2.low:.2f}, {card.r2.high:.2f}]"
    if card.auc is not None:
        found += f", area under the ROC curve {figure(card.auc)}"
    squared = f" ({card.unit})²" if card.unit else ""
    return f"{found}, gain over the baseline {figure(card.gain)}{squared}"
