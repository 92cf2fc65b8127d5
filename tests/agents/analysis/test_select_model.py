"""The best candidate in validation is compared with the champion on test rows; drift is reported."""

import shutil
from pathlib import Path

import pytest

from agents.analysis.modelling.candidates import NAMES
from agents.analysis.modelling.models import Comparison, Selected, Training
from agents.analysis.modelling.registry import ModelGone, Models
from agents.analysis.report import FILE
from agents.analysis.select_model import select_model
from agents.analysis.study import Study
from agents.analysis.study_store import DataReplaced, StudyStore
from agents.analysis.train_candidate import train_candidate
from agents.analysis.write_report import write_report
from agents.runtime.settings import settings
from tests.agents.analysis.modelling.toy import published, sales, study

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()


def compared(
    days: int, steep: float, *, later_light: float = 1.0, of: Study | None = None
) -> tuple[Comparison, Selected]:
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
    comparison, selected = compared(40, 1.0)
    assert selected.change.what == "promoted"
    assert selected.best in {
        one.version for one in comparison.candidates if one.candidate != "baseline"
    }
    assert selected.against is None
    assert not [drift for drift in selected.drifts if drift.is_alarm]
    assert select_model.function(comparison).best == selected.best  # a second call changes nothing


def test_a_better_model_of_changed_data_is_promoted_and_drift_is_reported() -> None:
    compared(40, 1.0)
    _, selected = compared(41, 8.0)
    assert selected.against is not None
    assert selected.against.low > 0
    assert selected.change.what == "promoted"
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


def test_the_comparison_is_with_the_present_champion_and_not_with_an_earlier_one() -> None:
    late = to_compare(40, 1.0)
    models = Models(StudyStore("toy").folder)
    better = models.card(late.candidates[1].version).model_copy(update={"version": "other"})
    shutil.copytree(models.path(late.candidates[1].version), models.path("other"))
    models.challenge(better, "", None)
    selected = select_model.function(late)
    assert selected.against is not None
    assert selected.change.why == f"gain over the champion {selected.against}"


@pytest.mark.campaign
def test_a_champion_without_its_columns_or_files_is_replaced_by_a_good_model() -> None:
    _, first = compared(40, 1.0)
    without_light = study().model_copy(update={"joins": ()})
    _, second = compared(40, 8.0, of=without_light)
    assert (second.against, second.change.what) == (None, "promoted")
    assert "the champion cannot predict this data" in second.change.why
    assert {drift.feature for drift in second.drifts} == {"shop", "price", "recent"}
    models = Models(StudyStore("toy").folder)
    shutil.rmtree(models.path(second.best))
    comparison, third = compared(41, 8.0, of=without_light)
    assert (third.against, third.change.what) == (None, "promoted")
    shutil.rmtree(models.path(comparison.candidates[0].version))
    with pytest.raises(ModelGone, match="with another --seed"):
        select_model.function(comparison)
    assert first.best in models.read().before


def test_the_report_has_every_section_and_loads_nothing_from_elsewhere() -> None:
    comparison, selected = compared(40, 1.0)
    written = write_report.function(comparison, selected)
    page = (StudyStore("toy").folder / FILE).read_text("utf-8")
    assert (StudyStore("toy").folder / FILE).resolve() == Path(written.file).resolve()
    for words in (
        "Rows",
        "Choosing.",
        "Judging.",
        "R²",
        "pieces",
        "Drift",
        "Lineage",
        "promoted",
        selected.best[:8],
    ):
        assert words in page
    assert page.count("data:image/png") == 7
    assert "http" not in page.replace("http-equiv", "")  # nothing is loaded from elsewhere
    assert write_report.function(comparison, selected) == written


@pytest.mark.campaign
def test_a_report_of_other_data_leaves_the_earlier_one_and_moves_the_link() -> None:
    first = write_report.function(*compared(40, 1.0))
    kept = Path(first.file).read_bytes()
    second = write_report.function(*compared(41, 8.0))
    assert first.file != second.file
    assert Path(first.file).read_bytes() == kept
    assert (StudyStore("toy").folder / FILE).resolve() == Path(second.file).resolve()
