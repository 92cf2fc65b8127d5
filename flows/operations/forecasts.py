"""Operations on forecasts: train and promote a model, show how right it is, roll it back.

`python -m flows.operations` has them as commands.
"""

import asyncio
from typing import Annotated

from prefect import flow
from pydantic import Field

from agents.runtime.context import open_runtime
from agents.runtime.errors import MissingExtra
from agents.runtime.forecast_registry import FOLDER, ForecastCard, Forecasts
from agents.runtime.forecaster import examples_of
from agents.runtime.journal import Journal
from agents.runtime.journal.calibration import Calibration, calibration
from agents.runtime.journal.durations import completed
from agents.runtime.scheduling.boosted import Booster
from agents.runtime.scheduling.eta import duration
from agents.runtime.scheduling.features import Example
from agents.runtime.settings import settings
from flows.cli.parameters import By, Reason
from flows.cli.reports import Listing, moment, shown
from flows.operations.boosting import lightgbm
from flows.operations.forecast_training import Trained, train
from flows.workflows import WORKFLOWS


@flow(name="retrain-forecasts", flow_run_name="retrain forecasts", persist_result=False)
async def retrain_forecasts(
    most: Annotated[int, Field(ge=200, le=200_000)] = 20_000,
) -> Listing:
    """Learn from completed items how long agents take; a model that is better is promoted.

    It must beat the mean and the moving average on the newest fifth of the items, and the promoted model.
    Processes that accept items use it within seconds. Without the extra `forecast` it learns running
    quantiles alone.

    Example: `uv run python -m flows.operations retrain-forecasts`

    Args:
        most: Items of each scenario to learn from at most, the newest.

    """
    booster, note = _booster()
    async with open_runtime(settings()) as opened:
        examples = await _examples(opened.journal, most)
    done = await asyncio.to_thread(train, examples, Forecasts(settings().data / FOLDER), booster)
    return await shown("forecasts-trained", _trained(done, note))


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
        found = {name: await calibration(database, name, most) for name in WORKFLOWS}
    registry = Forecasts(settings().data / FOLDER).read()
    lines = _card_lines(registry.cards[registry.champion]) if registry.champion else []
    lines += [f"{one.what} {one.version} by {one.by}: {one.why}" for one in registry.changes[-3:]]
    table = [_calibrated(name, one) for name, one in found.items() if one.items]
    title = f"forecasts by model {registry.champion}" if registry.champion else "no forecasts"
    return await shown("forecasts", Listing(title=title, table=table, lines=lines))


@flow(name="roll-back-forecasts", flow_run_name="roll back the forecasts", persist_result=False)
async def roll_back_forecasts(by: By, reason: Reason) -> Listing:
    """Make the previous model of forecasts the promoted one again.

    Example: `uv run python -m flows.operations roll-back-forecasts --by ann --reason "too low since the move"`

    Args:
        by: Your name, kept with the change.
        reason: Why you roll back, kept with the change.

    """
    change = Forecasts(settings().data / FOLDER).roll_back(by, reason)
    return Listing(title=f"forecasts: {change.version} is promoted again")


async def _examples(journal: Journal, most: int) -> list[Example]:
    """The examples of all scenarios of the registry."""
    found = list[Example]()
    for name, workflow in WORKFLOWS.items():
        items = [one async for one in completed(journal.database, name, most)]
        if items:
            found += examples_of(workflow.scenario, items)
    return found


def _booster() -> tuple[Booster | None, str]:
    try:
        return lightgbm(), ""
    except MissingExtra as error:
        return None, f"running quantiles alone: {error}"


def _trained(done: Trained, note: str) -> Listing:
    notes = [note] if note else []
    if done.card is None or done.change is None:
        return Listing(title=f"no new model: {done.reason}", lines=notes)
    table = [
        {
            "scenario": scenario,
            "agent": agent,
            "outcomes": f"{facts.count:,}",
            "forecast by": facts.by,
            "what matters": _most(facts.matters),
        }
        for scenario, agents in done.card.agents.items()
        for agent, facts in agents.items()
    ]
    title = f"forecasts: {done.change.what} {done.card.version}"
    return Listing(title=title, table=table, lines=[*_card_lines(done.card), done.reason, *notes])


def _most(matters: dict[str, float]) -> str:
    most = sorted(matters.items(), key=lambda one: -one[1])[:3]
    return ", ".join(f"{name} {share:.0%}" for name, share in most)


def _card_lines(card: ForecastCard) -> list[str]:
    gain = f"{card.gain.value:.1%} ({card.gain.low:.1%} to {card.gain.high:.1%})"
    within = f"{card.coverage:.0%} of their outcomes within 9 of 10"
    return [
        f"learned from {card.learned:,} outcomes until {moment(card.until)} UTC",
        f"judged on {card.judged:,} later items: {gain} better than {card.baseline}",
        f"{within}, {card.concordance:.0%} of pairs in the forecast order",
    ]


def _calibrated(name: str, found: Calibration) -> dict[str, str]:
    return {
        "scenario": name,
        "items": f"{found.items:,}",
        "within the median": f"{found.under_p50:.0%}",
        "within 9 of 10": f"{found.under_p90:.0%}",
        "pairs in order": f"{found.concordance:.0%}",
        "forecast": duration(found.expected),
        "taken": duration(found.seconds),
    }
