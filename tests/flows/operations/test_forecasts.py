"""Forecasts are trained from the journal, promoted only if they are better, and rolled back by a person."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import update

from agents.runtime.context import open_runtime
from agents.runtime.forecast_registry import FOLDER, MODEL, Forecasts, cost_model
from agents.runtime.journal.schema import steps
from agents.runtime.scheduling.features import Example
from agents.runtime.settings import settings
from flows.operations.forecast_training import train
from flows.operations.forecasts import forecasts, retrain_forecasts, roll_back_forecasts
from tests.agents.runtime.scheduling.histories import by_kind_and_size, by_nothing, history
from tests.flows.shop import Shop

ITEMS = 400


@pytest.fixture
def models(tmp_path: Path) -> Forecasts:
    return Forecasts(tmp_path / FOLDER)


def later(examples: list[Example], by: int = ITEMS) -> list[Example]:
    """The same that many items later."""
    return [replace(one, at=one.at + by, item=one.item + by) for one in examples]


def slower(examples: list[Example], factor: float) -> list[Example]:
    return [replace(one, seconds=one.seconds * factor) for one in examples]


def test_a_model_that_learns_something_is_promoted_with_its_facts(models: Forecasts) -> None:
    done = train(history(ITEMS, by_kind_and_size), models, None)
    assert done.change is not None
    assert (done.change.what, models.read().champion) == ("promoted", done.change.version)
    card = models.read().cards[done.change.version]
    assert (card.learned, card.judged, card.until) == (ITEMS, ITEMS // 5, ITEMS - 1)
    assert card.loss < card.loss_of_mean
    assert card.agents["jobs"]["read"].by == "running quantiles"
    assert 0.7 < card.coverage <= 1


def _shuffled() -> list[Example]:
    examples = history(ITEMS, by_kind_and_size)
    seconds = [one.seconds for one in examples]
    Random(1).shuffle(seconds)
    return [replace(one, seconds=s) for one, s in zip(examples, seconds, strict=True)]


@pytest.mark.parametrize("examples", [lambda: history(ITEMS, by_nothing), _shuffled])
def test_a_model_that_is_no_better_than_mean_and_moving_average_is_not(
    models: Forecasts, examples: Callable[[], list[Example]]
) -> None:
    done = train(examples(), models, None)
    assert done.change is not None
    assert (done.change.what, models.read().champion) == ("challenger", "")
    assert "gain over mean and moving average" in done.reason


def test_too_little_history_gives_no_model(models: Forecasts) -> None:
    assert train([], models, None).card is None
    assert "200 are needed" in train(history(50, by_nothing), models, None).reason


def test_the_champion_is_compared_on_what_it_was_not_learned_from(models: Forecasts) -> None:
    first = history(ITEMS, by_kind_and_size)
    train(first, models, None)
    champion = models.read().champion
    again = train(first, models, None)
    assert (again.card, again.reason.startswith("0 items since")) == (None, True)
    same = [*first, *later(history(ITEMS, by_kind_and_size, seed=2))]
    assert train(same, models, None).reason.startswith("gain over the champion")
    changed = [*first, *slower(later(history(4 * ITEMS, by_kind_and_size, seed=3)), 5)]
    done = train(changed, models, None)
    assert done.change is not None
    assert (done.change.what, models.read().before) == ("promoted", [champion])
    models.roll_back("ann", "too high")
    assert models.read().champion == champion
    assert models.load(champion).visits == {"jobs": {"read": 1.0}}, "its files are kept"


def test_a_champion_whose_file_is_gone_is_replaced(models: Forecasts) -> None:
    first = history(ITEMS, by_kind_and_size)
    train(first, models, None)
    (models.path(models.read().champion) / MODEL).unlink()
    done = train([*first, *later(first)], models, None)
    assert done.change is not None
    assert done.change.what == "promoted"


def test_models_that_nobody_can_roll_back_to_are_deleted(models: Forecasts) -> None:
    train(history(ITEMS, by_nothing), models, None)
    train(history(ITEMS, by_nothing, seed=2), models, None)
    kept = [path.name for path in (models.folder / "models").iterdir()]
    assert kept == [models.read().challenger]


async def test_the_commands_train_show_and_roll_back(shop: Shop) -> None:
    await shop.process(shop.orders(3))
    listing = await retrain_forecasts.fn()
    assert listing.title.startswith("no new model: ")
    assert "200 are needed" in listing.title
    assert (await forecasts.fn()).title == "no forecasts"
    with pytest.raises(Exception, match="no earlier champion"):
        await roll_back_forecasts.fn("ann", "too low")


async def test_costs_have_models_of_their_own_in_the_same_commands(shop: Shop) -> None:
    await shop.process(shop.orders(3))
    async with open_runtime(settings()) as here, here.journal.database.write() as connection:
        await connection.execute(update(steps).values(used='{"model_tokens": 300}'))
    listing = await retrain_forecasts.fn()
    assert "model_tokens: no new model: 3 completed items, 200 are needed" in listing.lines
    models, first = cost_model(settings().data, "model_tokens"), history(ITEMS, by_kind_and_size)
    train(first, models, None, {"jobs": 2 * ITEMS})
    before = models.read().champion
    assert models.load(before).visits == {"jobs": {"read": 0.5}}, "half of the items cost nothing"
    longer = [*first, *slower(later(history(4 * ITEMS, by_kind_and_size, seed=3)), 5)]
    train(longer, models, None, {"jobs": 10 * ITEMS})
    assert models.read().champion != before
    assert f"model_tokens: by model {models.read().champion}" in (await forecasts.fn()).lines
    listing = await roll_back_forecasts.fn("ann", "too high", "model_tokens")
    assert (listing.title, models.read().champion) == (
        f"forecasts: {before} is promoted again",
        before,
    )
