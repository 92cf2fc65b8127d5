"""Forecasts as programs and people see them: what is expected of an item, and when something is done."""

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import Row

from agents.runtime.journal.eta import QueueEta
from agents.runtime.journal.item_eta import ItemEta
from agents.runtime.scheduling.eta import Interval
from flows.cli.forecast_text import explained, explained_costs

SKILL = "on outcomes that it was not learned from; none if this machine does not have the model"


class EtaView(BaseModel):
    """When something is done, counted from now."""

    p50_seconds: float | None = Field(description="in half of all cases; none if nobody knows")
    p90_seconds: float | None = Field(description="in nine of ten cases; none if nobody knows")
    at_least: bool = Field(description="whether it may take longer, as not all of it is known")
    reason: str = Field(description="why nobody knows, or what is not known")


class AgentForecast(BaseModel):
    """What one agent is expected to take."""

    agent: str
    p50_seconds: float
    p90_seconds: float
    by: str = Field(description="the method, if this machine has the model")
    outcomes: int = Field(description="about how many earlier ones it is forecast from")
    matters: dict[str, float] = Field(description="what matters most for it, with its share")


class ForecastView(BaseModel):
    """What was expected of an item when it was accepted: seconds of work, without the wait for it."""

    p50_seconds: float
    p90_seconds: float
    mean_seconds: float
    model: str = Field(description="the version of the model")
    coverage: float | None = Field(description=f"share of outcomes within their p90, {SKILL}")
    concordance: float | None = Field(description=f"share of pairs in forecast order, {SKILL}")
    agents: list[AgentForecast] = Field(description="the one that takes longest first")


class CostForecast(BaseModel):
    """What an item was expected to use of a resource that somebody pays for, when it was accepted."""

    resource: str
    p50: float
    p90: float
    mean: float
    model: str = Field(description="the version of the model, which is not that of the time")
    coverage: float | None = Field(description=f"share of outcomes within their p90, {SKILL}")


def costs_of(item: Row[Any]) -> list[CostForecast]:
    """The forecasts of costs on an item's row."""
    return [
        CostForecast(
            resource=resource,
            p50=found.total.p50,
            p90=found.total.p90,
            mean=found.total.mean,
            model=found.model,
            coverage=None if found.card is None else found.card.coverage,
        )
        for resource, found in explained_costs(item).items()
    ]


def of_item(item: Row[Any]) -> ForecastView | None:
    """The forecast on an item's row; None without one."""
    found = explained(item)
    if found is None:
        return None
    agents = [
        AgentForecast(
            agent=one.agent,
            p50_seconds=one.expected.p50,
            p90_seconds=one.expected.p90,
            by=one.by,
            outcomes=one.outcomes,
            matters=dict(one.matters),
        )
        for one in found.agents
    ]
    card = found.card
    return ForecastView(
        p50_seconds=found.total.p50,
        p90_seconds=found.total.p90,
        mean_seconds=found.total.mean,
        model=found.model,
        coverage=None if card is None else card.coverage,
        concordance=None if card is None else card.concordance,
        agents=agents,
    )


def item_done(eta: ItemEta | None) -> EtaView | None:
    """When an item is done; None if it has ended."""
    return None if eta is None else _view(eta.interval, eta.reason, at_least=eta.at_least)


def queue_drained(eta: QueueEta) -> EtaView:
    """When the items that wait now, of all tenants, have been served."""
    reason = "" if eta.interval is not None else eta.in_words()
    return _view(eta.interval, reason, at_least=eta.at_least)


def _view(interval: Interval | None, reason: str, *, at_least: bool) -> EtaView:
    p50, p90 = (None, None) if interval is None else (interval.p50, interval.p90)
    return EtaView(p50_seconds=p50, p90_seconds=p90, at_least=at_least, reason=reason)
