"""A candidate finds the rule in the data, the same way every time, and is tested on later rows."""

from pathlib import Path

import pytest

from agents.analysis.modelling.candidates import NAMES
from agents.analysis.modelling.models import ModelCard, Training
from agents.analysis.modelling.registry import MODEL, Models
from agents.analysis.study_store import MANIFEST, DataReplaced, StudyStore
from agents.analysis.train_candidate import key_of, train_candidate, version_of
from agents.runtime.errors import Parked
from agents.runtime.settings import settings
from tests.agents.analysis.modelling.toy import published, sales, study

pytestmark = pytest.mark.slow


def trained(
    data: Path, name: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[ModelCard, bytes]:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(data))
    settings.cache_clear()
    dataset = published(study(), sales())
    training = Training(
        study=study(), candidate=name, data=dataset.digest, parts=dataset.parts, seed=seed
    )
    version = train_candidate.function(training).version
    models = Models(StudyStore("toy").folder)
    card = models.card(version)
    assert card.version == version == version_of(training)
    return card, (models.path(version) / MODEL).read_bytes()


def test_models_beat_the_baseline_by_their_interval_and_find_what_matters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = {name: trained(tmp_path, name, 7, monkeypatch)[0] for name in NAMES}
    assert cards["baseline"].gain.value == 0
    for name in ("linear", "trees"):
        assert cards[name].gain.low > 0
        assert next(iter(cards[name].importance)) == "sun_light"
    assert cards["linear"].mse.value < 1.3  # the noise's own variance is 1
    assert cards["linear"].until > cards["linear"].since > "2025-01-30"


def test_the_same_data_and_seed_give_the_same_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = trained(tmp_path / "a", "trees", 7, monkeypatch)
    again, _ = trained(tmp_path / "b", "trees", 7, monkeypatch)
    other, _ = trained(tmp_path / "b", "trees", 8, monkeypatch)
    assert first == again
    assert other.version != first.version


def test_replaced_data_is_trained_on_while_its_files_are_there_and_refused_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()
    store, dataset = StudyStore("toy"), published(study(), sales())
    old = Training(study=study(), candidate="linear", data=dataset.digest, parts=dataset.parts)
    store.publish(dataset.model_copy(update={"parts": dataset.parts[:1]}))
    assert train_candidate.function(old).version == version_of(old)
    later = old.model_copy(update={"seed": 8})
    assert key_of(later) != key_of(old)

    part = store.folder / dataset.parts[0].file
    content = part.read_bytes()
    for change in (lambda: part.write_bytes(content[:-1]), part.unlink):
        change()
        with pytest.raises(DataReplaced, match="'toy' has been replaced: sales/all is not there"):
            train_candidate.function(later)
    (store.folder / MANIFEST).unlink()
    with pytest.raises(Parked, match="no dataset of study 'toy' is in"):
        train_candidate.function(later)
