"""Every row of every form is good, quarantined or a duplicate, and each form of the same rows gives the same."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.analysis.cleaning import csv_blocks
from agents.analysis.cleaning.partition import Cleaning, CleanResult, clean
from agents.analysis.cleaning.reading import read_table, read_tables
from agents.analysis.cleaning.spool import Spool
from agents.analysis.contract import Contract

CONTRACT = Contract.model_validate(
    {
        "name": "x",
        "key": ["id"],
        "wins": "highest n",
        "missing": ["NA"],
        "columns": {
            "id": {"type": "integer", "required": True},
            "site": {"type": "text", "spellings": {"B": "b"}},
            "city": {"type": "text"},
            "n": {"type": "number", "decimal": ",", "low": 0, "bad": "discard-value"},
        },
        "checks": [
            {"when": "site == 'a'", "then": "n is present", "severity": "warning"},
            "id < 6",
        ],
        "dependencies": [{"by": "site", "same": "city", "repair": "majority"}],
    }
)
FORMS = ("csv", "jsonl", "json", "parquet")
ROW = st.fixed_dictionaries(
    {
        "id": st.sampled_from([*"1234567", "x", None]),
        "site": st.sampled_from(["a", "b", "B", "NA", None]),
        "city": st.sampled_from(["Ulm", " Ulm", "Bonn", "Köln", None]),
        "n": st.sampled_from(["1", "2,5", "-1", "2.5", "", None]),
    }
)


def written(rows: list[dict[str, str | None]], form: str) -> bytes:
    if form == "csv":
        lines = [";".join(row[name] or "" for name in CONTRACT.columns) for row in rows]
        return "\n".join(["id;site;city;n", *lines, ""]).encode()
    if form == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    if form == "json":
        return json.dumps(rows).encode()
    sink = pa.BufferOutputStream()
    schema = pa.schema([(name, pa.string()) for name in CONTRACT.columns])
    pq.write_table(pa.Table.from_pylist(rows, schema), sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def outcome(folder: Path, rows: list[dict[str, str | None]], form: str) -> CleanResult:
    path = folder / "raw"
    path.write_bytes(written(rows, form))
    table = read_table([path], f"x.{form}", CONTRACT)
    found = clean(table, CONTRACT)
    assert table.rows == len(rows)
    assert len(rows) == len(found.good) + len(found.quarantine) + found.deduplicated
    assert sum(found.rules.values()) == len(found.quarantine)
    kinds = found.log["kind"].to_pylist()
    assert kinds.count("repeated") == found.deduplicated
    assert kinds.count("discarded") == found.discarded.total()
    assert kinds.count("repaired") == found.repaired.total()
    assert kinds.count("warned") == found.warned.total()
    assert not found.good["id"].duplicated().any()
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forms")


@given(st.lists(ROW, min_size=1, max_size=9))
@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.too_slow])
def test_all_forms_give_the_same(folder: Path, rows: list[dict[str, str | None]]) -> None:
    first = outcome(folder, rows, "csv")
    for form in FORMS[1:]:
        other = outcome(folder, rows, form)
        assert other.good.astype("object").fillna("").equals(first.good.astype("object").fillna(""))
        assert other.rules == first.rules


@pytest.mark.campaign
@given(st.lists(ROW, min_size=1, max_size=40))
@settings(deadline=None, max_examples=2_000, suppress_health_check=list(HealthCheck))
def test_no_row_is_lost_in_any_form(folder: Path, rows: list[dict[str, str | None]]) -> None:
    for form in FORMS:
        outcome(folder, rows, form)


@pytest.mark.campaign
@given(st.lists(ROW, min_size=1, max_size=40), st.integers(20, 400), st.sampled_from(FORMS))
@settings(deadline=None, max_examples=1_000, suppress_health_check=list(HealthCheck))
def test_no_row_is_lost_in_chunks_of_any_size(
    folder: Path, rows: list[dict[str, str | None]], block: int, form: str
) -> None:
    whole = outcome(folder, rows, form)
    path = folder / "raw"
    with pytest.MonkeyPatch.context() as patch, Spool(folder) as spool:
        patch.setattr(csv_blocks, "BLOCK", block)
        cleaning = Cleaning(CONTRACT)
        results = list(cleaning.results(lambda: read_tables([path], f"x.{form}", CONTRACT), spool))
    good = pd.concat([one.good for one in results], ignore_index=True)
    assert good.astype("object").fillna("").equals(whole.good.astype("object").fillna(""))
    assert [r["line"] for one in results for r in one.quarantine] == [
        record["line"] for record in whole.quarantine
    ]
    assert sum(one.deduplicated for one in results) == whole.deduplicated
    assert cleaning.rows == len(rows)
