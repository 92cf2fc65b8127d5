"""Items are forecast when they are accepted, by the promoted model; without one they have no forecast."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from agents.runtime.clock import CLOCK
from agents.runtime.context import Runtime, open_runtime, runtime
from agents.runtime.execution.budgets import spent
from agents.runtime.execution.decorator import agent
from agents.runtime.files import write_whole
from agents.runtime.forecast_registry import (
    COSTS,
    FOLDER,
    MODEL,
    ForecastCard,
    Forecasts,
    cost_model,
    cost_models,
    explain,
    rounded,
)
from agents.runtime.forecaster import (
    CALIBRATE_SECONDS,
    LOOK_SECONDS,
    Forecaster,
    costs_of,
    examples_of,
)
from agents.runtime.journal.calibration import calibration, cost_calibrations
from agents.runtime.journal.durations import completed, waiting_counts
from agents.runtime.journal.queries import item_history
from agents.runtime.journal.schema import items
from agents.runtime.metrics import CALIBRATION
from agents.runtime.model.forecast import Expected
from agents.runtime.model.policies import PURE
from agents.runtime.model_registry import FILE, Interval
from agents.runtime.scheduling.features import Example, features
from agents.runtime.scheduling.forecasting import Model, fit
from agents.runtime.settings import Settings
from flows.cli.forecast_text import item_lines
from flows.operations.forecast_training import train
from tests.agents.runtime.execution.test_durations import WorkingClock, clock
from tests.agents.runtime.jobs import JOBS, AnyAgent, Job, Made, jobs, rows, run

__all__ = ["clock"]

GAIN = Interval(value=0.5, low=0.4, high=0.6)
KINDS = replace(JOBS, features=lambda job: {"kind": "odd" if job.n % 2 else "even"})


def model_of(seconds: float, agent: str = "see") -> Model:
    here = features("jobs", "default", size=30)
    return fit([Example(here, agent, seconds, float(n), n) for n in range(50)])


def promote(folder: Path, version: str, model: Model | str) -> None:
    """Promote a model, or a file that is none."""
    promote_in(Forecasts(folder / "forecasts"), version, model)


def promote_in(models: Forecasts, version: str, model: Model | str) -> None:
    card = ForecastCard(
        version=version, gain=GAIN, made_at=0, until=0, learned=50, judged=50, loss=1,
        loss_of_mean=2, loss_of_ewma=2, coverage=0.9, concordance=0.7, agents={},
    )  # fmt: skip
    stored = model if isinstance(model, str) else orjson.dumps(model.dump()).decode()
    write_whole(models.path(version) / MODEL, stored)
    assert models.challenge(card, models.read().champion, GAIN).what == "promoted"


@contextmanager
def later(seconds: float) -> Iterator[None]:
    class Later:
        time = staticmethod(time.time)
        monotonic = staticmethod(lambda: time.monotonic() + seconds)

    token = CLOCK.set(Later())
    yield
    CLOCK.reset(token)


async def forecasts() -> list[float | None]:
    return [row.expected for row in await rows(items)]


@pytest.fixture
def see() -> AnyAgent:
    @agent(PURE)
    def see(_job: Job) -> Made:
        return Made(by="see")

    return see


@pytest.mark.usefixtures("opened")
async def test_without_a_model_items_have_no_forecast(see: AnyAgent) -> None:
    await run(jobs(2), see)
    assert await forecasts() == [None, None]


async def test_items_are_forecast_by_the_promoted_model(
    journal_settings: Settings, see: AnyAgent
) -> None:
    promote(journal_settings.data, "v1", model_of(3.0))
    async with open_runtime(journal_settings):
        await run(jobs(2), see)
        first, _ = await rows(items)
    assert first.expected == first.precedence == pytest.approx(3)
    assert (first.forecast_model, list(orjson.loads(first.forecast))) == ("v1", ["see"])
    assert first.p50 == pytest.approx(3, rel=0.03)


async def test_a_model_that_is_promoted_meanwhile_is_found(opened: Runtime) -> None:
    here = opened.forecaster
    assert here.forecasts(JOBS, "default", [("{}", None)]) == [None]
    promote(opened.settings.data, "v1", model_of(3.0))
    with later(LOOK_SECONDS + 1):
        assert here.forecasts(JOBS, "default", [("{}", None)]) == [None]  # it is being read
        assert here._looking is not None
        await here._looking
        (found,) = here.forecasts(JOBS, "default", [("{}", None)])
    assert found is not None
    assert found.model == "v1"


@pytest.mark.parametrize("file", ["", "{", '{"format": 99}', '{"format": 1}', "[" * 100_000])
async def test_a_file_that_is_no_model_is_ignored_and_the_one_before_stays(
    tmp_path: Path, file: str
) -> None:
    promote(tmp_path, "v1", model_of(3.0))
    forecaster = Forecaster(tmp_path)
    await forecaster.open()
    promote(tmp_path, "v2", file)
    await forecaster.open()
    assert forecaster.durations.version == "v1"
    fresh = Forecaster(tmp_path)
    await fresh.open()
    assert fresh.forecasts(JOBS, "default", [("{}", None)]) == [None]


async def test_a_broken_registry_or_scenario_costs_no_item_its_acceptance(tmp_path: Path) -> None:
    promote(tmp_path, "v1", model_of(3.0))
    forecaster = Forecaster(tmp_path)
    await forecaster.open()
    broken = replace(JOBS, features=lambda job: {"kind": job["no such thing"]})
    (found,) = forecaster.forecasts(broken, "default", [("{}", Job(key="a"))])
    assert found is not None
    (tmp_path / "forecasts" / FILE).write_text("{")
    await forecaster.open()
    assert forecaster.durations.version == "v1"


@pytest.mark.usefixtures("opened")
async def test_completed_items_are_examples_with_their_features(see: AnyAgent) -> None:
    await run(jobs(3), see)
    await run([Job(key="other", n=4, text="x" * 1_000)], see)
    database = runtime().journal.database
    found = [one async for one in completed(database, "jobs", 100)]
    examples = examples_of(KINDS, found)
    assert [one.features.word("kind") for one in examples] == ["even", "even", "odd", "even"]
    assert {one.agent for one in examples} == {"see"}
    assert all(one.seconds >= 0 for one in examples)
    sizes = [dict(one.features.numbers)["size"] for one in examples]
    assert sizes[0] > sizes[1] == sizes[2]


@pytest.mark.usefixtures("opened")
async def test_the_newest_completed_items_are_read_page_by_page(
    monkeypatch: pytest.MonkeyPatch, see: AnyAgent
) -> None:
    monkeypatch.setattr("agents.runtime.journal.durations.PAGE", 2)
    await run(jobs(7), see)
    database = runtime().journal.database
    async with database.write() as connection:  # all ended in one commit, and one has failed
        await connection.execute(text("UPDATE items SET ended_at = 5.0"))
        await connection.execute(text("UPDATE items SET state = 'failed' WHERE key = 'job-0006'"))
    ids = [one.row.id async for one in completed(database, "jobs", 100)]
    assert (len(ids), ids) == (6, sorted(ids, reverse=True))
    assert len([one async for one in completed(database, "jobs", 3)]) == 2
    assert [one async for one in completed(database, "other", 100)] == []
    async with database.write() as connection:
        await connection.execute(text("UPDATE items SET state = 'completed'"))


async def test_how_right_forecasts_were_is_a_metric(
    journal_settings: Settings, see: AnyAgent
) -> None:
    promote(journal_settings.data, "v1", model_of(3.0))
    async with open_runtime(journal_settings) as here:
        await run(jobs(30), see)
        found = await calibration(here.journal.database, "jobs", 100)
        assert (found.items, found.under_p50, found.under_p90) == (30, 1.0, 1.0)
        with later(CALIBRATE_SECONDS + 1):
            here.forecaster.forecasts(JOBS, "default", [("{}", None)])
            assert here.forecaster._looking is not None
            await here.forecaster._looking
    assert CALIBRATION.labels("jobs")._value.get() == 1.0


@pytest.mark.usefixtures("opened")
async def test_a_page_of_completed_items_is_a_range_of_an_index(opened: Runtime) -> None:
    plans = list[str]()
    async with opened.journal.database.read() as connection:
        if connection.dialect.name != "sqlite":
            return  # a small table is scanned there
        query = (
            "EXPLAIN QUERY PLAN SELECT id FROM items WHERE scenario = 'jobs' AND ended_at IS NOT NULL "
            "AND ended_at <= 5.0 AND (ended_at < 5.0 OR (ended_at = 5.0 AND id < 7)) "
            "ORDER BY ended_at DESC, id DESC LIMIT 500"
        )
        plans = [str(row) for row in await connection.execute(text(query))]
    assert "items_ended (scenario=? AND ended_at>" in plans[0]
    assert not any("TEMP B-TREE" in plan for plan in plans)


@pytest.mark.usefixtures("opened")
async def test_what_waits_is_counted_by_scenario(see: AnyAgent) -> None:
    await run(jobs(3), see)
    database = runtime().journal.database
    async with database.write() as connection:
        await connection.execute(text("UPDATE items SET state = 'pending' WHERE key > 'job-0000'"))
    assert await waiting_counts(database, ["jobs", "other"]) == {"jobs": 2, "other": 0}
    assert await waiting_counts(database, []) == {}
    async with database.write() as connection:
        await connection.execute(text("UPDATE items SET state = 'completed'"))


def test_an_explanation_has_the_slowest_agent_first_and_no_exact_numbers() -> None:
    stored = {"quick": [1, 2, 1], "slow": [5, 9, 6]}
    found = explain("jobs", stored, Expected(6, 11, 7), "v1", None)
    assert [one.agent for one in found.agents] == ["slow", "quick"]
    assert [rounded(count) for count in (0, 7, 12_345, 100)] == [0, 7, 10_000, 100]


async def test_costs_are_forecast_beside_the_time_and_without_it(
    journal_settings: Settings, see: AnyAgent
) -> None:
    promote_in(cost_model(journal_settings.data, "model_tokens"), "c1", model_of(500.0))
    async with open_runtime(journal_settings):
        await run(jobs(1), see)
    promote(journal_settings.data, "v1", model_of(3.0))
    async with open_runtime(journal_settings):
        await run([Job(key="other")], see)
        alone, both = await rows(items)
    costs = orjson.loads(alone.costs)["model_tokens"]
    assert costs["agents"]["see"] == pytest.approx([500, 500, 500], rel=0.03)
    assert (costs["model"], alone.forecast_model, alone.p50) == ("c1", None, None)
    assert (both.costs, both.forecast_model) == (alone.costs, "v1")


def test_a_resource_of_any_name_has_a_registry_of_its_own(tmp_path: Path) -> None:
    names = ["..", ".", "a/../b", "Größe 1"]
    for name in names:
        promote_in(cost_model(tmp_path, name), "c1", model_of(1.0))
    assert sorted(cost_models(tmp_path)) == sorted(names)
    assert {path.parent for path in (tmp_path / FOLDER / COSTS).iterdir()} == {
        tmp_path / FOLDER / COSTS
    }


async def test_a_cost_model_that_cannot_be_read_leaves_the_others(tmp_path: Path) -> None:
    promote(tmp_path, "v1", model_of(3.0))
    promote_in(cost_model(tmp_path, "tokens"), "c1", "{")
    promote_in(cost_model(tmp_path, "dollars"), "c1", model_of(0.5))
    forecaster = Forecaster(tmp_path)
    await forecaster.open()
    (found,) = forecaster.forecasts(JOBS, "default", [("{}", None)])
    assert found is not None
    assert (found.model, list(found.costs)) == ("v1", ["dollars"])


async def test_what_agents_say_that_they_used_is_learned_and_forecast(
    journal_settings: Settings,
) -> None:
    """Half of the items use tokens: 1,000 of the one kind and 100 of the other."""

    @agent(PURE, takes={"tokens": 4_000})
    async def write(job: Job) -> Made:
        if job.n % 4 < 2:
            spent(tokens=100 if job.n % 2 else 1_000)
        return Made(by="write")

    models = cost_model(journal_settings.data, "tokens")
    async with open_runtime(journal_settings) as here:
        await run(jobs(440), write, scenario=KINDS)
        found = [one async for one in completed(here.journal.database, "jobs", 1_000)]
        costs = costs_of(KINDS, found)
        done = train(costs["tokens"], models, None, {"jobs": len(found)})
    assert (list(costs), len(costs["tokens"])) == (["tokens"], 220)
    assert done.change is not None, done.reason
    assert done.change.what == "promoted"
    async with open_runtime(journal_settings) as here:
        await run([Job(key="even", n=2), Job(key="odd", n=1)], write, scenario=KINDS)
        new = {row.key: orjson.loads(row.costs)["tokens"] for row in await rows(items) if row.costs}
        history = await item_history(here.journal, "jobs", "even")
        assert history is not None
        lines = item_lines(history.item, None)
        right = await cost_calibrations(here.journal.database, "jobs", 1_000)
    assert new["even"]["model"] == done.change.version
    assert new["even"]["agents"]["write"][0] == pytest.approx(1_000, rel=0.05)
    assert new["odd"]["agents"]["write"][1] == pytest.approx(100, rel=0.05)
    assert new["even"]["total"][2] == pytest.approx(500, rel=0.05), "one in two uses any"
    assert [line for line in lines if line.startswith("expected tokens: ")]
    assert (right["tokens"].items, right["tokens"].seconds) == (2, 50.0), "`even` has used none"
    assert right["tokens"].expected == pytest.approx(275, rel=0.05)


async def test_what_the_journal_has_is_learned_promoted_and_forecast(
    journal_settings: Settings, clock: WorkingClock
) -> None:
    """The whole way: durations, features, training, promotion, forecasts on the rows of new items."""

    @agent(PURE)
    def work(job: Job) -> Made:
        clock.worked += 1.0 if job.n % 2 else 10.0
        return Made(by="work")

    async with open_runtime(journal_settings) as here:
        await run(jobs(240), work, scenario=KINDS)
        found = [one async for one in completed(here.journal.database, "jobs", 1_000)]
        done = train(examples_of(KINDS, found), Forecasts(journal_settings.data / FOLDER), None)
    assert done.change is not None, done.reason
    assert done.change.what == "promoted"
    async with open_runtime(journal_settings):
        await run([Job(key="even", n=2), Job(key="odd", n=3)], work, scenario=KINDS)
        new = {row.key: row for row in await rows(items) if row.forecast_model}
    assert {row.forecast_model for row in new.values()} == {done.change.version}
    assert new["even"].p50 == pytest.approx(10, rel=0.05)
    assert new["odd"].p50 == pytest.approx(1, rel=0.05)
    assert new["odd"].precedence < new["even"].precedence
