"""The best candidate is chosen by rows of its own, meets the champion on others, and drift is told."""

from pathlib import Path

import pytest

from agents.analysis.modelling.candidates import NAMES
from agents.analysis.modelling.registry import Models
from agents.analysis.modelling.selection import Comparison, Weighed
from agents.analysis.modelling.training import Training
from agents.analysis.select_model import select_model
from agents.analysis.study_store import StudyStore
from agents.analysis.train_candidate import train_candidate
from agents.analysis.write_report import FILE, write_report
from agents.runtime.settings import settings
from tests.agents.analysis.modelling.toy import published, sales, study

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()


def compared(days: int, steep: float, *, later_light: float = 1.0) -> tuple[Comparison, Weighed]:
    frames = sales(days, steep=steep)
    late = frames[1]["at"] > frames[1]["at"].quantile(0.7)
    frames[1].loc[late, "light"] *= later_light
    dataset = published(study(), frames)
    training = Training(study=study(), candidate=NAMES[0], data=dataset.digest, parts=dataset.parts)
    trained = [
        train_candidate.function(training.model_copy(update={"candidate": name})) for name in NAMES
    ]
    champion = Models(StudyStore("toy").folder).read().champion
    comparison = Comparison(
        training=training, candidates=tuple(trained), champion=champion, sources=()
    )
    return comparison, select_model.function(comparison)


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
