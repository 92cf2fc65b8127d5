"""A candidate learns what is there to learn, the same way every time, and is judged by what came after."""

from pathlib import Path

import pytest

from agents.analysis.modelling.candidates import NAMES
from agents.analysis.modelling.registry import MODEL, Card, Models
from agents.analysis.modelling.training import Training
from agents.analysis.study_store import StudyStore
from agents.analysis.train_candidate import CARD, train_candidate, version_of
from agents.runtime.settings import settings
from tests.agents.analysis.modelling.toy import published, sales, study

pytestmark = pytest.mark.slow


def trained(
    data: Path, name: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Card, bytes]:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(data))
    settings.cache_clear()
    dataset = published(study(), sales())
    training = Training(
        study=study(), candidate=name, data=dataset.digest, parts=dataset.parts, seed=seed
    )
    version = train_candidate.function(training).version
    folder = Models(StudyStore("toy").folder).path(version)
    card = Card.model_validate_json((folder / CARD).read_bytes())
    assert card.version == version == version_of(training)
    return card, (folder / MODEL).read_bytes()


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


def test_the_same_data_and_seed_make_the_same_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = trained(tmp_path / "a", "trees", 7, monkeypatch)
    again, _ = trained(tmp_path / "b", "trees", 7, monkeypatch)
    other, _ = trained(tmp_path / "b", "trees", 8, monkeypatch)
    assert first == again
    assert other.version != first.version
