"""Operations on forecasts: train and promote a model, show how right it is, roll it back.

`python -m flows.operations` has them as commands.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.errors import MissingExtra
from agents.runtime.forecast_registry import (
    FOLDER,
    ForecastCard,
    Forecasts,
    cost_model,
    cost_models,
)
from agents.runtime.forecaster import costs_of, examples_of
from agents.runtime.journal import Journal
from agents.runtime.journal.calibration import Calibration, calibration, cost_calibrations
from agents.runtime.journal.database import Database
from agents.runtime.journal.durations import completed
from agents.runtime.model_registry import Registry
from agents.runtime.scheduling.boosted import Booster
from agents.runtime.scheduling.eta import duration
from agents.runtime.scheduling.features import Example
from agents.runtime.scheduling.reservations import amount
from agents.runtime.settings import settings
from flows.cli.parameters import By, Reason
from flows.cli.reports import Listing, moment, shown
from flows.operations.boosting import lightgbm
from flows.operations.forecast_training import Trained, train
from flows.workflows import WORKFLOWS

TIME = "time"  # what the first model forecasts; the others forecast costs


@flow(name="retrain-forecasts", flow_run_name="retrain forecasts", persist_result=False)
async def retrain_forecasts(
    most: Annotated[int, Field(ge=200, le=200_000)] = 20_000,
) -> Listing:
    """Learn from completed items how long agents take and what they use; a model that is better is promoted.

    It must beat the mean and the moving average on the newest fifth of the items, and the promoted model.
    Processes that accept items use it within seconds. Without the extra `forecast` it learns running
    quantiles alone.

    Example: `uv run python -m flows.operations retrain-forecasts`

    Args:
        most: Items of each scenario to learn from at most, the newest.

    """
    booster, note = _booster()
    async with open_runtime(settings()) as opened:
        known = await _known(opened.journal, most)
    models = Forecasts(settings().data / FOLDER)
    done = await asyncio.to_thread(train, known.durations, models, booster)
    listing = _trained(done, note)
    for resource, examples in sorted(known.costs.items()):
        models = cost_model(settings().data, resource)
        done = await asyncio.to_thread(train, examples, models, booster, known.completed)
        listing.table += [{"of": resource, **row} for row in _agent_rows(done)]
        listing.lines += _cost_lines(resource, done)
    return await shown("forecasts-trained", listing)


@flow(name="forecasts", flow_run_name="forecasts", persist_result=False)
async def forecasts(
    most: Annotated[int, Field(ge=10, le=10_000)] = 1_000,
) -> Listing:
    """Show how right the forecasts of completed items were, and the promoted model.

    Of 100 items 90 should have taken at most what was forecast for 9 of 10, and 50 at most the median.

    Example: `uv run python -m flows.operations forecasts`

    Args:
        most: Completed items of each scenario to compare at most, the newest.

    """
    async with open_runtime(settings()) as opened:
        database = opened.journal.database
        table = [row for name in WORKFLOWS for row in await _calibrations(database, name, most)]
    registry = Forecasts(settings().data / FOLDER).read()
    lines = _registry_lines(registry)
    for resource, models in cost_models(settings().data).items():
        costs = models.read()
        lines += [f"{resource}: by model {costs.champion or 'none'}", *_registry_lines(costs)]
    title = f"forecasts by model {registry.champion}" if registry.champion else "no forecasts"
    return await shown("forecasts", Listing(title=title, table=table, lines=lines))


@flow(name="roll-back-forecasts", flow_run_name="roll back the forecasts", persist_result=False)
async def roll_back_forecasts(by: By, reason: Reason, of: str = TIME) -> Listing:
    """Make the previous model of forecasts the promoted one again.

    Example: `uv run python -m flows.operations roll-back-forecasts --by ann --reason "too low since the move"`

    Args:
        by: Your name, kept with the change.
        reason: Why you roll back, kept with the change.
        of: What it forecasts: `time`, or a resource such as `model_tokens`.

    """
    data = settings().data
    models = Forecasts(data / FOLDER) if of == TIME else cost_model(data, of)
    change = models.roll_back(by, reason)
    return Listing(title=f"forecasts: {change.version} is promoted again")


@dataclass(frozen=True, slots=True)
class Known:
    """Examples of all scenarios of the registry; those of costs by resource. `completed` counts items."""

    durations: list[Example]
    costs: dict[str, list[Example]]
    completed: dict[str, int]


async def _known(journal: Journal, most: int) -> Known:
    known = Known([], {}, {})
    for name, workflow in WORKFLOWS.items():
        items = [one async for one in completed(journal.database, name, most)]
        if not items:
            continue
        known.completed[name] = len(items)
        known.durations.extend(examples_of(workflow.scenario, items))
        for resource, examples in costs_of(workflow.scenario, items).items():
            known.costs.setdefault(resource, []).extend(examples)
    return known


def _booster() -> tuple[Booster | None, str]:
    try:
        return lightgbm(), ""
    except MissingExtra as error:
        return None, f"running quantiles alone: {error}"


def _trained(done: Trained, note: str) -> Listing:
    notes = [note] if note else []
    if done.card is None or done.change is None:
        return Listing(title=f"no new model: {done.reason}", lines=notes)
    table = [{"of": TIME, **row} for row in _agent_rows(done)]
    title = f"forecasts: {done.change.what} {done.card.version}"
    return Listing(title=title, table=table, lines=[*_card_lines(done.card), done.reason, *notes])


def _cost_lines(resource: str, done: Trained) -> list[str]:
    if done.card is None or done.change is None:
        return [f"{resource}: no new model: {done.reason}"]
    title = f"{resource}: {done.change.what} {done.card.version}"
    return [title, *_card_lines(done.card), done.reason]


def _agent_rows(done: Trained) -> list[dict[str, str]]:
    return [
        {
            "scenario": scenario,
            "agent": agent,
            "outcomes": f"{facts.count:,}",
            "forecast by": facts.by,
            "what matters": _most(facts.matters),
        }
        for scenario, agents in (done.card.agents.items() if done.card else ())
        for agent, facts in agents.items()
    ]


def _most(matters: dict[str, float]) -> str:
    most = sorted(matters.items(), key=lambda one: -one[1])[:3]
    return ", ".join(f"{name} {share:.0%}" for name, share in most)


def _registry_lines(registry: Registry[ForecastCard]) -> list[str]:
    """The facts about the promoted model, and the last changes."""
    lines = _card_lines(registry.cards[registry.champion]) if registry.champion else []
    changes = registry.changes[-3:]
    return lines + [f"{one.what} {one.version} by {one.by}: {one.why}" for one in changes]


def _card_lines(card: ForecastCard) -> list[str]:
    gain = f"{card.gain.value:.1%} ({card.gain.low:.1%} to {card.gain.high:.1%})"
    within = f"{card.coverage:.0%} of their outcomes within 9 of 10"
    return [
        f"learned from {card.learned:,} outcomes until {moment(card.until)} UTC",
        f"judged on {card.judged:,} later items: {gain} better than {card.baseline}",
        f"{within}, {card.concordance:.0%} of pairs in the forecast order",
    ]


async def _calibrations(database: Database, scenario: str, most: int) -> list[dict[str, str]]:
    """How right the forecasts of the scenario's items were: those of the time, and of each cost."""
    durations = await calibration(database, scenario, most)
    found = [_calibrated(scenario, TIME, durations, duration)] if durations.items else []
    costs = await cost_calibrations(database, scenario, most)
    return found + [_calibrated(scenario, name, one, amount) for name, one in costs.items()]


def _calibrated(
    name: str, of: str, found: Calibration, say: Callable[[float], str]
) -> dict[str, str]:
    return {
        "scenario": name,
        "of": of,
        "items": f"{found.items:,}",
        "within the median": f"{found.under_p50:.0%}",
        "within 9 of 10": f"{found.under_p90:.0%}",
        "pairs in order": f"{found.concordance:.0%}",
        "forecast": say(found.expected),
        "taken": say(found.seconds),
    }
