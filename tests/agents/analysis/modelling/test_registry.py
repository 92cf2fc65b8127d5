"""The registry promotes better models only, and the champion can be rolled back."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import FunctionTransformer

from agents.analysis.modelling.models import ModelCard
from agents.analysis.modelling.registry import (
    Models,
    UntrustedTypes,
    dump,
    load,
)
from agents.runtime.model_registry import ChampionChanged, Interval, NoChallenger, NoSuchModel

BETTER, SAME = Interval(value=2, low=1, high=3), Interval(value=0.1, low=-1, high=1)


def card(version: str, gain: Interval = BETTER, candidate: str = "trees") -> ModelCard:
    one = Interval(value=1, low=1, high=1)
    return ModelCard(
        version=version, study="x", candidate=candidate, target="y", data="d", code="c", seed=1,
        learnt=1, judged=1, since="", until="", mae=one, mse=one, gain=gain, chosen_by=1.0,
    )  # fmt: skip


def test_the_first_model_must_beat_the_baseline(tmp_path: Path) -> None:
    models = Models(tmp_path)
    assert models.challenge(card("a", SAME), "", None).what == "challenger"
    assert models.challenge(card("b", BETTER, "baseline"), "", None).what == "challenger"
    assert models.read().champion == ""
    assert models.challenge(card("c"), "", None).what == "promoted"
    assert models.read().champion == "c"


def test_the_next_must_beat_the_champion_by_its_interval(tmp_path: Path) -> None:
    models = Models(tmp_path)
    models.challenge(card("a"), "", None)
    assert models.challenge(card("b"), "a", SAME).what == "challenger"
    assert (models.read().champion, models.read().challenger) == ("a", "b")
    assert models.challenge(card("b"), "a", BETTER).what == "promoted"
    assert (models.read().champion, models.read().challenger) == ("b", "")


def test_a_champion_that_cannot_predict_the_data_is_replaced(tmp_path: Path) -> None:
    models = Models(tmp_path)
    models.challenge(card("a"), "", None)
    assert models.challenge(card("b", SAME), "a", None).what == "challenger"
    change = models.challenge(card("b"), "a", None)
    assert change.what == "promoted"
    assert change.why.startswith("the champion cannot predict this data")


def test_a_doubtful_model_is_promoted_by_a_person_alone(tmp_path: Path) -> None:
    models = Models(tmp_path)
    doubtful = card("a").model_copy(update={"doubt": "'x' alone explains 99.9% of it."})
    change = models.challenge(doubtful, "", None)
    assert (change.what, change.why) == (
        "challenger",
        "'x' alone explains 99.9% of it. A person decides",
    )
    assert models.read().champion == ""
    assert models.promote("ann", "x is known a day before").by == "ann"
    for _ in range(2):
        assert models.challenge(doubtful, "", None).what == "promoted"
    assert models.read().champion == "a"
    with pytest.raises(NoChallenger):
        models.promote("ann", "again")
    models.challenge(card("b", SAME, "baseline"), "a", SAME)
    with pytest.raises(NoChallenger):
        models.promote("ann", "the baseline")


def test_a_comparison_with_an_earlier_champion_is_repeated(tmp_path: Path) -> None:
    models = Models(tmp_path)
    models.challenge(card("a"), "", None)
    models.challenge(card("b"), "a", BETTER)
    before = models.read()
    with pytest.raises(ChampionChanged):
        models.challenge(card("c"), "a", BETTER)
    assert models.read() == before


def test_the_same_call_twice_has_the_effect_of_once(tmp_path: Path) -> None:
    models = Models(tmp_path)
    models.challenge(card("a"), "", None)
    for _ in range(3):
        assert models.challenge(card("a"), "", None).what == "promoted"
    models.challenge(card("b", SAME), "a", SAME)
    for _ in range(3):
        assert models.challenge(card("a"), "", None).what == "kept"
    whats = [change.what for change in models.read().changes]
    assert whats == ["promoted", "challenger", "kept"]


def test_each_rollback_is_in_the_history_until_none_is_left(tmp_path: Path) -> None:
    models = Models(tmp_path)
    models.challenge(card("a"), "", None)
    models.challenge(card("b"), "a", BETTER)
    assert models.roll_back("ann", "complaints").version == "a"
    last = models.read().changes[-1]
    assert (last.what, last.by, last.why) == ("rolled back", "ann", "complaints")
    with pytest.raises(NoSuchModel):
        models.roll_back("ann", "more complaints")


def test_a_model_that_a_person_rolled_back_is_not_promoted_again(tmp_path: Path) -> None:
    models = Models(tmp_path)
    models.challenge(card("a"), "", None)
    models.challenge(card("b"), "a", BETTER)
    models.roll_back("ann", "complaints")
    change = models.challenge(card("b"), "a", BETTER)  # a killed run that goes on
    assert (change.what, change.why) == ("challenger", "rolled back by a person")
    assert models.read().champion == "a"
    assert models.challenge(card("c"), "a", BETTER).what == "promoted"


def test_concurrent_changes_are_all_kept(tmp_path: Path) -> None:
    models = Models(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: models.challenge(card(f"m{n}", SAME), "", None), range(24)))
    assert len(models.read().cards) == 24


@pytest.mark.slow
def test_a_model_is_loaded_as_it_was_and_unknown_types_are_not(tmp_path: Path) -> None:
    model = Ridge().fit(np.eye(3), np.arange(3.0))
    dump(model, tmp_path / "good.skops")
    assert np.allclose(load(tmp_path / "good.skops").predict(np.eye(3)), model.predict(np.eye(3)))
    dump(FunctionTransformer(Path.touch), tmp_path / "bad.skops")
    with pytest.raises(UntrustedTypes, match="not loaded"):
        load(tmp_path / "bad.skops")
