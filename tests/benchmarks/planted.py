"""Errors of every kind that a contract can say, in generated rows: which of them cleaning finds, by their rule."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from agents.analysis.cleaning.partition import CleanResult, clean
from agents.analysis.cleaning.reading import read_table
from agents.analysis.contract import Contract
from tests.agents.analysis.cleaning import planted, planted_sales
from tests.agents.analysis.steady import planted_series

SEED = 4


def scores(rows: int, each: int) -> dict[str, Any]:
    """Recall by kind, precision, false alarms on rows without errors, and cells that are wrong without a word."""
    found = {}
    for name, contract, write in (
        ("readings", planted.CONTRACT, planted.planted),
        ("sales", planted_sales.CONTRACT, planted_sales.planted_sales),
    ):
        spoilt, clean_rows = write(rows, each, SEED), write(rows, 0, SEED)
        found[name] = _scored(spoilt, clean_rows, contract)
    return found


def scores_of_series(each: int, sites: int, days: int) -> dict[str, Any]:
    """Recall by kind and precision of changes that begin at some time, and the share of good series with one.

    `each` errors of every kind, each in one of 5 sites over 120 days; good rows are those of more sites.
    """
    hits, alarms = Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in planted_series.KINDS:
            for seed in range(each):
                spoilt = planted_series.planted(kind, seed)
                right = [
                    spoilt.is_found_by(one)
                    for one in planted_series.found(spoilt.rows, Path(folder))
                ]
                hits[kind] += any(right)
                alarms += right.count(False)
        good = planted_series.good(sites, days, SEED)
        false = planted_series.found(good, Path(folder))
    return {
        "rows": len(good),
        "recall": {kind: hits[kind] / each for kind in planted_series.KINDS},
        "precision": round(hits.total() / max(hits.total() + alarms, 1), 4),
        "false_alarms_on_good_series": len(false) / (3 * sites),
    }


def _scored(spoilt: planted.Planted, good: planted.Planted, contract: Contract) -> dict[str, Any]:
    result, truth = cleaned(spoilt.text, contract), cleaned(good.text, contract)
    hits, alarms = Counter[str](), 0
    for record in result.quarantine:
        names = {f"{one['column']}: {one['rule']}".removeprefix(": ") for one in record["reasons"]}
        kind = spoilt.errors.get(record["line"])
        hits[kind or ""] += kind in names
        alarms += kind is None
    planted_each = Counter(spoilt.errors.values())
    discarded = sum(result.discarded.values())
    return {
        "rows": spoilt.rows,
        "recall": {kind: round(hits[kind] / n, 4) for kind, n in sorted(planted_each.items())},
        "precision": round(sum(hits.values()) / max(len(result.quarantine), 1), 4),
        "false_alarms_on_clean_rows": len(truth.quarantine) / good.rows,
        "duplicates": [result.deduplicated, spoilt.repeated],
        "discarded_values": discarded,
        "cells_silently_wrong": silently_wrong(result, truth),
    }


def cleaned(text: bytes, contract: Contract) -> CleanResult:
    """The text, cleaned as a file of that content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_bytes(text)
        return clean(read_table([path], "x.csv", contract), contract)


def silently_wrong(result: CleanResult, truth: CleanResult) -> int:
    """The published cells that are not those of the truth and are not in the log; rows are told by `id`."""
    logged = {(line, column) for line, column in _entries(result.log)}
    mine, theirs = result.good.set_index("id"), truth.good.set_index("id")
    count = 0
    for column in mine.columns:
        ours, right = mine[column], theirs[column].reindex(mine.index)
        differs = ~((ours == right).fillna(False) | (ours.isna() & right.isna())).astype(bool)
        # The id of a good row is its number, and the header is the first line.
        count += sum((int(row) + 1, column) not in logged for row in mine.index[differs])
    return count


def _entries(log: pa.Table) -> list[tuple[int, str]]:
    frame: pd.DataFrame = log.to_pandas()
    frame = frame[frame["kind"].isin(["repaired", "discarded"])]
    return list(zip(frame["line"], frame["column"], strict=True))
