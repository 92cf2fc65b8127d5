"""Opening a run checks its parameters before anything is fetched."""

from pathlib import Path

import pytest

from agents.analysis.contract import Contract
from agents.analysis.discovery import NothingThere
from agents.analysis.models import Cleaned, Partition
from agents.analysis.run import NoContract, _failed, _listed, open_run
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


@pytest.mark.parametrize(
    "good,rules,reason",
    [
        (3, {}, None),
        (2, {"ragged": 1}, None),
        (0, {"ragged": 3}, "none of 3 rows is good; broken rules: ragged (3 rows), see data/q.jsonl"),
        (2, {"unclosed-quote": 1}, "nothing is read behind a broken quote: the last line of data/q.jsonl"),
        (2, {"bad-quote": 1}, "nothing is read behind a broken quote: the last line of data/q.jsonl"),
    ],
)  # fmt: skip
def test_a_clean_partition_without_a_good_row_or_not_read_to_its_end_is_a_failure(
    good: int, rules: dict[str, int], reason: str | None
) -> None:
    contract = Contract.model_validate(
        {"name": "x", "time": "at", "columns": {"at": {"type": "time"}}}
    )
    partition = Partition(
        study="x", source="x", name="p", location="p", validator="1", contract=contract
    )
    cleaned = Cleaned(
        rows=3, good=good, quarantined=3 - good, deduplicated=0, rules=rules, discarded={}, part="p",
        sha256="0" * 64, quarantine="q.jsonl",
    )  # fmt: skip
    failed = _failed([(partition, cleaned), (partition, None)], Path("data"))
    assert list(failed) == (["x/p"] if reason else [])
    assert failed.get("x/p", "").startswith(reason or "")
