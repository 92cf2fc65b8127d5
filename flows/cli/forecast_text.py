"""The explanation of a forecast in words, for the terminal and the UI."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row

from agents.runtime.forecast_registry import FOLDER, AgentExplained, Explained, Forecasts, explain
from agents.runtime.journal.item_eta import ItemEta
from agents.runtime.model.forecast import Expected
from agents.runtime.scheduling.eta import duration
from agents.runtime.settings import settings

MOST_AGENTS = 4


def item_lines(item: Row[Any], eta: ItemEta | None) -> list[str]:
    """When an item is done, and its forecast: one line each; none for what is not known."""
    done = [] if eta is None else [f"expected to be done: {eta.in_words()}"]
    found = explained(item)
    return done if found is None else [*done, *forecast_lines(found)]


def explained(item: Row[Any]) -> Explained | None:
    """The forecast of an item, by its row and the registry of this machine; None without a forecast."""
    if item.forecast is None:
        return None
    try:
        card = Forecasts(settings().data / FOLDER).read().cards.get(item.forecast_model)
    except (OSError, ValueError):
        card = None  # another machine has it
    total = Expected(item.p50, item.p90, item.expected)
    return explain(item.scenario, item.forecast, total, item.forecast_model, card)


def forecast_lines(found: Explained) -> list[str]:
    """What is expected, how sure that is, and from what: one line each."""
    return [
        f"expected work: {span(found.total)}",
        *(f"  {one.agent}: {_agent(one)}" for one in found.agents[:MOST_AGENTS]),
        *_model(found),
    ]


def span(expected: Expected) -> str:
    """The median and the 90th percentile: `12 s, 9 of 10 within 40 s`."""
    return f"{duration(expected.p50)}, 9 of 10 within {duration(expected.p90)}"


def _agent(one: AgentExplained) -> str:
    if not one.by:
        return span(one.expected)
    matters = ", ".join(f"{name} {share:.0%}" for name, share in one.matters)
    why = f"{one.by} of about {one.outcomes:,} earlier outcomes"
    return f"{span(one.expected)} ({why}{'; by ' + matters if matters else ''})"


def _model(found: Explained) -> Iterator[str]:
    card = found.card
    if card is None:
        yield f"forecast by model {found.model}, which is no longer in the registry"
        return
    yield (
        f"forecast by model {found.model}: of later outcomes {card.coverage:.0%} ended within "
        f"9 of 10, and {card.concordance:.0%} of pairs came in the forecast order"
    )
