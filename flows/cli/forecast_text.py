"""The explanation of a forecast in words, for the terminal and the UI."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from sqlalchemy import Row

from agents.runtime.forecast_registry import (
    FOLDER,
    AgentExplained,
    Explained,
    ForecastCard,
    Forecasts,
    cost_model,
    explain,
)
from agents.runtime.journal.item_eta import ItemEta
from agents.runtime.model.forecast import Expected
from agents.runtime.scheduling.eta import duration
from agents.runtime.scheduling.reservations import amount
from agents.runtime.settings import settings

MOST_AGENTS = 4


def item_lines(item: Row[Any], eta: ItemEta | None) -> list[str]:
    """When an item is done, and its forecast: one line each; none for what is not known."""
    lines = [] if eta is None else [f"expected to be done: {eta.in_words()}"]
    if (found := explained(item)) is not None:
        lines += forecast_lines(found)
    for resource, cost in explained_costs(item).items():
        lines += forecast_lines(cost, resource, amount)
    return lines


def explained(item: Row[Any]) -> Explained | None:
    """The forecast of an item, by its row and the registry of this machine; None without a forecast."""
    if item.forecast is None:
        return None
    card = _card(Forecasts(settings().data / FOLDER), item.forecast_model)
    total = Expected(item.p50, item.p90, item.expected)
    agents = orjson.loads(item.forecast)
    return explain(item.scenario, agents, total, item.forecast_model, card)


def explained_costs(item: Row[Any]) -> dict[str, Explained]:
    """By resource, the forecast of what an item uses of it; empty without one."""
    found = {}
    for resource, cost in orjson.loads(item.costs or "{}").items():
        card = _card(cost_model(settings().data, resource), cost["model"])
        total = Expected(*cost["total"])
        found[resource] = explain(item.scenario, cost["agents"], total, cost["model"], card)
    return found


def _card(models: Forecasts, version: str) -> ForecastCard | None:
    try:
        return models.read().cards.get(version)
    except (OSError, ValueError):
        return None  # another machine has it


def forecast_lines(
    found: Explained, what: str = "work", say: Callable[[float], str] = duration
) -> list[str]:
    """What is expected, how sure that is, and from what: one line each. `say` writes a number."""
    return [
        f"expected {what}: {span(found.total, say)}",
        *(f"  {one.agent}: {_agent(one, say)}" for one in found.agents[:MOST_AGENTS]),
        *_model(found),
    ]


def span(expected: Expected, say: Callable[[float], str] = duration) -> str:
    """The median and the 90th percentile: `12 s, 9 of 10 within 40 s`."""
    return f"{say(expected.p50)}, 9 of 10 within {say(expected.p90)}"


def _agent(one: AgentExplained, say: Callable[[float], str]) -> str:
    if not one.by:
        return span(one.expected, say)
    matters = ", ".join(f"{name} {share:.0%}" for name, share in one.matters)
    why = f"{one.by} of about {one.outcomes:,} earlier outcomes"
    return f"{span(one.expected, say)} ({why}{'; by ' + matters if matters else ''})"


def _model(found: Explained) -> Iterator[str]:
    card = found.card
    if card is None:
        yield f"forecast by model {found.model}, which is no longer in the registry"
        return
    yield (
        f"forecast by model {found.model}: of later outcomes {card.coverage:.0%} were within "
        f"9 of 10, and {card.concordance:.0%} of pairs came in the forecast order"
    )
