"""Forecasts learn what the features say, fall back where little is known, and are judged honestly."""

from collections.abc import Sequence
from dataclasses import replace
from math import exp, inf, nan
from random import Random

import orjson
import pytest

from agents.runtime.model.forecast import Expected
from agents.runtime.scheduling.evaluation import Predict, concordance, judge
from agents.runtime.scheduling.features import Example, Features, features
from agents.runtime.scheduling.forecasting import Model, fit, total
from agents.runtime.scheduling.running_quantiles import RunningQuantiles, Sketch
from flows.operations.boosting import lightgbm
from tests.agents.runtime.scheduling.histories import by_kind_and_size, by_nothing, history

LEARNED = 2_000


def predict_by(model: Model) -> Predict:
    def predict(examples: Sequence[Example]) -> list[Expected]:
        return model.predict([(one.features, one.agent) for one in examples])

    return predict


def kind(name: str) -> Features:
    return features("jobs", "t", declared={"kind": name})


@pytest.mark.slow  # LightGBM takes seconds to load
def test_boosting_beats_running_quantiles_which_beat_mean_and_ewma() -> None:
    examples = history(LEARNED + 500, by_kind_and_size)
    learned, held_out = examples[:LEARNED], examples[LEARNED:]
    models = [fit(learned), fit(learned, lightgbm())]
    running, boosted = (judge(learned, held_out, predict_by(model)) for model in models)
    assert models[1].boosted.keys() == {("jobs", "read")}
    assert boosted.loss < 0.8 * running.loss < 0.8 * min(running.loss_of_mean, running.loss_of_ewma)
    assert boosted.gain.low > running.gain.low > 0.4
    assert boosted.concordance > running.concordance > 0.65
    assert 0.83 < boosted.coverage < 0.95


@pytest.mark.slow  # LightGBM takes seconds to load
def test_where_features_say_nothing_no_trees_are_kept_and_nothing_is_gained() -> None:
    examples = history(LEARNED + 500, by_nothing)
    model = fit(examples[:LEARNED], lightgbm())
    found = judge(examples[:LEARNED], examples[LEARNED:], predict_by(model))
    assert (model.boosted, found.gain.low < 0.02) == ({}, True)
    assert abs(found.concordance - 0.5) < 0.06


@pytest.mark.slow  # LightGBM takes seconds to load
def test_a_model_survives_json_and_predicts_the_same() -> None:
    model = fit(history(LEARNED, by_kind_and_size), lightgbm())
    same = Model.load(orjson.loads(orjson.dumps(model.dump())))
    items = [one.features for one in history(50, by_kind_and_size, seed=2)]
    assert same.forecasts(items, "v") == model.forecasts(items, "v")
    totals = [one and one.total for one in same.forecasts(items, "v")]
    assert all(total and total.p50 <= total.p90 for total in totals)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"running": [{"key": ["jobs"]}]},
        {"boosted": [["jobs", "read", {"numbers": 3}]]},
        {"visits": []},
        {"versions": 7},
    ],
)
def test_a_file_that_is_no_model_of_this_format_is_refused(change: dict[str, object]) -> None:
    stored = fit(history(50, by_nothing)).dump()
    with pytest.raises(ValueError, match=r"format|not a model"):
        Model.load(stored | change)


@pytest.mark.slow  # LightGBM takes seconds to load
def test_trees_that_point_outside_of_themselves_are_refused() -> None:
    stored = orjson.loads(orjson.dumps(fit(history(LEARNED, by_kind_and_size), lightgbm()).dump()))
    stored["boosted"][0][2]["p50"]["left"][0] = 10**9
    with pytest.raises(ValueError, match="not trees"):
        Model.load(stored)


def test_what_is_new_is_expected_to_be_as_what_contains_it() -> None:
    running = RunningQuantiles()
    running.learn(Example(kind("a"), "read", 10.0, n, n) for n in range(100))
    running.learn(Example(kind("b"), "read", 1.0, n, n) for n in range(3))
    assert running.expected("jobs", "read", "a").p50 == pytest.approx(10, rel=0.03)
    assert running.expected("jobs", "read", "new") == running.expected("jobs", "read")
    assert running.expected("jobs", "write").p50 == pytest.approx(10, rel=0.03)
    assert running.expected("other", "write").p50 == pytest.approx(10, rel=0.03)
    few = running.expected("jobs", "read", "b")
    assert (few.p50 < 1.1, few.p90 > 5) == (True, True)  # unsure after three outcomes
    assert RunningQuantiles().expected("jobs", "read") == Expected(0, 0, 0)


def test_running_quantiles_are_right_within_the_width_of_a_bin() -> None:
    running = RunningQuantiles()
    running.learn(history(5_000, by_nothing))
    found = running.expected("jobs", "read")
    assert found.p50 == pytest.approx(1, rel=0.1)
    assert found.p90 == pytest.approx(exp(1.2816), rel=0.15)
    assert found.mean == pytest.approx(exp(0.5), rel=0.1)


def test_old_outcomes_fade() -> None:
    sketch = Sketch()
    for number in range(12_000):
        sketch.add(1.0 if number < 6_000 else 5.0)
    assert sketch.quantile(0.05) == pytest.approx(5, rel=0.03)
    assert sketch.expected().mean == pytest.approx(5, rel=0.1)


def test_an_agent_that_not_every_item_meets_counts_by_how_often_it_does() -> None:
    first = history(100, by_nothing, agent="read")
    rare = [replace(one, agent="refund", seconds=100.0) for one in first[:25]]
    (forecast,) = fit([*first, *rare]).forecasts([first[0].features], "v")
    assert forecast is not None
    assert forecast.total is not None
    refund, read = forecast.agents["refund"], forecast.agents["read"]
    assert forecast.total.mean == pytest.approx(read.mean + 0.25 * refund.mean)
    assert refund.mean == pytest.approx(100)
    assert forecast.total.p50 <= forecast.total.p90


def test_the_total_of_one_agent_is_its_own() -> None:
    one = Expected(2.0, 5.0, 2.5)
    assert total([(1.0, one)]) == one
    assert total([]) == Expected(0.0, 0.0, 0.0)
    both = total([(1.0, one), (1.0, one)])
    assert (both.mean, both.p90 < 2 * one.p90) == (5.0, True)


def test_items_of_a_scenario_without_history_have_no_forecast() -> None:
    (found,) = Model().forecasts([kind("a")], "v")
    assert found is None


def test_hostile_declarations_become_no_features() -> None:
    declared = {"kind": "k" * 1_000, "nan": nan, "inf": inf, "huge": 10**400, "none": None}
    made = features("jobs", "t", declared=declared, size=-3.0)  # type: ignore[arg-type]
    assert made.word("kind") == "k" * 64
    assert [name for name, _ in made.numbers] == ["size"]
    many = features("jobs", declared={str(n): float(n) for n in range(1_000)})
    assert len(many.numbers) == 16


def test_concordance_is_a_share_of_pairs_with_ties_as_halves() -> None:
    assert concordance([(1, 1), (2, 2), (3, 3)]) == 1
    assert concordance([(3, 1), (2, 2), (1, 3)]) == 0
    assert concordance([(1, 1), (1, 2)]) == 0.5
    assert concordance([]) == 0.5


@pytest.mark.slow  # LightGBM takes seconds to load
def test_shuffled_history_gains_nothing() -> None:
    examples = history(LEARNED + 500, by_kind_and_size)
    seconds = [one.seconds for one in examples]
    Random(3).shuffle(seconds)
    shuffled = [replace(e, seconds=s) for e, s in zip(examples, seconds, strict=True)]
    model = fit(shuffled[:LEARNED], lightgbm())
    found = judge(shuffled[:LEARNED], shuffled[LEARNED:], predict_by(model))
    assert found.gain.low < 0.02
