"""Opening a run checks its parameters before anything is fetched."""

from pathlib import Path

import pytest

from agents.analysis.discovery import NothingThere
from agents.analysis.run import NoContract, _listed, open_run
from agents.analysis.study import BadStudy
from agents.runtime.settings import settings


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_FLOWS_DATA", str(tmp_path / "data"))
    settings.cache_clear()


async def error_of(source: str, contract: str | None, target: str = "") -> str:
    with pytest.raises((NoContract, BadStudy, NothingThere)) as error:
        async with open_run((source,), contract, target):
            pass
    return str(error.value)


async def test_own_data_needs_a_contract_that_can_be_read(tmp_path: Path) -> None:
    assert "--contract" in await error_of("a.csv", None)
    assert "cannot be read" in await error_of("a.csv", str(tmp_path / "no.yaml"))


async def test_a_target_must_be_in_the_contract_and_files_must_be_there(tmp_path: Path) -> None:
    contract = tmp_path / "c.yaml"
    contract.write_text("name: x\ntime: at\ncolumns: {at: {type: time}}\n", encoding="utf-8")
    assert "no column 'n'" in await error_of("a.csv", str(contract), "n")
    assert "no such file" in await error_of(str(tmp_path / "*.csv"), str(contract))


def test_three_names_are_listed_and_the_others_counted() -> None:
    assert _listed(["a"]) == "a"
    assert _listed(["a", "b", "c"]) == "a, b, c"
    assert _listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
