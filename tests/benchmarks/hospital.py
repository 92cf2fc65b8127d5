"""The hospitals' table, its truth and its constraints, and how well each way finds its wrong cells.

1,000 rows of 19 columns with 509 wrong cells, from github.com/HoloClean/holoclean (Apache-2.0), testdata/.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from agents.analysis.cleaning.partition import CleanResult, clean
from agents.analysis.cleaning.reading import read_table
from agents.analysis.contract import Contract
from agents.analysis.study import read_contract

CONTRACT = Path(__file__).with_name("hospital.yaml")
FIRST_LINE = 2  # of the rows in the file
PUBLISHED = {
    "holoclean": {
        "what": "repairs, with the same constraints",
        "precision": 1.0,
        "recall": round(232 / 509, 3),
        "correct cells changed": 0,
        "detected": 435,
        "source": "github.com/HoloClean/holoclean, tests/test_holoclean_repair.py, test_hospital",
    },
    "holoclean without initial values": {
        "what": "repairs, with the same constraints",
        "precision": round(434 / 456, 3),
        "recall": round(434 / 509, 3),
        "correct cells changed": 22,
        "source": "the same file, test_hospital_without_init",
    },
    "raha": {
        "what": "detection, with 20 rows that a person has labelled",
        "precision": 0.94,
        "recall": 0.59,
        "source": "Mahdavi et al., SIGMOD 2019, doi.org/10.1145/3299869.3324956; not read again",
    },
}


@dataclass(frozen=True, slots=True)
class Hospital:
    """The table as text, which of its cells are wrong, what they should be, and the constraints."""

    path: Path
    cells: pd.DataFrame
    truth: pd.DataFrame
    constraints: list[tuple[list[str], str]]

    @property
    def wrong(self) -> pd.DataFrame:
        """Which cells are not as the truth has them."""
        return self.cells != self.truth


def load(folder: Path) -> Hospital:
    """Read the three files of the folder."""
    cells = pd.read_csv(folder / "hospital.csv", dtype=str, keep_default_na=False)
    listed = pd.read_csv(folder / "hospital_clean.csv", dtype=str, keep_default_na=False)
    truth = listed.pivot_table(
        index="tid", columns="attribute", values="correct_val", aggfunc="first"
    )
    truth.index = truth.index.astype(int)
    text = (folder / "hospital_constraints.txt").read_text("utf-8")
    constraints = [
        (re.findall(r"EQ\(t1\.(\w+)", line), re.findall(r"IQ\(t1\.(\w+)", line)[0])
        for line in text.splitlines()
    ]
    truth = truth.sort_index()[list(cells.columns)]
    return Hospital(folder / "hospital.csv", cells, truth, constraints)


def scores(data: Hospital) -> dict[str, Any]:
    """Detection by cell of each way, the repairs of the contract, and what others publish."""
    bare, full = bare_contract(data), read_contract(CONTRACT)
    naive = naively(data)
    repaired = _repaired(data, full)
    return {
        "wrong_cells": int(data.wrong.to_numpy().sum()),
        "in_a_violation": int((naive & data.wrong).to_numpy().sum()),
        "pandas": detected(data, naive),
        "the_15_constraints": detected(data, found_by(data, bare)),
        "contract": detected(data, found_by(data, full)),
        "repairs": repaired,
        "published": PUBLISHED,
    }


def naively(data: Hospital) -> pd.DataFrame:
    """All cells of all rows that take part in a violation, as a join in pandas gives them."""
    found = pd.DataFrame(False, data.cells.index, data.cells.columns)
    for by, same in data.constraints:
        differs = data.cells.groupby(by)[same].transform("nunique") > 1
        found.loc[differs, [*by, same]] = True
    return found


def bare_contract(data: Hospital) -> Contract:
    """The constraints alone, as warnings."""
    columns = {name: {"type": "text"} for name in data.cells.columns}
    dependencies = [
        {"by": by, "same": same, "severity": "warning"} for by, same in data.constraints
    ]
    body = {"name": "hospital", "columns": columns, "dependencies": dependencies}
    return Contract.model_validate(body)


def _cleaned(data: Hospital, contract: Contract) -> CleanResult:
    return clean(read_table([data.path], data.path.name, contract), contract)


def found_by(data: Hospital, contract: Contract) -> pd.DataFrame:
    """The cells that cleaning names, in its log or in the quarantine."""
    result = _cleaned(data, contract)
    found = pd.DataFrame(False, data.cells.index, data.cells.columns)
    named = [(one["line"], one["column"]) for one in result.log.to_pylist()]
    named += [(one["line"], why["column"]) for one in result.quarantine for why in one["reasons"]]
    for line, column in named:
        if column:
            found.loc[line - FIRST_LINE, column] = True
    return found


def detected(data: Hospital, found: pd.DataFrame) -> dict[str, float]:
    """Precision, and recall of all wrong cells and of those that take part in a violation."""
    hits = found & data.wrong
    detectable = naively(data) & data.wrong
    return {
        "found": int(found.to_numpy().sum()),
        "precision": _share(hits, found),
        "recall": _share(hits, data.wrong),
        "recall_of_detectable": _share(hits & detectable, detectable),
    }


def _share(some: pd.DataFrame, of: pd.DataFrame) -> float:
    return round(float(some.to_numpy().sum() / of.to_numpy().sum()), 3)


def _repaired(data: Hospital, contract: Contract) -> dict[str, float]:
    """How many cells the declared repairs changed, and how many of these to the truth."""
    result = _cleaned(data, contract)
    log = [one for one in result.log.to_pylist() if one["kind"] == "repaired"]
    cells = {(one["line"] - FIRST_LINE, one["column"]): one["after"] for one in log}
    right = sum(data.truth.loc[row, column] == after for (row, column), after in cells.items())
    spoilt = sum(not data.wrong.loc[row, column] for row, column in cells)
    return {
        "repaired": len(cells),
        "right": right,
        "correct_cells_changed": spoilt,
        "precision": round(right / len(cells), 3),
        "recall": round(right / int(data.wrong.to_numpy().sum()), 3),
    }
