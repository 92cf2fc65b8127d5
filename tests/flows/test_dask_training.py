"""A Dask cluster trains exactly the models that the agent would train."""

from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from agents.analysis.modelling.candidates import NAMES
from agents.analysis.modelling.models import Training
from agents.analysis.modelling.registry import MODEL, Models
from agents.analysis.study_store import StudyStore
from agents.analysis.train_candidate import train_candidate, version_of
from agents.runtime.model_registry import CARD
from agents.runtime.settings import settings
from flows.dask_training import fit_on_dask
from tests.agents.analysis.modelling.toy import published, sales, study
from tests.prefect_server import PrefectServer


@pytest.fixture
def trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Training]:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path))
    settings.cache_clear()
    dataset = published(study(), sales())
    return [
        Training(study=study(), candidate=name, data=dataset.digest, parts=dataset.parts)
        for name in NAMES
    ]


@pytest.mark.campaign
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_cluster_trains_the_same_models(
    trainings: list[Training], prefect_server: PrefectServer
) -> None:
    with temporary_settings({PREFECT_API_URL: prefect_server.url}):
        versions = fit_on_dask(trainings, "local")
    assert versions == [version_of(one) for one in trainings]
    models = Models(StudyStore("toy").folder)
    on_dask = (models.path(versions[2]) / CARD).read_bytes()
    model = (models.path(versions[2]) / MODEL).stat().st_size
    assert model > 1_000
    (models.path(versions[2]) / CARD).unlink()
    train_candidate.function(trainings[2])
    assert (models.path(versions[2]) / CARD).read_bytes() == on_dask
