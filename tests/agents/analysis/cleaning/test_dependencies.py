"""Rows with one key have one value: the rarer one is wrong, and repaired only where that is declared."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from agents.analysis.cleaning.rules import Checked, ContractBroken, TooMany
from agents.analysis.cleaning.steps import check
from agents.analysis.contract import Contract

NEAR: list[tuple[str | None, ...]] = [("1", "Ulm", "BW")] * 4 + [
    ("1", "Ulmm", "BW"),
    ("2", "Bonn", "NW"),
    ("2", "Bonn", None),
]


def checked(rows: Sequence[tuple[str | None, ...]], **dependency: Any) -> Checked:
    contract = Contract.model_validate(
        {
            "name": "x", "time": "at",
            "columns": {"at": {"type": "time"}} | {name: {"type": "text"} for name in ("zip", "city", "state")},
            "dependencies": [{"by": "zip", "same": ["city", "state"], **dependency}],
        }
    )  # fmt: skip
    return check(pd.DataFrame(rows, columns=["zip", "city", "state"], dtype="string"), contract)


def found(outcome: Checked) -> list[tuple[str, list[int]]]:
    return [(one.name, one.rows.to_numpy().nonzero()[0].tolist()) for one in outcome.violations]


def test_the_rarer_value_breaks_the_rule() -> None:
    assert found(checked(NEAR)) == [("city: same by zip", [4])]


def test_without_a_majority_no_row_is_right() -> None:
    rows = [("1", "Ulm", "BW"), ("1", "Bonn", "BW"), (None, "Köln", "NW")]
    assert found(checked(rows)) == [("city: no majority by zip", [0, 1])]
    assert found(checked(NEAR, may_differ=0.1)) == [("city: no majority by zip", [0, 1, 2, 3, 4])]


def test_a_declared_repair_takes_the_majority_and_keeps_what_was() -> None:
    outcome = checked(NEAR, repair="majority")
    assert found(outcome) == []
    assert outcome.table["city"].tolist()[:5] == ["Ulm"] * 5
    (repair,) = outcome.repairs
    assert (repair.column, repair.rule) == ("city", "same by zip")
    assert repair.before.to_dict() == {4: "Ulmm"}


def test_a_row_that_differs_everywhere_has_a_wrong_key_and_is_not_repaired() -> None:
    outcome = checked([*NEAR, ("1", "Bonn", "NW")], repair="majority")
    assert found(outcome) == [("city: same by zip", [7]), ("state: same by zip", [7])]
    assert outcome.table["city"].tolist()[7] == "Bonn"


@pytest.mark.parametrize(
    "rule,error", [({"bad": "freeze"}, ContractBroken), ({"mostly": 0.9}, TooMany)]
)
def test_more_than_is_tolerated_refuses_the_partition(
    rule: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match="same by zip"):
        checked(NEAR, **rule)
    assert checked(NEAR, mostly=0.8).violations


def test_a_value_that_breaks_a_rule_of_its_own_has_no_vote_and_is_repaired() -> None:
    rows = [("1", "Ulm", "BW"), *[("1", "Ulm?", "BW")] * 3]
    cells = pd.DataFrame(rows, columns=["zip", "city", "state"], dtype="string")
    columns: dict[str, Any] = {name: {"type": "text"} for name in ("zip", "city", "state")}
    columns |= {"at": {"type": "time"}, "city": {"type": "text", "pattern": "[A-Z][a-z]+"}}
    body = {"name": "x", "time": "at", "columns": columns}
    dependency = {"by": "zip", "same": ["city", "state"], "repair": "majority"}
    outcome = check(cells, Contract.model_validate(body | {"dependencies": [dependency]}))
    assert outcome.table["city"].tolist() == ["Ulm"] * 4
    assert not any(one.rows.any() for one in outcome.violations)


def test_a_table_without_a_row() -> None:
    assert found(checked([])) == []
