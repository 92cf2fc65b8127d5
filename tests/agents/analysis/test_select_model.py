"""The best candidate is chosen by rows of its own, meets the champion on others, and drift is told."""

import shutil
from pathlib import Path

import pytest

from agents.analysis.modelling.candidates import NAMES
from agents.analysis.modelling.models import Comparison, Training, Weighed
from agents.analysis.modelling.registry import ModelGone, Models
from agents.analysis.select_model import select_model
from agents.analysis.study import Study
from agents.analysis.study_store import DataReplaced, StudyStore
from agents.analysis.train_candidate import train_candidate
from agents.analysis.write_report import FILE, write_report
from agents.runtime.settings import settings
from tests.agents.analysis.modelling.toy import published, sales, study

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()


def compared(
    days: int, steep: float, *, later_light: float = 1.0, of: Study | None = None
) -> tuple[Comparison, Weighed]:
    comparison = to_compare(days, steep, later_light=later_light, of=of)
    return comparison, select_model.function(comparison)


def to_compare(
    days: int, steep: float, *, later_light: float = 1.0, of: Study | None = None
) -> Comparison:
    frames, toy = sales(days, steep=steep), of or study()
    late = frames[1]["at"] > frames[1]["at"].quantile(0.7)
    frames[1].loc[late, "light"] *= later_light
    dataset = published(toy, frames)
    training = Training(study=toy, candidate=NAMES[0], data=dataset.digest, parts=dataset.parts)
    trained = [
        train_candidate.function(training.model_copy(update={"candidate": name})) for name in NAMES
    ]
    champion = Models(StudyStore("toy").folder).read().champion
    return Comparison(training=training, candidates=tuple(trained), champion=champion, sources=())


def test_the_first_good_model_is_champion_and_nothing_has_drifted() -> None:
    comparison, weighed = compared(40, 1.0)
    assert weighed.change.what == "promoted"
    assert weighed.best in {
        one.version for one in comparison.candidates if one.candidate != "baseline"
    }
    assert weighed.against is None
    assert not [drift for drift in weighed.drifts if drift.is_alarm]
    assert select_model.function(comparison).best == weighed.best  # twice is once


def test_a_model_of_a_changed_world_takes_the_champions_place_and_the_change_is_told() -> None:
    compared(40, 1.0)
    _, weighed = compared(41, 8.0)
    assert weighed.against is not None
    assert weighed.against.low > 0
    assert weighed.change.what == "promoted"
    _, drifted = compared(42, 8.0, later_light=3.0)
    assert "sun_light" in [drift.feature for drift in drifted.drifts if drift.is_alarm]


def test_a_model_of_replaced_data_never_becomes_champion() -> None:
    old = to_compare(40, 1.0)
    _, new = compared(41, 1.0)
    models = Models(StudyStore("toy").folder)
    before = models.read()
    with pytest.raises(DataReplaced, match=f"dataset {models.card(new.best).data[:16]}"):
        select_model.function(old)
    with pytest.raises(DataReplaced):
        write_report.function(old, new)
    assert models.read() == before


def test_the_champion_of_now_is_met_whoever_it_was_when_the_comparison_was_made() -> None:
    late = to_compare(40, 1.0)
    models = Models(StudyStore("toy").folder)
    better = models.card(late.candidates[1].version).model_copy(update={"version": "other"})
    shutil.copytree(models.path(late.candidates[1].version), models.path("other"))
    models.challenge(better, "", None)
    weighed = select_model.function(late)
    assert weighed.against is not None
    assert weighed.change.why == f"gain over the champion {weighed.against}"


def test_a_champion_without_its_columns_or_its_files_gives_way_to_a_good_model() -> None:
    _, first = compared(40, 1.0)
    without_light = study().model_copy(update={"joins": ()})
    _, second = compared(40, 8.0, of=without_light)
    assert (second.against, second.change.what) == (None, "promoted")
    assert "the champion cannot predict this data" in second.change.why
    assert {drift.feature for drift in second.drifts} == {"shop", "price", "recent", "weekday"}
    models = Models(StudyStore("toy").folder)
    shutil.rmtree(models.path(second.best))
    comparison, third = compared(41, 8.0, of=without_light)
    assert (third.against, third.change.what) == (None, "promoted")
    shutil.rmtree(models.path(comparison.candidates[0].version))
    with pytest.raises(ModelGone, match="with another seed"):
        select_model.function(comparison)
    assert first.best in models.read().before


def test_the_report_says_all_of_it_and_escapes_what_it_is_given() -> None:
    comparison, weighed = compared(40, 1.0)
    written = write_report.function(comparison, weighed)
    page = (StudyStore("toy").folder / FILE).read_text("utf-8")
    assert written.file.endswith(FILE)
    for words in ("Rows", "Models", "Drift", "Lineage", "promoted", weighed.best[:8]):
        assert words in page
    assert page.count("data:image/png") == 8
    assert "http" not in page.replace("http-equiv", "")  # nothing is loaded from elsewhere
    assert write_report.function(comparison, weighed) == written
